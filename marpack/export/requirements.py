"""One requirements file, of those of several archives and of what runs them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from marpack import __version__
from marpack.checks.python.distribution_names import normal_name
from marpack.checks.python.requirement_lines import URL, RequirementLine, requirement_lines
from marpack.checks.python.torch_handlers import HANDLER_MODULES
from marpack.display import hidden
from marpack.export.entry import ExportEntry
from marpack.export.model import ExportedModel, own_handlers
from marpack.export.targets import ENGINES, REQUIREMENTS, TORCHSERVE, ExportTarget
from marpack.frozen import frozen

# Packages whose distributions are called otherwise.
_DISTRIBUTIONS: Mapping[str, str | None] = {"nvidia.dali": None, "tensorrt_llm": "tensorrt-llm"}
# Whom SSH is asked as, which is no secret: keys are elsewhere.
_SSH_USER = re.compile(r"(\b(?:[a-z]+\+)?ssh://)[A-Za-z0-9._-]+@", re.IGNORECASE)
# What stands before the host of an address, whose slashes may be left out.
_USER = re.compile(r"(?:@\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?|^[A-Za-z][A-Za-z0-9+.-]*:)/*[^/\s]*@")
# A repository with a revision, whose "@" stands before no host.
_REVISION = re.compile(r"(\b(?:git|hg|svn|bzr)\+[a-z]+://[^/\s@:]+(?::[0-9]+)?/[^\s@]*)@(?=[^\s@]+(?:\s|$))")
# Those that the engines, and TorchServe, are there for.
_PYTHONS = ((3, 10), (3, 11), (3, 12), (3, 13))
# What the worker imports, and TorchServe's wheel does not ask for.
_OF_THE_WORKER = ("PyYAML>=6", "packaging", "numpy")


@frozen
class Requirements:
    """The lines of a file, and what is to be told of them."""

    lines: tuple[str, ...]
    entries: tuple[ExportEntry, ...]

    @property
    def text(self) -> str:
        """The file."""
        return "".join(f"{line}\n" for line in self.lines)


@frozen
class _Kept:
    name: str | None
    text: str
    by: str


def merged(
    models: Sequence[ExportedModel], target: ExportTarget, *, with_ts: bool, with_marpack: bool
) -> Requirements:
    """Merge the requirements of models, sorted, behind those of the engine and of the server's worker.

    A line stands once. Several for one distribution all stay, for who knows the models to choose, and are told of;
    so is what does not go into the file: options of pip's, paths, and what holds a secret.
    """
    kept: list[_Kept] = []
    asked: dict[str, set[tuple[int, int]]] = {}
    entries: list[ExportEntry] = []
    for model in models:
        for line in requirement_lines(model.requirements):
            seen = f"{model.requirements_name}:{line.number}"
            if problem := _problem(line):
                what = "an option of pip's" if line.is_option else "a requirement"
                entries.append(ExportEntry(fate="lost", about=model.title, what=what, seen=seen, why=problem))
                continue
            if line.text != line.requirement:
                why = "hashes and options of single lines would be asked of every other line, too: pin anew"
                entries.append(
                    ExportEntry(
                        fate="changed",
                        about=model.title,
                        what=f"the options behind {line.name or 'a requirement'}",
                        seen=seen,
                        becomes="the line without them",
                        why=why,
                    )
                )
            if line.name is not None:
                for_these = (python for python in _PYTHONS if line.applies(python) is not False)
                asked.setdefault(line.name, set()).update(for_these)
            kept.append(_Kept(name=line.name, text=line.requirement.strip(), by=model.title))
    ours = [ENGINES[target]]
    ours += [] if with_marpack else [f"marpack=={__version__}"]
    ours += [] if with_ts else [f"torchserve=={TORCHSERVE}"]
    # What is asked for on some Pythons alone is none to the others.
    named = {name for name, pythons in asked.items() if len(pythons) == len(_PYTHONS)}
    worker = [text for text in _OF_THE_WORKER if text.partition(">")[0].lower() not in named]
    # torchserve's own requirements, where its wheel does not bring them.
    worker += ["pillow", "psutil"] if with_ts else []
    torch: tuple[str, ...] = () if "torch" in named else ("torch",)
    entries += _told_of_torch(models, torch, target)
    handlers = [*_of_handlers(models, named, target)]
    entries += [entry for _, entry in handlers]
    torch += tuple(sorted({name for name, _ in handlers if name is not None}))
    entries += _conflicts(kept, ours, target)
    by_text: dict[str, list[str]] = {}
    for each in kept:
        by_text.setdefault(each.text, []).append(each.by)
    of_models = sorted(by_text, key=lambda text: (text.lower(), text))
    lines = [
        f"# The engine, and TorchServe's worker ({TORCHSERVE}), which runs the handlers.",
        *ours,
        *worker,
        *torch,
    ]
    if of_models:
        lines += ["# What the archives ask for.", *of_models]
    return Requirements(lines=tuple(lines), entries=tuple(entries))


def _problem(line: RequirementLine) -> str | None:
    """Return why a line does not go into the file, None where it does."""
    if line.is_option:
        return "it would hold for all models: give it to pip (it stays in the model's own file)"
    if line.path is not None or "file:" in line.text.lower():
        return "it is a path, which leads elsewhere from another place: install it, or name the distribution"
    if not line.readable:
        return "it takes a value from the environment, or cannot be read: write it into the export's file"
    address = _SSH_USER.sub(r"\1", line.text)
    text = _REVISION.sub(r"\1 ", address)
    if hidden(text) != text or _USER.search(address):
        return "it holds a password or a token: have pip find that elsewhere (netrc, an index's settings)"
    if (line.name is None and not URL.match(line.requirement)) or line.has_bad_marker:
        return "pip cannot read it, and would install nothing: correct it in requirements.txt"
    return None


def _told_of_torch(
    models: Sequence[ExportedModel], torch: Sequence[str], target: ExportTarget
) -> Iterator[ExportEntry]:
    if not torch:
        return
    becomes = f"{REQUIREMENTS[target]}: torch, in whatever version comes"
    fix = "pin it, as torch==2.6.0"
    if target == "sagemaker-ray":
        becomes = f"the container's own (2.10 in the image of August 2026): {REQUIREMENTS[target]} asks for any"
        fix = "choose the image by it"
    yield ExportEntry(
        fate="changed",
        about="",
        what="the torch of the server's image",
        seen=f"no requirements file of {', '.join(model.title for model in models)} names one",
        becomes=becomes,
        why=f"which torch a model was trained and served with is not in its archive: {fix}",
    )


def _of_handlers(
    models: Sequence[ExportedModel], named: Collection[str | None], target: ExportTarget
) -> Iterator[tuple[str | None, ExportEntry]]:
    """Yield what TorchServe's own handlers import beside torch, which its images have: distributions, and entries.

    None stands for one that is in no index of everybody's.
    """
    for model in models:
        for module in own_handlers(model):
            for package in HANDLER_MODULES[module].needs:
                name = _DISTRIBUTIONS.get(package, package)
                if name in named:
                    continue
                becomes = "" if name is None else f"{REQUIREMENTS[target]}: {name}, in whatever version comes"
                yield (
                    name,
                    ExportEntry(
                        fate="lost" if name is None else "changed",
                        about=model.title,
                        what=f"the package {package}, which the server's image has",
                        seen=f"imported by ts.torch_handler.{module}",
                        becomes=becomes,
                        why="which version the model was served with is not in its archive: "
                        + ("pin it" if name is not None else "install it as its makers say"),
                    ),
                )


def _conflicts(kept: Sequence[_Kept], ours: Sequence[str], target: ExportTarget) -> Iterator[ExportEntry]:
    """Yield what several lines are for, of which pip takes one version: of models, and of the export itself."""
    of_export = {normal_name(re.split(r"[\[=>]", text)[0]): text for text in ours}
    by_name: dict[str, dict[str, list[str]]] = {}
    for each in kept:
        if each.name is not None:
            by_name.setdefault(each.name, {}).setdefault(each.text, []).append(each.by)
    for name, texts in sorted(by_name.items()):
        own = of_export.get(name)
        lines = texts if own is None else {own: ["what runs the handlers"], **texts}
        if len(lines) > 1:
            said = "; ".join(f"{text} ({', '.join(by)})" for text, by in lines.items())
            yield ExportEntry(
                fate="changed",
                about="",
                what=f"{name}, of which each model had its own"
                if own is None
                else f"{name}, which runs the models",
                seen=said,
                becomes=f"{REQUIREMENTS[target]}: all of the lines",
                why="one environment has one version: remove the others where pip says that they conflict",
            )
