"""``marpack check``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import pytest

import marpack
from marpack import cli
from marpack.checks import Subject, built_in_rules, rule
from tests.checks.rules.test_weights_torch import NEWER
from tests.support.archives import SPEC, check_json
from tests.support.checked_models import GOOD, NO_CLASS

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_other_errors_of_reading_are_not_taken_for_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("a mistake of marpack's")

    monkeypatch.setattr("marpack.cli.commands.check.check", broken)
    with pytest.raises(ValueError, match="a mistake"):
        cli.main(["check", str(tmp_path)])


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


def test_no_password_of_an_address_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "http://user:hunter2@host/m.mar"]) == 1
    assert "hunter2" not in capsys.readouterr().err
