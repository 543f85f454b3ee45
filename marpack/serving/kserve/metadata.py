"""The ``metadata`` of a document: its name, its namespace, its labels and annotations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from marpack.findings import Issue
from marpack.serving.kserve.grammar import annotation_issues, label_issues, namespace_issues


def metadata(
    name: str, namespace: str | None, labels: Mapping[str, str] | None, annotations: Mapping[str, str] | None
) -> dict[str, Any]:
    """Return what is set, labels and annotations sorted (K301)."""
    made: dict[str, Any] = {"name": name}
    if namespace is not None:
        made["namespace"] = namespace
    if labels:
        made["labels"] = dict(sorted(labels.items()))
    if annotations:
        made["annotations"] = dict(sorted(annotations.items()))
    return made


def metadata_issues(
    namespace: object, labels: object, annotations: object, *, own: Iterable[str]
) -> Iterator[Issue]:
    """Yield what is wrong with all but the name; ``own`` are keys that its annotations have in any case."""
    if namespace is not None:
        yield from namespace_issues("namespace", namespace)
    if labels is not None:
        yield from label_issues("labels", labels)
    if annotations is None:
        return
    yield from annotation_issues("annotations", annotations)
    if isinstance(annotations, Mapping):
        for key in own:
            if key in annotations:
                message = f"has {key!r}, which another argument says already: leave one of them out"
                yield Issue(code="collision", argument="annotations", message=message)
