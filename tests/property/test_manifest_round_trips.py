from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from marpack import Manifest, ManifestModel
from tests.property.strategies import json_values

KNOWN = {"createdOn", "runtime", "model", "archiverVersion", "metadata"}
KNOWN_MODEL = {
    "modelName",
    "serializedFile",
    "handler",
    "modelFile",
    "modelVersion",
    "requirementsFile",
    "configFile",
}
texts = st.none() | st.text()


def others(known: set[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.text().filter(lambda key: key not in known), json_values, max_size=3)


manifests = st.builds(
    Manifest,
    model=st.builds(
        ManifestModel,
        model_name=texts,
        serialized_file=texts,
        handler=texts,
        model_file=texts,
        model_version=texts,
        requirements_file=texts,
        config_file=texts,
        extra=others(KNOWN_MODEL),
    ),
    created_on=texts,
    runtime=st.sampled_from([None, "python", "python3", "LSP"]),
    archiver_version=texts,
    metadata=st.none() | st.dictionaries(st.text(), json_values, max_size=3),
    extra=others(KNOWN),
)


@given(manifest=manifests)
def test_values_round_trip(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.to_json()) == manifest


@given(manifest=manifests)
def test_text_is_what_json_writes(manifest: Manifest) -> None:
    text = manifest.to_json()
    assert text.isascii()
    assert text == json.dumps(json.loads(text), indent=2)


@given(manifest=manifests, indent=st.none() | st.integers(0, 3), sort_keys=st.booleans())
def test_however_it_is_spelled(manifest: Manifest, indent: int | None, sort_keys: bool) -> None:
    text = json.dumps(json.loads(manifest.to_json()), indent=indent, sort_keys=sort_keys, ensure_ascii=False)
    again = Manifest.from_json(text)
    assert again == manifest
    assert Manifest.from_json(again.to_json()) == again
