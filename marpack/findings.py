"""What is wrong: with the inputs of a plan (``Issue``), or with what a server is given (``Finding``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from marpack.display import printable, showable

__all__ = ["Finding", "Issue", "ReaderName", "Severity"]

Severity: TypeAlias = Literal["error", "warning", "note"]

# The programs that read what marpack writes: TorchServe itself, its Python launcher ``torchserve``, KServe's
# wrapper around it, and MLflow's deployment plugin.
ReaderName: TypeAlias = Literal["server", "launcher", "kserve", "mlflow"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Issue:
    """One thing that is wrong with the inputs of a plan, or with an archive.

    ``code`` is stable (spec/archive.md lists them), ``argument`` names the argument at fault, or the member, and
    is empty for an archive as a whole; ``message`` says what is wrong, with which value, and what to do.
    A member's name stands as in the archive, and is escaped where it is shown.
    """

    code: str
    argument: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", showable(self.message))

    def __str__(self) -> str:
        return f"{printable(self.argument)}: {self.message}" if self.argument else self.message


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that a reader will refuse, ignore, or take otherwise than it looks.

    ``code`` is stable (spec/properties.md, spec/snapshot.md and spec/checks.md list them). ``key`` is the setting,
    or the path to a value inside it, ``model_snapshot.models.mnist.1.0.minWorkers``; it is empty for what concerns
    a file as a whole. ``message`` says what is wrong and what ``reader`` does about it, ``fix`` what to do, and
    ``effect``, where it is not part of the message, what the server says or does in its own words. ``severity`` is
    ``error`` when a reader fails or ignores what was meant, ``warning`` when it may, ``note`` otherwise. ``file``
    and ``line``, counted from 1, are there when the text came from a file.
    """

    code: str
    severity: Severity
    key: str
    message: str
    fix: str
    reader: ReaderName = "server"
    file: str | None = None
    line: int | None = None
    effect: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", showable(self.key))
        object.__setattr__(self, "message", showable(self.message))

    @classmethod
    def error(cls, code: str, key: str, message: str, fix: str, **place: Any) -> Finding:
        """Make an error; ``place`` are the other fields."""
        return cls(code=code, severity="error", key=key, message=message, fix=fix, **place)

    @classmethod
    def warning(cls, code: str, key: str, message: str, fix: str, **place: Any) -> Finding:
        """Make a warning; ``place`` are the other fields."""
        return cls(code=code, severity="warning", key=key, message=message, fix=fix, **place)

    @classmethod
    def note(cls, code: str, key: str, message: str, fix: str, **place: Any) -> Finding:
        """Make a note; ``place`` are the other fields."""
        return cls(code=code, severity="note", key=key, message=message, fix=fix, **place)

    @property
    def sentence(self) -> str:
        """The finding without its place and severity."""
        effect = f"the server: {self.effect}" if self.effect else ""
        return ": ".join(filter(None, [self.key, self.message, effect, f"{self.fix} [{self.code}]"]))

    def __str__(self) -> str:
        place = [self.file or "", "" if self.line is None else str(self.line)]
        return ": ".join(filter(None, [":".join(filter(None, place)), self.severity, self.sentence]))
