"""Every exception class of marpack.

One class for each reaction of a caller. ``OSError`` from the disk, and whatever a caller's own source or
progress function raises, pass through unchanged.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from marpack.display import showable
from marpack.findings import Finding, Issue, ReaderName

if TYPE_CHECKING:
    from typing import Self

    from marpack.issue_codes import SignatureCode


class MarpackError(Exception):
    """Base of every error that marpack itself raises."""


class _KeptError(MarpackError):
    """An error that keeps its arguments, as attributes of their names, and is pickled as them."""

    def __reduce__(self) -> tuple[Any, ...]:
        import inspect  # slow to import, and seldom needed

        names = list(inspect.signature(type(self)).parameters)
        return functools.partial(type(self), **{name: getattr(self, name) for name in names}), ()


def _listed(problems: Sequence[Issue] | Sequence[Finding]) -> str:
    lines = [str(problem) for problem in problems]
    return lines[0] if len(lines) == 1 else "\n- ".join([f"{len(lines)} problems:", *lines])


class PlanError(_KeptError, ValueError):
    """The inputs do not make an archive; ``issues`` holds everything that is wrong with them."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues)
        super().__init__(_listed(self.issues))


class _FindingsError(_KeptError, ValueError):
    """Findings are in the way; ``findings`` holds them all."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(_listed(self.findings))


class ConfigError(_FindingsError):
    """Settings cannot be used; ``findings`` holds everything that is wrong with them."""


class CheckError(_FindingsError):
    """A model was to be packed that the server would refuse; ``findings`` says why. Nothing was written."""


class ArchiveError(_KeptError, ValueError):
    """What lies at ``path`` is not a model archive that can be read.

    ``code`` is stable (spec/archive.md, R11), and ``member`` the one at fault, if it is one.
    """

    def __init__(self, path: str, message: str, *, code: str = "unreadable", member: str | None = None) -> None:
        self.path = path
        self.message = message
        self.code = code
        self.member = member
        super().__init__(showable(f"{path!r} {message}" if member is None else f"{path!r}: {member!r} {message}"))

    @property
    def issue(self) -> Issue:
        """The same as one of several: its ``argument`` is the member."""
        return Issue(code=self.code, argument=self.member or "", message=self.message)


class UnsafeArchiveError(ArchiveError):
    """An archive is whole, but would escape, be taken for another, or surprise. Nothing of it has been written."""


class LimitError(ArchiveError):
    """An archive asks for more than the limits allow: pass larger ``Limits`` if you trust it."""


class SignatureError(_KeptError, ValueError):
    """What lies there is not what the signature at ``path`` says, or not the one whose key is required says it.

    ``code`` is stable (spec/signature.md, G14): ``signature-key`` where another key made it, or it was changed
    since, or ``signature-mismatch``, where ``extra``, ``missing`` and ``changed`` are the files that differ.
    """

    def __init__(
        self,
        path: str,
        message: str,
        *,
        code: SignatureCode = "signature-key",
        extra: Sequence[str] = (),
        missing: Sequence[str] = (),
        changed: Sequence[str] = (),
    ) -> None:
        self.path = path
        self.message = message
        self.code = code
        self.extra = tuple(extra)
        self.missing = tuple(missing)
        self.changed = tuple(changed)
        super().__init__(showable(f"{path!r} {message}"))

    @property
    def issue(self) -> Issue:
        """The same as one of several: its ``argument`` is the signature."""
        return Issue(code=self.code, argument=self.path, message=self.message)


class SignatureFileError(SignatureError):
    """What lies at ``path`` is no signature that can be read; ``code`` is ``signature-file``."""

    _CODE: ClassVar[SignatureCode] = "signature-file"

    def __init__(self, path: str, message: str) -> None:
        super().__init__(path, message, code=self._CODE)


class NotMappableError(_KeptError, ValueError):
    """A member's bytes do not lie in a file as they are: read it, instead; ``path`` and ``member`` name it."""

    def __init__(self, path: str, member: str, why: str) -> None:
        self.path = path
        self.member = member
        self.why = why
        super().__init__(showable(f"{path!r}: {member!r} {why}"))


class ArchiveExistsError(_KeptError, FileExistsError):
    """Something stands at ``path``, where the archive should go, and stays; ``what_to_do`` is a way out."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        what_to_do: str = "choose another name, or overwrite it (--force, force=True)",
    ) -> None:
        self.path = path
        self.what_to_do = what_to_do
        super().__init__(f"{str(path)!r} already exists: {what_to_do}")


class TargetError(_KeptError, OSError):
    """The place where the archive should go, ``path``, cannot take it."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        self.message = message
        super().__init__(f"{path!r} {message}")


class SourceChangedError(_KeptError, RuntimeError):
    """A source is not what it was when the archive was planned, or opened; ``source`` names it."""

    def __init__(self, source: str, how: str, what_to_do: str = "pack again when nothing writes to it") -> None:
        self.source = source
        self.how = how
        self.what_to_do = what_to_do
        super().__init__(f"{source} {how}: {what_to_do}")


