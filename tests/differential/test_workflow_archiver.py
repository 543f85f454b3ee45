"""Workflows: torch-workflow-archiver 0.2.15 and marpack write the same bytes, and refuse the same."""

from __future__ import annotations

import tempfile
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import marpack
from tests.support import official
from tests.support.official import ROOT, TIMESTAMP, WORKFLOWS, Worlds, disagreement, write_file

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "--workflow-name=w"
SPEC = "--spec-file=src/spec.yaml"
OUT = "--export-path=out"
BASE = [NAME, SPEC, "--handler=src/h.py", OUT]

FILES = {
    "src/spec.yaml": b"models: {}\n" * 50,
    "src/h.py": b"def f(data, context): ...\n",
    "a.json": b"{}",
    "src/b.txt": bytes(range(256)) * 100,
    "empty": b"",
    "no suffix": b"x",
    "a[1].txt": b"brackets",
    "a*": b"star",
    ".env": b"hidden",
    "ü.txt": "größe".encode(),
    "MANIFEST.json": b"{}",
    "inner.war": b"PK",
    "d/h.py": b"def f(data, context): ...\n",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """Arguments, the exit status of each run of both tools, and what is made beside the usual files."""

    argv: list[str]
    statuses: tuple[int, ...] = (0,)
    files: dict[str, bytes] = field(default_factory=dict)
    prepare: Callable[[Path], object] = lambda world: None
    timestamp: int = TIMESTAMP


CASES = {
    "spec and handler": Case(argv=BASE),
    "no functions": Case(argv=[NAME, SPEC, "--handler=", OUT]),
    "an empty list of extra files": Case(argv=[*BASE, "--extra-files="]),
    "extra files": Case(
        argv=[*BASE, "--extra-files=src/b.txt,a.json,empty,no suffix,.env,MANIFEST.json,inner.war"]
    ),
    "names that look like wildcards": Case(argv=[*BASE, "--extra-files=a[1].txt,a*"]),
    "a name that is not ASCII": Case(argv=[*BASE, "--extra-files=ü.txt"]),
    "one file twice": Case(argv=[*BASE, "--extra-files=a.json,a.json,./a.json"]),
    "the handler among the extra files, with other bits": Case(
        argv=[*BASE, "--extra-files=d/h.py"], prepare=lambda world: (world / "d/h.py").chmod(0o700)
    ),
    "one file for both roles": Case(argv=[NAME, SPEC, "--handler=src/spec.yaml", OUT]),
    "absolute paths": Case(
        argv=[NAME, f"--spec-file={ROOT}/src/spec.yaml", f"--handler={ROOT}/src/h.py", f"--export-path={ROOT}/out"]
    ),
    "a link": Case(argv=[*BASE, "--extra-files=l"], prepare=lambda world: (world / "l").symlink_to("a.json")),
    "no export path": Case(argv=BASE[:3]),
    "an empty export path": Case(argv=[*BASE[:3], "--export-path="]),
    "a list of specifications": Case(argv=[NAME, "--spec-file=a.json,src/spec.yaml", "--handler=", OUT]),
    "a list of handlers": Case(argv=[NAME, SPEC, "--handler=a.json,src/b.txt,src/h.py", OUT]),
    "bits of all kinds": Case(
        argv=[*BASE, "--extra-files=a.json"], prepare=lambda world: (world / "a.json").chmod(0o4755)
    ),
    "longest name": Case(argv=[f"--workflow-name={'n' * 251}", *BASE[1:]]),
    "dots": Case(argv=["--workflow-name=a..b.", *BASE[1:]]),
    "the last option counts": Case(argv=[*BASE, "--workflow-name=other"]),
    "abbreviations": Case(
        argv=["--w=w", "--sp", "src/spec.yaml", "--ha", "src/h.py", "--exp=out", "--ext=a.json"]
    ),
    "first moment of zip": Case(argv=BASE, timestamp=315_532_800),
    "last moment of zip": Case(argv=BASE, timestamp=4_354_819_199),
    "a second time": Case(argv=BASE, statuses=(0, 1)),
    "a second time, forced": Case(argv=[*BASE, "-f"], statuses=(0, 0)),
    "forced, abbreviated": Case(argv=[*BASE, "--fo"], statuses=(0, 0)),
    "itself among the extra files": Case(
        argv=[*BASE, "-f", "--extra-files=out/w.war"], files={"out/w.war": b"old"}
    ),
    "a folder in its place": Case(argv=[*BASE, "-f"], statuses=(1,), files={"out/w.war/x": b""}),
    "help": Case(argv=["--help"]),
    "nothing": Case(argv=[], statuses=(2,)),
    "no specification": Case(argv=[NAME, "--handler="], statuses=(2,)),
    "no name": Case(argv=[SPEC, "--handler="], statuses=(2,)),
    "ambiguous": Case(argv=[*BASE, "--e=out"], statuses=(2,)),
    "ambiguous help": Case(argv=[*BASE, "--h"], statuses=(2,)),
    "unknown": Case(argv=[*BASE, "--version=1"], statuses=(2,)),
    "a word too many": Case(argv=[*BASE, "word"], statuses=(2,)),
    "bad names": Case(argv=["--workflow-name=a b", *BASE[1:]], statuses=(1,)),
    "an empty name": Case(argv=["--workflow-name=", *BASE[1:]], statuses=(1,)),
    "no such export path": Case(argv=[*BASE, "--export-path=missing"], statuses=(1,)),
    "a file for an export path": Case(argv=[*BASE, "--export-path=a.json"], statuses=(1,)),
    "no such specification": Case(argv=[*BASE, "--spec-file=missing.yaml"], statuses=(1,)),
    "no such handler": Case(argv=[*BASE, "--handler=missing.py"], statuses=(1,)),
    "a handler without its suffix": Case(argv=[*BASE, "--handler=src/h"], statuses=(1,)),
    "a handler with an entry": Case(argv=[*BASE, "--handler=src/h.py:f"], statuses=(1,)),
    "a built-in handler": Case(argv=[*BASE, "--handler=base_handler"], statuses=(1,)),
    "a folder for a specification": Case(argv=[*BASE, "--spec-file=src"], statuses=(1,)),
    "no such extra file": Case(argv=[*BASE, "--extra-files=a.json,missing"], statuses=(1,)),
    "an empty item of a list": Case(argv=[*BASE, "--handler=src/h.py,"], statuses=(1,)),
    "blanks in a list": Case(argv=[*BASE, "--handler=a.json, src/h.py"], statuses=(1,)),
}


@pytest.fixture(autouse=True)
def _official() -> None:
    official.require_official(WORKFLOWS)


def build(world: Path, case: Case) -> None:
    (world / "out").mkdir()
    for number, (name, content) in enumerate({**FILES, **case.files}.items()):
        write_file(world / name, content, mtime_ns=(1_400_000_001 + number) * 10**9)
    case.prepare(world)


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_both_do_the_same(tmp_path: Path, case: Case) -> None:
    worlds = Worlds(tmp_path, lambda world: build(world, case), tool=WORKFLOWS)
    for status in case.statuses:
        theirs, ours = worlds.run(case.argv, timestamp=case.timestamp)
        assert theirs.status == status, theirs.stderr
        assert (found := disagreement(theirs, ours)) is None, found


def test_the_comparison_sees_the_archive(tmp_path: Path) -> None:
    """Show that these tests could fail."""
    theirs, ours = Worlds(tmp_path, lambda world: build(world, CASES["help"]), tool=WORKFLOWS).run(BASE)
    archive = ours.world / "out" / "w.war"
    data = bytearray(archive.read_bytes())
    data[10] ^= 1  # the time of the first member
    archive.write_bytes(data)
    assert "local header of 'h.py': time" in str(disagreement(theirs, ours))


def test_the_library_writes_the_same(tmp_path: Path) -> None:
    def build_world(world: Path) -> None:
        build(world, CASES["help"])

    theirs, _ = Worlds(tmp_path, build_world, tool=WORKFLOWS).run([*BASE, "--extra-files=a.json,src/b.txt"])
    world = theirs.world
    plan = marpack.plan_workflow(
        workflow_name="w",
        spec_file=world / "src/spec.yaml",
        handler=world / "src/h.py",
        extra_files={"a.json": b"{}", "b.txt": world / "src/b.txt"},
        timestamp=TIMESTAMP,
    )
    assert b"".join(marpack.iter_archive(plan)) == (world / "out" / "w.war").read_bytes()


# ------------------------------------------------------------------------------------------- made-up inputs

# In a comma list: no comma; nothing that is a wildcard, which marpack alone expands, unless a file has the name.
_letters = st.characters(codec="utf-8", exclude_characters="/\\\0,*?[]")
_names = st.text(_letters, max_size=10).map(lambda text: f"x{text}y") | st.sampled_from(
    [".env", "mod.pyc", "MANIFEST.json", "inner.war", "-dash", "a b", "line\nin", "模型.bin", "😀", "ü" * 120]
)
_contents = st.binary(max_size=300) | st.integers(0, 40_000).map(lambda size: b"compress me " * size)
_modes = st.sampled_from([0o644, 0o600, 0o755, 0o777, 0o4644, 0o2755, 0o1644])
_folders = st.sampled_from(["", "src/", "with blank/", "räum/"])


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[str], dict[str, tuple[bytes, int]], int, int]:
    """Draw arguments, files with their modes, a time and the number of runs."""
    names = draw(st.lists(_names, min_size=2, max_size=7, unique=True))
    paths = [draw(_folders) + name for name in names]
    files = {path: (draw(_contents), draw(_modes)) for path in paths}
    # A list names its last item in both manifests only if no earlier part of it lacks a folder's "/".
    spec, handler, *extra = [draw(st.sampled_from(["./", f"{ROOT}/"])) + path for path in paths]
    beside = extra[: draw(st.integers(0, 1))]
    words = [
        f"--workflow-name={draw(st.sampled_from(['w', 'a.b-c_D', '0', 'w.']))}",
        f"--spec-file={','.join([*beside, spec])}",
        f"--handler={draw(st.sampled_from([handler, '']))}",
        f"--export-path={draw(st.sampled_from(['out', './out', '', f'{ROOT}/out']))}",
    ]
    if extra:
        words.append(f"--extra-files={','.join(extra)}")
    spoiled = draw(st.integers(1, 12))
    if spoiled == 1:
        words.append(f"--spec-file={draw(st.sampled_from(['missing', 'out', spec + '/']))}")
    elif spoiled == 2:
        words[0] = f"--workflow-name={draw(st.sampled_from(['a b', '-a', 'ä', 'a/b', '_']))}"
    elif spoiled == 3:
        words.append("--unknown")
    if draw(st.booleans()):
        words.append(draw(st.sampled_from(["-f", "--force", "--f"])))
    time = draw(st.integers(315_532_800, 4_354_819_197))
    # Of an option given twice the last counts, so that a spoiled one stays behind.
    return words if spoiled == 1 else list(draw(st.permutations(words))), files, time, draw(st.integers(1, 2))


