"""``marpack check``: what the server would refuse."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module

from marpack.checks.examine import built_in_rules, check
from marpack.checks.frame.subject import Subject
from marpack.cli.findings import add_choosing, chosen, findings_json, show_counts
from marpack.cli.reading_options import ARCHIVE, add_download, add_limits, limits_of
from marpack.cli.screen import out
from marpack.cli.server_options import add_server, server
from marpack.cli.stores import place, silent_for
from marpack.cli.terminal import complain_of_error, naming, show, to_json
from marpack.display import printable, showable
from marpack.errors import MarpackError
from marpack.findings import READER_NAMES, Finding
from marpack.rule import Rule, chosen_rules, explanation_of

# Of the JSON (spec/check.schema.json).
_SCHEMA_VERSION = 1


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "check",
        help="say what the server would refuse",
        description="Say what TorchServe would refuse of archives or model folders, without running them. Ends "
        "with status 1 when there is an error, or one of them cannot be read.",
    )
    parser.set_defaults(run=_run)
    add = parser.add_argument
    add("archives", nargs="*", metavar="ARCHIVE", help=ARCHIVE)
    add_server(parser)
    add_choosing(parser)
    add(
        "--rules-from",
        metavar="MODULE",
        action="append",
        default=[],
        help="also the rules of a module that Python can import (its functions with @marpack.checks.rule)",
    )
    add(
        "--load",
        action="store_true",
        help="also load the model, which runs the archive's code: by the server's own worker where TorchServe is "
        "installed (extra run), else as its base handler does (extra torch)",
    )
    add("--rules", action="store_true", help="list the rules and end")
    add("--json", action="store_true", help="print the result as JSON (spec/check.schema.json)")
    add_download(parser)
    add_limits(parser)


def _run(options: argparse.Namespace) -> int | None:
    rules = [*built_in_rules(), *(each for name in options.rules_from for each in _rules_of(name))]
    if options.rules:
        width, screen = max(len(rule.code) for rule in rules), out()
        for rule in rules:
            severity = screen.painted(rule.severity, rule.severity) + " " * (7 - len(rule.severity))
            line = f"{rule.code:<{width}}  {severity}  {rule.explanation.partition(chr(10))[0]}"
            show(screen.wrapped(line, width + 11))
        return None
    if options.explain is not None:
        show(explanation_of(rules, options.explain))
        return None
    if not options.archives:
        raise MarpackError("nothing to check: name an archive or a model's folder")
    return _check_all(chosen_rules(rules, **chosen(options)), options)


def _check_all(rules: Sequence[Rule[Subject]], options: argparse.Namespace) -> int:
    """Check one archive after the other, whatever becomes of those before it."""
    how = {**server(options), "load": options.load, "limits": limits_of(options), "download": options.download}
    status = 0
    files = []
    for word in options.archives:
        path = place(word)
        try:
            with naming(path), silent_for(word):
                findings = check(word, rules=rules, **how)
        except MarpackError as error:
            complain_of_error(str(error))
            status = 1
            continue
        if options.json:
            files.append({"path": path} | findings_json(findings))
            status |= any(finding.severity == "error" for finding in findings)
        else:
            status |= _report(path, findings)
    if options.json:
        show(to_json({"schema": _SCHEMA_VERSION, "files": files}))
    return status


def _report(path: str, findings: Sequence[Finding]) -> int:
    """Show findings, each with what its reader does and what to do below; return the exit status."""
    screen = out()
    for finding in findings:
        show(screen.finding(finding, briefly=True), is_part=True)
        if finding.effect:
            reader = READER_NAMES[finding.reader].removeprefix("the ")
            show(screen.wrapped(f"  {reader}: {printable(showable(finding.effect))}"), is_part=True)
        fix = screen.painted("strong", "fix")
        show(screen.wrapped(f"  {fix}: {printable(finding.fix)}"), is_part=True)  # no secret is in it, see Finding
    return show_counts(path, findings, is_part=True)


def _rules_of(name: str) -> list[Rule[Subject]]:
    """Return the rules that a module defines, in the order in which they stand there."""
    try:
        module = import_module(name)
    except Exception as error:  # whatever the module's own code raises
        problem = f"cannot be imported: {type(error).__name__}: {error}"
        raise MarpackError(f"--rules-from: {name!r} {problem}") from error
    return [each for each in vars(module).values() if isinstance(each, Rule)]
