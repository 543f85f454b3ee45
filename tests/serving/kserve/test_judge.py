"""The judge of documents finds what is planted, so that its silence means something."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.support.kserve_models import Judge
from tests.support.serving_manifests import AMBIGUOUS, manifest

pytestmark = pytest.mark.server

GOOD: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "m", "labels": {"a": "b"}},
    "spec": {
        "predictor": {
            "minReplicas": 1,
            "model": {
                "modelFormat": {"name": "pytorch"},
                "env": [{"name": "A", "value": "x"}],
                "resources": {"limits": {"cpu": "1"}},
            },
        },
        "transformer": {"containers": [{"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]},
    },
}
SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "m"},
    "stringData": {"a": "b"},
}
ACCOUNT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": "m"},
    "secrets": [{"name": "m"}],
}


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(document)
    place: Any = result
    *above, last = path.split(".")
    for key in above:
        place = place[int(key) if key.isdecimal() else key]
    place[last] = value
    return result


@pytest.mark.parametrize("document", [GOOD, SECRET, ACCOUNT], ids=lambda document: document["kind"])
def test_it_says_nothing_of_what_is_right(kserve_judge: Judge, document: dict[str, Any]) -> None:
    assert kserve_judge.faults(document) == []


@pytest.mark.parametrize(
    ("document", "path", "value"),
    [
        # Keys that nobody knows, on each level.
        (GOOD, "speck", {}),
        (GOOD, "metadata.labls", {}),
        (GOOD, "spec.predictors", {}),
        (GOOD, "spec.predictor.minReplica", 1),
        (GOOD, "spec.predictor.min_replicas", 1),
        (GOOD, "spec.predictor.model.modelFormat.vers", "1"),
        (GOOD, "spec.predictor.model.env.0.val", "x"),
        (GOOD, "spec.predictor.model.env.0.valueFrom", {"secretKeyRef": {"opt": True}}),
        (GOOD, "spec.predictor.model.resources.limit", {}),
        (GOOD, "spec.transformer.containers.0.volumeMounts.0.path", "/v"),
        (SECRET, "stringdata", {}),
        (ACCOUNT, "secrets.0.key", "x"),
        # Scalars of another type, and other things than scalars.
        (GOOD, "spec.predictor.minReplicas", "1"),
        (GOOD, "spec.predictor.minReplicas", True),
        (GOOD, "spec.predictor.minReplicas", 1.0),
        (GOOD, "spec.predictor.scaleMetric", 1),
        (GOOD, "spec.predictor.model.env", {"A": "x"}),
        (GOOD, "spec.predictor.model.env.0.value", 1),
        (GOOD, "spec.predictor.model.args", [1]),
        (GOOD, "spec.predictor.model.resources.limits.cpu", 1.5),
        (GOOD, "spec.predictor.model", "pytorch"),
        (GOOD, "spec.predictor", None),
        (GOOD, "metadata.labels.a", True),
        (GOOD, "metadata.labels", ["a"]),
        (GOOD, "spec.transformer.containers", {"name": "c"}),
        (SECRET, "stringData.a", 1),
        (SECRET, "type", None),
        # Documents of another kind.
        (GOOD, "apiVersion", "serving.kserve.io/v1"),
        (ACCOUNT, "kind", "serviceaccount"),
    ],
)
def test_it_finds_what_is_planted(kserve_judge: Judge, document: dict[str, Any], path: str, value: Any) -> None:
    [fault] = kserve_judge.faults(changed(document, path, value))
    assert path.split(".")[-1] in fault or "kind" in fault


@pytest.mark.parametrize("text", AMBIGUOUS, ids=lambda text: repr(text)[:12])
def test_texts_that_look_like_something_else_are_texts_to_it(kserve_judge: Judge, text: str) -> None:
    made = manifest(env={"A": text}, args=[text], annotations={"a": text}, with_credentials=True)
    assert kserve_judge.faults_of_text(f"{made.secret_yaml()}---\n{made.to_yaml()}") == []


def test_it_takes_a_key_once(kserve_judge: Judge) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  name: b\n"
    with pytest.raises(AssertionError, match=r"a key is there twice: .*name"):
        kserve_judge.faults_of_text(text)


def test_it_reads_every_document_of_a_text(kserve_judge: Judge) -> None:
    text = "apiVersion: v1\nkind: Secret\n---\napiVersion: v1\nkind: ServiceAccount\nsecret: []\n"
    assert kserve_judge.faults_of_text(text) == [": V1ServiceAccount has no 'secret'"]
