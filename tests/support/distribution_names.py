"""Write the table of what distributions bring: ``python -m tests.support.distribution_names [NAME=]SOURCE...``.

A source is what somebody made a list of, and nothing is asked of a package registry:

- a folder of wheels: their names, the modules that lie in them, and ``Requires-Dist`` of their METADATA;
- a folder of installed distributions (``site-packages``): the same;
- a lock file (``uv.lock``, ``poetry.lock``, or what pip-compile writes, with its comments ``# via``): which
  distributions bring which, in projects that really use them;
- ``gazelle_python.yaml``, which Bazel's Gazelle makes from wheels: which modules lie in which distribution;
- pipreqs' ``mapping``, lines of ``module:distribution``;
- ``distribution_names.txt`` beside this file, written by hand, which is always read.

What several sources say of one distribution is put together, for a version differs from the next: a module that
any version brings may be there. Extras are left out, and markers are not looked at, but for Python in a browser.
Every other source beats pipreqs' mapping; where nothing knows the modules of a distribution, a ``?`` stands for
them. ``--popular`` names a file of names: the table takes those, the ones by hand, and what they need.
"""

from __future__ import annotations

import argparse
import re
import zipfile
from collections import defaultdict
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

from marpack.checks.python.distribution_names import SHARED, TABLE, guessed_modules, normal_name, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What many wheels have beside their own, by mistake: whoever imports such a name means a file of their own.
_BY_MISTAKE = frozenset(
    """
    benchmark benchmarks bin build conf data demo dist doc docs example examples include lib licenses license man
    resources samples scripts share src test testing tests tools utils
    """.split()  # noqa: SIM905 - quotes would hide the names
)
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_MODULE = re.compile(r"[A-Za-z_]\w*")
# What nobody gets who serves: an extra, and Python in a browser.
_NOT_HERE = re.compile(r"\bextra\s*==|emscripten")

_BY_HAND = Path(__file__).with_suffix(".txt")

_HEAD = """\
# What distributions bring, made on {date} by tests/support/distribution_names.py from: {sources};
# of those, the {count:,} most downloaded, the ones in tests/support/distribution_names.txt, and what they need.
# name = modules (left out where there is one that is called like it, "?" if unknown, "-" if none): what it needs
"""


class Facts:
    """What the sources say: ``modules`` and ``needs`` of distributions, by normalised names."""

    def __init__(self) -> None:
        self.modules: defaultdict[str, set[str]] = defaultdict(set)
        self.needs: defaultdict[str, set[str]] = defaultdict(set)
        self.said_by_people: defaultdict[str, set[str]] = defaultdict(set)

    def add_metadata(self, metadata: str, files: Iterable[str]) -> None:
        """Take what the METADATA of a distribution and the names of its files say."""
        headers = HeaderParser().parsestr(metadata)
        name = normal_name(headers["Name"])
        self.modules[name] |= set(_tops(files))
        needs = self.needs[name]
        for text in headers.get_all("Requires-Dist") or ():
            found = _NAME.match(text)
            if found and not _NOT_HERE.search(text):
                needs.add(normal_name(found[1]))


def _tops(files: Iterable[str]) -> Iterator[str]:
    for file in files:
        parts = file.split("/")
        if parts[0].endswith(".data"):
            parts = parts[2:] if parts[1:2] in (["purelib"], ["platlib"]) else []
        if not parts or not parts[-1].endswith((".py", ".so", ".pyd", ".pyi")):
            continue
        top = parts[0] if len(parts) > 1 else parts[0].partition(".")[0]
        if _MODULE.fullmatch(top) and top not in _BY_MISTAKE and not top.startswith("__") and "__mypyc" not in top:
            yield top


def read_wheels(facts: Facts, folder: Path) -> None:
    """Read a folder of wheels: of each its directory and one member."""
    for path in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(path) as wheel:
            names = wheel.namelist()
            metadata = next(name for name in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
            facts.add_metadata(wheel.read(metadata).decode("utf-8", "replace"), names)


def read_installed(facts: Facts, folder: Path) -> None:
    """Read a folder of installed distributions."""
    for path in sorted(folder.glob("*.dist-info")):
        record = path / "RECORD"
        lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
        facts.add_metadata((path / "METADATA").read_text(encoding="utf-8"), [line.split(",")[0] for line in lines])


def read_uv_lock(facts: Facts, text: str) -> None:
    """Read a uv.lock."""
    for block in text.split("[[package]]")[1:]:
        name = re.search(r'^name = "([^"]+)"', block, re.MULTILINE)
        found = re.search(r"^dependencies = \[(.*?)^\]", block, re.MULTILINE | re.DOTALL)
        if name:
            lines = [line for line in found[1].splitlines() if not _NOT_HERE.search(line)] if found else []
            needs = re.findall(r'\{ name = "([^"]+)"', "\n".join(lines))
            facts.needs[normal_name(name[1])] |= set(map(normal_name, needs))


def read_poetry_lock(facts: Facts, text: str) -> None:
    """Read a poetry.lock."""
    for block in text.split("[[package]]")[1:]:
        name = re.search(r'^name = "([^"]+)"', block, re.MULTILINE)
        found = re.search(r"^\[package\.dependencies\]\n(.*?)(?:^\[|\Z)", block, re.MULTILINE | re.DOTALL)
        lines = found[1].splitlines() if found else []
        needs = [
            line.partition(" = ")[0].strip('"')
            for line in lines
            if " = " in line and "optional = true" not in line
        ]
        if name:
            facts.needs[normal_name(name[1])] |= {normal_name(need) for need in needs if _NAME.fullmatch(need)}


def read_compiled(facts: Facts, text: str) -> None:
    """Read what pip-compile or uv wrote."""
    name = ""
    for line in text.splitlines():
        if found := re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[.*\])?==", line):
            name = normal_name(found[1])
            facts.needs[name] |= set()
        elif name and (said := re.fullmatch(r"    #\s+(?:via )?\s*([A-Za-z0-9._-]+)", line)) and said[1] != "via":
            facts.needs[normal_name(said[1])].add(name)


