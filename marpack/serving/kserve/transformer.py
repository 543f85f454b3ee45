"""A container before the model that changes requests and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CONFIG_MAP_KIND = "ConfigMap"
SECRET_KIND = "Secret"


@dataclass(frozen=True, kw_only=True, slots=True)
class Transformer:
    """The image of a transformer, its arguments, and the ConfigMaps and Secrets that it sees (K145, K314)."""

    image_name: str
    args: Sequence[str] = ()
    volumes: Sequence[Mapping[str, str]] = ()
    env_from: Mapping[str, str] | None = None

    def document(self) -> dict[str, Any]:
        """Return ``spec.transformer``."""
        return {"containers": [{"name": "kserve-container", "image": self.image_name}]}
