"""``marpack inspect``: what an archive is and holds."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marpack.archive.inspection.inspect import InspectedMember, Inspection, inspect_archive
from marpack.archive.inspection.kinds import Weights
from marpack.archive.inspection.torch_versions import version_of
from marpack.archive.names import member_order
from marpack.cli.members_table import members_table
from marpack.cli.progress import progress_for
from marpack.cli.reading_options import ARCHIVE, add_download, add_limits, issue_line, json_line, opened, shortened
from marpack.cli.screen import Screen, out
from marpack.cli.terminal import count_of, show, warn
from marpack.cli.words import torch_version
from marpack.display import printable

_FORMS = {"zip": "zip", "tgz": "gzip'd tar", "folder": "folder"}
# Of a manifest; --json shows all.
_MOST_VALUES = 200
_MOST_NAMES = 40
_MOST_ISSUES = 100
# A name can hold two thousand folders.
_DEEPEST_INDENT = 40
# What torch.load() is for.
_OF_TORCH = {"state_dict", "checkpoint", "module", "pickle"}
_PLAIN_NAME = re.compile(r"[\w.<>-]+", re.ASCII)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "inspect",
        help="show what an archive holds",
        description="Show the manifest and the members of an archive (.mar, .war, .tar.gz, or a model's folder), "
        "and what its weights are. Nothing of it is run or unpickled.",
    )
    parser.set_defaults(run=_run)
    add = parser.add_argument
    add("archive", metavar="ARCHIVE", help=ARCHIVE)
    add("--tree", action="store_true", help="show the members as a tree")
    add("--digest", action="store_true", help="show the SHA-256 of the archive and its members (reads everything)")
    add(
        "--torch", type=torch_version, metavar="VERSION", help="also show what that torch lacks of weights, as 2.1"
    )
    add("--json", action="store_true", help="print the result as JSON (spec/inspect.schema.json)")
    add_download(parser)
    add_limits(parser)


def _run(options: argparse.Namespace) -> None:
    with opened(options.archive, options) as archive:
        work = sum(member.size for member in archive.members) + (archive.size if options.digest else 0)
        with progress_for(work, quiet=False) as progress:
            inspection = inspect_archive(archive, digest=options.digest, progress=progress)
    if options.json:
        show(inspection.to_json())
        return
    show("\n".join(_lines(inspection, out(), tree=options.tree, torch=options.torch)))
    for issue in inspection.issues[:_MOST_ISSUES]:
        warn(f"{printable(inspection.path)}: {issue_line(issue)}")
    if more := len(inspection.issues[_MOST_ISSUES:]):
        warn(f"{more:,} more (all with --json, or marpack verify)")


def _lines(inspection: Inspection, screen: Screen, *, tree: bool, torch: str | None) -> Iterator[str]:
    yield screen.wrapped(
        f"{screen.painted('strong', printable(inspection.path))}: {inspection.kind} archive, "
        f"{_FORMS[inspection.form]}, {count_of(len(inspection.members), 'member')}, "
        f"{count_of(inspection.size, 'byte')}"
    )
    if inspection.manifest is not None:
        yield ""
        yield from _manifest(inspection, screen)
    yield ""
    yield from _tree(inspection, screen) if tree else members_table(inspection, screen)
    for line in _all_weights(inspection, torch):
        yield screen.wrapped(line, 4 if line.startswith(" ") else 2)


def _all_weights(inspection: Inspection, torch: str | None) -> Iterator[str]:
    found = [(member, member.weights) for member in inspection.members if member.weights]
    if found:
        yield ""
    for member, weights in found:
        yield from _weights(member, weights, inspection.references)
        yield from _readers(weights, torch)
    if any(weights.globals for _, weights in found):
        yield "What a pickle imports is read from its bytes. It does not say what loading it would do."


def _manifest(inspection: Inspection, screen: Screen) -> Iterator[str]:
    yield screen.painted("strong", printable(inspection.manifest_name))
    values = list(_values("", inspection.manifest or {}))
    width = min(40, max((len(key) for key, _ in values[:_MOST_VALUES]), default=0))
    for key, value in values[:_MOST_VALUES]:
        yield screen.wrapped(f"  {key:<{width}}  {value}", width + 4)
    if len(values) > _MOST_VALUES:
        yield f"  ... and {len(values) - _MOST_VALUES:,} more values: --json shows all"


def _values(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _values(f"{key}.{json_line(name)}" if key else json_line(name), item)
    else:
        yield key, json_line(value)


def _tree(inspection: Inspection, screen: Screen) -> Iterator[str]:
    rows = [(member_order(member.archived.name), index) for index, member in enumerate(inspection.members)]
    rows += [(tuple((1, part) for part in name.split("/")), -1) for name in inspection.folders]
    inside: list[str] = []
    for key, index in sorted(rows):
        folders = [part for is_folder, part in key if is_folder]
        common = 0
        while common < min(len(inside), len(folders)) and inside[common] == folders[common]:
            common += 1
        for depth in range(common, len(folders)):
            indent = _indent(depth)
            yield f"{indent}{screen.cut_before(printable(folders[depth]), f'{indent}/')}/"
        inside = folders
        if index >= 0:
            yield from _leaf(inspection.members[index], _indent(len(folders)), screen)
    yield f"{inspection.contents_size:,} bytes in all"
    if inspection.sha256:
        yield screen.wrapped(
            f"{'sha256':>15}  {inspection.sha256}  {printable(os.path.basename(inspection.path))}", 17
        )


def _leaf(member: InspectedMember, indent: str, screen: Screen) -> Iterator[str]:
    size = f"  {member.archived.size:,}"
    name = screen.cut_before(printable(member.archived.name.rpartition("/")[2]), indent + size)
    digest = f"  sha256 {member.sha256}" if member.sha256 else ""
    yield screen.wrapped(f"{indent}{name}{size}{digest}", len(indent) + 2)


def _indent(depth: int) -> str:
    return "  " * min(depth, _DEEPEST_INDENT)


def _weights(member: InspectedMember, weights: Weights, references: Mapping[str, str]) -> Iterator[str]:
    keys = [key for key, name in references.items() if name == member.archived.name]
    role = f" ({', '.join(keys)})" if keys else ""
    yield f"{printable(member.archived.name)}{role}: {weights.kind}, {printable(weights.detail)}"
    if weights.globals:
        yield f"  imports {_names(weights.globals)}"
    if not weights.globals_complete:
        yield "  imports more than its bytes tell"
    if weights.kind in _OF_TORCH:
        yield f"  torch.load(weights_only=True) {_weights_only(weights)}"
    if weights.numpy_from:
        yield f"  imports what numpy has from {weights.numpy_from} on"
    if weights.sums:
        how = {"none": "is without sums", "wrong": "has wrong sums, and may be damaged"}[weights.sums]
        yield f"  {how}: torch reads it all the same; zipfile, unzip and other readers report it"
    if weights.parts:
        yield f"  keeps tensors in {_names(weights.parts)}"


def _readers(weights: Weights, torch: str | None) -> Iterator[str]:
    """Yield which torch reads a file, and what a given one lacks."""
    if weights.format_version is not None:
        yield f"  its record {weights.format_record} says format version {weights.format_version}"
    if versions := weights.torch_versions:
        yield f"  read by torch {versions}, for {_names(weights.torch_because)}"
    lacking = [
        need for need in weights.torch_needs if torch is not None and version_of(need.torch) > version_of(torch)
    ]
    if lacking:
        yield f"  torch {torch} lacks {_names([f'{need.name} (torch {need.torch})' for need in lacking])}"


def _weights_only(weights: Weights) -> str:
    """Say what weights_only=True does, and of which torch where they differ."""
    if weights.weights_only_refuses is None:
        return "is not told for so long a pickle"
    if weights.weights_only_refuses:
        return "refuses it" + (f", for {_names(weights.refused_globals)}" if weights.refused_globals else "")
    if not weights.weights_only_because:
        return "does not refuse it"
    since, because = weights.weights_only_from, _names(weights.weights_only_because)
    if weights.weights_only_to is not None:
        return f"allows it in torch {weights.weights_only_versions} alone, for {because}"
    return f"refuses it before torch {since}, for {because}; torch {since} and newer allow it"


def _names(imported: Sequence[str]) -> str:
    shown = [shortened(name if _PLAIN_NAME.fullmatch(name) else repr(name)) for name in imported[:_MOST_NAMES]]
    more = len(imported) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more (all with --json)" if more else "")
