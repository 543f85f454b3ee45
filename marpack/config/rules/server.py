"""What is wrong with the settings of a server, one small rule for each thing (P22)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from marpack.config.rules.snapshot import Store, load_snapshot, shape_findings
from marpack.config.settings.environment import is_true
from marpack.config.settings.keys import KEYS
from marpack.errors import SnapshotError

__all__ = ["KSERVE_MOUNT", "Server", "Target", "is_kserve"]

Target: TypeAlias = Literal["torchserve", "kserve"]

# Where KServe mounts a model, and the ports that its wrapper takes in the same pod.
KSERVE_MOUNT = "/mnt/models/"


@dataclass(frozen=True, kw_only=True)
class Server:
    """Settings as text, and what is known about the place where they will be read."""

    properties: Mapping[str, str]
    release: tuple[int, ...] | None
    is_kserve: bool
    store: Store | None

    def text(self, key: str) -> str | None:
        """Return what the file says, or the default."""
        return self.properties.get(key, KEYS[key].default)

    def is_on(self, key: str) -> bool:
        """Tell whether a setting is true, by the file or by default."""
        return is_true(self.text(key))

    @cached_property
    def archives_to_restore(self) -> tuple[str, ...] | None:
        """The archives that the snapshot names; None where there is none, or none that can be read."""
        try:
            document = load_snapshot(self.properties["model_snapshot"])
        except (KeyError, SnapshotError):
            return None
        if any(finding.severity == "error" for finding in shape_findings(document)):
            return None
        return tuple(entry["marName"] for versions in document["models"].values() for entry in versions.values())


def is_kserve(properties: Mapping[str, str], target: Target | None) -> bool:
    """Tell whether KServe's wrapper will read the settings too."""
    store = properties.get("model_store", "")
    return target == "kserve" or (target is None and f"{store}/".startswith(KSERVE_MOUNT))
