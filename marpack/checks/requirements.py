"""Rules on the requirements file, which the server gives to pip if it is told to."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marpack.checks.registry import Problem, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.checks.subject import Subject

__all__ = ["REQUIREMENTS_NAME"]

REQUIREMENTS_NAME = "requirements.txt"

_FAILS = 'with install_py_dep_per_model=true it answers 400, "Custom pip package installation failed for model"'

# pip's own: a comment begins where a line does, or behind a blank.
_COMMENT = re.compile(r"(?:^|\s)#.*")
_CONTINUED = re.compile(r"\\\r?\n")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_CLAUSE = r"(?:===|==|~=|!=|<=|>=|<|>)\s*[^\s,;()<>=!~]+"
_CLAUSES = rf"{_CLAUSE}(?:\s*,\s*{_CLAUSE})*\s*,?"
# PEP 508, as far as it is certain that pip refuses what is otherwise: versions and markers are not looked into.
_REQUIREMENT = re.compile(
    rf"""
    (?P<name>{_NAME}) \s* (?:\[ [^\]]* \])? \s*
    (?: @ \s* (?P<url>\S+) | \( \s* (?:{_CLAUSES})? \s* \) | {_CLAUSES} )?
    \s* (?: ; .* )?
    """,
    re.VERBOSE,
)
_OPTION = re.compile(
    r"(?P<option>-[rcef]|--(?:requirement|constraint|editable|find-links))(?: ?= ?| ?)(?P<value>\S.*)"
)
_FILES = ("-r", "--requirement", "-c", "--constraint")
_SUFFIXES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tgz", ".tar")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

# Nobody writes a longer one: whoever did wants to keep the patterns busy.
_LONGEST_LINE = 10_000

# What the server runs on, and what cannot be installed without it.
_SERVERS_OWN = frozenset({"torch", "torchserve", "torch-model-archiver", "torch-workflow-archiver"})
_NEEDING_TORCH = frozenset(
    {
        "accelerate",
        "kornia",
        "lightning",
        "open-clip-torch",
        "peft",
        "pytorch-lightning",
        "sentence-transformers",
        "timm",
        "torchaudio",
        "torchmetrics",
        "torchtext",
        "torchvision",
        "ultralytics",
    }
)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a requirements file, without comments; ``number`` is where it begins."""

    number: int
    text: str


def _lines(subject: Subject) -> tuple[str, list[_Line]]:
    """Return the name of the file and its lines; none where there is no such file, or it is no UTF-8."""
    name = None if subject.is_workflow else subject.role("requirementsFile")
    name = "" if name is None else posixpath.normpath(name)
    data = subject.read(name) if name else None
    if data is None:
        return name, []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return name, []
    found, number = [], 1
    for line in re.split(r"(?<!\\)\r?\n", text):
        # Blanks as one: patterns that allow any number of them would try them all.
        whole = " ".join(_COMMENT.sub("", _CONTINUED.sub("", line)).split())
        if whole and len(whole) <= _LONGEST_LINE and not _VARIABLE.search(whole):
            found.append(_Line(number, whole))
        number += line.count("\n") + 1
    return name, found


@rule("requirements-switch", "note")
def find_switch(subject: Subject) -> Iterator[Problem]:
    """Know that requirements are installed only by a server that is told to.

    The server looks at the requirements file only where its settings say ``install_py_dep_per_model=true``; by
    default it installs nothing, and says nothing [server].
    """
    name = None if subject.is_workflow else subject.role("requirementsFile")
    if name is not None:
        yield Problem(
            message=f"{name!r} is installed only by a server that is told to",
            fix="set install_py_dep_per_model=true, or install the packages into the server's image",
            effect="by default it installs nothing",
            key="model.requirementsFile",
            member=subject.manifest_name,
        )


