"""What clients and handlers see otherwise: of all models, and of those whose sources do what it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from marpack.checks.python.torch_handlers import HANDLER_MODULES
from marpack.export.entry import ExportEntry
from marpack.export.handler_text import TABLES
from marpack.export.model import ExportedModel, own_handlers
from marpack.export.targets import TITLES, ExportTarget


def told_uses(models: Sequence[ExportedModel], target: ExportTarget) -> Iterator[ExportEntry]:
    """Yield what the engine's table says: of all first, then of each model to which it matters, with where."""
    table = TABLES[target]
    for each in table:
        if not each.names:
            yield ExportEntry(
                fate="differs", about="", what=each.what, seen=f"answers of {TITLES[target]}", why=each.why
            )
    for model in models:
        for each in table:
            if place := _place(model, each.names):
                yield ExportEntry(fate="differs", about=model.title, what=each.what, seen=place, why=each.why)
        for name, problem in model.uses.unread.items():
            yield ExportEntry(
                fate="differs",
                about=model.title,
                what="what this source does of what is said here of others",
                seen=name,
                why=f"{problem}: look into it yourself",
            )


def _place(model: ExportedModel, words: Sequence[str]) -> str | None:
    """Return where one of these words is used, in a model's sources or by handlers of TorchServe's that it has."""
    for word in words:
        if word in model.uses.words:
            return f"{model.uses.words[word]}: {word}"
    for module in own_handlers(model):
        for word in words:
            if word in HANDLER_MODULES[module].calls:
                return f"ts.torch_handler.{module}: {word}"
    return None
