"""The front end's reader of YAML and the worker's judge what tests/config/test_yaml_readers.py says of them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from marpack.config.text import yaml_text
from tests.config.test_yaml_readers import ALIKE, OTHER_NUMBERS, ROWS, TEXTS, Row
from tests.property.test_model_config_round_trips import encode
from tests.server.test_model_config import JavaError, Server, server  # noqa: F401 - a fixture
from tests.spec.test_kserve import documents


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_readers_do_what_is_said_of_them(server: Server, row: Row) -> None:  # noqa: F811
    try:
        server.settings(row.text)
        found = "reads"
    except JavaError as error:
        found = "ignores" if "InvalidModelException" in str(error) else "ends"
    assert found == row.front_end
    try:
        yaml.safe_load(row.text)
        found = "reads"
    except (yaml.YAMLError, LookupError, ValueError):
        found = "dies"
    assert found == row.worker
    if (row.front_end, row.worker) == ("reads", "reads") and not row.said:
        assert server.read(row.text) == encode(_in_order(server, row.text))


def _in_order(server: Server, text: str) -> Any:  # noqa: F811
    """Return the worker's document; merged keys are first to PyYAML, and last to SnakeYAML."""
    document = yaml.safe_load(text)
    if "<<" in text:
        document = yaml.safe_load(text.replace("<<: *x, a: 2", "a: 2"))
    return document


@pytest.mark.parametrize("text", [*TEXTS, *OTHER_NUMBERS, *ALIKE])
def test_numbers_and_texts(server: Server, text: str) -> None:  # noqa: F811
    document = f"handler:\n  x: {text}"
    value = yaml.safe_load(document)["handler"]["x"]
    ours = encode({"handler": {"x": value}})
    if text in TEXTS:
        assert value == text
        assert (server.read(document) == ours) == (text == "0o17")
    elif text in ("1234e56", "7654321e8"):
        assert value == text
        assert server.read(document) != ours
    else:
        assert text not in OTHER_NUMBERS or value == OTHER_NUMBERS[text]
        assert server.read(document) == ours


@pytest.mark.parametrize(("name", "document"), documents())
def test_documents_for_kserve_are_read_alike_by_snakeyaml(server: Server, name: str, document: Any) -> None:  # noqa: F811
    """A reader of another language and of nobody here; Kubernetes' own, in Go, reads YAML 1.1 too."""
    assert server.read(yaml_text.dumps(document)) == encode(document), name