@rule("requirements-not-named", "note")
def find_not_named(subject: Subject) -> Iterator[Problem]:
    """Name the requirements file in the manifest.

    The server installs what ``requirementsFile`` names, and no other file [server].
    """
    if not subject.is_workflow and REQUIREMENTS_NAME in subject.names and "requirementsFile" not in subject.model:
        yield Problem(
            message="the manifest does not name it as requirementsFile",
            fix="pack it as the requirements (--requirements-file, requirements_file=)",
            effect="it installs nothing",
            member=REQUIREMENTS_NAME,
        )


@rule("requirements-syntax", "error")
def find_syntax(subject: Subject) -> Iterator[Problem]:
    """Write lines that pip takes.

    Where pip fails the registration does; the model stays registered without a worker, and must be removed before
    it can be registered again [server].
    """
    member, lines = _lines(subject)
    for line in lines:
        text = re.split(r"\s--?[A-Za-z]", line.text)[0]
        if text.startswith("-") or _path(text) is not None or _SCHEME.match(text):
            continue
        if not _REQUIREMENT.fullmatch(text):
            yield Problem(
                message=f"{text[:60]!r} is no requirement",
                fix="write name==version, or name @ url",
                effect=f"{_FAILS}; pip says: Invalid requirement",
                member=member,
                line=line.number,
            )


@rule("requirements-local", "error")
def find_missing_files(subject: Subject) -> Iterator[Problem]:
    """Pack the wheels, folders and further files that the requirements name.

    pip runs in the folder of the model: ``./kit-1.0-py3-none-any.whl`` is a member of the archive. Where ``-r``
    and ``-c`` lead is counted from the file that says so [server].
    """
    member, lines = _lines(subject)
    for line in lines:
        for path in _named(line.text, posixpath.dirname(member)):
            if path.startswith("/") or _is_there(subject, path):
                continue
            yield Problem(
                message=f"{path!r} is not in the archive",
                fix="pack it as an extra file, or name the package",
                effect=_FAILS,
                member=member,
                line=line.number,
            )


@rule("requirements-torch", "warning")
def find_servers_own(subject: Subject) -> Iterator[Problem]:
    """Leave ``torch``, and what brings it along, out of the requirements.

    pip installs into the folder of the model (``-U -t``), with all that a package needs, whatever is installed
    already. That folder comes first when the worker imports: it then runs on another ``torch`` than the server was
    built with, downloaded once for each model [server].
    """
    member, lines = _lines(subject)
    for line in lines:
        found = None if line.text.startswith("-") else _REQUIREMENT.match(line.text)
        if found is None or _path(line.text) is not None:
            continue
        name = re.sub("[-_.]+", "-", found["name"]).lower()
        if name in _SERVERS_OWN or name in _NEEDING_TORCH:
            what = "takes the place of the server's own" if name in _SERVERS_OWN else "brings a torch of its own"
            yield Problem(
                message=f"{found['name']} {what}",
                fix="leave it out, and install it into the server's image",
                effect="the worker imports what lies in the folder of the model first",
                member=member,
                line=line.number,
            )


def _named(text: str, folder: str) -> Iterator[str]:
    """Yield the files that a line names, as members; absolute ones as they are."""
    if option := _OPTION.match(text):
        value = option["value"].strip().strip("\"'")
        if not _SCHEME.match(value):
            below = folder if option["option"] in _FILES else ""
            value = value.partition("[")[0] if option["option"] in ("-e", "--editable") else value
            yield posixpath.normpath(posixpath.join(below, value))
    elif not text.startswith("-") and (path := _path(re.split(r"\s--?[A-Za-z]", text)[0])) is not None:
        yield posixpath.normpath(path)


def _path(text: str) -> str | None:
    """Return the path that a requirement is, None for one that is none."""
    text = text.partition("; ")[0].strip()
    if "://" in text or " @ " in text:
        return None
    path = text.rpartition("[")[0] if text.endswith("]") else text
    if path.startswith(("./", "../", "/")) or path in (".", "..") or path.lower().endswith(_SUFFIXES):
        return path
    return path if "/" in path and " " not in path and not _SCHEME.match(path) else None


def _is_there(subject: Subject, path: str) -> bool:
    return path == "." or path in subject.names or any(name.startswith(f"{path}/") for name in subject.names)
