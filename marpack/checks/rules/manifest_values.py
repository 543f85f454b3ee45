"""Rules about what MANIFEST.json says."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from marpack.checks.frame.rule import Problem, rule
from marpack.checks.rules.manifest_file import JOIN, NO_NAME, PARSE, type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.checks.frame.subject import Subject

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
            effect=NO_NAME,
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
            effect=f"{NO_NAME}, unless the request names it",
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
    loads = subject.worker.loads_model
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
            message=f"it is {type_name(value)}, not the name of a file" if value != "" else "it is empty",
            fix="leave the key out, or name a file",
            effect=empty if value == "" else f"{JOIN}, not {type(value).__name__!r}",
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
        certain = key in ("configFile", "requirementsFile") or (subject.worker.loads_model is True)
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


def _is_object(subject: Subject) -> bool:
    """Tell an empty object from a manifest that cannot be read."""
    return bool(subject.manifest) or (subject.manifest_bytes or b"").split() in ([b"{}"], [b"{", b"}"])


def _wrong_type(subject: Subject, key: str, value: object, wanted: str) -> Problem:
    message = f"it is {type_name(value)}, not {wanted}"
    return Problem(message=message, fix=f"write {wanted}", effect=PARSE, key=key, member=subject.manifest_name)


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
