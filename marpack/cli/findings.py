"""Findings on the command line: shown, counted, and as JSON."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from marpack.cli.terminal import complain, count_of, naming, show, to_json
from marpack.display import printable
from marpack.findings import Finding


def report(file: str, findings: Sequence[Finding], *, as_json: bool) -> int:
    """Show the findings of a file; return the exit status, 1 when there is an error among them."""
    if as_json:
        show(to_json({"file": file} | findings_json(findings)))
        return int(any(finding.severity == "error" for finding in findings))
    for finding in findings:
        show(str(finding))
    return show_counts(file, findings)


def show_counts(file: str, findings: Sequence[Finding]) -> int:
    """Show how many findings a file has of each severity; return the exit status."""
    counts = Counter(finding.severity for finding in findings)
    told = [count_of(counts["error"], "error"), count_of(counts["warning"], "warning")]
    if counts["note"]:
        told.append(count_of(counts["note"], "note"))
    show(f"{printable(file)}: {', '.join(told)}")
    return 1 if counts["error"] else 0


def findings_json(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return findings as JSON values, without secrets."""
    return {"findings": [finding.asdict() for finding in findings]}


def add_choosing(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose among rules; the last one explains a rule, in place of everything else."""
    add = parser.add_argument
    add("--select", metavar="CODES", default="", help="only these rules, or those that begin so: a comma list")
    add("--ignore", metavar="CODES", default="", help="not these rules: a comma list")
    add("--explain", metavar="CODE", help="explain a rule and end")


def chosen(options: argparse.Namespace) -> dict[str, Any]:
    """Return what was chosen, as arguments."""
    return {"select": _codes(options.select) or None, "ignore": _codes(options.ignore)}


def _codes(text: str) -> list[str]:
    return [code.strip() for code in text.split(",") if code.strip()]


def read_bytes(path: str) -> bytes:
    """Read a file whole."""
    with naming(path), open(path, "rb") as file:
        return file.read()


def complain_of(findings: Iterable[Finding]) -> None:
    """Show the findings that a writer of settings must see."""
    for finding in findings:
        if finding.severity != "note" or finding.code == "unknown-key":
            complain(f"marpack: {finding}")
