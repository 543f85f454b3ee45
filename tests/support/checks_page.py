"""Write spec/checks.md from the rules: ``python -m tests.support.checks_page``."""

from __future__ import annotations

from pathlib import Path

from marpack.checks import built_in_rules

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parents[2] / "spec" / "checks.md"

_HEAD = """\
# What `marpack check` looks for

Made from the rules themselves by `python -m tests.support.checks_page`; a test holds this page against them. Each
rule has a code, which is stable, and a severity: an **error** means that TorchServe 0.12.0 refuses the archive,
that its worker dies, or that what was meant is ignored; a **warning**, that this may be so, or depends on the
server; a **note** is worth knowing. A finding may be less severe than its rule. `--select` and `--ignore` take
codes, and what codes begin with: `handler` stands for all that begin with `handler-`.

What is marked [server] is what TorchServe 0.12.0 was seen to do: for each rule, `tests/checks/cases` holds
archives that have the fault and the same without it, and a running server is given both
(`tests/server/test_checks.py`, which names the few rules that no server here can be asked about).
"""


def page() -> str:
    """Return the text of the page."""
    rules = built_in_rules()
    table = ["| code | severity | |", "| --- | --- | --- |"]
    table += [
        f"| [`{each.code}`](#{each.code}) | {each.severity} | {_first(each.explanation)} |" for each in rules
    ]
    sections = [f"## {each.code}\n\n*{each.severity.capitalize()}.* {each.explanation}" for each in rules]
    return "\n\n".join([_HEAD.rstrip(), "\n".join(table), *sections]) + "\n"


def _first(explanation: str) -> str:
    """Return the first sentence, on one line."""
    return " ".join(explanation.partition("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
