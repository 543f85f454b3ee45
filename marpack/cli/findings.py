"""Findings on the command line: shown, counted, and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from marpack.cli.terminal import complain, count_of, naming, show, to_json
from marpack.config.text import properties as codec
from marpack.display import printable
from marpack.errors import PropertiesError
from marpack.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "complain_of",
    "findings_json",
    "loads_properties",
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
        show(printable(str(finding)))
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
    """Return findings as JSON values."""
    return {"findings": [asdict(finding) for finding in findings]}


def read_bytes(path: str) -> bytes:
    """Read a file whole."""
    with naming(path), open(path, "rb") as file:
        return file.read()


def loads_properties(path: str) -> dict[str, str]:
    """Read the settings of a file, as text."""
    try:
        return codec.loads(read_bytes(path))
    except PropertiesError as error:
        raise error.in_file(path) from None


def refuse_to_write(word: str) -> None:
    """Refuse a word that is no JSON."""
    raise ValueError(word)


def complain_of(findings: Iterable[Finding]) -> None:
    """Show the findings that a writer of settings must see."""
    for finding in findings:
        if finding.severity != "note" or finding.code == "unknown-key":
            complain(f"marpack: {printable(str(finding))}")
