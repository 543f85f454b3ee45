"""The switches of the Kaptain SDK (K107, K256): each can be set, and is a variable of the environment until then.

``VERBOSE`` and ``DEBUG`` steer what a deployment tells, and ``LOG_TIMEFORMAT`` how it shows the time. The others
have no effect here: they were for the jobs that build images and train, and are kept so that scripts can set them.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from marpack.display import brief_repr
from marpack.serving.kaptain.values.environment import is_true, variable

VERBOSE: bool
DEBUG: bool
LOG_TIMEFORMAT: str
DOCKER_BUILDER_CPU_LIMIT: str
DOCKER_BUILDER_MEM_LIMIT: str
DOCKER_BUILDER_CPU_REQUEST: str
DOCKER_BUILDER_MEM_REQUEST: str
KAPTAIN_SDK_DELETE_EXPERIMENT: bool
KAPTAIN_SDK_TTL_SECONDS_AFTER_FINISHED: int | None
KAPTAIN_SDK_FORCE_CLEANUP: bool

# The variable of the environment of each switch, and its value without that.
_SWITCHES: dict[str, tuple[str, bool | str | None]] = {
    "VERBOSE": ("KAPTAIN_SDK_VERBOSE", False),
    "DEBUG": ("KAPTAIN_SDK_DEBUG", False),
    "LOG_TIMEFORMAT": ("KAPTAIN_SDK_LOG_TIMEFORMAT", "%Y-%m-%d %H:%M:%S,%f"),
    "DOCKER_BUILDER_CPU_LIMIT": ("DOCKER_BUILDER_CPU_LIMIT", "1"),
    "DOCKER_BUILDER_MEM_LIMIT": ("DOCKER_BUILDER_MEM_LIMIT", "1G"),
    "DOCKER_BUILDER_CPU_REQUEST": ("DOCKER_BUILDER_CPU_REQUEST", "500m"),
    "DOCKER_BUILDER_MEM_REQUEST": ("DOCKER_BUILDER_MEM_REQUEST", "500M"),
    "KAPTAIN_SDK_DELETE_EXPERIMENT": ("KAPTAIN_SDK_DELETE_EXPERIMENT", False),
    "KAPTAIN_SDK_TTL_SECONDS_AFTER_FINISHED": ("KAPTAIN_SDK_TTL_SECONDS_AFTER_FINISHED", None),
    "KAPTAIN_SDK_FORCE_CLEANUP": ("KAPTAIN_SDK_FORCE_CLEANUP", False),
}
_KINDS: dict[type, str] = {bool: "True or False", str: "text"}


class _Switches(ModuleType):
    """A module whose switches are looked up when they are asked for, and checked when they are set."""

    def __getattr__(self, name: str) -> Any:
        if name not in _SWITCHES:
            known = ", ".join(_SWITCHES)
            raise AttributeError(f"module {self.__name__!r} has no switch {name!r}: there are {known}")
        source, otherwise = _SWITCHES[name]
        text = variable(source)
        if text is None:
            return otherwise
        return is_true(text) if isinstance(otherwise, bool) else text

    def __setattr__(self, name: str, value: object) -> None:
        # Python itself sets __spec__ and the like.
        if not name.startswith("__"):
            if name not in _SWITCHES:
                self.__getattr__(name)
            kind = type(_SWITCHES[name][1])
            if kind in _KINDS and not isinstance(value, kind):
                raise TypeError(f"{name} takes {_KINDS[kind]}, not {brief_repr(value)}")
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Switches
