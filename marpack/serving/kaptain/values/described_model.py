"""A model as the Kaptain SDK describes it: its properties, and what is known of its training (K120 to K135)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from marpack.config.settings.redaction import redacted
from marpack.display import brief_repr
from marpack.findings import Issue
from marpack.serving.deploy.tables import LIST, REQUIREMENTS, TABLE, TEXT, table_issues, unknown_name
from marpack.serving.kaptain.values.config import Config
from marpack.serving.kaptain.values.exceptions import InvalidModelProperty, property_error
from marpack.serving.kaptain.values.frameworks import ModelFramework, known_framework, unknown_framework

# In the order of the SDK's constructor, each with what it holds.
PROPERTIES: dict[str, tuple[str, ...]] = {
    "id": (TEXT,),
    "name": (TEXT,),
    "description": (TEXT,),
    "version": (TEXT,),
    "framework": (),
    "framework_version": (TEXT,),
    "main_file": (TEXT,),
    "image_name": (TEXT,),
    "base_image": (TEXT,),
    "extra_files": (LIST,),
    "requirements": (REQUIREMENTS,),
    "labels": (),
    "config": (),
    "serving_config": (TABLE,),
}
# The SDK's required ones: blank text is none (K130). Of them marpack asks only for the id (K132).
_NOT_BLANK = frozenset(list(PROPERTIES)[: list(PROPERTIES).index("extra_files")])

# What a model is before anything of it was exported, and then the phase of its newest export.
STATES = ("untrained", "trained", "tuned")


class DescribedModel:
    """The properties of a model; they may be set, and are checked as by the constructor.

    - ``state``: ``untrained``, and ``trained`` or ``tuned`` once an export of that phase was found.
    - ``revision``: a random text that every action makes anew.
    - ``hyperparameters``: None, or what was set or loaded.
    - ``metrics``: None, or what the trainer of the newest export recorded: name -> ``latest``, ``min``, ``max``.
    - ``exported_model``: the location of the newest export that was found, without secrets, or None.
    - ``deployment``: what the last deployment of this object made, or None.
    """

    id: str
    name: str | None
    description: str | None
    version: str | None
    framework: ModelFramework | None
    framework_version: str | None
    main_file: str | None
    image_name: str | None
    base_image: str | None
    extra_files: Sequence[str] | None
    requirements: str | Sequence[str] | None
    labels: Sequence[str] | None
    config: Config
    serving_config: Mapping[str, Any]

    def __init__(
        self,
        id: str,  # noqa: A002  # the SDK's word
        name: str | None = None,
        description: str | None = None,
        version: str | None = None,
        framework: ModelFramework | str | None = None,
        framework_version: str | None = None,
        main_file: str | None = None,
        image_name: str | None = None,
        base_image: str | None = None,
        extra_files: Sequence[str] | None = None,
        requirements: str | Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        config: Config | None = None,
        serving_config: Mapping[str, Any] | None = None,
        **unknown: NoReturn,
    ) -> None:
        given = (
            *(id, name, description, version, framework, framework_version, main_file, image_name, base_image),
            *(extra_files, requirements, labels, config, serving_config),
        )
        values = dict(zip(PROPERTIES, given, strict=True))
        _require_good({**values, **unknown})
        vars(self).update({key: _settled(key, value) for key, value in values.items()})
        self.state = STATES[0]
        self.revision = ""
        self.renew_revision()
        self.metrics: dict[str, dict[str, float]] | None = None
        self.exported_model: str | None = None
        self.deployment: Any = None
        self.hyperparameters: dict[str, Any] | None = None

    def renew_revision(self) -> None:
        """Give the model another revision, as every action on it does (K133)."""
        self.revision = str(uuid.uuid4())

    def properties(self) -> dict[str, Any]:
        """Return the values of the constructor's arguments, by name and in its order."""
        return {name: vars(self)[name] for name in PROPERTIES}

    def __setattr__(self, name: str, value: object) -> None:
        if name in PROPERTIES:
            _require_good({name: value})
            value = _settled(name, value)
        elif name == "hyperparameters":
            if not (value is None or (isinstance(value, Mapping) and all(isinstance(key, str) for key in value))):
                message = f"must be a table with names, not {brief_repr(value)}"
                raise InvalidModelProperty([Issue(code="bad-type", argument=name, message=message)])
        elif name not in _STATE and not name.startswith("_"):
            _require_good({name: value})
        super().__setattr__(name, value)

    def __eq__(self, other: object) -> bool:
        return self.properties() == other.properties() if isinstance(other, DescribedModel) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of any value that can be changed

    def __repr__(self) -> str:
        shown = (f"{name}={redacted(name, repr(value))}" for name, value in self.properties().items())
        return f"{type(self).__name__}({', '.join(shown)})"


# Python's own errors name the class that users know.
DescribedModel.__init__.__qualname__ = "Model.__init__"

_STATE = {"state", "revision", "metrics", "exported_model", "deployment", "hyperparameters"}


def _settled(name: str, value: Any) -> Any:
    """Return a good value as it is kept."""
    if name == "framework":
        return None if value is None else known_framework(value)
    if name == "config":
        return Config.default() if value is None else value
    return {} if name == "serving_config" and value is None else value


def property_issues(values: Mapping[str, Any]) -> list[Issue]:
    """Return everything that is wrong with some properties."""
    issues = [unknown_name(name, PROPERTIES, "an argument of Model") for name in values if name not in PROPERTIES]
    known = {name: value for name, value in values.items() if name in PROPERTIES}
    issues += table_issues(known, PROPERTIES, "Model")
    for name, value in known.items():
        issues += _issues(name, value)
    return issues


def _require_good(values: Mapping[str, Any]) -> None:
    """Raise one error for everything that is wrong; a user's ``except`` line for any of it takes it."""
    if issues := property_issues(values):
        unsupported = any(issue.argument == "framework" for issue in issues)
        raise property_error(undefined=False, unsupported=unsupported)(issues)


def _issues(name: str, value: object) -> list[Issue]:
    """Return what a table's kinds cannot say."""
    if name == "framework":
        return [] if value is None or known_framework(value) else [unknown_framework(value)]
    problem = None
    if name == "id" and value is None:
        problem = "bad-value", "is None: name the model"
    elif name in _NOT_BLANK and isinstance(value, str) and not value.strip():
        problem = "bad-value", "is blank: give it a value, or leave it out"
    elif name == "labels" and value is not None and not _is_texts(value):
        problem = "bad-type", f"must be a list of texts, not {brief_repr(value)}"
    elif name == "config" and not isinstance(value, (Config, type(None))):
        problem = "bad-type", f"must be a Config, not {type(value).__name__}"
    return [] if problem is None else [Issue(code=problem[0], argument=name, message=problem[1])]


def _is_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) and item.strip() for item in value)
