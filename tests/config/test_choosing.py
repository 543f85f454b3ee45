"""Rules on settings and snapshots are chosen and explained as those on archives are, and shown as JSON alike."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from marpack import Finding, Issue, MarpackError, cli, lint_config, lint_snapshot
from marpack.cli import main
from marpack.config.lint import RULES, SNAPSHOT_RULES, for_writers
from marpack.config.rules import model_config
from marpack.config.rules.near import nearest_key

SPEC = Path(__file__).parents[2] / "spec"
TEXT = 'colour=blue\nnumber_of_gpus=1\njob_queue_size=0\nmodel_snapshot={"models": {}}\n'
SNAPSHOT = '{"models": {"m": {"1.0": {}}}}'


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return sorted({finding.code for finding in findings})


def test_rules_are_chosen_by_code_and_by_what_codes_begin_with() -> None:
    assert codes(lint_config(TEXT)) == ["misspelt-key", "no-store", "range", "snapshot-empty", "unknown-key"]
    assert codes(lint_config(TEXT, select="range")) == ["range"]
    assert codes(lint_config(TEXT, select=["snapshot", "no"])) == ["no-store", "snapshot-empty"]
    assert codes(lint_config(TEXT, ignore=["snapshot", "no-store", "range"])) == ["misspelt-key", "unknown-key"]
    assert codes(lint_snapshot(SNAPSHOT)) == ["snapshot-count", "snapshot-missing"]
    assert codes(lint_snapshot(SNAPSHOT, select="snapshot-count")) == ["snapshot-count"]
    assert codes(lint_snapshot(SNAPSHOT, ignore="snapshot-count")) == ["snapshot-missing"]


def test_a_rule_about_values_waits_for_the_form_whatever_is_chosen() -> None:
    assert lint_snapshot('{"models": {"": {"1.0": {}}}, "modelCount": 1}', select="snapshot-name") == ()


@pytest.mark.parametrize("choice", [{"select": "range"}, {"ignore": ["syntax", "encoding"]}])
def test_what_cannot_be_read_is_told_whatever_is_chosen(choice: Any) -> None:
    assert codes(lint_config("a=\\u12", **choice)) == ["syntax"]
    assert codes(lint_config(TEXT.encode("utf-16"), **choice)) == ["encoding"]
    assert codes(lint_config(TEXT, ignore=["encoding"], select="range")) == ["range"]


@pytest.mark.parametrize("choice", [{"select": "snapshot-name"}, {"ignore": "snapshot-json"}, {}])
def test_a_snapshot_that_is_no_json_is_told_whatever_is_chosen(choice: Any) -> None:
    assert codes(lint_snapshot(SNAPSHOT[:-2], **choice)) == ["snapshot-json"]


@pytest.mark.parametrize(
    ("command", "text", "code"), [("config", "a=\\u12", "range"), ("snapshot", SNAPSHOT[:-2], "snapshot-name")]
)
def test_the_commands_tell_what_cannot_be_read(command: str, text: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "b").write_text(text)
    assert main([command, "lint", "--select", code, str(tmp_path / "b")]) == 1


@pytest.mark.parametrize(
    ("name", "likeness", "meant"),
    [
        ("Batch-Size", 1.0, "batchSize"),
        ("b a.t_chsize", 1.0, "batchSize"),
        ("batchSiz", 1.0, None),
        ("batchSiz", 0.87, "batchSize"),
        ("maxBatchSize", 0.87, None),
        ("", 0.87, None),
    ],
)
def test_a_key_is_taken_for_the_nearest_one(name: str, likeness: float, meant: str | None) -> None:
    assert nearest_key(name, ["batchSize", "handler"], likeness=likeness) == meant


def test_writers_see_no_notes_but_that_nobody_knows_a_key() -> None:
    found = lint_config(
        'load_models=m.mar\nmodels={"m": {"1.0": {"colour": 1}}}\nmodel_store=s\ncolour=blue\ndebug=x'
    )
    assert {each.code for each in found if each.severity == "note"} == {"models-ignored-key", "unknown-key"}
    assert {"unknown-key", "type"} <= set(codes(for_writers(found)))
    assert set(codes(found)) - set(codes(for_writers(found))) == {"models-ignored-key"}


def test_a_code_that_no_rule_has() -> None:
    with pytest.raises(MarpackError, match="no rule is called 'colour'"):
        lint_config(TEXT, select="colour")
    with pytest.raises(MarpackError, match="no rule is called 'range'"):
        lint_snapshot(SNAPSHOT, ignore=["range"])


def test_the_commands_choose_and_explain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.properties").write_text(TEXT)
    (tmp_path / "s.json").write_text(SNAPSHOT)
    for command, file, code in (("config", "c.properties", "range"), ("snapshot", "s.json", "snapshot-count")):
        path = str(tmp_path / file)
        assert main([command, "lint", path, "--select", code]) == 1
        [shown, counts] = capsys.readouterr().out.splitlines()
        assert f"[{code}]" in shown
        assert counts == f"{path}: 1 error, 0 warnings"
        main([command, "lint", path, "--ignore", code])
        assert f"[{code}]" not in capsys.readouterr().out
        assert main([command, "lint", "--explain", code]) == 0
        assert capsys.readouterr().out.startswith(f"{code} (error)\n\n")
        assert main([command, "lint", path, "--select", "nothing"]) == 1
        assert main([command, "lint", "--explain", "nothing"]) == 1
        assert main([command, "lint"]) == 2  # as for any argument that is missing
        assert capsys.readouterr().err.splitlines()[-1].startswith("marpack: error: nothing to check")


@pytest.mark.parametrize("command", ["config", "snapshot"])
def test_the_json_has_what_the_schema_says(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.properties"
    path.write_text(TEXT)
    cli.main([command, "lint", str(path), "--json"])
    schema = json.loads((SPEC / "check.schema.json").read_text())
    finding_schema = {"$defs": schema["$defs"], "$ref": "#/$defs/finding"}
    found = json.loads(capsys.readouterr().out)["findings"]
    assert found
    for finding in found:
        jsonschema.validate(finding, finding_schema)
        assert finding.keys() == schema["$defs"]["finding"]["properties"].keys()
        assert (finding["file"], finding["member"]) == (str(path), None)


@pytest.mark.parametrize("rule", [*RULES, *SNAPSHOT_RULES, *model_config.RULES], ids=lambda rule: rule.code)
def test_every_rule_explains_itself(rule: object) -> None:
    explanation = getattr(rule, "explanation", "")
    first, _, rest = explanation.partition("\n\n")
    assert first.endswith(".")
    assert "\n" not in first
    assert rest


def test_no_code_is_given_to_two_rules() -> None:
    for rules in (RULES, SNAPSHOT_RULES, model_config.RULES):
        named = [getattr(rule, "code", "") for rule in rules]
        assert len(set(named)) == len(named)


SECRET = "https://user:Tr0ub4dor@host/a"


def test_values_hold_what_is_and_what_is_shown_hides_secrets() -> None:
    name = "../a\nb"
    issue = Issue(code="name", argument=name, message=f"is {SECRET}")
    finding = Finding(code="c", file="m.mar", member=name, key="k", message=SECRET, effect=SECRET, fix="mend it")
    assert (issue.argument, issue.message) == (name, f"is {SECRET}")
    assert (finding.member, finding.message, finding.effect) == (name, SECRET, SECRET)
    for value in (issue, finding):
        for shown in (str(value), repr(value), json.dumps(value.asdict())):
            assert "Tr0ub4dor" not in shown
        assert "\n" not in str(value)
        assert pickle.loads(pickle.dumps(value)) == value
    assert str(issue).startswith("../a\\nb: is https://")
    assert str(finding).startswith("m.mar/../a\\nb: error: k: https://")
    assert "Tr0ub4dor" not in str(finding.issue)
