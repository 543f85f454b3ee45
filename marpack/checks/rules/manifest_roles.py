"""Rules about the files that MANIFEST.json names."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from marpack.checks.frame.subject import Subject
from marpack.display import brief_repr, type_name
from marpack.findings import Finding
from marpack.rule import rule, rules_in

# What names a file; the first two concern nobody but the handler.
ROLES = ("serializedFile", "modelFile", "configFile", "requirementsFile")

_JOIN = "the worker dies: TypeError: join() argument must be str, bytes, or os.PathLike object"


@rule("manifest-role-value", "error", kind="model")
def find_role_values(subject: Subject) -> Iterator[Finding]:
    """Name a file as ``configFile`` and ``serializedFile``, or leave the key out.

    The archiver leaves a key out when there is no such file. The worker looks for the key, not for a value, and
    dies when it joins it with the folder of the model: of ``configFile`` always, of ``serializedFile`` where the
    handler loads it as ``BaseHandler`` does [server].
    """
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
        yield find_role_values.finding(
            message=f"it is {type_name(value)}, not the name of a file" if value != "" else "it is empty",
            fix="leave the key out, or name a file",
            effect=empty if value == "" else f"{_JOIN}, not {type(value).__name__!r}",
            key=f"model.{key}",
            member=subject.manifest_name,
            severity="error" if key == "configFile" or loads else "warning",
        )


@rule("manifest-file-missing", "error", kind="model")
def find_missing_files(subject: Subject) -> Iterator[Finding]:
    """Pack the files that the manifest names.

    The worker always reads ``configFile``, and dies without it. It dies without ``modelFile`` and
    ``serializedFile`` where the handler loads them as ``BaseHandler`` does; what another handler does, only its
    author knows, and that is a warning. ``requirementsFile`` concerns a server with
    ``install_py_dep_per_model=true``, which refuses the model [server].
    """
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
        yield find_missing_files.finding(
            message=f"{brief_repr(name)} is not in the archive",
            fix="pack it, or leave the key out",
            effect=effects[key],
            key=f"model.{key}",
            member=subject.manifest_name,
            severity="error" if certain and not name.startswith("/") else "warning",
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
        yield find_handler_path.finding(
            message=f"{brief_repr(handler.value)} names a folder, which is not looked at",
            fix=f"write {posixpath.basename(handler.value)!r}",
            effect=f"the worker imports {handler.module!r} from the root",
            key="model.handler",
            member=subject.manifest_name,
        )


RULES = rules_in(globals())
