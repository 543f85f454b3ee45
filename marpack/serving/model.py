"""The description of a model as the Kaptain SDK has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from marpack.errors import Issue, PlanError

__all__ = ["Model"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A model that is trained and served.

    ``serving_config`` says how it is served, see ``TorchServingArtifactBuilder``. ``extra_files`` and
    ``requirements`` are what training needs, and serving too where ``serving_config`` names no others. The
    archive's name is made from ``id`` (``sanitize_string``). The other fields are for training and images;
    nothing here reads them.

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
        issues = []
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "serving_config":
                expected: tuple[type, ...] = (Mapping,)
            elif each.name == "requirements":
                expected = (str, Sequence, type(None))
            elif each.name == "extra_files":
                expected = (Sequence, type(None))
            else:
                expected = (str,) if each.name == "id" else (str, type(None))
            if not isinstance(value, expected) or (each.name == "extra_files" and isinstance(value, str)):
                names = " or ".join("None" if kind is type(None) else kind.__name__ for kind in expected)
                message = f"must be {names}, not {type(value).__name__}"
                issues.append(Issue(code="bad-type", argument=each.name, message=message))
        if issues:
            raise PlanError(issues)
