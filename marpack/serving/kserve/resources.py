"""What a container asks of the cluster, and what it may use at most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from marpack.errors import PlanError
from marpack.findings import Issue
from marpack.serving.kserve.quantities import Quantity, amount, quantity_issues, quantity_text

# Kubernetes' names of what marpack's arguments call cpu, memory and gpu.
_NAMES = {"cpu": "cpu", "memory": "memory", "gpu": "nvidia.com/gpu"}
_SIDES = {"request": "requests", "limit": "limits"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """Requests and limits of processors, memory and GPUs (K306): numbers, or texts such as ``"500m"``, ``"4G"``.

    None leaves a side to the cluster: KServe's runtime for TorchServe has 1 processor and 2Gi on both sides, and
    a pod whose request is above its limit is refused there, so give both sides or neither. No GPU, ``0``, is
    left out: KServe takes any limit of GPUs for one.

    Raises ``PlanError`` for what is no quantity; a request above its limit; memory in fractions of a byte; GPUs
    that are not whole, or of which not as many are requested as are the limit.
    """

    cpu_request: Quantity | None = None
    cpu_limit: Quantity | None = None
    memory_request: Quantity | None = None
    memory_limit: Quantity | None = None
    gpu_request: Quantity | None = None
    gpu_limit: Quantity | None = None

    def __post_init__(self) -> None:
        if issues := [issue for kind in _NAMES for issue in self._issues(kind)]:
            raise PlanError(issues)

    @classmethod
    def equal(
        cls, *, cpu: Quantity | None = None, memory: Quantity | None = None, gpus: Quantity | None = None
    ) -> Resources:
        """Request as much as is the limit.

        Raises ``PlanError`` as the constructor does, for the arguments of this.
        """
        given = {"cpu": cpu, "memory": memory, "gpus": gpus}
        fields = {name: name.removesuffix("s") for name in given}
        issues: list[Issue] = []
        for name, value in given.items():
            try:
                cls(**{f"{fields[name]}_limit": value})
            except PlanError as error:
                issues += [Issue(code=each.code, argument=name, message=each.message) for each in error.issues]
        if issues:
            raise PlanError(issues)
        return cls(**{f"{fields[name]}_{side}": value for name, value in given.items() for side in _SIDES})

    @property
    def has_gpus(self) -> bool:
        """Whether there is a limit of GPUs, which is what KServe looks at."""
        return _NAMES["gpu"] in self.document().get("limits", {})

    def document(self) -> dict[str, Any]:
        """Return ``requests`` and ``limits``, each only with what is set; quantities are text."""
        sides: dict[str, dict[str, str]] = {}
        for side, key in _SIDES.items():
            for kind, name in _NAMES.items():
                value: Quantity | None = getattr(self, f"{kind}_{side}")
                if value is not None and (kind != "gpu" or amount(value)):
                    sides.setdefault(key, {})[name] = quantity_text(value)
        return sides

    def _issues(self, kind: str) -> Iterator[Issue]:
        given = {f"{kind}_{side}": getattr(self, f"{kind}_{side}") for side in _SIDES}
        wrong = [
            issue for name, value in given.items() if value is not None for issue in quantity_issues(name, value)
        ]
        if wrong:
            yield from wrong
            return
        for name, value in given.items():
            if value is None or kind == "cpu" or amount(value) == amount(value).to_integral_value():
                continue
            whole = (
                "is no whole number of GPUs"
                if kind == "gpu"
                else "is no whole number of bytes: 'm' is a thousandth"
            )
            fix = "write 1" if kind == "gpu" else "write 500M for megabytes"
            yield Issue(code="bad-value", argument=name, message=f"{value!r} {whole}: {fix}")
        request, limit = given.values()
        if kind == "gpu" and request is not None and amount(request) != amount(limit or 0):
            # https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/#using-device-plugins
            message = f"{request!r} is not gpu_limit, {limit!r}: give that alone, or both alike"
            yield Issue(code="bad-value", argument="gpu_request", message=message)
        elif request is not None and limit is not None and amount(request) > amount(limit):
            message = f"{request!r} is above {kind}_limit, {limit!r}: request no more than the limit"
            yield Issue(code="bad-value", argument=f"{kind}_request", message=message)
