"""One model on its way into an archive: what it is made of, and what is wrong with it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from marpack.archive.plan.model import plan_archive
from marpack.findings import Issue
from marpack.errors import PlanError
from marpack.remote.source import RemoteSource
from marpack.remote.urls import is_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from marpack.archive.plan.inputs import FileArgument
    from marpack.archive.plan.plan import ArchivePlan

__all__ = ["ModelBuild"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelBuild:
    """The arguments of ``plan_archive`` for a model.

    Weights that have to be fetched are not among them: ``fetch`` gives them, as a path, a URL, or contents in a
    form that an archive takes. ``fetched`` asks for them, when all else is known to be good.
    """

    arguments: Mapping[str, Any]
    base_dir: str
    fetch: Callable[[], Any] | None = None

    @classmethod
    def of(cls, weights: Any, base_dir: str, **arguments: Any) -> ModelBuild:
        """Take weights at a path, at a URL, in memory, or from a function that gives one of these."""
        if callable(weights):
            return cls(arguments=arguments, base_dir=base_dir, fetch=weights)
        if isinstance(weights, str) and is_url(weights):
            return cls(arguments=arguments, base_dir=base_dir, fetch=lambda: weights)
        return cls(arguments={**arguments, "serialized_file": _below(base_dir, weights)}, base_dir=base_dir)

    def plan(self, issues: list[Issue]) -> ArchivePlan:
        """Plan the archive, but for weights that are still to be fetched.

        Raises ``PlanError`` with the ``issues`` that are already known and all others.
        """
        try:
            planned = plan_archive(**self.arguments)
        except PlanError as error:
            raise PlanError([*issues, *error.issues]) from None
        if issues:
            raise PlanError(issues)
        return planned

    def fetched(self, timestamp: int) -> ArchivePlan:
        """Fetch the weights, if they have to be, and plan the whole archive as packed at ``timestamp``.

        Raises ``DownloadError`` for a URL, ``PlanError`` for what is no weights.
        """
        if self.fetch is None:
            return self.plan([])
        weights: FileArgument | None = self.fetch()
        if isinstance(weights, str) and is_url(weights):
            weights = RemoteSource.from_url(weights)
        if weights is None or weights == "":
            message = "the exported model was asked for and is nothing: give a path, a URL or contents"
            raise PlanError([Issue(code="missing-key", argument="serialized_file", message=message)])
        arguments = {**self.arguments, "serialized_file": _below(self.base_dir, weights), "timestamp": timestamp}
        return replace(self, arguments=arguments, fetch=None).plan([])


def _below(base_dir: str, value: Any) -> Any:
    is_path = isinstance(value, os.PathLike) or (isinstance(value, str) and "\n" not in value)
    return os.path.join(base_dir, value) if is_path and value else value
