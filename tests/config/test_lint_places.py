"""Each finding has its file and line, an order, and words that say what to do."""

from __future__ import annotations

import pytest

from marpack import lint_config, properties
from tests.config.cases.case import Case, models, with_store
from tests.config.cases.table import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.wrong)[:60])
def test_findings_name_file_and_line(case: Case) -> None:
    text = with_store(case.wrong)
    data = text.encode() if isinstance(text, str) else text
    is_read = ("syntax", "error", "") not in case.found
    elements = properties.parse(data) if is_read else ()
    lines = {element.key: element.lineno for element in elements if isinstance(element, properties.Entry)}
    for finding in lint_config(text, file="conf/c.properties", **case.told):
        assert finding.file == "conf/c.properties"
        assert str(finding).startswith("conf/c.properties:")
        if finding.key:
            assert finding.line == lines.get(finding.key, lines.get(finding.key.partition(".")[0]))
        else:
            assert finding.line == len(data.splitlines())


def test_findings_come_in_the_order_of_the_file() -> None:
    text = "# settings\n\njob_queue_size=0\r\ncolour=1\\\n  2\rdebug=x\n" + models(**dict.fromkeys("zyxwvu", 1))
    found = [(finding.line, finding.key) for finding in lint_config(text)]
    assert found == [
        (None, "model_store"),
        (3, "job_queue_size"),
        (4, "colour"),
        (6, "debug"),
        *[(8, f"models.m.1.0.{name}") for name in "zyxwvu"],
    ]


def test_an_unknown_key_with_dots_has_its_line() -> None:
    [finding] = lint_config("model_store=s\nmodels.m=1")
    assert (finding.key, finding.line) == ("models.m", 2)


def test_a_finding_shows_what_to_do() -> None:
    [finding] = lint_config("model_store=s\nnumber_of_gpus=1", file="c.properties")
    assert str(finding) == (
        "c.properties:2: error: number_of_gpus: is no setting: the server: it ignores it: "
        "did you mean number_of_gpu? [misspelt-key]"
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.wrong)[:60])
def test_a_message_says_something(case: Case) -> None:
    for finding in lint_config(with_store(case.wrong), **case.told):
        assert finding.message
        assert finding.fix
        assert len(str(finding)) < 400, "a value of thousands of characters is not shown whole"
        assert "sys.set_int_max_str_digits" not in finding.message
