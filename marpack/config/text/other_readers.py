"""How the other programs read config.properties, each with rules of its own (P9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from marpack.findings import ReaderName

__all__ = ["OTHER_READERS", "as_kserve_reads", "as_launcher_reads", "as_mlflow_reads"]


def as_launcher_reads(text: str) -> dict[str, str]:
    """Return what the ``torchserve`` command makes of a file."""
    found = {}
    for line in map(str.strip, _lines(text)):
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[key.strip()] = value.strip()
    return found


def as_kserve_reads(text: str) -> dict[str, str]:
    """Return what KServe's wrapper makes of a file: as the launcher, but only column 1 begins a comment."""
    found = {}
    for line in _lines(text):
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[key.strip()] = value.strip()
    return found


def as_mlflow_reads(text: str) -> dict[str, str]:
    """Return what MLflow's plugin makes of a file: it knows no comments, and splits at every ``=``."""
    found = {}
    for line in map(str.strip, _lines(text)):
        key, *values = line.split("=")
        if values:
            found[key] = values[0]
    return found


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
