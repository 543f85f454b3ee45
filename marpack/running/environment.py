"""The variables that a worker is started with, as the server's front end makes them (J41)."""

from __future__ import annotations

import os
from collections.abc import Mapping

# Of a launcher of several workers, each of which they tell its place: a worker alone has none.
_RANKS = ("LOCAL_RANK", "RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
_INSTALLED = ("site-packages", "dist-packages")
# What the server's own settings say unless they are told otherwise.
_SERVER = {"TS_DECODE_INPUT_REQUEST": "true", "TS_IPEX_ENABLE": "false", "TS_IPEX_GPU_ENABLE": "false"}


def worker_environment(
    model_folder: str, more: Mapping[str, str], *, handler: str = "", server_home: str = ""
) -> dict[str, str]:
    """Return this process's variables, what the server adds for a model in ``model_folder``, and ``more``.

    ``handler`` is the value of the manifest, ``server_home`` the folder in which the package ``ts`` lies. Of a
    model's folder that is a link nothing is written to: the folder is the caller's.
    """
    variables = {name: value for name, value in os.environ.items() if name not in _RANKS} | dict(more)
    places = [_folder_of(handler)] if ":" in handler else []
    if inherited := variables.get("PYTHONPATH"):
        places.append(inherited)
    places.append(os.path.realpath(model_folder))
    if os.path.islink(model_folder):
        places.append(os.path.dirname(model_folder))
        variables["PYTHONDONTWRITEBYTECODE"] = "1"
    if server_home and not any(each in server_home for each in _INSTALLED):
        places.append(server_home)
    variables["PYTHONPATH"] = os.pathsep.join([*places, ""])
    # Else what a handler prints comes when its process ends.
    variables.setdefault("PYTHONUNBUFFERED", "1")
    variables |= {name: value for name, value in _SERVER.items() if name not in more}
    return variables


def _folder_of(handler: str) -> str:
    """Return the folder before the colon of a handler, or where there is none, as the server does, the module."""
    module = handler.partition(":")[0]
    return module.rpartition("/")[0] if "/" in module else module
