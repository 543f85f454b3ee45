"""Rules about what MANIFEST.json says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from marpack.archive.manifest import MODEL_STRINGS, RUNTIMES, RUNTIMES_IN_CAPITALS, TOP_STRINGS
from marpack.checks.frame.subject import Subject
from marpack.checks.rules.manifest_file import NO_NAME, PARSE, manifest_finding
from marpack.display import brief_repr, type_name
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

# What the server knows, and what the archiver writes besides.
_TOP_KEYS = (*TOP_STRINGS, "runtime", "model")
_MODEL_KEYS = (*MODEL_STRINGS, "serializedFile", "modelFile", "extensions", "sourceVocab")

# The archiver's own patterns.
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_VERSION = re.compile(r"[A-Za-z0-9._+-]+")
_JOINTS = str.maketrans("", "", "-_ ")


@rule("manifest-model", "error", kind="model")
def find_no_model(subject: Subject) -> Iterator[Finding]:
    """Give the manifest its ``model``.

    ``null`` is a null pointer to the front end: 500 for a registration, and the end of a server that loads the
    archive as it starts. Without the key there is no name and no handler [server].
    """
    if subject.manifest.get("model") is None and _is_object(subject):
        missing = "model" not in subject.manifest
        message = "the key is missing" if missing else "it is null"
        fix = 'write "model": {"modelName": ..., "handler": ...}'
        effect = NO_NAME if missing else "it ends when it loads this as it starts: NullPointerException"
        yield manifest_finding(find_no_model, subject, "model", message=message, fix=fix, effect=effect)


@rule("manifest-type", "error", kind="model")
def find_types(subject: Subject) -> Iterator[Finding]:
    """Give strings where the front end reads strings.

    Numbers and booleans become strings to it, as they are spelled; objects and lists, and a boolean as
    ``runtime``, make it refuse the whole archive [server].
    """
    manifest = subject.manifest
    strings = [(key, manifest.get(key)) for key in (*TOP_STRINGS, "runtime")]
    strings += [(f"model.{key}", subject.model.get(key)) for key in MODEL_STRINGS]
    wrong: list[tuple[str, Any, str]] = [
        (key, value, "a string")
        for key, value in strings
        if isinstance(value, (dict, list)) or (key == "runtime" and isinstance(value, bool))
    ]
    model = manifest.get("model")
    if model is not None and not isinstance(model, dict):
        wrong.append(("model", model, "an object"))
    for key, value, wanted in wrong:
        message = f"it is {type_name(value)}, not {wanted}"
        yield manifest_finding(find_types, subject, key, message=message, fix=f"write {wanted}", effect=PARSE)


@rule("manifest-runtime", "error", kind="model")
def find_runtime(subject: Subject) -> Iterator[Finding]:
    """Give a runtime that the server knows, or none.

    It knows ``python``, ``python3`` and ``LSP``, in exactly this case. ``PYTHON`` and ``PYTHON3`` work in a
    manifest too, and are refused in the ``model_snapshot`` that the server itself then writes [server].
    """
    value = subject.manifest.get("runtime", "python")
    if value in RUNTIMES or isinstance(value, (bool, dict, list)):
        return
    message = f"{brief_repr(value)} is not one of {', '.join(RUNTIMES)}"
    severity: Severity | None = None
    if value in RUNTIMES_IN_CAPITALS:
        fix, severity = f"write {value.lower()!r}", "warning"
        effect = f"it takes this here, and says of it in a snapshot: Invalid RuntimeType value: {value}"
    else:
        fix = "write 'python', or leave the key out"
        effect = 'it answers 400, "Runtime is not defined or invalid."'
    yield manifest_finding(
        find_runtime, subject, "runtime", message=message, fix=fix, effect=effect, severity=severity
    )


@rule("manifest-runtime-lsp", "warning", kind="model")
def find_lsp(subject: Subject) -> Iterator[Finding]:
    """Do not count on the C++ back end.

    The released packages and images of TorchServe do not hold it: every worker dies unless it was built and put
    below ``ts/cpp`` [server].
    """
    if subject.manifest.get("runtime") == "LSP":
        message = "'LSP' needs the C++ back end, which no release of TorchServe holds"
        fix = "write 'python', or build the back end into the server"
        effect = "the worker does not start: model_worker_socket not found"
        yield manifest_finding(find_lsp, subject, "runtime", message=message, fix=fix, effect=effect)


@rule("manifest-runtime-python3", "note", kind="model")
def find_python3(subject: Subject) -> Iterator[Finding]:
    """Prefer the runtime ``python`` to ``python3``.

    ``python`` is the interpreter that the server was told, in which TorchServe's package is installed; ``python3``
    is the first of that name on its ``PATH``, which may be another [server].
    """
    if subject.manifest.get("runtime") == "python3":
        message = "'python3' is the first interpreter of that name on the server's PATH"
        fix = "write 'python', the one that TorchServe is installed in"
        effect = "where that one lacks TorchServe's package the worker dies"
        yield manifest_finding(find_python3, subject, "runtime", message=message, fix=fix, effect=effect)


@rule("manifest-model-name-missing", "warning", kind="model")
def find_no_model_name(subject: Subject) -> Iterator[Finding]:
    """Name the model.

    A registration is refused unless the request names it. A server that loads the archive as it starts derives a
    name from that of the file, in which each character that is not part of a word becomes ``_`` [server].
    """
    if _has_model(subject) and subject.model.get("modelName") in (None, ""):
        message, fix, effect = "the model has no name", "give one", f"{NO_NAME}, unless the request names it"
        yield manifest_finding(
            find_no_model_name, subject, "model.modelName", message=message, fix=fix, effect=effect
        )


@rule("manifest-model-name", "warning", kind="model")
def find_model_name(subject: Subject) -> Iterator[Finding]:
    """Name the model as torch-model-archiver allows.

    The server takes any name. It must then be percent-encoded in every URL, and escaped in a snapshot; KServe and
    the launcher have rules of their own [server].
    """
    name = subject.texts.get("modelName", "")
    if name and "/" not in name and not _MODEL_NAME.fullmatch(name):
        message = f"{brief_repr(name)} has characters that torch-model-archiver does not allow"
        fix = "use ASCII letters, digits, '_', '-' and '.', the first a letter or digit"
        effect = "it takes the name, and knows the model only by its percent-encoded form"
        yield manifest_finding(
            find_model_name, subject, "model.modelName", message=message, fix=fix, effect=effect
        )


@rule("manifest-slash", "error", kind="model")
def find_slash(subject: Subject) -> Iterator[Finding]:
    """Use no ``/`` in the name or version of the model.

    The server registers a model of such a name, and afterwards no URL reaches it: it can neither be asked for a
    prediction, nor scaled, nor removed until the server ends. A version is out of reach in the same way, and is a
    warning, for the model can still be asked without it [server].
    """
    severities: dict[str, Severity] = {"modelName": "error", "modelVersion": "warning"}
    for key, severity in severities.items():
        value = subject.texts.get(key, "")
        if "/" in value:
            message, fix = f"{brief_repr(value)} holds a '/'", "leave it out"
            effect = "it answers 404 to every URL with this in it"
            yield manifest_finding(
                find_slash, subject, f"model.{key}", message=message, fix=fix, effect=effect, severity=severity
            )


@rule("manifest-version-missing", "note", kind="model")
def find_no_version(subject: Subject) -> Iterator[Finding]:
    """State the model's version.

    The server takes ``1.0``; a second archive of the same name without a version is then the same model [server].
    """
    if _has_model(subject) and subject.model.get("modelVersion") is None:
        message, fix, effect = "the model has no version", "give one", "it takes 1.0"
        yield manifest_finding(
            find_no_version, subject, "model.modelVersion", message=message, fix=fix, effect=effect
        )


@rule("manifest-version", "warning", kind="model")
def find_version(subject: Subject) -> Iterator[Finding]:
    """Choose a version that a URL takes as it is.

    The server takes any text. ``all`` is what its own URL for all versions ends in, an empty one has no URL, and
    what is not a letter, digit, or one of ``._+-`` must be percent-encoded [server].
    """
    version = subject.texts.get("modelVersion")
    if version is None or "/" in version:
        return
    if version == "all":
        message, effect = "'all' stands for all versions of a model", "it answers with all versions"
    elif not version:
        message, effect = "it is empty", "no URL reaches this version"
    elif not _VERSION.fullmatch(version):
        message = f"{brief_repr(version)} has characters that a URL does not take as they are"
        effect = "it takes the version, and knows it only by its percent-encoded form"
    else:
        return
    fix = "use ASCII letters, digits, '.', '_', '+' and '-'"
    yield manifest_finding(find_version, subject, "model.modelVersion", message=message, fix=fix, effect=effect)


@rule("manifest-misspelt-key", "warning", kind="model")
def find_misspelt_keys(subject: Subject) -> Iterator[Finding]:
    """Write the keys of the manifest in their own case.

    Keys that the server does not know are ignored, and are there for handlers to read. One that looks like a known
    key is taken for a slip [server].
    """
    for prefix, found, known in (("", subject.manifest, _TOP_KEYS), ("model.", subject.model, _MODEL_KEYS)):
        folded = {_folded(key): key for key in known}
        for key in found:
            meant = folded.get(_folded(key))
            if meant is not None and key != meant and meant not in found:
                message = f"the server does not know this key; {meant!r} is meant, by its looks"
                fix, effect = f"write {meant!r}", "it ignores the key"
                yield manifest_finding(
                    find_misspelt_keys, subject, f"{prefix}{key}", message=message, fix=fix, effect=effect
                )


@rule("manifest-origin", "note", kind="model")
def find_no_origin(subject: Subject) -> Iterator[Finding]:
    """Let the manifest say when and by which archiver it was written.

    Nothing depends on it; the server writes a warning each time it loads the model [server].
    """
    if not _is_object(subject):
        return
    for key, what in (("createdOn", "createdOn"), ("archiverVersion", "version")):
        if subject.manifest.get(key) is None:
            message = "the key is missing"
            fix = "pack the model with marpack pack or torch-model-archiver, which write it"
            effect = f'it logs "Model archive {what} is not defined."'
            yield manifest_finding(find_no_origin, subject, key, message=message, fix=fix, effect=effect)


def _has_model(subject: Subject) -> bool:
    return isinstance(subject.manifest.get("model"), dict)


def _is_object(subject: Subject) -> bool:
    """Tell an empty object from a manifest that cannot be read."""
    return bool(subject.manifest) or (subject.manifest_bytes or b"").split() in ([b"{}"], [b"{", b"}"])


def _folded(key: str) -> str:
    return key.translate(_JOINTS).lower()


RULES = rules_in(globals())
