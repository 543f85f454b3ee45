"""Measure how often ``marpack.check`` is right about handlers: TorchServe's own loader says what becomes of each.

    python benchmarks/check_accuracy.py FOLDER --server-python PYTHON --shipped --tests --broken --json result.json

README.md says what is in the folder, what is judged and how; this **runs the code of the handlers**.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import handlers_to_judge
from broken_handlers import Model, broken, rewritten
from verdicts import OF_FILES, Trouble, moments_of, same_reason, trouble_of

import marpack

HERE = Path(__file__).parent
# Rules about what happens before the loader: pip's work, the front end's settings.
UNJUDGED = (
    *("requirements-", "config-", "container-", "manifest-"),
    *("kserve-", "sagemaker-", "vertex-", "workflow-"),
)
EMPTY: Mapping[str, Collection[tuple[str, str]]] = {}


@dataclass
class Judged:
    """A model, what the loader made of it, and what ``check`` found."""

    name: str
    model: Model
    load: Trouble | None = None
    ask: Trouble | None = None
    opened: tuple[str, ...] = ()
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong with the model itself, None where nothing is, or what is wrong is the judge's."""
        found = self.load or (self.ask if self.model.asked and self.ask and self.ask.always else None)
        return found if found and not found.elsewhere else None

    @property
    def is_found(self) -> bool:
        """Whether a finding speaks of this trouble: others may be true of what the loader never came to."""
        return self.trouble is not None and any(same_reason(finding, self.trouble) for finding in self.findings)

    def asdict(self) -> dict[str, Any]:
        said = {when: trouble and trouble.asdict() for when, trouble in (("load", self.load), ("ask", self.ask))}
        kept = {"found": self.is_found, "findings": self.findings}
        return {"name": self.name, "fails": self.trouble is not None, **said, **kept}


