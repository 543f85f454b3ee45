"""The small program of an export: a few lines over marpack's own application or model. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from marpack.export.model import ExportedModel
from marpack.running.model_settings import LARGEST

# Comments stay within a line of code.
_WIDTH = 112


def place(model: ExportedModel) -> str:
    """Return the Python expression of where a model lies."""
    return " / ".join(["HERE", *(text(part) for part in model.folder.split("/"))])


def options(model: ExportedModel) -> Iterator[str]:
    """Yield what ``ServedModel`` is told that the archive does not say, as arguments of a call."""
    settings = model.settings
    for name in ("batch_size", "max_batch_delay", "min_workers", "max_workers"):
        if name in model.told:
            yield f"{name}={getattr(settings, name)}"
    if model.gpu is not None:
        yield f"gpu={model.gpu}"
    if settings.gpu:
        yield f"gpu_id={settings.gpu}"
    if settings.envelope:
        yield f"envelope={text(settings.envelope)}"
    if model.environment:
        inside = ", ".join(f"{text(name)}: {text(value)}" for name, value in sorted(model.environment.items()))
        yield f"environment={{{inside}}}"
    if headers := _spelled(model.uses.headers):
        inside = "".join(f"{text(name)}, " for name in headers)
        yield f"header_names=({inside.rstrip() if len(headers) == 1 else inside.removesuffix(', ')})"
    for name in ("startup_timeout", "response_timeout"):
        if name in model.told:
            yield f"{name}={getattr(settings, name)}"
    for name in ("max_request_size", "max_response_size"):
        if getattr(settings, name) != LARGEST:
            yield f"{name}={getattr(settings, name)}"


def _spelled(headers: Sequence[str]) -> list[str]:
    """Return names that are not in small letters, one spelling of each."""
    return [*{name.lower(): name for name in headers if name != name.lower()}.values()]


def text(value: str) -> str:
    """Return a text as a Python literal, in ASCII and double quotes."""
    inner = ascii(value)[1:-1]
    # ascii() has chosen the quotes by what is in the text.
    if "'" in value and '"' not in value:
        return f'"{inner}"'
    inner = inner.replace("\\'", "'").replace('"', '\\"')
    return f'"{inner}"'


def told_models(models: Sequence[ExportedModel]) -> str:
    """Return the models as a text in double quotes names them, in one line of ASCII."""
    named = ", ".join(text(model.title)[1:-1] for model in models)
    return named if len(named) <= _WIDTH - 20 else f"{len(models)} models"
