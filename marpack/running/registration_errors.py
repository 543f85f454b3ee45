"""The words in which a server refuses a model, to who registers it and waits for a worker (spec/worker.md). Pure.

They are those of TorchServe 0.12.0 on Java 17.
"""

from __future__ import annotations

import datetime

from marpack.errors import ArchiveError, NotServedError

UNPARSED = "Failed to parse signature.json."
NO_NAME = "Model name is not defined."
NO_RUNTIME = "Runtime is not defined or invalid."

_MANIFEST = "org.pytorch.serve.archive.model.Manifest"
NO_MANIFEST = (
    f'Cannot invoke "{_MANIFEST}.getModel()" because the return value of '
    '"org.pytorch.serve.archive.model.ModelArchive.getManifest()" is null'
)
NO_MODEL = (
    f'Cannot invoke "{_MANIFEST}$Model.getModelName()" because the return value of '
    f'"{_MANIFEST}.getModel()" is null'
)
EMPTY_CONFIG = 'Cannot invoke "java.util.Map.forEach(java.util.function.BiConsumer)" because "yamlMap" is null'
NO_TORCHRUN = (
    'Cannot invoke "org.pytorch.serve.archive.model.ModelConfig$TorchRun.getOmpNumberThreads()" because '
    '"torchRun" is null'
)
NULL_KEY = 'Cannot invoke "String.hashCode()" because "<local3>" is null'

_SERVER_ERROR, _BAD_REQUEST, _FORBIDDEN, _NO_MEMORY = 500, 400, 403, 507

# Of ArchiveError: what no reader unpacks, and what is no archive of its name's form. What else there is the server
# may take: it reads no directory of a zip, and no checksum of a tar.
_DAMAGED = frozenset(
    {"crc", "deflate", "encrypted", "gzip", "gzip-truncated", "size-lies", "tar-truncated", "zip-method"}
)
_NO_ARCHIVE = frozenset({"git-lfs", "wrong-form"})


class NotRegisteredError(Exception):
    """A server answers a registration with ``status`` and ``message``."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(message)

    def of(self, path: str, why: str = "") -> NotServedError:
        """Return the error for callers, of the model at ``path``."""
        return NotServedError(path, self.message, status=self.status, why=why)


def bad_request(message: str) -> NotRegisteredError:
    """Return the refusal of what the server itself finds wrong."""
    return NotRegisteredError(_BAD_REQUEST, message)


def server_error(message: str) -> NotRegisteredError:
    """Return the refusal of what the server stumbles over."""
    return NotRegisteredError(_SERVER_ERROR, message)


def no_number(text: str) -> NotRegisteredError:
    """Return the refusal of a scalar that Java does not take for the number that it looks like."""
    return NotRegisteredError(_FORBIDDEN, f'For input string: "{text.replace("_", "")}"')


def cast(value: object, wanted: str) -> NotRegisteredError:
    """Return the refusal of a value of YAML where a ``java.lang.String`` or a ``java.util.Map`` is ``wanted``."""
    found = _java_class(value)
    where = f"{found} and {wanted} are in module java.base of loader 'bootstrap'"
    return server_error(f"class {found} cannot be cast to class {wanted} ({where})")


def not_unpacked(error: ArchiveError, file_name: str) -> NotServedError | None:
    """Return what a server says of an archive that is damaged, or none: what is wrong it does not say.

    None where it may take what marpack does not.
    """
    if error.code in _NO_ARCHIVE and file_name.endswith(".mar"):
        return no_members(error)
    if error.code in _NO_ARCHIVE | _DAMAGED:
        return server_error(f"Failed to save model: {file_name}").of(error.path, _said(error))
    return None


def no_members(error: ArchiveError) -> NotServedError:
    """Return what a server says of a ``.mar`` that does not begin as a zip, in which it finds nothing."""
    return bad_request(NO_NAME).of(error.path, _said(error))


def _said(error: ArchiveError) -> str:
    return error.message if error.member is None else f"{error.member!r} {error.message}"


def not_started(
    path: str,
    *,
    model_name: str,
    version: str,
    code: int = _SERVER_ERROR,
    why: str = "",
    traceback: str = "",
    log: tuple[str, ...] = (),
    exit_status: int | None = None,
) -> NotServedError:
    """Return what a server says where no worker comes up; ``code`` is what the worker answered, if it did."""
    status = _NO_MEMORY if code == _NO_MEMORY else _SERVER_ERROR
    message = f"Failed to start workers for model {model_name} version: {version}"
    return NotServedError(
        path, message, status=status, why=why, traceback=traceback, log=log, exit_status=exit_status
    )


def _java_class(value: object) -> str:
    """Return what SnakeYAML makes of what PyYAML makes this of."""
    if isinstance(value, bool):
        return "java.lang.Boolean"
    if isinstance(value, int):
        bits = (value if value >= 0 else ~value).bit_length()
        return "java.lang.Integer" if bits < 32 else "java.lang.Long" if bits < 64 else "java.math.BigInteger"
    classes = {
        float: "java.lang.Double",
        str: "java.lang.String",
        list: "java.util.ArrayList",
        tuple: "java.util.ArrayList",
        set: "java.util.LinkedHashSet",
        bytes: "[B",
        datetime.date: "java.util.Date",
        datetime.datetime: "java.util.Date",
        dict: "java.util.LinkedHashMap",
    }
    return classes.get(type(value), "java.lang.Object")
