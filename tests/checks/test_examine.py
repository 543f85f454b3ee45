"""``marpack.check`` itself: what it takes, and how its rules are chosen and extended."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack import MarpackError
from marpack.checks import Subject, built_in_rules, rule
from tests.support.checked_models import DIGITS, GOOD, NO_CLASS, codes

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMS = ("default", "zip-store", "auto", "tgz", "no-archive")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("arguments", "wrong"), [(GOOD, []), (NO_CLASS, ["handler-classes"])])
def test_a_plan_an_archive_and_a_path_are_found_alike(
    arguments: dict[str, Any], wrong: list[str], form: Any, tmp_path: Path
) -> None:
    plan = marpack.plan_archive(archive_format=form, **arguments)
    path = tmp_path / plan.file_name
    marpack.write_archive(plan, path)
    found = [marpack.check(plan), marpack.check(path), marpack.check(os.fspath(path))]
    with marpack.open_archive(path) as archive:
        found.append(marpack.check(archive))
    assert [codes(each) for each in found] == [wrong] * 4
    if wrong:
        assert {each[0].place for each in found} >= {f"{plan.file_name}/handler.py", f"{path}/handler.py"}


def test_an_archive_without_a_name(tmp_path: Path) -> None:
    data = io.BytesIO()
    marpack.write_archive(marpack.plan_archive(**NO_CLASS), data)
    with marpack.open_archive(data) as archive:
        assert codes(marpack.check(archive)) == ["handler-classes"]


def test_a_finding_says_everything(tmp_path: Path) -> None:
    source = "import json\n\n\nclass A:\n    def initialize(self, context): ...\n"
    plan = marpack.plan_archive(model_name="m", handler={"handler.py": source.encode()})
    [finding] = [each for each in marpack.check(plan) if each.severity == "error"]
    assert (finding.code, finding.file, finding.member) == ("handler-methods", "m.mar", "handler.py")
    assert (finding.line, finding.place) == (4, "m.mar/handler.py:4")
    assert "Expect handle method in class" in finding.effect
    assert finding.message
    assert finding.fix
    assert str(finding).startswith("m.mar/handler.py:4: error: ")


def test_a_plan_of_a_source_that_only_goes_forward() -> None:
    class Forward:
        size = len(b"x = 1\n")

        def open(self) -> Any:
            held = io.BytesIO(b"x = 1\n")

            class Reader:
                def read(self, size: int) -> bytes:
                    return held.read(size)

                def close(self) -> None:
                    pass

            return Reader()

    plan = marpack.plan_archive(model_name="m", handler={"handler.py": Forward()})
    assert codes(marpack.check(plan)) == ["handler-classes"]


# ------------------------------------------------------------------------------------------------- choosing


def test_rules_are_selected_and_ignored() -> None:
    plan = marpack.plan_archive(model_name="m", handler={"json.py": b"x = 1\n"})
    assert set(codes(marpack.check(plan))) == {"handler-classes", "module-shadowed"}
    assert codes(marpack.check(plan, select=["handler"])) == ["handler-classes"]
    assert codes(marpack.check(plan, select="handler")) == ["handler-classes"]
    assert codes(marpack.check(plan, ignore="handler")) == ["module-shadowed"]
    assert codes(marpack.check(plan, ignore=["handler-classes"])) == ["module-shadowed"]
    assert codes(marpack.check(plan, select=["module-shadowed", "handler"], ignore=["handler"])) == [
        "module-shadowed"
    ]


@pytest.mark.parametrize("words", [{"select": ["handle"]}, {"ignore": ["nothing-like-it"]}])
def test_a_code_that_no_rule_has(words: dict[str, Any]) -> None:
    with pytest.raises(MarpackError, match="no rule is called"):
        marpack.check(marpack.plan_archive(**GOOD), **words)


def test_a_rule_of_the_users() -> None:
    @rule("our-size", "warning")
    def find_large(subject: Subject) -> Iterator[marpack.Finding]:
        """Find large members."""
        for name, size in subject.names.items():
            if size > 20_000:
                yield find_large.finding(message=f"has {size} bytes", fix="make it smaller", member=name)

    findings = marpack.check(marpack.plan_archive(**GOOD), rules=[*built_in_rules(), find_large])
    [found] = [each for each in findings if each.code == "our-size"]
    assert (found.file, found.member, found.severity) == ("m.mar", "digits.pt", "warning")
    assert str(found).startswith("m.mar/digits.pt: warning: has ")
    assert codes(marpack.check(marpack.plan_archive(**GOOD), rules=[find_large], select=["our"]), "warning")


@pytest.mark.parametrize("words", [{"target": "heroku"}, {"python": "2.7"}, {"python": "newest"}])
def test_unknown_settings(words: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(words.values()))):
        marpack.check(marpack.plan_archive(**GOOD), **words)


def test_the_servers_python_counts() -> None:
    source = "def handle(data, context):\n    match data:\n        case _:\n            return None\n"
    plan = marpack.plan_archive(model_name="m", handler={"handler.py": source.encode()})
    assert codes(marpack.check(plan, python="3.9")) == ["source-syntax"]
    assert codes(marpack.check(plan, python="3.10")) == []


# ------------------------------------------------------------------------------------------- what is broken


def test_what_cannot_be_opened_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "m.mar"
    path.write_bytes(b"no archive")
    assert codes(marpack.check(path)) == ["container-structure"]
    for words in ({"ignore": ["container"]}, {"select": ["handler"]}, {"rules": ()}):
        assert codes(marpack.check(path, **words)) == ["container-structure"]
    assert codes(marpack.check(path, target="kserve", limits=marpack.Limits(members=0))) == ["container-structure"]
    with pytest.raises(FileNotFoundError):
        marpack.check(tmp_path / "gone.mar")


def test_a_damaged_member_does_not_hide_the_others(tmp_path: Path) -> None:
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": b"x = 1\n"},
        extra_files={"index_to_name.json": b"[1, 2, 3]"},
        archive_format="zip-store",
    )
    path = tmp_path / "m.mar"
    marpack.write_archive(plan, path)
    path.write_bytes(path.read_bytes().replace(b"x = 1\n", b"x = 2\n"))
    found = marpack.check(path)
    assert "container-structure" in codes(found)
    assert [each.place for each in found if each.code == "container-structure"] == [f"{path}/handler.py"]
    assert codes(marpack.check(path, select=["handler-classes"])) == ["container-structure"]
    assert codes(marpack.check(path, ignore=["container"], load=True))[0] == "container-structure"


# ---------------------------------------------------------------------------------------- links and workflows


HANDLER = "from helper import answer\n\n\ndef handle(data, context):\n    return answer(data)\n"


def linked(folder: Path, *names: str) -> Path:
    """A model's folder, of which these names are links to elsewhere."""
    elsewhere = folder / "elsewhere"
    model = folder / "model"
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": HANDLER.encode()},
        serialized_file={"weights.bin": b"weights"},
        config_file={"config.yaml": b"minWorkers: 1\nmaxWorkers: 1\n"},
        requirements_file={"requirements.txt": b"./wheels/kit-1.0-py3-none-any.whl\n"},
        extra_files={"helper.py": b"def answer(data): return data\n", "wheels/kit-1.0-py3-none-any.whl": b"PK"},
        archive_format="no-archive",
    )
    marpack.write_archive(plan, model)
    elsewhere.mkdir()
    for name in names:
        (model / name).rename(elsewhere / name)
        (model / name).symlink_to(elsewhere / name)
    return model


