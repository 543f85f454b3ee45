"""Rules on the requirements file, which the server gives to pip if it is told to."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from marpack.checks.frame.subject import Subject
from marpack.checks.python.distributions import SCHEME, RequirementLine, requirement_lines
from marpack.checks.rules.manifest_file import manifest_finding
from marpack.findings import Finding
from marpack.rule import rule, rules_in

REQUIREMENTS_NAME = "requirements.txt"

_FAILS = 'with install_py_dep_per_model=true it answers 400, "Custom pip package installation failed for model"'

_OPTION = re.compile(
    r"(?P<option>-[rcef]|--(?:requirement|constraint|editable|find-links))(?: ?= ?| ?)(?P<value>\S.*)"
)
_FILES = ("-r", "--requirement", "-c", "--constraint")

# What the server runs on, and what cannot be installed without it.
_SERVERS_OWN = frozenset({"torch", "torchserve", "torch-model-archiver", "torch-workflow-archiver"})
_NEEDING_TORCH = frozenset(
    {
        *("accelerate", "kornia", "lightning", "open-clip-torch", "peft", "pytorch-lightning"),
        *(
            "sentence-transformers",
            "timm",
            "torchaudio",
            "torchmetrics",
            "torchtext",
            "torchvision",
            "ultralytics",
        ),
    }
)


def _lines(subject: Subject) -> tuple[str, list[RequirementLine]]:
    """Return the name of the file, and its lines that can be read; none where there is no such file."""
    name = subject.file("requirementsFile")
    lines = requirement_lines(subject.requirements(name)[0]) if name is not None else []
    return name or "", [line for line in lines if line.readable]


@rule("requirements-switch", "note", kind="model")
def find_switch(subject: Subject) -> Iterator[Finding]:
    """Know that requirements are installed only by a server that is told to.

    The server looks at the requirements file only where its settings say ``install_py_dep_per_model=true``; by
    default it installs nothing, and says nothing [server].
    """
    name = subject.role("requirementsFile")
    if name is not None:
        message = f"{name!r} is installed only by a server that is told to"
        fix = "set install_py_dep_per_model=true, or install the packages into the server's image"
        effect = "by default it installs nothing"
        yield manifest_finding(
            find_switch, subject, "model.requirementsFile", message=message, fix=fix, effect=effect
        )


@rule("requirements-not-named", "note", kind="model")
def find_not_named(subject: Subject) -> Iterator[Finding]:
    """Name the requirements file in the manifest.

    The server installs what ``requirementsFile`` names, and no other file [server].
    """
    if REQUIREMENTS_NAME in subject.names and "requirementsFile" not in subject.model:
        message, effect = "the manifest does not name it as requirementsFile", "it installs nothing"
        fix = "pack it as the requirements (--requirements-file, requirements_file=)"
        yield find_not_named.finding(message=message, fix=fix, effect=effect, member=REQUIREMENTS_NAME)


@rule("requirements-syntax", "error", kind="model")
def find_syntax(subject: Subject) -> Iterator[Finding]:
    """Write lines that pip takes.

    Where pip fails the registration does; the model stays registered without a worker, and must be removed before
    it can be registered again [server].
    """
    member, lines = subject.once(_lines)
    for line in lines:
        if line.name is None and not line.is_option and line.path is None and not SCHEME.match(line.requirement):
            message = f"{line.requirement[:60]!r} is no requirement"
            fix, effect = "write name==version, or name @ url", f"{_FAILS}; pip says: Invalid requirement"
            yield find_syntax.finding(message=message, fix=fix, effect=effect, member=member, line=line.number)


@rule("requirements-local", "error", kind="model")
def find_missing_files(subject: Subject) -> Iterator[Finding]:
    """Pack the wheels, folders and further files that the requirements name.

    pip runs in the folder of the model: ``./kit-1.0-py3-none-any.whl`` is a member of the archive. Where ``-r``
    and ``-c`` lead is counted from the file that says so [server].
    """
    member, lines = subject.once(_lines)
    for line in lines:
        for path in _named(line, posixpath.dirname(member)):
            if path.startswith("/") or path == "." or subject.holds(path):
                continue
            message, fix = f"{path[:60]!r} is not in the archive", "pack it as an extra file, or name the package"
            yield find_missing_files.finding(
                message=message, fix=fix, effect=_FAILS, member=member, line=line.number
            )


@rule("requirements-torch", "warning", kind="model")
def find_servers_own(subject: Subject) -> Iterator[Finding]:
    """Leave ``torch``, and what brings it along, out of the requirements.

    pip installs into the folder of the model (``-U -t``), with all that a package needs, whatever is installed
    already. That folder comes first when the worker imports: it then runs on another ``torch`` than the server was
    built with, downloaded once for each model [server].
    """
    member, lines = subject.once(_lines)
    for line in lines:
        if line.name in _SERVERS_OWN:
            message = f"{line.name} takes the place of the server's own"
        elif line.name in _NEEDING_TORCH:
            message = f"{line.name} brings a torch of its own"
        else:
            continue
        fix = "leave it out, and install it into the server's image"
        effect = "the worker imports what lies in the folder of the model first"
        yield find_servers_own.finding(message=message, fix=fix, effect=effect, member=member, line=line.number)


def _named(line: RequirementLine, folder: str) -> Iterator[str]:
    """Yield the files that a line names, as members; absolute ones as they are."""
    if option := _OPTION.match(line.text):
        value = option["value"].strip().strip("\"'")
        if not SCHEME.match(value):
            below = folder if option["option"] in _FILES else ""
            value = value.partition("[")[0] if option["option"] in ("-e", "--editable") else value
            yield posixpath.normpath(posixpath.join(below, value))
    elif line.path is not None:
        yield posixpath.normpath(line.path)


RULES = rules_in(globals())
