"""Findings on the command line: shown, counted, and as JSON."""

from __future__ import annotations

import argparse
import difflib
import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from marpack import strict_json
from marpack.cli.screen import Screen, err, out
from marpack.cli.terminal import complain, count_of, naming, show, to_json
from marpack.display import printable
from marpack.errors import MarpackError
from marpack.findings import Finding, Severity
from marpack.rule import Rule, explanation_of

_REFERENCES = {
    r"\[server\]": "[server]: a running TorchServe 0.12.0 was seen to do this.",
    r"\(P\d": "(P...): the clause of spec/properties.md that has this.",
    r"\(S\d": "(S...): the clause of spec/snapshot.md that has this.",
}


def report(file: str, findings: Sequence[Finding], *, as_json: bool) -> int:
    """Show the findings of a file; return the exit status, 1 when there is an error among them."""
    # An option named the folder, whatever the file says of one.
    of_option = "archive-unreadable"
    findings = [replace(each, file=None, line=None) if each.code == of_option else each for each in findings]
    if as_json:
        show(to_json({"file": file} | findings_json(findings)))
        return int(any(finding.severity == "error" for finding in findings))
    for finding in findings:
        show(out().finding(finding))
    return show_counts(file, findings)


def show_counts(file: str, findings: Sequence[Finding], *, is_part: bool = False) -> int:
    """Show how many findings a file has of each severity; return the exit status."""
    counts = Counter(finding.severity for finding in findings)
    screen = out()
    told = f"{screen.painted('strong', printable(file))}: {counted(counts, screen)}"
    show(screen.wrapped(told), is_part=is_part)
    return 1 if counts["error"] else 0


def counted(counts: Mapping[Severity, int], screen: Screen, *, of_all: bool = True) -> str:
    """Return how many findings there are of each severity, in its colour; none are told ``of_all`` but notes."""
    told: list[str] = []
    for severity in get_args(Severity):
        text = count_of(counts.get(severity, 0), severity)
        if counts.get(severity):
            told.append(screen.painted(severity, text))
        elif of_all and severity != "note":
            told.append(text)
    return ", ".join(told)


def findings_json(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return findings as JSON values, without secrets."""
    return {"findings": [finding.asdict() for finding in findings]}


def add_choosing(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose among rules; the last one explains a rule, in place of everything else."""
    add = parser.add_argument
    add("--select", metavar="CODES", default="", help="only these rules, or those that begin so: a comma list")
    add("--ignore", metavar="CODES", default="", help="not these rules: a comma list")
    add("--explain", metavar="CODE", action=_Explain, help="explain a rule, of whatever command, and end")


class _Explain(argparse.Action):
    """Have a command explain a rule, and do nothing else."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option: Any = None) -> None:
        namespace.explain = values
        namespace.run = functools.partial(_explain, parser.get_default("run"))


def _explain(run: Any, options: argparse.Namespace) -> int | None:
    """Explain a rule of marpack's; those of somebody else (--rules-from) are for the command to ``run``."""
    rules = _all_rules()
    if options.explain in rules:
        text = explanation_of(rules.values(), options.explain).replace("``", "`")
        show("\n\n".join([text, *(meaning for mark, meaning in _REFERENCES.items() if re.search(mark, text))]))
        return 0
    if getattr(options, "rules_from", None):
        return int(run(options) or 0)
    near = "".join(f", perhaps {code}" for code in difflib.get_close_matches(options.explain, rules, n=1))
    raise MarpackError(
        f"no rule is called {options.explain!r}{near}: marpack check --rules, or spec/checks.md, lists them"
    )


def _all_rules() -> dict[str, Rule[Any]]:
    """Return the rules of every command, by their codes."""
    from marpack.checks.examine import built_in_rules
    from marpack.config.lint import RULES, SNAPSHOT_RULES
    from marpack.config.rules import model_config

    return {rule.code: rule for rule in (*model_config.RULES, *SNAPSHOT_RULES, *RULES, *built_in_rules())}


def chosen(options: argparse.Namespace) -> dict[str, Any]:
    """Return what was chosen, as arguments."""
    return {"select": _codes(options.select) or None, "ignore": _codes(options.ignore)}


def _codes(text: str) -> list[str]:
    return [code.strip() for code in text.split(",") if code.strip()]


def read_bytes(path: str) -> bytes:
    """Read a file whole."""
    with naming(path), open(path, "rb") as file:
        return file.read()


def json_value(text: str) -> Any:
    """Return what a text is as JSON, or the text when it is none that every reader takes alike."""
    try:
        return strict_json.loads(text)
    except strict_json.StrictJSONError:
        return text


def complain_of(findings: Iterable[Finding]) -> None:
    """Show findings beside what was asked for."""
    screen = err()
    for finding in findings:
        complain(screen.finding(finding, before="marpack: "))
