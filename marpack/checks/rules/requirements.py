"""Rules on the requirements file, which the server gives to pip if it is told to."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from marpack.checks.frame.subject import Subject
from marpack.checks.python.requirement_lines import SCHEME, URL, RequirementLine, decoded, requirement_lines
from marpack.checks.python.requirement_versions import is_below, pinned, version_problem
from marpack.checks.rules.manifest_file import manifest_finding
from marpack.findings import Finding
from marpack.rule import rule, rules_in

REQUIREMENTS_NAME = "requirements.txt"

_FAILS = 'with install_py_dep_per_model=true it answers 400, "Custom pip package installation failed for model"'

_LINKS = frozenset({"-f", "--find-links"})
_FILES = frozenset({"-r", "--requirement", "-c", "--constraint"})
_EDITABLE = frozenset({"-e", "--editable"})

# What comes before the tags of a wheel, and what its platform begins with where it is not Linux.
_WHEEL = re.compile(
    r"[^-]+-[^-]+(?:-\d[^-]*)?-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)\.whl", re.IGNORECASE
)
_OTHER_PLATFORMS = ("win", "macosx", "ios", "android", "emscripten", "pyodide", "wasi")

# What the server runs on, and what cannot be installed without it.
_SERVERS_OWN = frozenset({"torch", "torchserve", "torch-model-archiver", "torch-workflow-archiver"})
# Extras that do.
_EXTRAS_NEEDING_TORCH = frozenset(
    {(name, "torch") for name in ("datasets", "diffusers", "evaluate", "huggingface-hub", "safetensors")}
    | {("transformers", extra) for extra in ("accelerate", "audio", "deepspeed", "serving", "torch", "vision")}
    | {("diffusers", "training"), ("datasets", "audio")}
)
_NEEDING_TORCH = frozenset(
    """
    accelerate auto-gptq autoawq bertopic bitsandbytes captum deepspeed easyocr efficientnet-pytorch
    facenet-pytorch fairscale flair gliner keybert kornia lightning monai open-clip-torch optimum peft
    pytorch-forecasting pytorch-ignite pytorch-lightning segmentation-models-pytorch sentence-transformers
    spacy-transformers stable-baselines3 timm torchaudio torchdata torchmetrics torchtext torchvision trl
    ultralytics vllm xformers
    """.split()  # noqa: SIM905 - quotes would hide the names
)
# The first versions that do, of what once needed none: a distribution, and perhaps an extra.
_NEEDING_TORCH_SINCE: Final[Mapping[tuple[str, str], tuple[int, ...]]] = {
    ("accelerate", ""): (0, 1),
    ("bitsandbytes", ""): (0, 43),
    ("datasets", "audio"): (4, 0),
    ("facenet-pytorch", ""): (2, 3),
    ("torchtext", ""): (0, 3),
    ("transformers", "accelerate"): (4, 13),
    ("transformers", "audio"): (5, 1),
    ("transformers", "serving"): (4, 54),
    ("transformers", "vision"): (5, 1),
}

# What makes a folder one that pip installs.
_INSTALLABLE = ("pyproject.toml", "setup.py")


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
    it can be registered again [server]. spec/requirements.md lists what the pips from 20.3 to 26.3 take:
    which options may stand in the file (an upgrade, ``--no-deps`` or ``-v`` may not), which markers they read, and
    how they decode it. What some versions take, and others not, is a warning: pip 24.1 ended versions as
    ``2004d``.
    """
    member, lines = subject.once(_lines)
    if member and (problem := decoded(subject.requirements(member)[0])[1]) is not None:
        message, fix = "it is not UTF-8, nor what it declares", "save it as UTF-8"
        yield find_syntax.finding(message=message, fix=fix, effect=f"{_FAILS}; pip says: {problem}", member=member)
        return
    hashed = _wants_hashes(lines)
    for line in lines:
        for message, fix, said in _problems(line, hashed=hashed):
            sure = said is not None
            effect = f"{_FAILS}; pip says: {said}" if sure else _FAILS
            yield find_syntax.finding(
                message=message,
                fix=fix,
                effect=effect if sure else "",
                member=member,
                line=line.number,
                severity="error" if sure else "warning",
            )
            break
    for number, message in _contradictions(line for line in lines if line.applies(subject.settings.told_python)):
        fix, effect = "leave one of them out", f"{_FAILS}; pip says: Cannot install ... conflicting dependencies"
        yield find_syntax.finding(message=message, fix=fix, effect=effect, member=member, line=number)