def read_gazelle(facts: Facts, text: str) -> None:
    """Read a gazelle_python.yaml."""
    for module, name in re.findall(r"^    ([\w.]+): ([\w.-]+)$", text, re.MULTILINE):
        top = module.partition(".")[0]
        if _MODULE.fullmatch(top) and top not in _BY_MISTAKE:
            facts.modules[normal_name(name)].add(top)


def read_mapping(facts: Facts, text: str) -> None:
    """Read pipreqs' mapping."""
    for module, name in re.findall(r"^([A-Za-z_]\w*)(?:\.[\w.]*)?:([\w.-]+)$", text, re.MULTILINE):
        if module not in _BY_MISTAKE:
            facts.said_by_people[normal_name(name)].add(module)


def read_by_hand(facts: Facts) -> None:
    """Read what lies beside this file."""
    for name, known in parse(_BY_HAND.read_text(encoding="utf-8").splitlines()).items():
        if known.modules is not None:
            facts.modules[name] |= set(known.modules)
        if known.needs is not None:
            facts.needs[name] |= set(known.needs)


def modules_of(facts: Facts, name: str) -> set[str] | None:
    """Return the modules of a distribution, None if nobody knows them."""
    if name in facts.modules or name.startswith("types-") or name.endswith("-stubs"):
        public = {module for module in facts.modules.get(name, ()) if not module.startswith("_")}
        found = public or facts.modules.get(name, set())
        return found or {shared for shared in SHARED if name.startswith(f"{shared}-")}
    shared = {shared for shared in SHARED if name.startswith(f"{shared}-")}
    return facts.said_by_people.get(name) or shared or None


def wanted(facts: Facts, popular: set[str]) -> list[str]:
    """Return the names that the table has: the popular ones, those by hand, and what they need."""
    by_hand = parse(_BY_HAND.read_text(encoding="utf-8").splitlines())
    known = {*facts.modules, *facts.needs, *facts.said_by_people}
    found: set[str] = set()
    waiting = [name for name in known if name in popular or name in by_hand]
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting.extend(facts.needs.get(name, ()))
    return sorted(found)


def table(facts: Facts, names: Iterable[str]) -> Iterator[str]:
    """Yield the lines of the table, which ``parse`` reads."""
    for name in names:
        own, needs, line = modules_of(facts, name), facts.needs.get(name), name
        if "[" in name:
            own = {name}  # an extra, which has none of its own
        if own is None:
            line += " = ?"
        elif "[" not in name and own != {name.replace("-", "_")}:
            line += f" = {' '.join(sorted(own)) or '-'}"
        if needs is not None:
            yield f"{line}: {' '.join(sorted(needs - {name}))}".rstrip()
        elif own is not None and not own <= guessed_modules(name):
            yield line


def read(facts: Facts, path: Path) -> None:
    """Read a source of any kind, told by its name."""
    if path.is_dir():
        (read_installed if any(path.glob("*.dist-info")) else read_wheels)(facts, path)
        return
    text = path.read_text(encoding="utf-8")
    readers = {
        "uv.lock": read_uv_lock,
        "poetry.lock": read_poetry_lock,
        "gazelle_python.yaml": read_gazelle,
        "mapping": read_mapping,
    }
    readers.get(path.name, read_compiled)(facts, text)


def main() -> None:
    """Write the table from the sources that are named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--date", required=True, help="the day on which the sources were read")
    parser.add_argument("--popular", type=Path, required=True, help="a file of names, one a line")
    parser.add_argument("sources", nargs="+", metavar="[NAME=]SOURCE", help="NAME is what the table says of it")
    arguments = parser.parse_args()
    facts, said = Facts(), []
    for source in arguments.sources:
        name, _, path = source.rpartition("=")
        said.append(name or Path(path).name)
        read(facts, Path(path))
    read_by_hand(facts)
    popular = set(map(normal_name, arguments.popular.read_text(encoding="utf-8").split()))
    head = _HEAD.format(date=arguments.date, sources=", ".join(dict.fromkeys(said)), count=len(popular))
    Path(TABLE).write_text(
        head + "".join(f"{line}\n" for line in table(facts, wanted(facts, popular))), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
