"""The rules of marpack.check against the archives that a server judged, and against hostile ones."""

from __future__ import annotations

import importlib
import io
import json
import pkgutil
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tests.checks.cases
from marpack.checks.examine import built_in_rules, check
from marpack.checks.frame.subject import Settings, Subject
from marpack.checks.rules import workflow
from marpack.config.rules import model_config_text
from marpack.errors import MissingExtraError
from tests.checks.cases.case import HANDLER, Archive, Case
from tests.support.checks_page import PAGE, page

if TYPE_CHECKING:
    from marpack.findings import Finding, Issue

RULES = built_in_rules()
MODULES = [
    importlib.import_module(f"tests.checks.cases.{found.name}")
    for found in pkgutil.iter_modules(tests.checks.cases.__path__)
]
CASES: list[Case] = [case for module in MODULES for case in getattr(module, "CASES", [])]

# Rules that no server here can be asked about; each case says why.
UNJUDGED = {
    "config-unread",
    "kserve-file-name",
    "kserve-model-name",
    "sagemaker-form",
    "vertex-file-name",
    "workflow-unread",
    "weights-shared-tensor",
}

# The absence of PyYAML is not part of an archive.
ELSEWHERE = {"config-unread", "workflow-unread"}


class Held:
    """Files in memory, as a plan or an open archive holds them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self.problems: Sequence[Issue] = ()
        self.present: Sequence[str] = ()

    @property
    def sizes(self) -> Mapping[str, int]:
        return {name: len(data) for name, data in self._files.items()}

    def open(self, name: str) -> io.BytesIO:
        return io.BytesIO(self._files[name])


def subject(archive: Archive, name: str = "digits", **options: Any) -> Subject:
    settings = Settings(python=(3, 11), target=options.get("target", "torchserve"))
    file = archive.file_name(name)
    return Subject(
        Held(archive.members(name)),
        path=file,
        file_name=file,
        form=archive.form,
        settings=settings,
        kind="workflow" if file.endswith(".war") else "model",
    )


def found(archive: Archive, name: str = "digits", **options: Any) -> list[Finding]:
    examined = subject(archive, name, **options)
    return [finding for rule in RULES for finding in rule.findings(examined)]


def checked(archive: Archive, folder: Path, **options: Any) -> tuple[Finding, ...]:
    """Write the archive as a server would find it, and check that."""
    folder.mkdir()
    path = folder / archive.file_name("digits")
    if archive.form != "folder":
        path.write_bytes(archive.data("digits"))
    else:
        for member, data in archive.members("digits").items():
            (path / member).parent.mkdir(parents=True, exist_ok=True)
            (path / member).write_bytes(data)
    return check(path, **options)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case, id=f"{case.code}: {case.title}", marks=[pytest.mark.slow] if case.options.get("load") else []
        )
        for case in CASES
        if case.code not in ELSEWHERE
    ],
)
def test_what_is_broken_is_found_and_what_is_repaired_is_good(case: Case, tmp_path: Path) -> None:
    if case.options.get("load"):
        pytest.importorskip("torch")
    broken = checked(case.broken, tmp_path / "broken", **case.options)
    assert case.code in {finding.code for finding in broken}, [str(finding) for finding in broken]
    if case.fails == "serves":
        # What is certain to be ignored is one, though the server goes on.
        assert not [
            str(finding) for finding in broken if finding.severity == "error" and case.code != "config-type"
        ]
    repaired = checked(case.repaired, tmp_path / "repaired", **case.options)
    assert case.code not in {finding.code for finding in repaired}, [str(finding) for finding in repaired]
    assert not [str(finding) for finding in repaired if finding.severity == "error"]


def test_cases_without_a_server_are_few_and_say_why() -> None:
    unjudged = [case for case in CASES if case.fails == "unjudged"]
    assert {case.code for case in unjudged} <= UNJUDGED
    assert all(case.reason for case in unjudged)


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    assert {rule.code for rule in RULES} == {case.code for case in CASES}


def test_the_cases_of_a_rule_stand_in_the_module_that_is_called_like_the_rules() -> None:
    homes = {rule.code: rule.function.__module__.rpartition(".")[2] for rule in RULES}
    homes["container-unread"] = "container"  # the rule on what others did not read, which stands beside none
    for module in MODULES:
        for case in getattr(module, "CASES", []):
            assert module.__name__.rpartition(".")[2] == homes[case.code], case


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_explains_itself(rule: Any) -> None:
    first, _, rest = rule.explanation.partition("\n\n")
    assert first.endswith(".")
    assert "\n" not in first
    assert rest
    assert all(len(line) <= 115 for line in rule.explanation.splitlines())


@pytest.mark.parametrize(
    ("module", "code", "archive"),
    [
        (model_config_text, "config-unread", next(case.broken for case in CASES if case.code == "config-unread")),
        (workflow, "workflow-unread", next(case.broken for case in CASES if case.code == "workflow-unread")),
    ],
    ids=["config", "workflow"],
)
def test_without_pyyaml_one_note_says_so(
    module: Any, code: str, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise MissingExtraError("reading model-config.yaml", "yaml")

    monkeypatch.setattr(module.yaml_text, "parse", missing)
    [note] = [finding for finding in found(archive) if finding.code.startswith(code.partition("-")[0])]
    assert (note.code, note.severity) == (code, "note")


# ------------------------------------------------------------------------------------------------- hostile ones

VALUES: list[object] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**400,
    "",
    " ",
    "/",
    "..",
    "../../etc/passwd",
    "a\0b",
    "\ud800",
    "model.py",
    "handler.py:",
    ":",
    "x" * 5000,
    [],
    ["handler.py"],
    {},
    {"a": 1},
]
KEYS = ("modelName", "modelVersion", "handler", "serializedFile", "modelFile", "configFile", "requirementsFile")
FILES: dict[str, str | bytes] = {"handler.py": HANDLER, "model.py": "x = 1\n", "a/b.txt": b"\xff"}


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_any_value_of_the_manifest_is_looked_at(value: object) -> None:
    for key in KEYS:
        found(Archive(files=FILES, model={"handler": "handler.py", key: value}))
    for key in ("runtime", "model", "createdOn", "archiverVersion", "description"):
        found(Archive(files=FILES, manifest=json.dumps({"model": {"handler": "handler.py"}, key: value})))
    for key in ("workflow", "createdOn"):
        found(Archive(files={"WAR-INF/MANIFEST.json": json.dumps({key: value})}, manifest="", suffix=".war"))
    for key in ("workflowName", "specFile", "handler"):
        workflow = {"workflowName": "w", "specFile": "s.yaml", "handler": "handler.py", key: value}
        text = json.dumps({"workflow": workflow})
        found(Archive(files={**FILES, "WAR-INF/MANIFEST.json": text}, manifest="", suffix=".war"))


TEXTS: list[bytes] = [
    b"",
    b"\xff\xfe\x00",
    b"\0" * 100,
    b"[" * 1000,
    b'{"a":' * 50_000,
    b"9" * 10_000,
    b'{"model": {"modelName": ' + b"9" * 10_000 + b"}}",
    b'{"a": 1, "a": 2}',
    b'"\\ud800"',
    b"NaN",
    b"a: &a [*a]\n",
    b"a: &a\n  b: *a\nmodels: *a\ndag: *a\n",
    b"- [" * 2000,
    b"? {a: b}\n: c\n",
    b"!!python/object:os.system x",
    b"!!int x",
    b"models: [1]\ndag: 5\n",
    b"models: {a: 1, 2: b}\ndag: {1: [2], a: {b: c}, c: [1, null]}\n",
    b"torchrun: {1: 2}\npt2: {compile: 5}\nparallelType: 5\n",
    b"-r\n-e\n--find-links\n\\\n" * 100,
    b"name @\nname[\n;\n==\n" + b"\\" * 500,
    b"((((" * 5000,
    b"a" + b" " * 50_000 + b"!",
    b"]" * 50_000,
    b"a[" * 20_000 + b"]",
    b"a" * 50_000 + b" ==",
    b"a, " * 5000,
    b"==1" * 20_000,
]


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:20]))
def test_any_text_is_looked_at(text: bytes) -> None:
    names = {"configFile": "c.yaml", "requirementsFile": "r.txt", "serializedFile": "w.pt"}
    files: dict[str, str | bytes] = {"c.yaml": text, "r.txt": text, "w.pt": text, "index_to_name.json": text}
    for handler in ("base_handler", "handler.py"):
        found(Archive(files={**files, "handler.py": text}, model={"handler": handler, **names}))
        found(Archive(files={**files, "m.py": text}, model={"handler": handler, "modelFile": "m.py", **names}))
    found(Archive(files=files, manifest=text))
    found(Archive(files={"WAR-INF/MANIFEST.json": text}, manifest="", suffix=".war"))
    workflow = json.dumps({"workflow": {"workflowName": "w", "specFile": "c.yaml", "handler": "h.py"}})
    war: dict[str, str | bytes] = {"WAR-INF/MANIFEST.json": workflow, "c.yaml": text, "h.py": text}
    found(Archive(files=war, manifest="", suffix=".war"))


@pytest.mark.slow
def test_noise_is_looked_at() -> None:
    generator = random.Random(0)
    for _ in range(200):
        test_any_text_is_looked_at(generator.randbytes(generator.randrange(200)))


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "/", "a//b", "a/../b", "\ud800", "\n", "x" * 5000, "MAR-INF", "MAR-INF/MANIFEST.json/x"],
)
def test_any_name_is_looked_at(name: str) -> None:
    for form in ("zip", "tgz", "folder"):
        found(Archive(files={name: b"x", "handler.py": HANDLER}, form=form))
        found(Archive(files={name: b"x"}, manifest="", form=form), name)


def test_many_files_of_one_kind_have_few_findings() -> None:
    files: dict[str, str | bytes] = {"handler.py": HANDLER, **{f"ä{number}.pyc": b"" for number in range(1000)}}
    files |= {f"ä{number}.py": b"" for number in range(1000)}
    assert len(found(Archive(files=files))) < 10


def test_the_page_is_made_from_the_rules() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.support.checks_page"
