"""``marpack diff``: how two archives differ, with the exit statuses of diff(1)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from marpack.archive.inspection.diff import Difference, ManifestChange, MemberChange, diff_archives
from marpack.cli.progress import progress_for
from marpack.cli.reading_options import ARCHIVE, add_download, add_limits, opened, shortened
from marpack.cli.screen import Screen, out
from marpack.cli.terminal import complain_of_error, count_of, show, told_by_the_disk
from marpack.display import printable
from marpack.errors import MarpackError
from marpack.strict_json import spelled

_SAME, _DIFFERENT, _TROUBLE = range(3)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "diff",
        help="show how two archives differ",
        description="Show how two archives, of any forms, differ: in the values of their manifests, and in their "
        "members. Ends with status 0 if they are the same, 1 if they differ, 2 if one cannot be read.",
    )
    parser.set_defaults(run=_run)
    add = parser.add_argument
    add("old", metavar="A", help=ARCHIVE)
    add("new", metavar="B", help="another one")
    add("--all", action="store_true", help="also what is packed otherwise: form, order, compression, permissions")
    add("--contents", action="store_true", help="read the members of zips too, instead of trusting sizes and CRCs")
    add("--json", action="store_true", help="print the result as JSON (spec/diff.schema.json)")
    add_download(parser)
    add_limits(parser)


def _run(options: argparse.Namespace) -> int:
    try:
        difference = _difference(options)
        show(difference.to_json() if options.json else "\n".join(_lines(difference, out())))
    except BrokenPipeError:
        return _TROUBLE
    except MarpackError as error:
        complain_of_error(str(error))
        return _TROUBLE
    except OSError as error:
        complain_of_error(told_by_the_disk(error))
        return _TROUBLE
    return _DIFFERENT if difference else _SAME


def _difference(options: argparse.Namespace) -> Difference:
    with opened(options.old, options) as old, opened(options.new, options) as new:
        both = sum(member.size for archive in (old, new) for member in archive.members)
        reads = options.contents or not old.form == new.form == "zip"
        with progress_for(both if reads else 0, quiet=False) as progress:
            return diff_archives(old, new, packing=options.all, contents=options.contents, progress=progress)


def _lines(difference: Difference, screen: Screen) -> Iterator[str]:
    for value in difference.manifest:
        yield screen.wrapped(f"manifest  {_value(value, screen)}", 10)
    for member in difference.members:
        word, sizes = f"{member.change:<8}", f" ({_sizes(member)})"
        name = screen.cut_before(printable(member.name), f"{word}  {sizes}")
        yield f"{screen.painted(member.change, word)}  {name}{sizes}"
    for change in difference.packing:
        what = f"{change.matter} of {printable(change.member)}" if change.member else change.matter
        yield screen.wrapped(
            f"packing   {what}: {shortened(change.old) or 'none'} -> {shortened(change.new) or 'none'}", 10
        )
    count = len(difference.manifest) + len(difference.members) + len(difference.packing)
    found = count_of(count, "difference") if count else "no differences"
    names = f"{printable(difference.old)} -> {printable(difference.new)}"
    yield screen.wrapped(f"{screen.painted('strong', names)}: {found}")


def _value(change: ManifestChange, screen: Screen) -> str:
    key = ".".join(map(shortened, change.key))
    old, new = (shortened(spelled(value)) for value in (change.old, change.new))
    word = screen.painted(change.change, change.change)
    told = {"added": f"{word}, {new}", "removed": f"{word}, {old}", "changed": f"{old} -> {new}"}
    return f"{key}: {told[change.change]}"


def _sizes(change: MemberChange) -> str:
    if change.old_size is None or change.new_size is None:
        return count_of(change.old_size or change.new_size or 0, "byte")
    if change.old_size == change.new_size:
        return f"{count_of(change.new_size, 'byte')} as before"
    return f"{change.old_size:,} -> {count_of(change.new_size, 'byte')}"
