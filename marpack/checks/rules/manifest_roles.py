"""Rules about the files that MANIFEST.json names."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from marpack.checks.frame.subject import Subject
from marpack.checks.rules.manifest_file import manifest_finding
from marpack.display import brief_repr, type_name
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

_JOIN = "the worker dies: TypeError: join() argument must be str, bytes, or os.PathLike object"
# What names a file: what the server does without it; the first two concern nobody but the handler.
_MISSING = {
    "serializedFile": "the worker dies: FileNotFoundError: [Errno 2] No such file or directory",
    "modelFile": "the worker dies: RuntimeError: Missing the model.py file",
    "configFile": "it ignores the settings, and the worker dies: FileNotFoundError: [Errno 2] No such file or "
    "directory",
    "requirementsFile": 'it answers 400, "Custom pip package installation failed", where it installs packages',
}


@rule("manifest-role-value", "error", kind="model")
def find_role_values(subject: Subject) -> Iterator[Finding]:
    """Name a file as ``configFile``, ``serializedFile`` and ``modelFile``, or leave the key out.

    The archiver leaves a key out when there is no such file. The worker looks for the key, not for a value, and
    dies when it joins it with the folder of the model: of ``configFile`` always, of the others where the handler
    loads them as ``BaseHandler`` does. It takes an empty ``modelFile`` for none. A number is text to the front
    end, and no name to the worker [server].
    """
    loads = subject.worker.loads_model
    for key in ("configFile", "serializedFile", "modelFile"):
        value = subject.model.get(key)
        if key not in subject.model or (isinstance(value, str) and value) or (key == "modelFile" and not value):
            continue
        if key == "configFile" and isinstance(value, (dict, list)):
            continue  # the front end refuses it
        if key != "configFile" and loads is False:
            continue
        message, effect = "it is empty", "the worker dies: IsADirectoryError: [Errno 21] Is a directory"
        if value != "":
            message = f"it is {type_name(value)}, not the name of a file"
            effect = f"{_JOIN}, not {type(value).__name__!r}"
        severity: Severity = "error" if key == "configFile" or loads else "warning"
        fix = "leave the key out, or name a file"
        yield manifest_finding(
            find_role_values, subject, f"model.{key}", message=message, fix=fix, effect=effect, severity=severity
        )


@rule("manifest-file-missing", "error", kind="model")
def find_missing_files(subject: Subject) -> Iterator[Finding]:
    """Pack the files that the manifest names.

    The worker always reads ``configFile``, and dies without it. It dies without ``modelFile`` and
    ``serializedFile`` where the handler loads them as ``BaseHandler`` does; what another handler does, only its
    author knows, and that is a warning. ``requirementsFile`` concerns a server with
    ``install_py_dep_per_model=true``, which refuses the model [server].
    """
    for key, effect in _MISSING.items():
        name = subject.role(key)
        if name is None or subject.holds(name):
            continue
        certain = key in ("configFile", "requirementsFile") or subject.worker.loads_model is True
        severity: Severity = "error" if certain and not name.startswith("/") else "warning"
        message, fix = f"{brief_repr(name)} is not in the archive", "pack it, or leave the key out"
        yield manifest_finding(
            find_missing_files, subject, f"model.{key}", message=message, fix=fix, effect=effect, severity=severity
        )


@rule("manifest-handler-path", "note", kind="model")
def find_handler_path(subject: Subject) -> Iterator[Finding]:
    """Name the handler without a folder where its file lies at the root.

    Only what stands behind the last ``/`` counts; the archiver writes no more than that [server].
    """
    handler = subject.handler
    if handler is None or "/" not in handler.path or handler.has_colon:
        return
    if subject.holds(f"{handler.module}.py"):
        message = f"{brief_repr(handler.value)} names a folder, which is not looked at"
        fix = f"write {posixpath.basename(handler.value)!r}"
        effect = f"the worker imports {handler.module!r} from the root"
        yield manifest_finding(
            find_handler_path, subject, "model.handler", message=message, fix=fix, effect=effect
        )


RULES = rules_in(globals())
