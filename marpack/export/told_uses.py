"""What clients and handlers see otherwise: of all models, and of those whose sources do what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from marpack.export.entry import Entry, Fate
from marpack.export.model import ExportedModel
from marpack.export.targets import TITLES, Target
from marpack.frozen import frozen
from marpack.running.differences import KSERVE, RAY, SAGEMAKER_RAY, Difference

_TABLES: Mapping[Target, Sequence[Difference]] = {"ray": RAY, "sagemaker-ray": SAGEMAKER_RAY, "kserve": KSERVE}


@frozen
class _Use:
    """Something that sources do by one of ``words``, whatever the engine, and what becomes of it."""

    words: tuple[str, ...]
    what: str
    fate: Fate
    becomes: str
    why: str


_USES = (
    _Use(
        words=(
            "add_counter",
            "add_time",
            "add_size",
            "add_percent",
            "add_error",
            "add_metric",
            "add_metric_to_cache",
        ),
        what="metrics",
        fate="changed",
        becomes="lines of the replica's log",
        why="TorchServe's metrics endpoint is its front end's: have the engine's own metrics, or read the log",
    ),
    _Use(
        words=("get_sequence_id",),
        what="sequences of requests",
        fate="lost",
        becomes="",
        why="requests go to any replica: nothing keeps those of a sequence together",
    ),
)


def told_uses(models: Sequence[ExportedModel], target: Target) -> Iterator[Entry]:
    """Yield what the engine's table says: of all first, then of each model to which it matters, with where."""
    table = _TABLES[target]
    for each in table:
        if not each.names:
            yield Entry(
                fate="differs", about="", what=each.what, seen=f"answers of {TITLES[target]}", why=each.why
            )
    for model in models:
        for each in table:
            if place := _place(model, each.names):
                yield Entry(fate="differs", about=model.title, what=each.what, seen=place, why=each.why)
        for use in _USES:
            if place := _place(model, use.words):
                yield Entry(
                    fate=use.fate, about=model.title, what=use.what, seen=place, becomes=use.becomes, why=use.why
                )


def _place(model: ExportedModel, words: Iterable[str]) -> str | None:
    """Return where a model's sources use the first of these words that they do, and the word."""
    word = next((word for word in words if word in model.uses.words), None)
    return None if word is None else f"{model.uses.words[word]}: {word}"
