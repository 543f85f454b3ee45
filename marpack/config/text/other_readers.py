"""How the other programs read config.properties, each with rules of its own (P9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from marpack.findings import ReaderName


def as_launcher_reads(text: str) -> dict[str, str]:
    """Return what the ``torchserve`` command makes of a file: as KServe's wrapper, of lines that are stripped."""
    return as_kserve_reads("\n".join(map(str.strip, _lines(text))))


def as_kserve_reads(text: str) -> dict[str, str]:
    """Return what KServe's wrapper makes of a file: a ``#`` begins a comment in column 1 alone."""
    parts = (line.partition("=") for line in _lines(text) if not line.startswith("#"))
    return {key.strip(): value.strip() for key, equals, value in parts if equals}


def as_mlflow_reads(text: str) -> dict[str, str]:
    """Return what MLflow's plugin makes of a file: it knows no comments, and splits at every ``=``."""
    parts = (line.strip().split("=") for line in _lines(text))
    return {key: values[0] for key, *values in parts if values}


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


# What each reads with, and which keys it uses.
OTHER_READERS: Mapping[ReaderName, tuple[Callable[[str], Mapping[str, str]], tuple[str, ...]]] = {
    "launcher": (as_launcher_reads, ("vmargs", "plugins_path", "model_store")),
    "kserve": (
        as_kserve_reads,
        ("inference_address", "management_address", "grpc_inference_port", "model_store", "model_snapshot"),
    ),
    "mlflow": (as_mlflow_reads, ("inference_address", "management_address")),
}
