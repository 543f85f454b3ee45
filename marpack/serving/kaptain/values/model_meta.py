"""A model's properties at one moment, which nothing changes any more (K135)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NoReturn

from marpack.config.settings.redaction import redacted

if TYPE_CHECKING:
    from marpack.serving.kaptain.values.described_model import DescribedModel
    from marpack.serving.kaptain.values.frameworks import ModelFramework


class FrozenTable(dict[str, Any]):
    """A dictionary that does not change; JSON, ``pickle`` and ``copy`` take it as one."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(
            "a model's meta() is a copy that does not change: make a dict() of it, or change the model"
        )

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenTable, (dict(self),)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class ModelMeta:
    """A copy of a model's properties, and of what is known of its training; lists are tuples in it."""

    id: str
    name: str | None
    description: str | None
    version: str | None
    framework: ModelFramework | None
    framework_version: str | None
    main_file: str | None
    image_name: str | None
    base_image: str | None
    extra_files: tuple[str, ...] | str | None
    requirements: tuple[str, ...] | str | None
    labels: tuple[str, ...] | None
    serving_config: Mapping[str, Any]
    state: str
    revision: str
    hyperparameters: Mapping[str, Any] | None
    metrics: Mapping[str, Mapping[str, float]] | None
    exported_model: str | None

    @classmethod
    def of(cls, model: DescribedModel) -> ModelMeta:
        """Copy a model."""
        return cls(**{each.name: frozen(getattr(model, each.name)) for each in fields(cls)})

    def __repr__(self) -> str:
        shown = (f"{each.name}={redacted(each.name, repr(getattr(self, each.name)))}" for each in fields(self))
        return f"ModelMeta({', '.join(shown)})"


def frozen(value: Any) -> Any:
    """Return a copy in which tables and lists, all the way down, do not change."""
    if isinstance(value, Mapping):
        return FrozenTable({key: frozen(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(map(frozen, value))
    return frozenset(map(frozen, value)) if isinstance(value, (set, frozenset)) else value