def _contradictions(lines: Iterable[RequirementLine]) -> Iterator[tuple[int, str]]:
    """Yield the lines that ask for another version than one before, which no pip installs beside each other."""
    asked: dict[str, tuple[tuple[int, ...], str]] = {}
    for line in lines:
        version = pinned(line.clauses)
        if line.name is None or version is None:
            continue
        first, shown = asked.setdefault(line.name, (version, line.requirement[:60]))
        if version != first:
            yield line.number, f"{line.requirement[:60]!r} cannot be installed beside {shown!r}"


def _problems(line: RequirementLine, *, hashed: bool) -> Iterator[tuple[str, str, str | None]]:
    """Yield what is wrong with a line, what to do, and what every pip says; None where only some refuse it."""
    options = line.options
    shown = repr(line.requirement[:60])
    if options.problem is not None:
        fix = "leave the option out: only some may stand there (spec/requirements.md)"
        yield f"pip does not take {line.text[:60]!r} in a requirements file", fix, options.problem
    if not line.is_option:
        named = line.name is not None or line.path is not None
        if not named and not URL.match(line.requirement):
            yield f"{shown} is no requirement", "write name==version, or name @ url", "Invalid requirement"
        if line.has_bad_marker:
            fix = "write it as python_version >= '3.9'"
            yield f"{shown} has a marker that is none", fix, "Invalid requirement"
        if (problem := version_problem(line.clauses)) is not None:
            what, always = problem
            fix = "write a version as of PEP 440"
            said = "Invalid requirement" if always else None
            yield f"{shown}: {what}" + ("" if always else ", and pip 24.1 and newer refuse it"), fix, said
        if hashed and line.name is not None and line.marker == "" and "--hash" not in dict(options.values):
            fix = "give every requirement its --hash, or none"
            yield f"{shown} has no hash, and others have, or --require-hashes stands", fix, "Hashes are required"
    elif set(options.words) - {"-"} and not options.problem:
        words = " ".join(options.words)
        yield f"{words[:60]!r} stands behind an option, and pip ignores it", "give it a line of its own", None
    if options.doubt is not None:
        yield options.doubt, "leave it out", None


def _wants_hashes(lines: Sequence[RequirementLine]) -> bool:
    given = {name for line in lines for name, _ in line.options.values if name != "--hash" or not line.is_option}
    return not given.isdisjoint({"--require-hashes", "--hash"}) and "--no-require-hashes" not in given


