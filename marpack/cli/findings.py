"""Findings on the command line: shown, counted, and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from marpack.cli.terminal import complain, count_of, naming, show, to_json
from marpack.display import printable
from marpack.findings import Finding

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

__all__ = [
    "add_choosing",
    "chosen",
    "codes",
    "complain_of",
    "findings_json",
    "read_bytes",
    "refuse_to_write",
    "report",
    "show_counts",
]


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


def codes(text: str) -> list[str]:
    """Return the codes in a comma list."""
    return [code.strip() for code in text.split(",") if code.strip()]


def add_choosing(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose among rules; the last one explains a rule, in place of everything else."""
    parser.add_argument(
        "--select", metavar="CODES", default="", help="only these rules, or those that begin so: a comma list"
    )
    parser.add_argument("--ignore", metavar="CODES", default="", help="not these rules: a comma list")
    parser.add_argument("--explain", metavar="CODE", help="explain a rule and end")


def chosen(options: argparse.Namespace) -> dict[str, Any]:
    """Return what was chosen, as arguments."""
    return {"select": codes(options.select) or None, "ignore": codes(options.ignore)}


def read_bytes(path: str) -> bytes:
    """Read a file whole."""
    with naming(path), open(path, "rb") as file:
        return file.read()


def refuse_to_write(word: str) -> None:
    """Refuse a word that is no JSON."""
    raise ValueError(word)


def complain_of(findings: Iterable[Finding]) -> None:
    """Show the findings that a writer of settings must see."""
    for finding in findings:
        if finding.severity != "note" or finding.code == "unknown-key":
            complain(f"marpack: {finding}")
