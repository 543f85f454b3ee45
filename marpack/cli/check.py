"""``marpack check``: what the server would refuse."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from marpack.checks.examine import TARGETS, built_in_rules, check
from marpack.cli.config import findings_json, report, to_json
from marpack.cli.terminal import naming, show
from marpack.errors import MarpackError

if TYPE_CHECKING:
    from marpack.errors import Finding

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "check",
        help="say what the server would refuse",
        description="Say what TorchServe would refuse of archives or model folders, without running them. Ends "
        "with status 1 when there is an error.",
    )
    parser.set_defaults(run=_run)
    parser.add_argument("archives", nargs="*", metavar="ARCHIVE", help=".mar, .tar.gz, .war, or a model's folder")
    parser.add_argument("--target", choices=TARGETS, default="torchserve", help="who runs it; default: torchserve")
    parser.add_argument("--python", metavar="VERSION", help="of the server, as 3.9; default: this Python's")
    parser.add_argument(
        "--select", metavar="CODES", default="", help="only these rules, or those that begin so: a comma list"
    )
    parser.add_argument("--ignore", metavar="CODES", default="", help="not these rules: a comma list")
    parser.add_argument(
        "--load",
        action="store_true",
        help="also load the model as the server does, which runs the code of its model file (needs torch)",
    )
    parser.add_argument("--rules", action="store_true", help="list the rules and end")
    parser.add_argument("--explain", metavar="CODE", help="explain a rule and end")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(options: argparse.Namespace) -> int | None:
    if options.rules:
        rules = built_in_rules()
        width = max(len(rule.code) for rule in rules)
        for rule in rules:
            show(f"{rule.code:<{width}}  {rule.severity:<7}  {rule.explanation.partition(chr(10))[0]}")
        return None
    if options.explain is not None:
        found = [rule for rule in built_in_rules() if rule.code == options.explain]
        if not found:
            raise MarpackError(f"no rule is called {options.explain!r}: see marpack check --rules")
        show(f"{found[0].code} ({found[0].severity})\n\n{found[0].explanation}")
        return None
    if not options.archives:
        raise MarpackError("nothing to check: name an archive or a model's folder")
    found_in: dict[str, tuple[Finding, ...]] = {path: _check(path, options) for path in options.archives}
    if options.json:
        document = [{"file": path, **findings_json(findings)} for path, findings in found_in.items()]
        show(to_json(document[0]) if len(document) == 1 else json.dumps(document, indent=2))
        return int(any(each.severity == "error" for findings in found_in.values() for each in findings))
    return max(report(path, findings, as_json=False) for path, findings in found_in.items())


def _check(path: str, options: argparse.Namespace) -> tuple[Finding, ...]:
    try:
        with naming(path):
            return check(
                path,
                select=_codes(options.select) or None,
                ignore=_codes(options.ignore),
                target=options.target,
                python=options.python,
                load=options.load,
            )
    except ValueError as error:
        raise MarpackError(f"--python: {error}") from None


def _codes(text: str) -> list[str]:
    return [code.strip() for code in text.split(",") if code.strip()]