class Loader:
    """TorchServe's loader in a process of its own, which is given one model after another."""

    def __init__(self, python: str, within: str, seconds: float, modules: Iterable[str]) -> None:
        words = [*shlex.split(within), python, str(HERE / "load_and_ask.py")]
        self._seconds = seconds
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.modules = frozenset(modules)

    def load_and_ask(self, model: Model, folder: Path, absent: Sequence[str] = ()) -> dict[str, Any]:
        """Return what becomes of a model where these modules are absent."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        here = folder / "loaded"
        write(model, here)
        job: dict[str, Any] = {"folder": str(here), "files": model.stand_ins, "seconds": self._seconds}
        job |= {"modules": sorted(self.modules - set(absent)), "absent": absent}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the loader ended: is this the Python of an environment with torchserve?")
        shutil.rmtree(here)
        return {**json.loads(line), "folder": str(here)}

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def write(model: Model, folder: Path) -> None:
    for name, data in model.members.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def judge(
    models: Iterable[tuple[str, Model]], loader: Loader, known: Mapping[str, Collection[tuple[str, str]]] = EMPTY
) -> Iterator[Judged]:
    """Load, ask and check models, and decide which findings are true.

    ``known`` are the code and message of findings that are left out, by the model's name.
    """
    warnings.simplefilter("ignore")  # what Python says of the sources that are parsed
    for name, model in models:
        each = Judged(name, model)
        with tempfile.TemporaryDirectory(prefix="accuracy-") as temporary:
            folder = Path(temporary)
            result = loader.load_and_ask(model, folder)
            each.load, each.ask = troubles(result, model, loader)
            each.opened = tuple(result["opened"])
            write(model, folder / "checked")
            for finding in marpack.check(folder / "checked"):
                if finding.severity == "note" or (finding.code, finding.message) in known.get(name, ()):
                    continue
                other = result
                told = {**finding.asdict(), "file": None}
                if finding.code == "import-missing":  # what becomes of it where nothing stands in for this one
                    other = loader.load_and_ask(model, folder, [absent(told)])
                weights = weights_of(told, model)
                if weights & set(model.stand_ins):  # what becomes of it where this very file is read
                    rest = tuple(name for name in model.stand_ins if name not in weights)
                    other = loader.load_and_ask(replace(model, stand_ins=rest), folder)
                said = verdict(told, *troubles(other, model, loader), loader.modules)
                if said == "false" and weights and other["stood_in"] and not weights & set(other["opened"]):
                    said = "unjudged"  # the reader may be one of the packages that are stood in for
                # What the requirements bring is pip's matter, and nothing is installed here.
                if finding.code == "import-missing" and "requirementsFile" in model.manifest:
                    said = "unjudged"
                each.findings.append({**told, "verdict": said})
        yield each


def troubles(result: dict[str, Any], model: Model, loader: Loader) -> tuple[Trouble | None, Trouble | None]:
    """Return what went wrong while it was loaded, and while it was asked."""
    load, ask = (trouble_of(result[when], model, loader.modules, result["folder"]) for when in ("load", "ask"))
    return load, ask


def absent(finding: dict[str, Any]) -> str:
    """Return the package whose absence is reported."""
    return Trouble(said=finding["message"]).quoted[-1].split(".")[0]


def weights_of(finding: dict[str, Any], model: Model) -> set[str]:
    """Return the members whose content a finding speaks of, where it is about weights."""
    if not finding["code"].startswith(OF_FILES):
        return set()
    return {finding["member"], *Trouble(said=finding["message"]).quoted} & model.members.keys()


def verdict(finding: dict[str, Any], load: Trouble | None, ask: Trouble | None, modules: Collection[str]) -> str:
    """Return ``true``, ``false``, ``unjudged`` (no loader can know) or ``masked`` (by other trouble)."""
    moments = moments_of(finding["code"])
    if any(same_reason(finding, trouble) for trouble in (load, ask) if trouble):
        return "true"
    # A stand-in reads what is not there, too.
    reader = finding["message"].split(" ")[0]
    if finding["code"] == "handler-file-missing" and (
        reader == "from_pretrained" or reader.split(".")[0] in modules
    ):
        return "unjudged"
    if finding["code"].startswith(UNJUDGED) or not moments & {"worker", "predict"} or "serves" in moments:
        return "unjudged"
    if load or (ask and "predict" in moments):
        return "masked"
    return "false"


def break_models(judged: list[Judged], loader: Loader, every: int) -> list[tuple[str, bool, Judged]]:
    """Break each model that loads in each way; return the kind, whether it is broken, and what became of it.

    Of all that are made only one of ``every`` is tried.
    """
    whole = [(each.name, made) for each in judged if not each.load and (made := rewritten(each.model))]
    models: list[tuple[str, Model]] = []
    base = {each.name: each for each in judge(whole, loader)}
    for each in judged:
        if each.name in base and not base[each.name].load:
            opened = Model(members=each.model.members, stand_ins=each.model.stand_ins, opened=each.opened)
            models += [(f"{kind}\t{each.name}", made) for kind, made in broken(opened)]
    results = []
    models.sort(key=lambda named: named[0])  # by kind: some of each are taken
    known = {
        name: {(finding["code"], finding["message"]) for finding in base[name.split("\t")[1]].findings}
        for name, _ in models
    }
    for each in judge(models[::every], loader, known):
        kind, name = each.name.split("\t")
        each.name = name
        answered = base[name].ask is None
        fails = each.load is not None or (answered and each.ask is not None)
        if (each.load or each.ask) and (each.load or each.ask).elsewhere:  # type: ignore[union-attr]
            continue
        results.append((kind, fails, each))
    return results


def table(title: str, rows: dict[str, Counter[str]], columns: list[str]) -> None:
    print(f"\n{title:<44}" + "".join(f"{column:>10}" for column in columns))
    whole = sum(rows.values(), Counter[str]())
    for name, counts in [*sorted(rows.items()), ("all", whole)]:
        print(f"{name:<44}" + "".join(f"{counts[column]:>10}" for column in columns))


def report(title: str, judged: list[Judged]) -> dict[str, Any]:
    """Print precision and recall, with what lowers them; return them."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for each in judged:
        for finding in each.findings:
            rows[f"{finding['severity']} {finding['code']}"][finding["verdict"]] += 1
    failing = [each for each in judged if each.trouble]
    found = [each for each in failing if each.is_found]
    fails = Counter("loads" if not each.load else "judge" if each.load.elsewhere else "fails" for each in judged)
    print(f"\n== {title}: {len(judged)} models, {dict(fails)}")
    table("finding", rows, ["true", "false", "masked", "unjudged"])
    numbers: dict[str, Any] = {"models": len(judged), **fails, "failing": len(failing), "found": len(found)}
    for severity in ("error", "warning"):
        counts = Counter[str]()
        for name, row in rows.items():
            if name.startswith(severity):
                counts += row
        numbers[severity] = dict(counts)
        judged_ones = counts["true"] + counts["false"]
        shown = f"{counts['true'] / judged_ones:.3f}" if judged_ones else "nothing to measure"
        print(f"precision of {severity}s: {shown} ({counts['true']} true, {counts['false']} false)")
    shown = f"{len(found) / len(failing):.3f}" if failing else "nothing to measure"
    print(f"recall: {shown} ({len(found)} of {len(failing)} that fail)")
    for each in judged:
        for finding in each.findings:
            if finding["verdict"] == "false":
                print(f"  false {finding['severity']}: {each.name}: {finding['code']}: {finding['message']}")
    missed: dict[str, list[str]] = defaultdict(list)
    for each in failing:
        if each.trouble and not each.is_found:
            missed[each.trouble.error or "result"].append(f"{each.name}: {each.trouble}")
    for error, lines in sorted(missed.items(), key=lambda item: -len(item[1])):
        print(f"  missed: {error} ({len(lines)})", *lines, sep="\n    ")
    numbers["missed"] = {error: len(lines) for error, lines in missed.items()}
    return numbers