class _UrlError(_KeptError, OSError):
    """What a URL names does not do what is asked of it; ``url`` is shown without secrets."""

    # How its reasons speak of what was tried, and of what the store does not know.
    doing: ClassVar[str]
    done: ClassVar[str]
    absent: ClassVar[str]

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"{self.url!r} {reason}")


class DownloadError(_UrlError):
    """A remote file cannot be read; ``url`` names it, without secrets, and ``reason`` says why."""

    doing = "reading"
    done = "read"
    absent = "does not exist: correct the URL"


class UploadError(_UrlError):
    """A remote file cannot be written; ``url`` names it, without secrets, and ``reason`` says why."""

    doing = "writing"
    done = "written"
    absent = "lies in a bucket or folder that does not exist: correct the URL, or create that"


class MissingExtraError(_KeptError, ImportError):
    """A feature needs an optional dependency: ``extra`` is what to install, ``marpack[extra]``.

    pip and uv keep a marpack that is installed, be it from a clone, and ask an index for the rest.
    ``otherwise`` says how to do without, where there is a way.
    """

    def __init__(self, what: str, extra: str, otherwise: str = "") -> None:
        self.what = what
        self.extra = extra
        self.otherwise = otherwise
        ways = f"pip install 'marpack[{extra}]'" + (f", or {otherwise}" if otherwise else "")
        super().__init__(f"{what} needs an optional dependency: {ways}")


class ImageError(_KeptError, ValueError):
    """What lies at ``path`` is no image that can be used, or its blobs are not what it says of them.

    ``code`` is stable (spec/image.md, I26).
    """

    def __init__(self, path: str, message: str, *, code: str) -> None:
        self.path = path
        self.message = message
        self.code = code
        super().__init__(showable(f"{path!r} {message}"))

    @property
    def issue(self) -> Issue:
        """The same as a value."""
        return Issue(code=self.code, argument="", message=self.message)


class RegistryError(_KeptError, OSError):
    """A registry does not take an image; ``name`` is the image's there, and ``reason`` says why.

    ``status`` is what it answered, None where it did not answer. Nothing is tagged, unless the answer to the last
    request was lost, or alone has another digest.
    """

    def __init__(self, name: str, reason: str, *, status: int | None = None) -> None:
        self.name = name
        self.reason = reason
        self.status = status
        super().__init__(showable(f"{name!r} {reason}"))


class NotServedError(_KeptError, RuntimeError):
    """A server would not serve the model at ``path``: nothing of it answers.

    ``status`` and ``message`` are the answer to who registers it there and waits for a worker; ``why`` is the last
    line of what ended the worker, empty where none was begun; ``traceback`` and ``log`` are what the worker wrote,
    a place in the archive named as one. ``exit_status`` is what its process ended with before it could answer
    (128 and the signal's number for one that was killed), else None.
    """

    def __init__(
        self,
        path: str,
        message: str,
        *,
        status: int,
        why: str = "",
        traceback: str = "",
        log: Sequence[str] = (),
        exit_status: int | None = None,
    ) -> None:
        self.path = path
        self.message = message
        self.status = status
        self.why = why
        self.traceback = traceback
        self.log = tuple(log)
        self.exit_status = exit_status
        super().__init__(showable(f"{path!r} is not served: {message}{f' ({why})' if why else ''}"))


class NotPortableError(_KeptError, ValueError):
    """A property cannot be written so that every known reader takes it alike.

    ``key`` names it, ``reader`` is who would take it otherwise. The value is not shown: it may be a secret.
    """

    def __init__(self, key: str, reader: ReaderName, why: str) -> None:
        self.key = key
        self.reader = reader
        self.why = why
        super().__init__(f"{key!r} cannot be written for every reader: {why}")


class _TextError(_KeptError, ValueError):
    """A text is not what it should be.

    ``msg`` says why, ``doc`` is the text, ``pos`` the index where it goes wrong (0 when it is the whole),
    ``lineno`` and ``colno`` the same counted from 1. ``file`` is there when the text came from one.
    """

    what: ClassVar[str]

    def __init__(self, msg: str, doc: str, pos: int = 0, file: str | None = None) -> None:
        self.msg, self.doc, self.pos, self.file = msg, doc, pos, file
        self.lineno, self.colno = self._place()
        what = self.what if file is None else repr(file)
        super().__init__(f"{what}: {msg} (line {self.lineno}, column {self.colno})")

    def in_file(self, file: str) -> Self:
        """Return the same error, naming the file that the text came from."""
        return type(self)(self.msg, self.doc, self.pos, file)

    def _place(self) -> tuple[int, int]:
        return self.doc.count("\n", 0, self.pos) + 1, self.pos - self.doc.rfind("\n", 0, self.pos)


class ManifestError(_TextError):
    """A text is not a manifest."""

    what = "MANIFEST.json"


class SnapshotError(_TextError):
    """A text is not the JSON of a model snapshot."""

    what = "model_snapshot"


class PropertiesError(_TextError):
    """A text is not a properties file; lines end as in Java, also at a carriage return."""

    what = "properties"

    def _place(self) -> tuple[int, int]:
        before = self.doc[: self.pos].replace("\r\n", "\n").replace("\r", "\n")
        return before.count("\n") + 1, len(before) - before.rfind("\n")