@rule("requirements-local", "error", kind="model")
def find_missing_files(subject: Subject) -> Iterator[Finding]:
    """Pack the wheels, folders and further files that the requirements name.

    pip runs in the folder of the model: ``./kit-1.0-py3-none-any.whl`` is a member of the archive. Where ``-r``
    and ``-c`` lead is counted from the file that says so [server]. A folder of ``--find-links`` that is not there
    is only a warning of pip's, as long as it has another place to look in: with ``--no-index`` it has none. A
    wheel that is packed has to be one for Linux, and a folder (``-e .``) one that can be installed.
    """
    member, lines = subject.once(_lines)
    places = [
        (line, value)
        for line in lines
        for name, value in line.options.values
        if name in _LINKS and not SCHEME.match(value)
    ]
    folders = [posixpath.normpath(value) for _, value in places]
    closed = any(name == "--no-index" for line in lines for name, _ in line.options.values)
    if closed and not any(path.startswith("/") or path == "." or subject.holds(path) for path in folders):
        links = {name for line in lines for name, value in line.options.values if SCHEME.match(value)}
        wanted = [line for line in lines if line.name is not None and line.marker == "" and " @ " not in line.text]
        # Another file of requirements may name a folder.
        more = {name for line in lines for name, _ in line.options.values} & {"-r", "--requirement"}
        wanted = [] if links & _LINKS or more else [line for line in wanted if "@" not in line.requirement]
        for line in wanted[:1]:
            where = f"{folders[0][:60]!r} is not in the archive" if folders else "there is no --find-links"
            message = f"--no-index leaves pip nowhere to look for {line.name}: {where}"
            fix = "pack the wheels, and name their folder with --find-links"
            effect = f"{_FAILS}; pip says: No matching distribution found"
            yield find_missing_files.finding(
                message=message,
                fix=fix,
                effect=effect,
                member=member,
                line=line.number,
                severity="error" if folders else "warning",
            )
    for line in lines:
        for path in _named(line, posixpath.dirname(member)):
            if path.endswith(".whl") and (problem := _wheel_problem(path)):
                message, fix = f"{path[:60]!r} {problem}", "pack the one for Linux, or name the package"
            elif path.startswith("/"):
                continue
            elif path == "." or subject.holds(path):
                inside = [posixpath.join(path, name) for name in _INSTALLABLE]
                if path in subject.names or any(map(subject.holds, inside)):
                    continue
                message = f"{path[:60]!r} is a folder with neither pyproject.toml nor setup.py in it"
                fix = "pack one of them too, or leave the line out: what is packed can be imported as it is"
            else:
                message, fix = (
                    f"{path[:60]!r} is not in the archive",
                    "pack it as an extra file, or name the package",
                )
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
        if line.applies(subject.settings.told_python) is not True:
            continue
        if line.name in _SERVERS_OWN:
            message = f"{line.name} takes the place of the server's own"
        elif (needing := _needing_torch(line)) is not None:
            message = f"{needing} brings a torch of its own"
        else:
            continue
        fix = "leave it out, and install it into the server's image"
        effect = "the worker imports what lies in the folder of the model first"
        yield find_servers_own.finding(message=message, fix=fix, effect=effect, member=member, line=line.number)


def _needing_torch(line: RequirementLine) -> str | None:
    """Return what of a line needs torch in each version that it asks for, None where nothing does."""
    name = line.name or ""
    asked = [("", name in _NEEDING_TORCH)]
    asked += [(extra, (name, extra) in _EXTRAS_NEEDING_TORCH) for extra in line.extras]
    for extra, needs in asked:
        since = _NEEDING_TORCH_SINCE.get((name, extra))
        if needs and (since is None or not is_below(line.clauses, since)):
            return f"{name}[{extra}]" if extra else name
    return None


def _named(line: RequirementLine, folder: str) -> Iterator[str]:
    """Yield the files that a line names, as members; absolute ones as they are."""
    for name, value in line.options.values:
        if (name in _FILES or name in _EDITABLE) and not SCHEME.match(value):
            below = folder if name in _FILES else ""
            value = value.partition("[")[0] if name in _EDITABLE else value
            yield posixpath.normpath(posixpath.join(below, value))
    if line.path is not None and line.applies(None) is not False:
        yield posixpath.normpath(line.path)


def _wheel_problem(path: str) -> str | None:
    """Return why pip on Linux does not take a wheel of this name, None if it may."""
    found = _WHEEL.fullmatch(posixpath.basename(path))
    if found is None:
        return "is no name of a wheel"
    platforms = found["platform"].lower().split(".")
    if all(platform.startswith(_OTHER_PLATFORMS) for platform in platforms):
        return "is not for Linux"
    return None


RULES = rules_in(globals())