def report_broken(results: list[tuple[str, bool, Judged]]) -> dict[str, Any]:
    """Print how many of each kind were found, and what was reported of those that work."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, fails, each in results:
        counts = rows[kind]
        counts["broken" if fails else "works"] += 1
        if fails:
            counts["found" if each.is_found else "otherwise" if each.findings else "missed"] += 1
        else:
            counts["alarms"] += any(finding["verdict"] == "false" for finding in each.findings)
    print("\n== broken on purpose: found for the reason that the loader gives, found otherwise, missed;")
    print("   and of those that work all the same, how many have an error or warning that is false")
    table("kind", rows, ["broken", "found", "otherwise", "missed", "works", "alarms"])
    for kind, fails, each in results:
        for finding in each.findings:
            if not fails and finding["verdict"] == "false":
                print(f"  false: {kind}: {each.name}: {finding['code']}: {finding['message']}")
    return {kind: dict(counts) for kind, counts in sorted(rows.items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="*", type=Path, help="folders of handlers and archives")
    parser.add_argument("--server-python", default=sys.executable, help="the Python of torchserve's environment")
    parser.add_argument("--within", default="", help="words before it, as of what keeps strangers' code in")
    parser.add_argument("--seconds", type=float, default=20, help="what one model may take")
    parser.add_argument("--shipped", action="store_true", help="also the handlers of the torchserve package")
    parser.add_argument("--tests", action="store_true", help="also the handlers of marpack's own tests")
    parser.add_argument("--broken", action="store_true", help="also break each model of the folders that loads")
    parser.add_argument("--every", type=int, default=1, help="of the broken ones only every so-manieth")
    parser.add_argument("--stand-ins", type=Path, help="a file with the names of absent packages")
    parser.add_argument("--only", default="", help="only models whose name has this")
    parser.add_argument("--json", type=Path, help="a file for everything that was found out")
    given = parser.parse_args()
    groups: dict[str, list[tuple[str, Model]]] = {
        str(folder): list(handlers_to_judge.of_folder(folder)) for folder in given.folder
    }
    if given.shipped:
        groups["shipped"] = list(handlers_to_judge.shipped(given.server_python))
    if given.tests:
        groups["tests"] = list(handlers_to_judge.of_tests())
    names = handlers_to_judge.PACKAGES + (given.stand_ins.read_text("utf-8").split() if given.stand_ins else [])
    loader = Loader(given.server_python, given.within, given.seconds, names)
    result: dict[str, Any] = {}
    for title, models in groups.items():
        chosen = [(name, model) for name, model in models if given.only in name]
        judged = list(judge(chosen, loader))
        result[title] = {"numbers": report(title, judged), "models": [each.asdict() for each in judged]}
        if given.broken and title not in ("tests", "shipped"):
            results = break_models(judged, loader, given.every)
            made = [{"kind": kind, "broken": fails, **each.asdict()} for kind, fails, each in results]
            result[title]["broken"] = {"numbers": report_broken(results), "models": made}
    loader.close()
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    main()
