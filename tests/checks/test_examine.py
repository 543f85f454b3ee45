"""``marpack.check`` itself: what it takes, how its rules are chosen and extended, and where it is asked."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import pytest

import marpack
from marpack import CheckError, MarpackError, cli
from marpack.checks import Subject, built_in_rules, rule
from tests.checks.rules.test_weights_torch import NEWER
from tests.support.archives import SPEC, check_json

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGITS = Path(__file__).parents[1] / "models" / "digits"
GOOD: dict[str, Any] = {
    "model_name": "m",
    "handler": DIGITS / "handler.py",
    "model_file": DIGITS / "model.py",
    "serialized_file": DIGITS / "digits.pt",
    "extra_files": DIGITS / "index_to_name.json",
}
NO_CLASS: dict[str, Any] = {"model_name": "m", "handler": {"handler.py": b"x = 1\n"}}
FORMS = ("default", "zip-store", "auto", "tgz", "no-archive")


def codes(findings: tuple[marpack.Finding, ...], severity: str = "error") -> list[str]:
    return [finding.code for finding in findings if finding.severity == severity]


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


def test_other_errors_of_reading_are_not_taken_for_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("a mistake of marpack's")

    monkeypatch.setattr("marpack.cli.commands.check.check", broken)
    with pytest.raises(ValueError, match="a mistake"):
        cli.main(["check", str(tmp_path)])


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


# ------------------------------------------------------------------------------------------------- packing


def test_pack_does_not_look_by_default(tmp_path: Path) -> None:
    assert marpack.pack(**NO_CLASS, export_path=tmp_path).findings == ()


def test_pack_warns(tmp_path: Path) -> None:
    result = marpack.pack(**NO_CLASS, export_path=tmp_path, check="warn")
    assert codes(result.findings) == ["handler-classes"]
    assert os.path.exists(result)


def test_pack_refuses(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="handler-classes") as error:
        marpack.pack(**NO_CLASS, export_path=tmp_path, check="error")
    assert codes(error.value.findings) == ["handler-classes"]
    assert list(tmp_path.iterdir()) == []
    assert codes(marpack.pack(**GOOD, export_path=tmp_path, check="error").findings) == []


def test_pack_knows_three_ways(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="error, warn, off"):
        marpack.pack(**GOOD, export_path=tmp_path, check="loudly")  # type: ignore[arg-type]


@pytest.mark.parametrize(("mode", "status", "told"), [("warn", 0, True), ("error", 1, True), ("off", 0, False)])
def test_packing_on_the_command_line(
    mode: str, status: int, told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "h.py").write_text("x = 1\n")
    words = [
        "pack",
        "--model-name",
        "m",
        "-v",
        "1",
        "--handler",
        f"{tmp_path}/h.py",
        "--export-path",
        str(tmp_path),
    ]
    assert cli.main([*words, "--check", mode]) == status
    assert ("handler-classes" in capsys.readouterr().err) == told
    assert (tmp_path / "m.mar").exists() == (status == 0)
    if mode == "warn":
        assert cli.main([*words, "--force", "--json"]) == 0
        shown = capsys.readouterr()
        assert "handler-classes" in shown.err
        assert "handler-classes" in [finding["code"] for finding in json.loads(shown.out)["findings"]]
        assert cli.main([*words, "--force", "--quiet"]) == 0
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", ["pack", "repack", "pack-workflow"])
def test_the_environment_says_what_the_option_says(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("h.py").write_text("x = 1\n")
    Path("s.yaml").write_text("models: {a: {url: a.mar}}\ndag: {a: [no_such_node]}\n")
    words = {
        "pack": ["pack", "--model-name", "m", "-v", "1", "--handler", "h.py", "-f"],
        "repack": ["repack", "m.mar", "-v", "2", "-f"],
        "pack-workflow": ["pack-workflow", "--workflow-name", "m", "--spec-file", "s.yaml", "-f"],
    }
    assert cli.main([*words["pack"], "--quiet"]) == 0
    asked = words[command]
    told = {}
    for mode in ("warn", "", "off", "error"):
        monkeypatch.setenv("MARPACK_CHECK", mode)
        capsys.readouterr()
        told[mode] = (cli.main(asked), bool(capsys.readouterr().err))
    assert told == {"warn": (0, True), "": (0, True), "off": (0, False), "error": (1, True)}
    # The option is nearer.
    assert cli.main([*asked, "--check", "off"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("MARPACK_CHECK", "off")
    assert cli.main([*asked, "--check", "error"]) == 1
    capsys.readouterr()
    monkeypatch.setenv("MARPACK_CHECK", "loudly")
    assert cli.main(asked) == 2
    assert "MARPACK_CHECK='loudly' is none of error, warn, off" in capsys.readouterr().err


def test_the_library_does_not_read_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARPACK_CHECK", "off")
    assert codes(marpack.pack(**NO_CLASS, export_path=tmp_path, check="warn").findings) == ["handler-classes"]


# ------------------------------------------------------------------------------------------- command line


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.mar", tmp_path / "bad.mar"
    marpack.write_archive(marpack.plan_archive(**GOOD), good)
    marpack.write_archive(marpack.plan_archive(**NO_CLASS), bad)
    assert cli.main(["check", str(good)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{good}: 0 errors")
    assert cli.main(["check", str(good), str(bad)]) == 1
    assert "[handler-classes]" in capsys.readouterr().out
    assert cli.main(["check", str(bad), "--ignore", "handler-classes,manifest"]) == 0
    capsys.readouterr()
    assert cli.main(["check", str(bad), "--json"]) == 1
    [told] = check_json(capsys.readouterr().out, "check")["files"]
    assert told["path"] == str(bad)
    assert "handler-classes" in [finding["code"] for finding in told["findings"]]
    assert cli.main(["check", str(good), str(bad), "--json"]) == 1
    assert [each["path"] for each in check_json(capsys.readouterr().out, "check")["files"]] == [
        str(good),
        str(bad),
    ]
    assert cli.main(["check", str(good), "--json"]) == 0


def test_a_finding_takes_a_line_for_each_thing_that_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "bad.mar")
    marpack.write_archive(marpack.plan_archive(**NO_CLASS), path)
    assert cli.main(["check", path, "--select", "handler"]) == 1
    [finding] = marpack.check(path, select="handler")
    assert capsys.readouterr().out.splitlines() == [
        f"{finding.place}: error: {finding.key}: {finding.message} [handler-classes]",
        f"  server: {finding.effect}",
        f"  fix: {finding.fix}",
        f"{path}: 1 error, 0 warnings",
    ]
    assert cli.main(["check", path, "--select", "vertex", "--target", "vertex"]) == 1
    assert "server:" not in capsys.readouterr().out


def test_the_reader_is_named_and_a_fix_is_shown_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same as ``str`` says of a finding: which reader it is, and the whole fix, which holds no secret."""

    @rule("ours", "error")
    def find_ours(subject: Subject) -> Iterator[marpack.Finding]:
        effects = {
            "launcher": "it\ngoes on",
            "kserve": "it waits for token=abc",
            "mlflow": "",
            "server": "it ends",
        }
        for reader, effect in effects.items():
            fix = "set api_key=yours\n"
            yield find_ours.finding(message="it is bad", effect=effect, fix=fix, reader=cast("Any", reader))

    monkeypatch.setattr("marpack.cli.commands.check.built_in_rules", lambda: (find_ours,))
    path = str(tmp_path / "m.mar")
    marpack.write_archive(marpack.plan_archive(**GOOD), path)
    assert cli.main(["check", path]) == 1
    shown = capsys.readouterr().out.splitlines()
    first, fix = f"{path}: error: it is bad [ours]", r"  fix: set api_key=yours\n"
    assert shown == [
        *(first, r"  torchserve command: it\ngoes on", fix),
        *(first, "  KServe's wrapper: it waits for token=***", fix),
        *(first, fix),
        *(first, "  server: it ends", fix),
        f"{path}: 4 errors, 0 warnings",
    ]