# An option that nobody knows: how often one is drawn hangs on what else is imported.
UNKNOWN = (
    ["--workflow-name=w", "--spec-file=./spec.yaml", "--handler=./h.py", "--export-path=out", "--unknown"],
    {"spec.yaml": (b"", 0o644), "h.py": (b"", 0o644)},
    315_532_800,
    1,
)


def test_generated() -> None:
    """Hold marpack against the official tool on inputs that are the same each time."""
    statuses: Counter[int] = Counter()

    @settings(
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        max_examples=150,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(cases())
    @example(UNKNOWN)
    def check(case: tuple[list[str], dict[str, tuple[bytes, int]], int, int]) -> None:
        argv, files, timestamp, runs = case

        def build(world: Path) -> None:
            (world / "out").mkdir()
            for number, (name, (content, mode)) in enumerate(files.items()):
                write_file(world / name, content, mode=mode, mtime_ns=number * 10**15)

        with tempfile.TemporaryDirectory() as folder:
            worlds = Worlds(Path(folder), build, tool=WORKFLOWS)
            for _ in range(runs):
                outcomes = worlds.run(argv, timestamp=timestamp)
                assert (found := disagreement(*outcomes)) is None, found
                statuses[outcomes[0].status] += 1

    check()
    # Many must be packed, and some refused, or this has shown nothing. How many depends on what else is imported:
    # hypothesis draws the constants of all modules that it sees.
    assert statuses[0] > sum(statuses.values()) / 3, statuses
    assert statuses[1] > 0, statuses
    assert statuses[2] > 0, statuses


def test_the_mode_of_the_manifest(tmp_path: Path) -> None:
    theirs, ours = Worlds(tmp_path, lambda world: build(world, CASES["help"]), tool=WORKFLOWS).run(BASE)
    for outcome in (theirs, ours):
        with zipfile.ZipFile(outcome.world / "out" / "w.war") as archive:
            last = archive.infolist()[-1]
            assert (last.filename, last.external_attr) == ("WAR-INF/MANIFEST.json", 0o600 << 16)
