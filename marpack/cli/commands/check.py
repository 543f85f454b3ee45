"""``marpack check``: what the server would refuse."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Any

from marpack.archive.read.limits import Limits
from marpack.checks.examine import TARGETS, built_in_rules, check, python_version
from marpack.checks.frame.rule import choose
from marpack.cli.findings import show_counts
from marpack.cli.reading_options import add_limits
from marpack.cli.terminal import complain, naming, show, to_json
from marpack.display import printable
from marpack.errors import MarpackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marpack.checks.frame.rule import Rule
    from marpack.findings import Finding

__all__ = ["add_parser"]

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
    parser.add_argument("archives", nargs="*", metavar="ARCHIVE", help=".mar, .tar.gz, .war, or a model's folder")
    parser.add_argument("--target", choices=TARGETS, default="torchserve", help="who runs it; default: torchserve")
    parser.add_argument(
        "--python", type=_python, metavar="VERSION", help="of the server, as 3.9; default: this Python's"
    )
    parser.add_argument(
        "--select", metavar="CODES", default="", help="only these rules, or those that begin so: a comma list"
    )
    parser.add_argument("--ignore", metavar="CODES", default="", help="not these rules: a comma list")
    parser.add_argument(
        "--rules-from",
        metavar="MODULE",
        action="append",
        default=[],
        help="also the rules of a module that Python can import (its functions with @marpack.checks.frame.rule)",
    )
    parser.add_argument(
        "--load",
        action="store_true",
        help="also load the model as the server does, which runs the code of its model file (needs torch)",
    )
    parser.add_argument("--rules", action="store_true", help="list the rules and end")
    parser.add_argument("--explain", metavar="CODE", help="explain a rule and end")
    parser.add_argument("--json", action="store_true", help="print the result as JSON (spec/check.schema.json)")
    add_limits(parser)


def _run(options: argparse.Namespace) -> int | None:
    for name in options.rules_from:
        _import_rules(name)
    rules = built_in_rules()
    if options.rules:
        width = max(len(rule.code) for rule in rules)
        for rule in rules:
            show(f"{rule.code:<{width}}  {rule.severity:<7}  {rule.explanation.partition(chr(10))[0]}")
        return None
    if options.explain is not None:
        found = [rule for rule in rules if rule.code == options.explain]
        if not found:
            raise MarpackError(f"no rule is called {options.explain!r}: see marpack check --rules")
        show(f"{found[0].code} ({found[0].severity})\n\n{found[0].explanation}")
        return None
    if not options.archives:
        raise MarpackError("nothing to check: name an archive or a model's folder")
    return _check_all(choose(rules, select=_codes(options.select) or None, ignore=_codes(options.ignore)), options)


def _check_all(rules: Sequence[Rule], options: argparse.Namespace) -> int:
    """Check one archive after the other, whatever becomes of those before it."""
    limits = Limits(members=options.max_members, size=options.max_size, ratio=options.max_ratio)
    how: dict[str, Any] = {"target": options.target, "python": options.python, "load": options.load}
    status = 0
    files = []
    for path in options.archives:
        try:
            with naming(path):
                findings = check(path, rules=rules, limits=limits, **how)
        except MarpackError as error:
            complain(f"marpack: error: {printable(str(error))}")
            status = 1
            continue
        if options.json:
            files.append(_as_json(path, findings))
            status |= any(finding.severity == "error" for finding in findings)
        else:
            status |= _report(path, findings)
    if options.json:
        show(to_json({"schema": _SCHEMA_VERSION, "files": files}))
    return status


def _report(path: str, findings: Sequence[Finding]) -> int:
    """Show findings, each with what the server does and what to do below; return the exit status."""
    for finding in findings:
        place = ":".join(filter(None, [finding.file or "", "" if finding.line is None else str(finding.line)]))
        head = ": ".join(filter(None, [place, finding.severity, finding.key, finding.message]))
        show(printable(f"{head} [{finding.code}]"))
        for what, text in (("server", finding.effect), ("fix", finding.fix)):
            if text:
                show(f"  {what}: {printable(text)}")
    return show_counts(path, findings)


def _as_json(path: str, findings: Sequence[Finding]) -> dict[str, Any]:
    return {"path": path, "findings": [asdict(finding) for finding in findings]}


def _import_rules(name: str) -> None:
    try:
        import_module(name)
    except Exception as error:  # whatever the module's own code raises
        raise MarpackError(
            f"--rules-from: {name!r} cannot be imported: {type(error).__name__}: {error}"
        ) from error


def _python(text: str) -> str:
    try:
        python_version(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _codes(text: str) -> list[str]:
    return [code.strip() for code in text.split(",") if code.strip()]