def test_a_model_store_is_taken_for_one(tmp_path: Path) -> None:
    marpack.write_archive(marpack.plan_archive(**GOOD), tmp_path / "m.mar")
    [missing] = marpack.check(tmp_path, select="manifest-missing")
    assert "model store" in missing.message
    assert f"{tmp_path}/*" in missing.fix


@pytest.mark.parametrize("as_json", [False, True])
def test_one_that_cannot_be_read_leaves_the_others_told(
    as_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, gone, bad = (str(tmp_path / name) for name in ("good.mar", "gone.mar", "bad.mar"))
    marpack.write_archive(marpack.plan_archive(**GOOD), good)
    marpack.write_archive(marpack.plan_archive(**NO_CLASS), bad)
    words = ["--json"] if as_json else []
    assert cli.main(["check", good, gone, bad, *words]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("marpack: error: ")
    assert gone in err
    assert "[handler-classes]" in out or as_json
    if as_json:
        assert [each["path"] for each in check_json(out, "check")["files"]] == [good, bad]
    else:
        assert out.startswith(good)
    assert cli.main(["check", good, gone, *words]) == 1


def test_the_command_has_limits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "m.mar")
    marpack.write_archive(marpack.plan_archive(**GOOD), path)
    assert cli.main(["check", path, "--max-members", "2"]) == 1
    assert "[container-structure]" in capsys.readouterr().out
    assert cli.main(["check", path, "--max-size", "1k", "--select", "container"]) == 0
    assert "too-large" in capsys.readouterr().out


def test_the_json_knows_every_severity_of_a_finding() -> None:
    severities = json.loads((SPEC / "check.schema.json").read_text("ascii"))["$defs"]["finding"]["properties"]
    assert severities["severity"]["enum"] == list(get_args(marpack.typing.Severity))


@pytest.fixture
def our_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module with a rule, which is no rule any more afterwards."""
    (tmp_path / "our_marpack_rules.py").write_text(
        "from marpack.checks import rule\n\n\n"
        "@rule('our-readme', 'error')\n"
        "def find_no_readme(subject):\n"
        '    """Pack a README.\n\n    Ours want one.\n    """\n'
        "    if not subject.holds('README.md'):\n"
        "        yield find_no_readme.finding(message='there is no README.md', fix='pack one')\n"
    )
    (tmp_path / "our_broken_rules.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "our_marpack_rules"
    sys.modules.pop("our_marpack_rules", None)


def test_rules_of_the_users_on_the_command_line(
    our_rules: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "m.mar")
    marpack.write_archive(marpack.plan_archive(**GOOD), path)
    assert cli.main(["check", path, "--rules-from", our_rules]) == 1
    assert "there is no README.md" in capsys.readouterr().out
    assert cli.main(["check", path, "--rules-from", our_rules, "--ignore", "our"]) == 0
    assert cli.main(["check", path, "--rules-from", our_rules, "--select", "our-readme"]) == 1
    assert cli.main(["check", "--rules-from", our_rules, "--rules"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:2] == ["our-readme", "error"]
    assert cli.main(["check", "--rules-from", our_rules, "--explain", "our-readme"]) == 0
    for name, says in (("no_such_module", "No module named"), ("our_broken_rules", "ZeroDivisionError")):
        assert cli.main(["check", path, "--rules-from", name]) == 1
        assert says in capsys.readouterr().err


def test_the_command_lists_and_explains(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--rules"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(built_in_rules())
    for known in built_in_rules():
        assert cli.main(["check", "--explain", known.code]) == 0
        assert known.explanation.replace("``", "`") in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "nothing to check"),
        (["gone.mar"], "gone.mar"),
        (["--explain", "absent"], "no rule is called 'absent'"),
        (["m.mar", "--select", "absent"], "no rule is called 'absent'"),
    ],
)
def test_the_command_says_what_is_wrong_with_its_use(
    words: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    marpack.pack(**GOOD)
    assert cli.main(["check", *words]) == 1
    assert says in capsys.readouterr().err
    assert cli.main(["check", "m.mar", "--python", "two"]) == 2
    assert "argument --python: the version of Python 'two' is not like 3.9" in capsys.readouterr().err
    for option, example in (("--torch", "2.1"), ("--torchserve-version", "0.12.0")):
        assert cli.main(["check", "m.mar", option, "two"]) == 2
        assert f"argument {option}: the version of " in (said := capsys.readouterr().err)
        assert f"'two' is not like {example}" in said


def test_the_servers_torch_is_told_to_check_and_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.pt").write_bytes(NEWER)
    words = ["pack", "--model-name", "m", "-v", "1", "--handler", "image_classifier", "--check", "error"]
    words += ["--serialized-file", f"{tmp_path}/net.pt", "--export-path", str(tmp_path)]
    assert cli.main([*words, "--torch", "2.1"]) == 1
    assert "it is read by torch 2.4 and newer" in capsys.readouterr().err
    assert cli.main([*words, "--torch", "2.4"]) == cli.main([*words, "--force"]) == 0
    path = str(tmp_path / "m.mar")
    for options, status in ((["--torch", "2.1"], 1), (["--torchserve-version", "0.9.0"], 0), ([], 0)):
        assert cli.main(["check", path, *options]) == status
        assert ("weights-torch" in capsys.readouterr().out) == bool(options)
    with pytest.raises(marpack.CheckError, match=r"the server has torch 2\.1"):
        marpack.pack(
            model_name="n",
            handler="image_classifier",
            serialized_file={"net.pt": NEWER},
            export_path=tmp_path,
            check="error",
            torch="2.1",
        )


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


def test_a_check_that_fails_does_not_keep_from_packing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(plan: object, **_: object) -> None:
        raise ZeroDivisionError("a rule")

    monkeypatch.setattr("marpack.checks.examine.check", broken)
    (tmp_path / "h.py").write_text("x = 1\n")
    words = ["pack", "--model-name", "m", "-v", "1", "--handler", f"{tmp_path}/h.py"]
    assert cli.main([*words, "--export-path", str(tmp_path)]) == 0
    assert "check: could not be done: ZeroDivisionError('a rule')" in capsys.readouterr().err
    assert (tmp_path / "m.mar").exists()


def test_no_password_of_an_address_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "http://user:hunter2@host/m.mar"]) == 1
    assert "hunter2" not in capsys.readouterr().err
