"""What the commands that pack have in common: where the archive goes, and what is said about it."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from marpack.archive.forms import DEFLATES
from marpack.archive.packed_at import PackedAt
from marpack.archive.plan.plan import Plan
from marpack.archive.result import WriteResult
from marpack.cli.destinations import Output, ToPath, ToStandardOutput, output_for
from marpack.cli.progress import progress_for
from marpack.cli.screen import Screen, err, out
from marpack.cli.terminal import complain, making, show, warn
from marpack.cli.words import positive, torch_version
from marpack.display import printable
from marpack.errors import ArchiveExistsError
from marpack.findings import Finding, Issue
from marpack.packing import CHECK_MODES, CheckMode, checked, export_path_issues, reporting

# Said by several commands.
TIME_OF_PACKING = "The environment variable SOURCE_DATE_EPOCH sets the time of packing, in seconds since 1970."

# How a caller of the official tool, whose words nobody can change, says what --check says.
CHECK_VARIABLE = "MARPACK_CHECK"

# As argparse ends for options that it cannot parse.
_MISUSED = 2


def add_own_options(parser: argparse.ArgumentParser, *, file: str) -> None:
    """Add marpack's own options; ``file`` is what the archive is named by default."""
    add = parser.add_argument_group("marpack's own").add_argument
    add(
        "-o",
        "--output",
        type=_not_empty,
        metavar="TARGET",
        help=f"where the archive goes, instead of {file} in the export path: a path; - for standard "
        f"output; or a URL, such as s3://bucket/{file}, where it appears when it is complete (of two uploads to "
        "one URL that end at the same time, the later one stays)",
    )
    add(
        "--deflate",
        choices=DEFLATES,
        default="zlib",
        help="default: zlib, the official tool's bytes; parallel: zlib in blocks, on all cores; "
        "fast: isal, many times as fast, larger for text but not for weights (needs the extra fast)",
    )
    add(
        "--threads",
        type=partial(positive, digits=6, limits="from 1 to 999999"),
        metavar="N",
        help="how many threads copy or compress, default: one for each core; changes no byte",
    )
    add("--dry-run", action="store_true", help="show what would be packed, write nothing")
    add("--reproducible", action="store_true", help="same inputs, same bytes, on every machine")
    add("--digest", action="store_true", help="show the SHA-256 of the archive and its members")
    add("--json", action="store_true", help="print the result as JSON")
    add("--quiet", action="store_true", help="print errors only")
    add_check(add)


def add_check(add: Callable[..., object]) -> None:
    """Add the option that says whether what the server would refuse is looked for; see ``shown_findings``."""
    add(
        "--check",
        choices=CHECK_MODES,
        help="what to do about what the server would refuse: warn, error (pack nothing), or off (do not look); "
        f"default: what the environment variable {CHECK_VARIABLE} says, or else warn",
    )
    add("--torch", type=torch_version, metavar="VERSION", help="of the server that --check is about, as 2.1")


def pack(options: argparse.Namespace, planner: Callable[..., Plan], **arguments: Any) -> int | None:
    """Plan an archive with a command's own and the common arguments, and write it; return the exit status."""
    if options.output is not None and options.export_path:
        return misused(options, "--output and --export-path both say where the archive goes: give one of them")
    output = None if options.output is None else output_for(options.output)
    if arguments.get("archive_format") == "no-archive" and not isinstance(output, ToPath | None):
        return misused(options, f"--archive-format no-archive is a folder, which {output} cannot take")
    mode = check_mode(options.check)
    if problem := check_mode_problem(mode):
        return misused(options, problem)
    tells_provenance = _provenance(options, arguments.get("archive_format"))
    timestamp, issues = source_date_epoch()
    issues += export_path_issues(options.export_path) if output is None else output.issues()
    with reporting(issues):
        plan = planner(
            **arguments, deflate=options.deflate, timestamp=timestamp, reproducible=options.reproducible
        )
    if output is None:
        output = ToPath(os.path.join(options.export_path, plan.file_name))
    warnings = [*plan.warnings, *output.warnings(plan)]
    is_piped = isinstance(output, ToStandardOutput)
    tell = complain if is_piped else show  # nothing else may be where the archive goes
    if not options.quiet:
        for warning in warnings:
            warn(warning)
    findings = shown_findings(mode, partial(checked, plan, torch=options.torch), quiet=options.quiet)
    if options.dry_run:
        name = printable(str(output))
        would = f"would write {'to ' if is_piped else ''}{name}"
        try:
            output.check(plan, force=options.force)
        except ArchiveExistsError:
            would = f"would not write {name}, for it exists"
            raise
        finally:
            if not options.quiet:
                text = f"{would}\n{plan}"
                tell(_json(plan, output, warnings, findings) if options.json else text)
        return None
    with (
        progress_for(plan.size, quiet=options.quiet) as progress,
        making(str(output), "cannot be written", stays=is_piped),
    ):
        digest = options.digest or tells_provenance
        result = output.write(plan, force=options.force, digest=digest, progress=progress, threads=options.threads)
    if tells_provenance:
        from marpack.cli.packed_provenance import write_provenance

        write_provenance(options, plan, result, arguments)
    if not options.quiet:
        screen = err() if is_piped else out()
        tell(_json(plan, output, warnings, findings, result) if options.json else _summary(output, result, screen))
        if tells_provenance and not options.json:
            tell(printable(f"{options.provenance}: the provenance of {plan.file_name}"))
    return None


