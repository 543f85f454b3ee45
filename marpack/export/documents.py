"""``EXPORT.md``, what a person reads of an export, and its JSON twin."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from marpack import __version__
from marpack.display import printable, showable
from marpack.export.entry import ExportEntry, Fate, together
from marpack.export.model import ExportedModel
from marpack.export.targets import TITLES, TORCHSERVE, ExportTarget

# Of the JSON (spec/export.schema.json).
SCHEMA_VERSION = 1
_HEADINGS: dict[Fate, tuple[str, str]] = {
    "carried": ("What carries over", "| of | what | seen in | where it is now |"),
    "changed": ("What is not the same", "| of | what | seen in | where it is now | why |"),
    "differs": ("What clients and handlers see otherwise", "| of | what | seen in | why |"),
    "lost": ("What does not carry over", "| of | what | seen in | why |"),
}
_COLUMNS: dict[Fate, tuple[str, ...]] = {
    "carried": ("about", "what", "seen", "becomes"),
    "changed": ("about", "what", "seen", "becomes", "why"),
    "differs": ("about", "what", "seen", "why"),
    "lost": ("about", "what", "seen", "why"),
}


def export_json(models: Sequence[ExportedModel], entries: Sequence[ExportEntry], target: ExportTarget) -> str:
    """Return the twin for programs."""
    document = {
        "schema": SCHEMA_VERSION,
        "marpack": __version__,
        "torchserve": TORCHSERVE,
        "target": target,
        "models": [_described(model) for model in models],
        "entries": [entry.asdict() for entry in entries],
        "verified": None,
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def is_export(path: str) -> bool:
    """Tell whether a file is the twin of an export."""
    try:
        with open(path, "rb") as file:
            document = json.load(file)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.keys() >= {"schema", "marpack", "target", "models", "entries"}


def _described(model: ExportedModel) -> dict[str, Any]:
    settings = model.settings
    return {
        "name": showable(settings.model_name),
        "version": showable(settings.version),
        "default": model.is_default,
        "archive": showable(model.archive.file_name),
        "folder": model.folder,
        "handler": showable(settings.handler),
        "envelope": settings.envelope or None,
        "batch_size": settings.batch_size,
        "max_batch_delay": settings.max_batch_delay,
        "min_workers": settings.min_workers,
        "max_workers": settings.max_workers,
        "gpu": model.needs_gpu,
        "startup_timeout": settings.startup_timeout,
        "response_timeout": settings.response_timeout,
    }


def export_page(
    models: Sequence[ExportedModel],
    entries: Sequence[ExportEntry],
    target: ExportTarget,
    *,
    sections: Sequence[Sequence[str]],
) -> str:
    """Return the page; ``sections`` say what to do with the folder, and what lies in it, in Markdown."""
    return "\n".join(_page(models, entries, target, sections))


def _page(
    models: Sequence[ExportedModel],
    entries: Sequence[ExportEntry],
    target: ExportTarget,
    sections: Sequence[Sequence[str]],
) -> Iterator[str]:
    yield f"# {_cell(', '.join(dict.fromkeys(model.title for model in models)))} on {TITLES[target]}"
    yield ""
    yield (
        f"Models that TorchServe served, for {TITLES[target]}. Their handlers are as they lie in their archives, "
        f"and are run by the worker of TorchServe {TORCHSERVE} itself, without its Java server. Below stand what "
        "to do with this folder, what lies in it, and what is not as it was with TorchServe."
    )
    yield ""
    yield f"Written by `marpack export --to {target}` (marpack {__version__})."
    for section in sections:
        yield ""
        yield from section
    yield ""
    yield "## Models"
    yield ""
    yield from _table(
        "| model | version | files | handler | batch | delay, ms | workers |",
        (
            (
                model.settings.model_name,
                f"{model.settings.version}{' (default)' if model.is_default else ''}",
                model.folder,
                model.settings.handler or "TorchServe's own",
                str(model.settings.batch_size),
                str(model.settings.max_batch_delay),
                _workers(model),
            )
            for model in models
        ),
    )
    for fate, (heading, head) in _HEADINGS.items():
        rows = [entry for entry in together(entries) if entry.fate == fate]
        yield ""
        yield f"## {heading}"
        yield ""
        if not rows:
            yield "Nothing."
            continue
        shown = (entry.asdict() for entry in rows)
        yield from _table(
            head,
            ([row[name] or ("the server" if name == "about" else "") for name in _COLUMNS[fate]] for row in shown),
        )
    yield ""


def _workers(model: ExportedModel) -> str:
    low, high = model.settings.min_workers, model.settings.max_workers
    return str(low) if low == high else f"{low} to {high}"


def _table(head: str, rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield head
    yield "| " + " | ".join("---" for _ in head.strip("| ").split(" | ")) + " |"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(text: str) -> str:
    """Return a text that is nothing but itself in a table of Markdown."""
    plain = printable(showable(text))
    for sign in "\\`*_[]<>|#&~":
        plain = plain.replace(sign, f"\\{sign}")
    return plain
