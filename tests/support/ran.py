"""What ``run`` makes of an archive that a server is given, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from marpack.archive.read.open import open_archive
from marpack.checks.examine import settings_for, subject_of
from marpack.checks.rules.load_worker import Loaded, refused
from marpack.errors import ArchiveError, MarpackError, NotServedError
from marpack.running import Request, Worker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Ran(NamedTuple):
    """What came of it: an error, and what ``check(load=True)`` says then; or the status and text of an answer."""

    error: MarpackError | None
    status: int = 0
    text: str = ""
    loaded: Loaded | None = None


def worker(path: Path, python: Path, *, config: Mapping[str, str] | None = None) -> Worker:
    """Return a worker for an archive that is as those of a server of the tests, told by ``config``."""
    told = config or {}
    variables = {
        "PYTHONPATH": "",
        "OMP_NUM_THREADS": "1",
        "TS_DECODE_INPUT_REQUEST": told.get("decode_input_request", "true"),
    }
    return Worker(path, python=python, requirements="install_py_dep_per_model" in told, environment=variables)


def ran(path: Path, python: Path, request: object, config: Mapping[str, str]) -> Ran:
    """Load an archive by a worker of marpack's and ask it."""
    try:
        with worker(path, python, config=config) as run:
            answer = run.predict(Request.json({} if request is None else request))
    except NotServedError as error:
        return Ran(error, loaded=_loaded(path, error))
    except MarpackError as error:
        return Ran(error)
    return Ran(None, answer.status, answer.body.decode("utf-8", "replace"))


def _loaded(path: Path, error: NotServedError) -> Loaded | None:
    settings = settings_for(target="torchserve", python=None, torch=None, torchserve_version=None)
    try:
        with open_archive(path) as archive:
            return refused(subject_of(archive, settings), error)
    except ArchiveError:
        return None
