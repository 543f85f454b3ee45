"""What a container asks of the cluster, and what it may use at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Quantity: TypeAlias = str | int | float


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """Requests and limits of processors, memory and GPUs, as Kubernetes writes quantities (K142, K143, K306)."""

    cpu_request: Quantity | None = None
    cpu_limit: Quantity | None = None
    memory_request: Quantity | None = None
    memory_limit: Quantity | None = None
    gpu_request: Quantity | None = None
    gpu_limit: Quantity | None = None

    @classmethod
    def equal(
        cls, *, cpu: Quantity | None = None, memory: Quantity | None = None, gpus: Quantity | None = None
    ) -> Resources:
        """Ask for what is the limit, too."""
        return cls(
            cpu_request=cpu,
            cpu_limit=cpu,
            memory_request=memory,
            memory_limit=memory,
            gpu_request=gpus,
            gpu_limit=gpus,
        )

    def document(self) -> dict[str, Any]:
        """Return ``requests`` and ``limits``, each only with what is set."""
        sides = {
            "requests": {
                "cpu": self.cpu_request,
                "memory": self.memory_request,
                "nvidia.com/gpu": self.gpu_request,
            },
            "limits": {"cpu": self.cpu_limit, "memory": self.memory_limit, "nvidia.com/gpu": self.gpu_limit},
        }
        given = {
            side: {name: str(value) for name, value in values.items() if value is not None}
            for side, values in sides.items()
        }
        return {side: values for side, values in given.items() if values}
