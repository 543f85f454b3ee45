"""The table of an archive's members, as wide as a terminal."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from marpack.archive.inspection.inspect import Inspection, method_name
from marpack.cli.screen import Screen
from marpack.display import printable


def members_table(inspection: Inspection, screen: Screen) -> Iterator[str]:
    """Yield the lines of a table: a heading, a line for each member, its digest if there is one, and the sums."""
    is_zip = inspection.form == "zip"
    members = [each.archived for each in inspection.members]
    methods = [method_name(each.compression) or "" for each in members]
    compressed = sum(each.compressed_size for each in members)
    has_digests = inspection.sha256 or any(each.sha256 for each in inspection.members)
    sums = [f"{inspection.contents_size:,}", *(["sha256"] if has_digests else [])]
    size = screen.column("size", [*sums, *(f"{each.size:,}" for each in members)], 15)
    packed = screen.column(
        "packed", [f"{each:,}" for each in (compressed, *(m.compressed_size for m in members))], 15
    )
    method = screen.column("method", methods, 8)

    def columns_of_zip(compressed_size: int, its_size: int, its_method: str) -> str:
        if not is_zip:
            return ""
        ratio = f"{100 * compressed_size / its_size:.0f}%" if its_size else "-"
        return f"{compressed_size:>{packed},}  {ratio:>5}  {its_method:<{method}}  "

    heading = f"{'packed':>{packed}}  ratio  {'method':<{method}}  " if is_zip else ""
    yield screen.painted("strong", f"{'size':>{size}}  {heading}mode  name")
    for member, archived, its_method in zip(inspection.members, members, methods, strict=True):
        mode = "-" if archived.mode is None else f"{stat.S_IMODE(archived.mode):04o}"
        before = f"{archived.size:>{size},}  {columns_of_zip(archived.compressed_size, archived.size, its_method)}"
        before += f"{mode:<4}  "
        yield before + screen.cut_before(printable(archived.name), before)
        if member.sha256:
            yield f"{'sha256':>{size}}  {member.sha256}"
    of_all = columns_of_zip(compressed, inspection.contents_size, "")
    yield f"{inspection.contents_size:>{size},}  {of_all}      in all"
    if inspection.sha256:
        line = f"{'sha256':>{size}}  {inspection.sha256}  {printable(os.path.basename(inspection.path))}"
        yield screen.wrapped(line, size + 2)
