"""One model on its way into an archive: what it is made of, and what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from marpack.archive.plan.contents import FileArgument, is_model, is_path
from marpack.archive.plan.model import PackOptions, plan_archive
from marpack.archive.plan.plan import ArchivePlan
from marpack.errors import PlanError
from marpack.findings import Issue
from marpack.remote.source import RemoteSource
from marpack.remote.urls import is_url

if TYPE_CHECKING:
    from typing import Unpack

ExportedModel: TypeAlias = "FileArgument | Callable[[], FileArgument]"
"""A trained model: a path, a URL, contents in any form that an archive takes, or a function that gives any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelBuild:
    """A model that can be packed, as soon as its weights are there.

    Weights that have to be fetched are not in ``plan``: ``fetched`` asks for them, when all else is known to be
    good.
    """

    plan: ArchivePlan
    options: PackOptions
    base_dir: str
    fetch: str | Callable[[], FileArgument] | None

    @classmethod
    def of(
        cls, weights: ExportedModel | None, base_dir: str, issues: Sequence[Issue], **options: Unpack[PackOptions]
    ) -> ModelBuild:
        """Plan a model with weights at a path, at a URL, in memory, or from a function that gives one of these.

        Raises ``PlanError`` with the ``issues`` that are already known and all others.
        """
        fetch: str | Callable[[], FileArgument] | None = None
        if (isinstance(weights, str) and is_url(weights)) or (callable(weights) and not is_model(weights)):
            fetch = weights
        else:
            options["serialized_file"] = _below(base_dir, cast("FileArgument | None", weights))
        return cls(plan=_plan(options, issues), options=options, base_dir=base_dir, fetch=fetch)

    def fetched(self) -> ArchivePlan:
        """Return the whole plan: the one that is there, unless weights have to be fetched, which are then.

        Raises ``DownloadError`` for a URL, ``PlanError`` for what is no weights.
        """
        if self.fetch is None:
            return self.plan
        weights: FileArgument | None = self.fetch() if callable(self.fetch) else self.fetch
        if isinstance(weights, str) and is_url(weights):
            weights = RemoteSource.from_url(weights)
        if weights is None or weights == "":
            message = "the exported model was asked for and is nothing: give a path, a URL or contents"
            raise PlanError([Issue(code="missing-key", argument="serialized_file", message=message)])
        options: PackOptions = {**self.options, "timestamp": self.plan.timestamp}
        options["serialized_file"] = _below(self.base_dir, weights)
        return _plan(options, [])


def _plan(options: PackOptions, issues: Sequence[Issue]) -> ArchivePlan:
    try:
        plan = plan_archive(**options)
    except PlanError as error:
        raise PlanError([*issues, *error.issues]) from None
    if issues:
        raise PlanError(issues)
    return plan


def _below(base_dir: str, value: FileArgument | None) -> FileArgument | None:
    return os.path.join(base_dir, os.fspath(value)) if is_path(value) and value else value
