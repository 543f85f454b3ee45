"""Rules on MANIFEST.json: what the front end and the worker, who read it apart, make of it."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from marpack.checks.registry import Problem, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.checks.subject import Subject

__all__ = ["ROLES"]

# What names a file; the first two concern nobody but the handler.
ROLES = ("serializedFile", "modelFile", "configFile", "requirementsFile")

# What the server knows, and what the archiver writes besides. The front end takes the first and the third of these
# as strings.
_TOP_STRINGS = ("createdOn", "description", "archiverVersion")
_TOP_KEYS = (*_TOP_STRINGS, "runtime", "model")
_MODEL_STRINGS = (
    "modelName",
    "version",
    "description",
    "modelVersion",
    "handler",
    "envelope",
    "requirementsFile",
    "configFile",
)
_MODEL_KEYS = (*_MODEL_STRINGS, "serializedFile", "modelFile", "extensions", "sourceVocab")

# The two in capitals are names that Gson takes, and that a model_snapshot does not.
_RUNTIMES = ("python", "python3", "LSP")
_RUNTIMES_IN_CAPITALS = ("PYTHON", "PYTHON3")

# The archiver's own patterns.
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_VERSION = re.compile(r"[A-Za-z0-9._+-]+")

_PARSE = 'it answers 400, "Failed to parse signature.json.", and means MANIFEST.json'
_NO_NAME = 'it answers 400, "Model name is not defined."'
_JOIN = "the worker dies: TypeError: join() argument must be str, bytes, or os.PathLike object"


# ------------------------------------------------------------------------------------------------ the file


@rule("manifest-missing", "error")
def find_missing(subject: Subject) -> Iterator[Problem]:
    """Pack the manifest where the server looks for it.

    The server reads ``MAR-INF/MANIFEST.json``, in exactly this case and directly below the root of the model. In a
    ``.mar`` the root is the top of the zip; in a ``.tar.gz`` it is what is left when the first folder of each name
    is taken away. Without a manifest there is no model name and no handler [server].
    """
    if subject.is_workflow or subject.holds(subject.manifest_name):
        return
    likely = [
        name
        for name in subject.names
        if name.replace("\\", "/").lower().rpartition("mar-inf/")[2] == "manifest.json"
        or name.lower() == "manifest.json"
    ]
    message = f"there is no {subject.manifest_name}"
    if likely:
        message = f"{message}, only {likely[0]!r}"
    if subject.form == "folder" and any(
        "/" not in name and name.endswith((".mar", ".tar.gz", ".war")) for name in subject.names
    ):
        message = f"{message}: it looks like a model store, which holds archives"
        fix = f"name the archives in it: {posixpath.join(subject.path, '*')}"
    elif not likely:
        fix = "pack the model with marpack pack or torch-model-archiver, which write it"
    elif subject.form == "tgz":
        fix = "put everything below exactly one folder, as in model/MAR-INF/MANIFEST.json"
    else:
        fix = f"move it, and everything beside it, so that it is {subject.manifest_name}"
    yield Problem(message=message, fix=fix, effect=_NO_NAME)


@rule("manifest-empty", "error")
def find_empty(subject: Subject) -> Iterator[Problem]:
    """Write a manifest that holds something: not an empty file, and not ``null``.

    The front end follows a null pointer: a registration is answered with 500, and a server that loads the archive
    as it starts ends [server].
    """
    data = subject.manifest_bytes
    if subject.is_workflow or data is None:
        return
    text = data.removeprefix(b"\xef\xbb\xbf").strip()
    if text in (b"", b"null"):
        message = "it is empty" if not text else "it is null"
        yield Problem(
            message=message,
            fix='write {"runtime": "python", "model": {...}}',
            effect="it ends when it loads this as it starts: NullPointerException",
            member=subject.manifest_name,
        )


@rule("manifest-encoding", "error")
def find_encoding(subject: Subject) -> Iterator[Problem]:
    """Save the manifest as UTF-8, without a byte order mark.

    The front end takes both, so the model is registered. The worker reads the same file with Python's ``json``,
    which does not, and dies [server].
    """
    data = subject.manifest_bytes
    if subject.is_workflow or not data:
        return
    if data.startswith(b"\xef\xbb\xbf"):
        yield Problem(
            message="it begins with a byte order mark",
            fix="save it as UTF-8 without one",
            effect="the worker dies: json.decoder.JSONDecodeError: Unexpected UTF-8 BOM",
            member=subject.manifest_name,
            line=1,
        )
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield Problem(
            message="it is UTF-16", fix="save it as UTF-8", effect=_PARSE, member=subject.manifest_name, line=1
        )
    elif (error := _decoding_error(data)) is not None:
        yield Problem(
            message=f"it is not UTF-8 at byte {error.start}",
            fix="save it as UTF-8, or write what is not ASCII as \\uXXXX",
            effect="the worker dies: UnicodeDecodeError: 'utf-8' codec can't decode byte",
            member=subject.manifest_name,
            line=data.count(b"\n", 0, error.start) + 1,
        )


@rule("manifest-syntax", "error")
def find_syntax(subject: Subject) -> Iterator[Problem]:
    """Write the manifest as strict JSON.

    The front end reads it with Gson, which takes comments, single quotes and names without quotes, and refuses
    what is cut off, a trailing comma, or text after the end. The worker reads the same file again with Python's
    ``json``, which takes nothing but JSON, and dies of the rest [server].
    """
    data = subject.manifest_bytes
    if subject.is_workflow or not data or not data.strip():
        return
    if data.startswith(b"\xef\xbb\xbf") or _decoding_error(data) is not None:
        return
    try:
        document = json.loads(data.decode())
    except json.JSONDecodeError as error:
        yield Problem(
            message=f"it is not JSON: {error.msg}",
            fix="write strict JSON: double quotes, no comments, no comma after the last item",
            effect=f"{_PARSE}; or, where it takes it, the worker dies: json.decoder.JSONDecodeError: {error.msg}",
            member=subject.manifest_name,
            line=error.lineno,
        )
    except (ValueError, RecursionError) as error:
        yield Problem(
            message=f"it cannot be read: {error}",
            fix="write no deeper nesting and no longer numbers than a manifest needs",
            effect="the worker dies of the same",
            member=subject.manifest_name,
        )
    else:
        if document is not None and not isinstance(document, dict):
            yield Problem(
                message=f"it is {_type_name(document)}, not an object",
                fix='write {"runtime": "python", "model": {...}}',
                effect=_PARSE,
                member=subject.manifest_name,
                line=1,
            )


@rule("manifest-duplicate-key", "warning")
def find_duplicate_keys(subject: Subject) -> Iterator[Problem]:
    """Give each key of the manifest once.

    The server and its workers take the last of several, other readers the first, or refuse the file [server].
    """
    try:
        found: list[str] = []
        json.loads((subject.manifest_bytes or b"").decode(), object_pairs_hook=lambda pairs: _note(pairs, found))
    except (ValueError, RecursionError):
        return
    for key in dict.fromkeys(found):
        yield Problem(
            message=f"the key {key!r} is given twice",
            fix="keep one",
            effect="it takes the last one",
            key=key,
            member=subject.manifest_name,
        )


@rule("manifest-not-ascii", "note")
def find_not_ascii(subject: Subject) -> Iterator[Problem]:
    r"""Escape what is not ASCII in the manifest.

    The worker opens the file in the encoding of its locale. That is UTF-8 nearly everywhere, and ASCII where
    Python's UTF-8 mode is switched off in the C locale: there the worker dies. ``\uXXXX`` is safe everywhere
    [server].
    """
    data = subject.manifest_bytes or b""
    if data.startswith(b"\xef\xbb\xbf") or data.isascii() or _decoding_error(data) is not None:
        return
    text = data.decode()
    pos = next(index for index, character in enumerate(text) if not character.isascii())
    yield Problem(
        message=f"it holds {text[pos]!r}, which is not ASCII",
        fix=f"write \\u{ord(text[pos]):04x}" if ord(text[pos]) <= 0xFFFF else "write \\uXXXX escapes",
        effect="a worker in an ASCII locale dies: UnicodeDecodeError: 'ascii' codec can't decode byte",
        member=subject.manifest_name,
        line=text.count("\n", 0, pos) + 1,
    )


# ---------------------------------------------------------------------------------------------- its values


@rule("manifest-model", "error")
def find_no_model(subject: Subject) -> Iterator[Problem]:
    """Give the manifest its ``model``.

    ``null`` is a null pointer to the front end: 500 for a registration, and the end of a server that loads the
    archive as it starts. Without the key there is no name and no handler [server].
    """
    if subject.is_workflow or not _is_object(subject):
        return
    if "model" not in subject.manifest:
        yield Problem(
            message="the key is missing",
            fix='write "model": {"modelName": ..., "handler": ...}',
            effect=_NO_NAME,
            key="model",
            member=subject.manifest_name,
        )
    elif subject.manifest["model"] is None:
        yield Problem(
            message="it is null",
            fix='write "model": {"modelName": ..., "handler": ...}',
            effect="it ends when it loads this as it starts: NullPointerException",
            key="model",
            member=subject.manifest_name,
        )


@rule("manifest-type", "error")
def find_types(subject: Subject) -> Iterator[Problem]:
    """Give strings where the front end reads strings.

    Numbers and booleans become strings to it; objects and lists, and a boolean as ``runtime``, make it refuse the
    whole archive [server].
    """
    if subject.is_workflow:
        return
    manifest = subject.manifest
    values: list[tuple[str, Any, str]] = [(key, manifest.get(key), "a string") for key in _TOP_STRINGS]
    runtime = manifest.get("runtime")
    if not isinstance(runtime, (int, float)) or isinstance(runtime, bool):
        values.append(("runtime", str(runtime) if runtime is None else runtime, "a string"))
    values += [(f"model.{key}", subject.model.get(key), "a string") for key in _MODEL_STRINGS]
    for key, value, wanted in values:
        if isinstance(value, (dict, list)) or (key == "runtime" and isinstance(value, bool)):
            yield _wrong_type(subject, key, value, wanted)
    model = manifest.get("model", {})
    if model is not None and not isinstance(model, dict):
        yield _wrong_type(subject, "model", model, "an object")


@rule("manifest-runtime", "error")
def find_runtime(subject: Subject) -> Iterator[Problem]:
    """Give a runtime that the server knows, or none.

    It knows ``python``, ``python3`` and ``LSP``, in exactly this case. ``PYTHON`` and ``PYTHON3`` work in a
    manifest too, and are refused in the ``model_snapshot`` that the server itself then writes [server].
    """
    if subject.is_workflow or "runtime" not in subject.manifest:
        return
    value = subject.manifest["runtime"]
    if value in _RUNTIMES or isinstance(value, (bool, dict, list)):
        return
    message = f"{_shown(value)} is not one of {', '.join(_RUNTIMES)}"
    if value in _RUNTIMES_IN_CAPITALS:
        yield Problem(
            message=message,
            fix=f"write {value.lower()!r}",
            effect=f"it takes this here, and says of it in a snapshot: Invalid RuntimeType value: {value}",
            key="runtime",
            member=subject.manifest_name,
            severity="warning",
        )
        return
    yield Problem(
        message=message,
        fix="write 'python', or leave the key out",
        effect='it answers 400, "Runtime is not defined or invalid."',
        key="runtime",
        member=subject.manifest_name,
    )


@rule("manifest-runtime-lsp", "warning")
def find_lsp(subject: Subject) -> Iterator[Problem]:
    """Do not count on the C++ back end.

    The released packages and images of TorchServe do not hold it: every worker dies unless it was built and put
    below ``ts/cpp`` [server].
    """
    if not subject.is_workflow and subject.manifest.get("runtime") == "LSP":
        yield Problem(
            message="'LSP' needs the C++ back end, which no release of TorchServe holds",
            fix="write 'python', or build the back end into the server",
            effect="the worker does not start: model_worker_socket not found",
            key="runtime",
            member=subject.manifest_name,
        )


@rule("manifest-runtime-python3", "note")
def find_python3(subject: Subject) -> Iterator[Problem]:
    """Prefer the runtime ``python`` to ``python3``.

    ``python`` is the interpreter that the server was told, in which TorchServe's package is installed; ``python3``
    is the first of that name on its ``PATH``, which may be another [server].
    """
    if not subject.is_workflow and subject.manifest.get("runtime") == "python3":
        yield Problem(
            message="'python3' is the first interpreter of that name on the server's PATH",
            fix="write 'python', the one that TorchServe is installed in",
            effect="where that one lacks TorchServe's package the worker dies",
            key="runtime",
            member=subject.manifest_name,
        )


@rule("manifest-model-name-missing", "warning")
def find_no_model_name(subject: Subject) -> Iterator[Problem]:
    """Name the model.

    A registration is refused unless the request names it. A server that loads the archive as it starts derives a
    name from that of the file, in which each character that is not part of a word becomes ``_`` [server].
    """
    if subject.is_workflow or not isinstance(subject.manifest.get("model"), dict):
        return
    if subject.model.get("modelName") in (None, ""):
        yield Problem(
            message="the model has no name",
            fix="give one",
            effect=f"{_NO_NAME}, unless the request names it",
            key="model.modelName",
            member=subject.manifest_name,
        )


@rule("manifest-model-name", "warning")
def find_model_name(subject: Subject) -> Iterator[Problem]:
    """Name the model as torch-model-archiver allows.

    The server takes any name. It must then be percent-encoded in every URL, and escaped in a snapshot; KServe and
    the launcher have rules of their own [server].
    """
    name = _text(subject.model.get("modelName"))
    if subject.is_workflow or not name or "/" in name or _MODEL_NAME.fullmatch(name):
        return
    yield Problem(
        message=f"{_shown(name)} has characters that torch-model-archiver does not allow",
        fix="use ASCII letters, digits, '_', '-' and '.', the first a letter or digit",
        effect="it takes the name, and knows the model only by its percent-encoded form",
        key="model.modelName",
        member=subject.manifest_name,
    )


@rule("manifest-slash", "error")
def find_slash(subject: Subject) -> Iterator[Problem]:
    """Use no ``/`` in the name or version of the model.

    The server registers a model of such a name, and afterwards no URL reaches it: it can neither be asked for a
    prediction, nor scaled, nor removed until the server ends. A version is out of reach in the same way, and is a
    warning, for the model can still be asked without it [server].
    """
    if subject.is_workflow:
        return
    for key in ("modelName", "modelVersion"):
        value = _text(subject.model.get(key))
        if "/" in value:
            yield Problem(
                message=f"{_shown(value)} holds a '/'",
                fix="leave it out",
                effect="it answers 404 to every URL with this in it",
                key=f"model.{key}",
                member=subject.manifest_name,
                severity="error" if key == "modelName" else "warning",
            )


@rule("manifest-version-missing", "note")
def find_no_version(subject: Subject) -> Iterator[Problem]:
    """State the model's version.

    The server takes ``1.0``; a second archive of the same name and without a version is then the same model
    [server].
    """
    if subject.is_workflow or not isinstance(subject.manifest.get("model"), dict):
        return
    if subject.model.get("modelVersion") is None:
        yield Problem(
            message="the model has no version",
            fix="give one",
            effect="it takes 1.0",
            key="model.modelVersion",
            member=subject.manifest_name,
        )


@rule("manifest-version", "warning")
def find_version(subject: Subject) -> Iterator[Problem]:
    """Choose a version that a URL takes as it is.

    The server takes any text. ``all`` is what its own URL for all versions ends in, an empty one has no URL, and
    what is not a letter, digit, or one of ``._+-`` must be percent-encoded [server].
    """
    value = subject.model.get("modelVersion")
    if subject.is_workflow or value is None or isinstance(value, (dict, list)) or "/" in _text(value):
        return
    version = _text(value)
    if version == "all":
        message, effect = "'all' stands for all versions of a model", "it answers with all versions"
    elif not version:
        message, effect = "it is empty", "no URL reaches this version"
    elif not _VERSION.fullmatch(version):
        message = f"{_shown(version)} has characters that a URL does not take as they are"
        effect = "it takes the version, and knows it only by its percent-encoded form"
    else:
        return
    yield Problem(
        message=message,
        fix="use ASCII letters, digits, '.', '_', '+' and '-'",
        effect=effect,
        key="model.modelVersion",
        member=subject.manifest_name,
    )


@rule("manifest-role-value", "error")
def find_role_values(subject: Subject) -> Iterator[Problem]:
    """Name a file as ``configFile`` and ``serializedFile``, or leave the key out.

    The archiver leaves a key out when there is no such file. The worker looks for the key, not for a value, and
    dies when it joins it with the folder of the model: of ``configFile`` always, of ``serializedFile`` where the
    handler loads it as ``BaseHandler`` does [server].
    """
    if subject.is_workflow:
        return
    loads = subject.modules.loads_model
    for key in ("configFile", "serializedFile"):
        value = subject.model.get(key)
        if key not in subject.model or (isinstance(value, str) and value):
            continue
        if key == "configFile" and isinstance(value, (dict, list)):
            continue  # the front end refuses it
        if key == "serializedFile" and loads is False:
            continue
        empty = "the worker dies: IsADirectoryError: [Errno 21] Is a directory"
        yield Problem(
            message=f"it is {_type_name(value)}, not the name of a file" if value != "" else "it is empty",
            fix="leave the key out, or name a file",
            effect=empty if value == "" else f"{_JOIN}, not {type(value).__name__!r}",
            key=f"model.{key}",
            member=subject.manifest_name,
            severity="error" if key == "configFile" or loads else "warning",
        )


@rule("manifest-file-missing", "error")
def find_missing_files(subject: Subject) -> Iterator[Problem]:
    """Pack the files that the manifest names.

    The worker always reads ``configFile``, and dies without it. It dies without ``modelFile`` and
    ``serializedFile`` where the handler loads them as ``BaseHandler`` does; what another handler does, only its
    author knows, and that is a warning. ``requirementsFile`` concerns a server with
    ``install_py_dep_per_model=true``, which refuses the model [server].
    """
    if subject.is_workflow:
        return
    effects = {
        "serializedFile": "the worker dies: FileNotFoundError: [Errno 2] No such file or directory",
        "modelFile": "the worker dies: RuntimeError: Missing the model.py file",
        "configFile": "it ignores the settings, and the worker dies: FileNotFoundError: [Errno 2] No such file or "
        "directory",
        "requirementsFile": 'it answers 400, "Custom pip package installation failed", where it installs packages',
    }
    for key in ROLES:
        name = subject.role(key)
        if name is None or subject.holds(name):
            continue
        certain = key in ("configFile", "requirementsFile") or (subject.modules.loads_model is True)
        yield Problem(
            message=f"{_shown(name)} is not in the archive",
            fix="pack it, or leave the key out",
            effect=effects[key],
            key=f"model.{key}",
            member=subject.manifest_name,
            severity="error" if certain and not name.startswith("/") else "warning",
        )


@rule("manifest-handler-path", "note")
def find_handler_path(subject: Subject) -> Iterator[Problem]:
    """Name the handler without a folder where its file lies at the root.

    Only what stands behind the last ``/`` counts; the archiver writes no more than that [server].
    """
    handler = subject.handler
    if subject.is_workflow or handler is None or "/" not in handler.path or handler.has_colon:
        return
    if subject.holds(f"{handler.module}.py"):
        yield Problem(
            message=f"{_shown(handler.value)} names a folder, which is not looked at",
            fix=f"write {posixpath.basename(handler.value)!r}",
            effect=f"the worker imports {handler.module!r} from the root",
            key="model.handler",
            member=subject.manifest_name,
        )


@rule("manifest-misspelt-key", "warning")
def find_misspelt_keys(subject: Subject) -> Iterator[Problem]:
    """Write the keys of the manifest in their own case.

    Keys that the server does not know are ignored, and are there for handlers to read. One that looks like a known
    key is taken for a slip [server].
    """
    if subject.is_workflow:
        return
    for prefix, found, known in (("", subject.manifest, _TOP_KEYS), ("model.", subject.model, _MODEL_KEYS)):
        folded = {_folded(key): key for key in known}
        for key in found:
            meant = folded.get(_folded(key))
            if meant is not None and key != meant and meant not in found:
                yield Problem(
                    message=f"the server does not know this key; {meant!r} is meant, by its looks",
                    fix=f"write {meant!r}",
                    effect="it ignores the key",
                    key=f"{prefix}{key}",
                    member=subject.manifest_name,
                )


@rule("manifest-origin", "note")
def find_no_origin(subject: Subject) -> Iterator[Problem]:
    """Let the manifest say when and by which archiver it was written.

    Nothing depends on it; the server writes a warning each time it loads the model [server].
    """
    if subject.is_workflow or not _is_object(subject):
        return
    for key, what in (("createdOn", "createdOn"), ("archiverVersion", "version")):
        if subject.manifest.get(key) is None:
            yield Problem(
                message="the key is missing",
                fix="pack the model with marpack pack or torch-model-archiver, which write it",
                effect=f'it logs "Model archive {what} is not defined."',
                key=key,
                member=subject.manifest_name,
            )


# -------------------------------------------------------------------------------------------------- words


def _decoding_error(data: bytes) -> UnicodeDecodeError | None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error
    return None


def _note(pairs: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            twice.append(key)
        found[key] = value
    return found


def _is_object(subject: Subject) -> bool:
    """Tell an empty object from a manifest that cannot be read."""
    return bool(subject.manifest) or (subject.manifest_bytes or b"").split() in ([b"{}"], [b"{", b"}"])


def _wrong_type(subject: Subject, key: str, value: object, wanted: str) -> Problem:
    message = f"it is {_type_name(value)}, not {wanted}"
    return Problem(message=message, fix=f"write {wanted}", effect=_PARSE, key=key, member=subject.manifest_name)


def _text(value: object) -> str:
    """Return a name as the front end takes it: numbers and booleans as they are written."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return str(value) if isinstance(value, (str, int, float)) else ""
    except ValueError:  # Python's limit on the digits of an integer
        return ""


def _folded(key: str) -> str:
    return re.sub("[-_ ]", "", key).lower()


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python's limit on the digits of an integer
        return "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _type_name(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an object" if isinstance(value, Mapping) else "a list"
