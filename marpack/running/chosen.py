"""Which of several models a request is for, as the server chooses (J6, J9). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from marpack.frozen import frozen
from marpack.running.front_end_error import FrontEndError
from marpack.running.routes import route


@frozen
class Version:
    """A version of a model; ``is_default``: whether it is what a path without a version means."""

    model_name: str
    version: str
    is_default: bool


def versions(told: Sequence[tuple[str, str, bool]]) -> list[Version]:
    """Return versions of models of names, versions, and whether each is said to be the default of its name.

    Where none of a name is, the first is. Raises ``ValueError`` where several are.
    """
    defaults: dict[str, str] = {}
    for name, version, is_default in told:
        if is_default and defaults.setdefault(name, version) != version:
            raise ValueError(f"the model {name!r} has two default versions, {defaults[name]} and {version}")
    for name, version, _ in told:
        defaults.setdefault(name, version)
    return [
        Version(model_name=name, version=version, is_default=defaults[name] == version)
        for name, version, _ in told
    ]


def chosen(method: str, target: str, models: Sequence[Version], *, server: tuple[int, ...]) -> int:
    """Return the number of the model that answers a request.

    Of one for a model or a version that is not there it is one whose worker says so, in the server's words. Raises
    ``LookupError`` where a request names none and there are several, which the server does not answer with one.
    """
    try:
        asked = route(method, target, server=server)
    except (FrontEndError, ValueError):
        return 0
    if asked.model_name is None:
        if len({model.model_name for model in models}) > 1:
            raise LookupError(target)
        asked_name = models[0].model_name
    else:
        asked_name = asked.model_name
    named = [number for number, model in enumerate(models) if model.model_name == asked_name]
    same = [number for number in named if models[number].version == asked.version]
    return next(iter([*same, *(number for number in named if models[number].is_default), 0]))
