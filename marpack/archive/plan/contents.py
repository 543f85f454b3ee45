"""What a value that a caller gives stands for: a path, bytes, an open file, a model, another source."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard

from marpack.archive.sources import BytesSource, SeekableFile, Source, StreamSource
from marpack.display import brief_repr

if TYPE_CHECKING:
    from marpack.issue_codes import PlanCode


class Module(Protocol):
    """What type checkers look for in a ``torch.nn.Module``, for those who have no torch."""

    def state_dict(self) -> Mapping[str, Any]:
        """Return the tensors by their names."""


class Tensor(Protocol):
    """The same for a ``torch.Tensor``."""

    def untyped_storage(self) -> Any:
        """Return the memory."""


StateDict: TypeAlias = "Mapping[str, Tensor]"
SourceLike: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | SeekableFile | Source | Module | StateDict"
)
"""Where the bytes of a member come from: a path, as every ``str`` is; contents; an open binary file, which is read
from where it stands; a source of your own; or a model of torch, or its state_dict, as ``torch.save`` writes it."""

FileArgument: TypeAlias = "SourceLike | Mapping[str, SourceLike]"
"""A file of an archive: where its bytes come from, or ``{name in the archive: where its bytes come from}``."""


class ContentsError(ValueError):
    """What a value is no contents for; ``code`` is the issue's."""

    def __init__(self, code: PlanCode, message: str) -> None:
        self.code = code
        super().__init__(message)


def is_path(value: object) -> TypeGuard[str | os.PathLike[str]]:
    """Tell a path: every ``str`` is one."""
    return isinstance(value, (str, os.PathLike))


def is_bytes(value: object) -> TypeGuard[bytes | bytearray | memoryview]:
    """Tell contents in memory."""
    return isinstance(value, (bytes, bytearray, memoryview))


def is_model(value: object) -> bool:
    """Tell a model or a state_dict of torch."""
    models = _torch_models()
    return models is not None and models.is_model(value)


def own_name(value: object) -> str | None:
    """Return the name that a value brings: a path's last part, an open file's."""
    if is_path(value):
        return os.path.basename(os.fsdecode(value))
    name = None if is_model(value) else getattr(value, "name", None)
    return os.path.basename(name) if isinstance(name, str) else None


def source_of(value: object, name: str) -> Source:
    """Return the source that a value, which is no path, is or has; ``ContentsError`` when there is none.

    ``name`` is what it is to be called.
    """
    if is_bytes(value):
        return BytesSource(data=bytes(value))
    if is_model(value):
        try:
            source: Source = _torch_models().model_source(value, name)
        except ValueError as error:
            raise ContentsError("bad-value", str(error)) from error
        return source
    if hasattr(value, "read") and hasattr(value, "seek"):
        return _stream(value)
    if isinstance(value, Source):
        return value
    if problem := checkpoint_problem(value):
        raise ContentsError("bad-value", problem)
    known = "a path, bytes, an open binary file, or a module or state_dict of torch"
    raise ContentsError("bad-type", f"cannot take {brief_repr(value, 40)}: give {known}")


def checkpoint_problem(value: object) -> str | None:
    """Return what is wrong with a mapping that is a checkpoint of torch's, None for all else."""
    models = _torch_models()
    return None if models is None else models.checkpoint_problem(value)


def _torch_models() -> Any:
    """Return what knows models: none can be there before torch is imported, which marpack leaves to others."""
    if sys.modules.get("torch") is None:
        return None
    from marpack.archive.plan import torch_models

    return torch_models


def _stream(file: Any) -> Source:
    try:
        if not isinstance(file.read(0), bytes):
            raise ContentsError("bad-type", "the file is open for text: open it with mode 'rb'")
        start = file.tell()
        file.seek(0, os.SEEK_END)
        size = file.tell() - start
        file.seek(start)
    except ContentsError:
        raise
    except (OSError, ValueError) as error:
        message = f"the open file cannot be read and seek ({error}): open it with mode 'rb', or give the bytes"
        raise ContentsError("unreadable", message) from error
    if size <= 0 < start:
        raise ContentsError("bad-value", "the open file stands at its end: seek(0) first, or give the bytes")
    return StreamSource(file=file, start=start, size=size)