def _provenance(options: argparse.Namespace, archive_format: str | None) -> bool:
    """Tell whether a provenance is asked for; raise what is wrong with it before anything is packed."""
    if not hasattr(options, "provenance"):
        return False
    from marpack.cli.provenance_options import require_provenance_asked

    require_provenance_asked(options, asked=options.provenance is not None)
    if options.provenance is None:
        return False
    from marpack.cli.packed_provenance import require_place

    require_place(options, archive_format)
    return True


def check_mode(asked: str | None) -> str:
    """Return what ``--check`` says, and else the environment; ``warn`` where neither does."""
    return asked or os.environ.get(CHECK_VARIABLE) or "warn"


def check_mode_problem(mode: str) -> str | None:
    """Return what is wrong with a mode, which may be the environment's."""
    return None if mode in CHECK_MODES else f"{CHECK_VARIABLE}={mode!r} is none of {', '.join(CHECK_MODES)}"


def shown_findings(
    mode: str, look: Callable[[CheckMode], tuple[Finding, ...]], *, quiet: bool = False
) -> tuple[Finding, ...]:
    """Show what the server would refuse; unless that is to be an error, let nothing of it end the command."""
    if mode == "error":
        findings = look("error")
    elif mode == "off" or quiet:
        return ()
    else:
        try:
            findings = look("warn")
        except Exception as error:
            # As Python 3.11 has it of an interruption while a class is made.
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise error.__cause__ from None
            complain(f"marpack: check: could not be done: {printable(repr(error))}")
            return ()
    if not quiet:
        for finding in findings:
            if finding.severity != "note":
                complain(err().finding(finding, before="marpack: check: "))
    return findings


def misused(options: argparse.Namespace, problem: str) -> int:
    """Complain of a command as argparse does, and return the status that it would end with."""
    complain(f"{options.parser.format_usage()}{options.parser.prog}: error: {problem}")
    return _MISUSED


def _not_empty(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must not be empty: give a path, a URL, or - for standard output")
    return text


def source_date_epoch() -> tuple[int | None, list[Issue]]:
    """Return the time of packing that the environment sets (reproducible-builds.org), or what is wrong with it."""
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None, []
    try:
        if not re.fullmatch("-?[0-9]+", text):
            raise ValueError(text)
        return PackedAt(int(text)).seconds, []
    except ValueError:
        message = f"SOURCE_DATE_EPOCH={text!r} is not a time in whole seconds since 1970: correct or unset it"
        return None, [Issue(code="bad-timestamp", argument="SOURCE_DATE_EPOCH", message=message)]


def _summary(output: Output, result: WriteResult, screen: Screen) -> str:
    name = screen.painted("strong", printable(str(output)))
    lines = [screen.wrapped(f"{name}: {len(result.members)} members, {result.size:,} bytes")]
    digests = ["sha256"] if result.sha256 else []
    width = screen.column("", [*digests, *(f"{member.size:,}" for member in result.members)], 15)
    for member in result.members:
        before = f"{member.size:>{width},}  "
        lines.append(before + screen.cut_before(printable(member.name), before))
        if member.sha256:
            lines.append(f"{'sha256':>{width}}  {member.sha256}")
    if result.sha256:
        line = f"{'sha256':>{width}}  {result.sha256}  {printable(os.path.basename(output.name))}"
        lines.append(screen.wrapped(line, width + 2))
    return "\n".join(lines)


def _json(
    plan: Plan, output: Output, warnings: list[str], found: Sequence[Finding], written: WriteResult | None = None
) -> str:
    from marpack.cli.findings import findings_json  # needed for --json only, and packing starts often

    document: dict[str, Any] = {
        "path": output.name,
        "archive_format": plan.archive_format,
        "manifest": json.loads(plan.manifest_text),
    }
    if written is None:
        entries = [{"name": member.name, "size": member.size} for member in plan.members]
        document |= {"size": plan.size, "entries": entries}
    else:
        document |= {"size": written.size, "sha256": written.sha256, "entries": list(map(asdict, written.members))}
    return json.dumps(document | {"warnings": warnings} | findings_json(found), indent=2)
