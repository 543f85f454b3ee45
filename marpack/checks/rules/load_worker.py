"""A model, loaded by the server's own worker: what comes of it, and whether the archive is to blame [server]."""

from __future__ import annotations

import os
import re

from marpack.archive.read.archive import Archive
from marpack.checks.frame.subject import Subject
from marpack.checks.python.torch_handlers import HANDLER_MODULES
from marpack.errors import LimitError, MarpackError, NotServedError, UnsafeArchiveError
from marpack.frozen import frozen_in_order
from marpack.running.server_python import server_python
from marpack.running.traceback import frames_of, raised_by

_MISSING = re.compile(r"ModuleNotFoundError: No module named '(?P<module>[^'.]+)")
_IMPORT = re.compile(r"ImportError: cannot import name '[^']*' from '(?P<module>[^'.]+)")
_RAISED = re.compile(r"(?P<kind>[\w.]+)(: |$)")
# What is raised for the sake of the machine: its memory, its network, its devices.
_MACHINES = frozenset(
    """
    MemoryError ConnectionError ConnectionRefusedError ConnectionResetError TimeoutError socket.gaierror
    socket.timeout ssl.SSLError urllib.error.URLError urllib.error.HTTPError torch.OutOfMemoryError
    torch.cuda.OutOfMemoryError torch.AcceleratorError http.client.RemoteDisconnected
    """.split()  # noqa: SIM905 - quotes would hide the names
)
_MACHINES_WORDS = re.compile(
    r"CUDA|cuda|NVIDIA|Max retries|ProxyError|name resolution|unreachable|couldn't connect|rendezvous"
    r"|cannot open shared object file|Read-only file system|Permission denied|No space left"
)
# A file that lies elsewhere: the server may have it.
_OUTSIDE = re.compile(r"FileNotFoundError: \[Errno 2] No such file or directory: '(?P<path>/[^']*)'")
# Where a worker finds a model, which is nobody's but its own.
_FOLDER = re.compile(r"/[^'\"\s()]*/marpack-run-[^/]*/(model|linked/[^/]*)/")
_ENVIRONMENTS = "<frozen os>"
# By the system, whose memory is short.
_KILLED = 128 + 9


@frozen_in_order
class Loaded:
    """What came of it: nothing that is wrong, a ``reason`` why nobody knows, or what is wrong.

    ``effect`` is what the server says; ``member`` and ``line`` are where it comes up.
    """

    message: str = ""
    effect: str = ""
    member: str | None = None
    line: int | None = None
    reason: str = ""


def can_load(subject: Subject) -> bool:
    """Tell whether this Python has the server's worker, and the model is one for it."""
    if subject.origin is None or subject.kind == "workflow":
        return False
    try:
        server_python()
    except MarpackError:
        return False
    return True


def loaded(subject: Subject, seconds: float) -> Loaded:
    """Start a worker that loads the model, and end it; raises what unpacking raises of a damaged archive."""
    from marpack.running.worker import Worker  # slow to import, and needed where a model is loaded

    source = subject.origin
    assert source is not None
    try:
        with Worker(source, startup_timeout=seconds):
            return Loaded()
    except (UnsafeArchiveError, LimitError) as error:
        member = "" if error.member is None else f"{error.member} "
        return Loaded(reason=f"it is not safe to unpack: {member}{error.message}")
    except NotServedError as error:
        return refused(subject, error)
    except MarpackError as error:
        if type(error) is not MarpackError:
            raise
        return Loaded(reason=str(error))


def refused(subject: Subject, error: NotServedError) -> Loaded:
    """Return what a refusal says of a model."""
    effect = f"it answers {error.status}, {error.message!r}"
    if not error.log and not error.traceback:
        said = error.why or error.message
        return Loaded(f"no server loads it: {said}", effect)
    frames = frames_of(error.traceback)
    raised = raised_by(error.traceback) or error.why
    member, line = _place(subject, frames)
    if reason := _others_fault(subject, frames, raised, error):
        return Loaded(reason=reason)
    message = f"it cannot be loaded: {_FOLDER.sub('', raised)}"
    return Loaded(message, f"the worker dies: {effect}", member, line)


def _place(subject: Subject, frames: list[tuple[str, int]]) -> tuple[str | None, int | None]:
    """Return the member of the last frame that is one's, and its line."""
    folder = _folder(subject)
    for file, line in reversed(frames):
        inside = file.removeprefix(f"{folder or _shown(subject)}/")
        for name in (inside, inside.partition("/")[2]):  # of a folder that is the only one in the archive's
            if inside != file and name in subject.names:
                return name, line
    return None, None


def _folder(subject: Subject) -> str | None:
    """Return the folder that a model lies in, None where it is in an archive."""
    source = subject.origin
    return os.path.realpath(source.path) if isinstance(source, Archive) and source.form == "folder" else None


def _shown(subject: Subject) -> str:
    """Return how an archive is called in a traceback: by its file, or its model."""
    return subject.file_name or os.path.basename(subject.path) or subject.texts.get("modelName", "")


def _others_fault(subject: Subject, frames: list[tuple[str, int]], raised: str, error: NotServedError) -> str:
    """Return why another machine may load what this one does not, "" where none does."""
    said = raised.partition("\n")[0]
    missing = _MISSING.match(said) or _IMPORT.match(said)
    if missing is not None and not _is_packed(subject, missing["module"]):
        return f"of this Python's packages: {said}"
    kind = _RAISED.match(said)
    if error.exit_status == _KILLED or (kind is not None and kind["kind"] in _MACHINES) or error.status == 507:
        return f"of this machine: {said or error.why}"
    outside = _OUTSIDE.match(said)
    if _MACHINES_WORDS.search(raised) or (outside is not None and not _is_inside(subject, outside["path"])):
        return f"of this machine: {said}"
    if _ENVIRONMENTS in dict(frames) and said.startswith("KeyError"):
        return f"of this machine's environment: {said}"
    return ""


def _is_inside(subject: Subject, path: str) -> bool:
    """Tell whether a file is looked for where the model lies."""
    folder = _folder(subject)
    return _FOLDER.match(path) is not None or (folder is not None and path.startswith(f"{folder}/"))


def _is_packed(subject: Subject, module: str) -> bool:
    """Tell whether a module is the archive's to bring: one of its files, or what is named as a file of it."""
    handler = subject.handler
    # In a traceback as Python shows a text.
    is_file = handler is not None and (handler.reference is not None or handler.module in HANDLER_MODULES)
    named = {"ts", repr(handler.module)[1:-1]} if handler is not None and is_file else {"ts"}
    named.add((subject.role("modelFile") or "").partition(".")[0])
    # A worker that is told no handler takes the folder for one.
    return module in subject.packages or module in named or handler is None
