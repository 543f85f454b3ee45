"""Rewrite the table in benchmarks/README.md from pytest-benchmark's JSON."""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

COLUMNS = ["marpack", "official", "zipfile", "cp", "nothing"]


def table(document: dict[str, Any]) -> str:
    """Return Markdown: a row for each group, a column for each contender."""
    groups: dict[str, dict[str, float]] = defaultdict(dict)
    for benchmark in document["benchmarks"]:
        groups[benchmark["group"]][benchmark["params"]["contender"]] = benchmark["stats"]["median"]
    machine = document["machine_info"]
    lines = [
        f"{document['datetime'][:10]}, {machine['cpu']['count']} cores, {machine['system']}, "
        f"Python {machine['python_version']}, zlib {machine['zlib']}",
        "",
        "| seconds | " + " | ".join(COLUMNS) + " | official / marpack |",
        "| --- |" + " ---: |" * (len(COLUMNS) + 1),
    ]
    for group, medians in groups.items():
        cells = [f"{medians[name]:.3f}" if name in medians else "" for name in COLUMNS]
        both = "official" in medians and "marpack" in medians
        ratio = f"{medians['official'] / medians['marpack']:.1f}" if both else ""
        lines.append(f"| {group} | " + " | ".join(cells) + f" | {ratio} |")
    return "\n".join(lines)


def main() -> None:
    """Put the table of the named file between the README's marks."""
    document = json.loads(Path(sys.argv[1]).read_text())
    readme = Path(__file__).with_name("README.md")
    text = readme.read_text()
    marks = re.compile(r"(<!-- table -->\n).*(<!-- /table -->)", re.DOTALL)
    readme.write_text(marks.sub(lambda match: f"{match[1]}{table(document)}\n{match[2]}", text))


if __name__ == "__main__":
    main()
