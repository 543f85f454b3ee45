"""What lint finds in a config.properties: each finding, and what looks like it and is none."""

from __future__ import annotations

from typing import Any

import pytest

from marpack import ServerConfig, lint_config
from tests.config.cases.case import SERVED, STORE, Case, triples, with_store
from tests.config.cases.table import CASES
from tests.support.vectors import codes


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.wrong)[:60])
def test_finding(case: Case) -> None:
    found = triples(lint_config(with_store(case.wrong), **case.told))
    assert set(found) == case.found
    assert case.found


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.near)[:60])
def test_near_miss(case: Case) -> None:
    told = case.told if case.told_near is None else case.told_near
    assert lint_config(with_store(case.near), **told) == ()


def test_no_store() -> None:
    assert triples(lint_config("")) == [("no-store", "warning", "model_store")]
    assert lint_config("model_store:store\n", target="torchserve")[0].code == "read-differently"


def test_json_over_several_lines_is_told_once_and_where_it_breaks_off() -> None:
    text = f'{STORE}model_snapshot={{\\\n  "modelCount": 1,\n  "models": {{}}\n}}\ncolour=1\n'
    [broken, unknown] = lint_config(text)
    assert broken.message == "its JSON goes over several lines, and line 3 has no backslash at its end"
    assert (broken.code, broken.key, broken.line) == ("snapshot-json", "model_snapshot", 2)
    assert (unknown.code, unknown.line) == ("unknown-key", 6)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_blank_behind_a_backslash_breaks_json_off(end: str) -> None:
    text = end.join(
        [STORE.strip(), "load_models=a.mar", "models={\\", '"a": {\\ ', '"1.0": {}\\', "}}", "colour=1"]
    )
    [broken, unknown] = lint_config(text)
    assert broken.message == "its JSON goes over several lines, and line 4 has a blank behind its backslash"
    assert (broken.line, unknown.key) == (3, "colour")


def test_utf_16_and_byte_order_marks() -> None:
    [finding] = [each for each in lint_config(STORE.encode("utf-16")) if each.code == "encoding"]
    assert (finding.severity, finding.line) == ("error", 1)
    assert "UTF-16" in finding.message
    [finding] = [each for each in lint_config(b"\xef\xbb\xbf" + STORE.encode()) if each.code == "encoding"]
    assert (finding.severity, finding.line) == ("error", 1)
    assert "byte order mark" in finding.message


@pytest.mark.parametrize(
    ("store", "told", "severity"),
    [
        ("/mnt/models/s", {}, "warning"),
        ("/mnt/models/s", {"torchserve_version": "0.8.1"}, "error"),
        ("/mnt/models/s", {"torchserve_version": "0.8.0"}, None),
        ("/mnt/models/s", {"target": "kserve"}, "error"),
        ("/mnt/models/s", {"target": "torchserve"}, None),
        ("/srv/models/s", {"torchserve_version": "0.12.0"}, None),
    ],
)
def test_the_ports_of_a_wrapper_that_nobody_named(store: str, told: dict[str, Any], severity: str | None) -> None:
    text = f"model_store={store}\nmanagement_address=http://127.0.0.1:8081\n"
    found = [each.severity for each in lint_config(text, **told) if each.code == "kserve-port"]
    assert found == ([] if severity is None else [severity])


def test_every_code_and_severity_of_the_specification_is_shown() -> None:
    stated = {
        (code, severity)
        for code, words in codes("P22").items()
        for severity in ("error", "warning", "note")
        if severity in words
    }
    shown = {(code, severity) for case in CASES for code, severity, _ in case.found}
    # Those that need a file or no file have tests of their own.
    shown |= {("no-store", "warning"), ("archive-unreadable", "error"), ("version", "error")}
    shown |= {("kserve-port", "warning")}  # test_the_ports_of_a_wrapper_that_nobody_named
    shown |= {("load-models-suffix", "error"), ("load-models-stray", "warning")}
    assert {pair for pair in shown if not pair[0].startswith("snapshot-")} == stated


def test_settings_and_their_text_have_the_same_findings() -> None:
    for case in CASES:
        if not isinstance(case.wrong, str) or not case.wrong.isascii():
            continue
        text = STORE + case.wrong
        in_text = {"syntax", "encoding", "duplicate-key", "read-differently"}
        found = lint_config(text, **case.told)
        if {finding.code for finding in found} & in_text or "[" in text or "{\n" in text:
            continue
        assert triples(ServerConfig.loads(text).validate(**case.told)) == triples(found), text


@pytest.mark.parametrize(
    ("store", "is_kserve"),
    [
        ("/mnt/models", True),
        ("/mnt/models/", True),
        ("/mnt/models/model-store", True),
        ("/mnt/models2", False),
        ("/mnt/model", False),
        ("models", False),
    ],
)
def test_the_mount_of_kserve_implies_its_wrapper(store: str, is_kserve: bool) -> None:
    found = lint_config(f"model_store={store}\n{SERVED}")
    assert triples(found) == ([("token", "warning", "disable_token_authorization")] if is_kserve else [])
    assert lint_config(f"model_store={store}\n{SERVED}", target="torchserve") == ()


def test_what_is_no_version_or_target_is_refused() -> None:
    with pytest.raises(ValueError, match="'newest' is not a version of TorchServe"):
        lint_config("", torchserve_version="newest")
    with pytest.raises(ValueError, match="the target 'sagemaker' is not one of torchserve, kserve, mlflow"):
        lint_config("", target="sagemaker")  # type: ignore[arg-type]
