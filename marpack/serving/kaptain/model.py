"""The description of a model as the Kaptain SDK has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from marpack.config.settings.redaction import redacted
from marpack.errors import PlanError
from marpack.findings import Issue
from marpack.serving.deploy.tables import LIST, REQUIREMENTS, TABLE, TEXT, table_issues


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Model:
    """A model that is trained and served.

    ``serving_config`` says how it is served, see ``TorchServingArtifactBuilder``. ``extra_files`` and
    ``requirements`` are what training needs, and serving too where ``serving_config`` names no others. The
    archive's name is made from ``id`` (``sanitize_string``). The other fields are for training and images;
    nothing here reads them: Kaptain's own snippets give them, and tests/typing/test_seed.py runs those.

    Raises ``PlanError`` for fields of a wrong type.
    """

    id: str
    name: str | None = None
    description: str | None = None
    version: str | None = None
    framework: str | None = None
    framework_version: str | None = None
    main_file: str | None = None
    extra_files: Sequence[str] | None = None
    base_image: str | None = None
    image_name: str | None = None
    serving_config: Mapping[str, Any] = field(default_factory=dict)
    requirements: str | Sequence[str] | None = None

    def __post_init__(self) -> None:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        issues = list(table_issues(values, _KEYS, "Model"))
        if values["id"] is None:
            issues.append(Issue(code="missing-key", argument="id", message="is None: name the model"))
        if issues:
            raise PlanError(issues)
        object.__setattr__(self, "serving_config", self.serving_config or {})

    def __repr__(self) -> str:
        shown = [f"{each.name}={redacted(each.name, repr(getattr(self, each.name)))}" for each in fields(self)]
        return f"Model({', '.join(shown)})"


_KEYS = {
    **{each.name: (TEXT,) for each in fields(Model)},
    "extra_files": (LIST,),
    "requirements": (REQUIREMENTS,),
    "serving_config": (TABLE,),
}