EVERYTHING = ("handler.py", "weights.bin", "config.yaml", "requirements.txt", "helper.py", "wheels")


@pytest.mark.parametrize("names", [*((name,) for name in EVERYTHING), EVERYTHING])
def test_what_a_folder_links_to_elsewhere_is_there(names: tuple[str, ...], tmp_path: Path) -> None:
    assert codes(marpack.check(linked(tmp_path, *names))) == []
    findings = marpack.check(tmp_path / "model")
    links = [each for each in findings if "(link)" in each.message]
    assert {each.member for each in links} == set(names)
    assert {each.severity for each in links} == {"warning"}
    assert {each.effect for each in links} == {"it follows the link, if that leads somewhere where it runs"}
    assert not [each for each in findings if each.code in ("import-missing", "manifest-file-missing")]


def test_a_manifest_that_is_linked(tmp_path: Path) -> None:
    assert codes(marpack.check(linked(tmp_path, "MAR-INF"))) == []


WORKFLOW: dict[str, Any] = {
    "workflow_name": "w",
    "spec_file": {"w.yaml": b"models: {a: {url: a.mar}}\ndag: {a: [b]}\n"},
    "handler": {"h.py": b"def b(data, context): return data\n"},
}


def test_a_workflow_is_one_by_any_name(tmp_path: Path) -> None:
    def found(what: Any) -> list[str]:
        return [each.code for each in marpack.check(what)]

    for changes, wrong in (({}, []), ({"handler": {"h.py": b""}}, ["workflow-function"])):
        plan = marpack.plan_workflow(**{**WORKFLOW, **changes})
        assert found(plan) == wrong
        data = io.BytesIO()
        marpack.write_archive(plan, data)
        with marpack.open_archive(data) as archive:
            assert found(archive) == wrong
            archive.extract(tmp_path / f"unpacked{len(wrong)}")
        assert found(tmp_path / f"unpacked{len(wrong)}") == wrong


def test_a_model_store_is_taken_for_one(tmp_path: Path) -> None:
    marpack.write_archive(marpack.plan_archive(**GOOD), tmp_path / "m.mar")
    [missing] = marpack.check(tmp_path, select="manifest-missing")
    assert "model store" in missing.message
    assert f"{tmp_path}/*" in missing.fix


def test_no_torch_and_no_code_of_the_users(tmp_path: Path) -> None:
    """In a process of its own: nothing but marpack and the standard library is loaded, and nothing is run."""
    source = b"open('sprung', 'w')\nraise SystemExit\n"
    marpack.pack(
        model_name="m",
        handler={"handler.py": source},
        model_file={"model.py": source},
        serialized_file=DIGITS / "digits.pt",
        config_file={"c.yaml": b"a: 1\n"},
        requirements_file=["numpy"],
        export_path=tmp_path,
    )
    script = "import sys, marpack; marpack.check('m.mar'); print(*{n.partition('.')[0] for n in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & {"torch", "numpy", "handler", "model"} == set()
    assert not (tmp_path / "sprung").exists()
