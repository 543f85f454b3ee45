"""Write spec/checks.md from the rules: ``python -m tests.support.checks_page``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from marpack.checks import built_in_rules
from marpack.config.lint import RULES, SNAPSHOT_RULES
from marpack.config.rules import model_config

if TYPE_CHECKING:
    from collections.abc import Iterable

    from marpack.rule import Rule

__all__ = ["PAGE", "WITHOUT_A_RULE", "page"]

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


_SETTINGS = """\
# What `marpack config lint` and `marpack snapshot lint` look for

The rules on `config.properties` and on a `model_snapshot`, in a file of its own or in a `config.properties`, where
their keys begin with `model_snapshot`. `properties.md` (P) and `snapshot.md` (S) have what the server, and the
others who read these files, were seen to do. `--select`, `--ignore` and `--explain` are as those of `check`.
"""

_MODEL_CONFIG = """\
# What is wrong with a model-config.yaml

The rules that `ModelConfig` holds a file against; `marpack check` tells the same under codes that begin
with `config-`. What the server does was seen on TorchServe 0.12.0.
"""

# Of what is no rule's: found where there is nothing yet that rules could look at.
WITHOUT_A_RULE = {
    "version": "The version of TorchServe that was asked for is not written like ``0.12.0``.",
    "snapshot-same-file": "Two archives for one snapshot have one file name; a model store is one folder.",
    "snapshot-no-name": "The manifest of an archive for a snapshot names no model.",
    "snapshot-no-such-version": "The version that shall be the default is not one of the model's archives.",
    "declaration": "A declaration of what is to be deployed is neither JSON nor TOML.",
    "kserve-argument": "An argument of an InferenceService ends the TorchServe that it starts (or a warning).",
    "kserve-resources": "A request or limit of an InferenceService does not fit KServe's own (a warning).",
    "kserve-template": "KServe takes an argument or a variable for a template (a warning).",
    "kserve-scale-metric": "Knative does not scale by what an InferenceService names (a warning).",
    "kserve-format-version": "KServe has no runtime for a model format of that version (a warning).",
    "kserve-release": "An InferenceService does not start the TorchServe that was asked for (a warning).",
    "kserve-literal-settings": "A deploy writes Kaptain's own settings, not a current KServe's (a warning).",
    "kserve-storage-uri": "A storage URI is no place, or no folder, that KServe starts a server from (a warning).",
    "kserve-access": "An InferenceService has no account that may read its folder (a warning).",
    "kserve-plain-secret": "A variable of a deploy sounds secret, and anybody can read it (a warning).",
    "kserve-requirements": "A server of another framework than PyTorch installs no requirements (a warning).",
}
_OTHERS = """\
# Codes without a rule

What is wrong with what a snapshot, a folder to serve from, or a manifest is to be made of. It is an error, told in
a `ConfigError`, where nothing else is said; nobody chooses these codes.
"""


def page() -> str:
    """Return the text of the page."""
    settings: list[Rule[Any]] = [*RULES]
    settings += (each for each in SNAPSHOT_RULES if each.code not in {known.code for known in RULES})
    parts = [(_HEAD, built_in_rules()), (_SETTINGS, settings), (_MODEL_CONFIG, model_config.RULES)]
    others = ["| code | |", "| --- | --- |", *(f"| `{code}` | {what} |" for code, what in WITHOUT_A_RULE.items())]
    pages = [*(_part(head, rules) for head, rules in parts), _OTHERS.rstrip(), "\n".join(others)]
    return "\n\n".join(pages) + "\n"


def _part(head: str, rules: Iterable[Rule[Any]]) -> str:
    rules = list(rules)
    table = ["| code | severity | |", "| --- | --- | --- |"]
    table += [
        f"| [`{each.code}`](#{each.code}) | {each.severity} | {_first(each.explanation)} |" for each in rules
    ]
    sections = [f"## {each.code}\n\n*{each.severity.capitalize()}.* {each.explanation}" for each in rules]
    return "\n\n".join([head.rstrip(), "\n".join(table), *sections])


def _first(explanation: str) -> str:
    """Return the first sentence, on one line."""
    return " ".join(explanation.partition("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
