"""What is wrong: with the inputs of a plan (``Issue``), or with what a server is given (``Finding``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, asdict, fields
from typing import Any, ClassVar, Literal, TypeAlias

from marpack.display import printable, showable
from marpack.frozen import frozen

Severity: TypeAlias = Literal["error", "warning", "note"]
"""How bad it is: it fails or is ignored for sure; it may, or depends on the server; it is worth knowing."""

ReaderName: TypeAlias = Literal["server", "launcher", "kserve", "mlflow"]
"""Who reads what marpack writes: the server, the ``torchserve`` command, KServe's wrapper, or MLflow's plugin."""

READER_NAMES: Mapping[ReaderName, str] = {
    "server": "the server",
    "launcher": "the torchserve command",
    "kserve": "KServe's wrapper",
    "mlflow": "MLflow's plugin",
}


class _Shown:
    """A dataclass whose ``repr``, too, hides secrets."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __repr__(self) -> str:
        values = ((each.name, getattr(self, each.name)) for each in fields(self))
        shown = (f"{name}={showable(value) if isinstance(value, str) else value!r}" for name, value in values)
        return f"{type(self).__name__}({', '.join(shown)})"


@frozen
class Issue(_Shown):
    """One thing that is wrong with the inputs of a plan, or with an archive.

    ``code`` is stable (spec/archive.md lists them), ``argument`` names the argument at fault, or the member, and
    is empty for an archive as a whole; ``message`` says what is wrong, with which value, and what to do. They hold
    what is; ``str`` escapes names and hides secrets.
    """

    code: str
    argument: str
    message: str

    def asdict(self) -> dict[str, Any]:
        """Return JSON values, without secrets and halves of characters; JSON itself escapes the rest."""
        return {"code": self.code, "argument": showable(self.argument), "message": showable(self.message)}

    def __str__(self) -> str:
        return ": ".join(filter(None, [printable(self.argument), showable(self.message)]))


@frozen
class Finding(_Shown):
    """One thing that a reader will refuse, ignore, or take otherwise than it looks.

    ``code`` is stable (spec/checks.md lists them). ``file`` is the archive or file, ``member`` the member of the
    archive, and ``line`` is counted from 1; each is None where it is not known, or does not apply. ``key`` is the
    setting, or the path to a value inside it, ``model_snapshot.models.mnist.1.0.minWorkers``; it is empty for what
    concerns a file as a whole. ``message`` says what is wrong, ``effect`` what ``reader`` says or does about it,
    in its own words where it has some, and ``fix`` what to do. ``severity`` is ``error`` when a reader fails or
    ignores what was meant, ``warning`` when it may, ``note`` otherwise.

    They hold what is; ``str`` and ``sentence`` escape names and hide secrets. A ``fix`` holds none: it may name
    the setting to write, whatever that is called.
    """

    code: str
    severity: Severity = "error"
    key: str = ""
    file: str | None = None
    member: str | None = None
    line: int | None = None
    message: str
    effect: str = ""
    fix: str
    reader: ReaderName = "server"

    @property
    def sentence(self) -> str:
        """The finding without its place and severity."""
        parts = [*map(showable, (self.key, self.message, self._effect)), f"{self.fix} [{self.code}]"]
        return ": ".join(printable(part) for part in parts if part)

    def asdict(self) -> dict[str, Any]:
        """Return JSON values (spec/check.schema.json), without secrets."""
        shown = {name: showable(getattr(self, name)) for name in ("key", "message", "effect")}
        return asdict(self) | shown

    @property
    def issue(self) -> Issue:
        """The same as one of several arguments that are wrong: ``argument`` is the key."""
        message = ": ".join(filter(None, [self.message, self._effect, self.fix]))
        return Issue(code=self.code, argument=self.key, message=message)

    @property
    def _effect(self) -> str:
        return f"{READER_NAMES[self.reader]}: {self.effect}" if self.effect else ""

    @property
    def place(self) -> str:
        """The file with the member in it and the line, escaped; empty where none is known."""
        path = "/".join(printable(part) for part in (self.file, self.member) if part)
        return ":".join(filter(None, [path, str(self.line or "")]))

    def __str__(self) -> str:
        return ": ".join(filter(None, [self.place, self.severity, self.sentence]))
