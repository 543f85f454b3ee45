"""Made inputs: whatever lies in the agreed domain, both tools make the same bytes of it.

The agreed domain leaves out what spec/divergences.md lists; test_divergences.py shows those, one by one.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support import official
from tests.support.official import FORMATS, ROOT, Worlds, disagreement, write_file

T = TypeVar("T")

DEFAULT_CASES = 200

BUILT_IN = [
    "base_handler",
    "text_classifier",
    "image_classifier",
    "object_detector",
    "image_segmenter",
    "dali_image_classifier",
    "vllm_handler",
    "trt_llm_handler",
]
ODD_NAMES = [
    ".env",
    ".DS_Store",
    "mod.pyc",
    "MANIFEST.json",
    "inner.mar",
    "-dash",
    "a b",
    "tab\tin",
    "line\nin",
    "a",
    "A",
    "index_to_name.json",
    "Index_To_Name.json",
    "modell-größe.pt",
    "模型.bin",
    "😀.txt",
    "caf\u00e9",
    "cafe\u0301",
    "...",
    "~",
    "#x",
    "'q\"",
    "con.txt",
    "x" * 120,
    "ü" * 120,
    "z" * 99,
    "z" * 100,
    "z" * 101,
]
FOLDER_NAMES = [
    ".git",
    ".hidden",
    "__pycache__",
    "__MACOSX",
    "__pycache__2",
    "__macosx",
    "pkg",
    "Pkg",
    "räume",
    "d" * 90,
]
SIZES = [0, 0, 1, 2, 100, 511, 512, 513, 5000, 8191, 8192, 8193, 10_240, 65_536, 300_000, 2**20, 2**20 + 1]
MODES = [0o644, 0o644, 0o600, 0o755, 0o777, 0o664, 0o4644, 0o2755, 0o1644, 0o6711]
FRACTIONS = [0, 0, 0, 1, 500_000_000, 123_456_789, 999_999_999]
ZIPS = {"default", "zip-store"}
#: 1980 to 2107: outside of these years the official tool cannot write a zip at all.
ZIP_YEARS = 315_532_800, 4_354_819_197
MODEL_NAMES = ["m", "mnist", "resnet-18", "llama3.1-8b", "A_b-C.d", "0", "m.", "m..mar", "n" * 98, "n" * 200]
VERSIONS = ["1.0", "", "1", "v 2", "ünï", "-1", '"', "\n", "2.0-rc.1"]

#: Spellings that the official parser takes, short ones included.
SPELLINGS = {
    "model-name": ["--model-name", "--model-n"],
    "handler": ["--handler", "--ha"],
    "version": ["--version", "--v", "-v"],
    "model-file": ["--model-file", "--model-f"],
    "serialized-file": ["--serialized-file", "--s", "--ser"],
    "extra-files": ["--extra-files", "--ext"],
    "requirements-file": ["--requirements-file", "--re", "--req", "-r"],
    "config-file": ["--config-file", "--c", "--conf", "-c"],
    "runtime": ["--runtime", "--ru", "--run"],
    "export-path": ["--export-path", "--exp"],
    "archive-format": ["--archive-format", "--a", "--arch"],
}
FORCE = ["--force", "--f", "--forc", "-f"]
UNPARSABLE = [
    ["positional"],
    ["--unknown"],
    ["--unknown=1"],
    ["-x"],
    ["--model=m"],
    ["--ex=x"],
    ["--e=x"],
    ["--r=x"],
    ["--h"],
    ["--runtime=java"],
    ["--runtime=lsp"],
    ["--archive-format=zip"],
    ["--archive-format="],
    ["--force=yes"],
    ["--config-file"],
    ["-r"],
]


@dataclass(frozen=True, slots=True)
class Node:
    """A file, a folder (no size), a symbolic link or a hard link in the world."""

    path: str
    size: int | None = None
    seed: int = 0
    mode: int = 0o644
    mtime_ns: int = 0
    symlink: str | None = None
    hardlink: str | None = None

    def make(self, world: Path) -> None:
        path = world / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.symlink is not None:
            path.symlink_to(world / self.symlink)
        elif self.hardlink is not None:
            path.hardlink_to(world / self.hardlink)
        elif self.size is None:
            path.mkdir(exist_ok=True)
        else:
            write_file(path, content(self.seed, self.size), mode=self.mode, mtime_ns=self.mtime_ns)


@dataclass(frozen=True, slots=True)
class Case:
    """Inputs, and arguments that the tools get once or twice; only the spoiled ones may be refused at once."""

    argv: list[str]
    nodes: list[Node]
    timestamp: int
    runs: int
    spoiled: bool

    def build(self, world: Path) -> None:
        for node in self.nodes:
            node.make(world)


def content(seed: int, size: int) -> bytes:
    """Make bytes that compress well, a little or not at all, by the seed."""
    rng = random.Random(seed)
    if seed % 3 == 0:
        return rng.randbytes(size)
    if seed % 3 == 1:
        return bytes([seed % 256]) * size
    words = [rng.randbytes(rng.randint(1, 12)) for _ in range(200)]
    block = b" ".join(rng.choices(words, k=min(size, 70_000) // 3 + 1))
    return (block * (size // len(block) + 1))[:size]


def names(extra_excluded: str = "") -> st.SearchStrategy[str]:
    letters = st.characters(codec="utf-8", exclude_characters="/\\\0" + extra_excluded)
    random_names = st.text(letters, max_size=12).map(lambda text: f"x{text}y")
    odd = [name for name in ODD_NAMES if not set(name) & set(extra_excluded)]
    return st.sampled_from(odd) | random_names


#: Names that may stand anywhere; in a comma list, where wildcards mean something; and as a handler's stem, where
#: `.py` and `:` do.
ANY_NAME = names()
LISTED_NAME = names(",*?[]")
HANDLER_NAME = names(",*?[]:.\n")


@dataclass
class Maker:
    """Draws one case. Names that are flattened into the archive's root are drawn once only."""

    draw: st.DrawFn
    archive_format: str
    nodes: list[Node] = field(default_factory=list)
    root_names: set[str] = field(default_factory=set)
    listed: list[Node] = field(default_factory=list)

    def one_of(self, values: list[T]) -> T:
        return self.draw(st.sampled_from(values))

    def chance(self, percent: int) -> bool:
        return self.draw(st.integers(1, 100)) <= percent

    def number(self, first: int, last: int) -> int:
        return self.draw(st.integers(first, last))

    def free(self, name: str, taken: set[str], suffix: str = "") -> str:
        while name + suffix in taken:
            name = f"{len(taken)}{name}"
        taken.add(name + suffix)
        return name + suffix

    def mtime_ns(self) -> int:
        first, last = ZIP_YEARS if self.archive_format in ZIPS else (-5, 9_000_000_000)
        return self.number(first, last) * 10**9 + self.one_of(FRACTIONS)

    def file(self, path: str, like: Node | None = None) -> Node:
        """Add a file, or a link to one, with content of its own or like another's."""
        size, seed = (like.size, like.seed) if like else (self.one_of(SIZES), self.number(0, 1000))
        how = self.number(1, 20)
        node = Node(path if how > 2 else f"t{len(self.nodes)}", size, seed, self.one_of(MODES), self.mtime_ns())
        self.nodes.append(node)
        if how == 1:
            self.nodes.append(Node(path, symlink=node.path))
        elif how == 2:
            self.nodes.append(Node(path, hardlink=node.path))
        return Node(path, size, seed)

    def listable(self, node: Node) -> str:
        """Note a file of the root that an item of a comma list may name again."""
        if not set(node.path) & set(",*?[]"):
            self.listed.append(node)
        return self.path(node.path)

    def tree(self, folder: str, *, unique_levels: int, depth: int = 1) -> None:
        """Fill a folder; names meet no others down to the level that may become the root."""
        self.nodes.append(Node(folder))
        taken = self.root_names if depth <= unique_levels else set()
        for _ in range(self.number(0, 4 if depth < 3 else 2)):
            if depth < 5 and self.chance(35):
                name = self.free(self.draw(st.sampled_from(FOLDER_NAMES) if self.chance(60) else ANY_NAME), taken)
                if self.chance(10):
                    target = f"t{len(self.nodes)}"
                    self.tree(target, unique_levels=unique_levels - depth, depth=1)
                    self.nodes.append(Node(f"{folder}/{name}", symlink=target))
                else:
                    self.tree(f"{folder}/{name}", unique_levels=unique_levels, depth=depth + 1)
            else:
                self.file(f"{folder}/{self.free(self.draw(ANY_NAME), taken)}")

    def path(self, path: str) -> str:
        return self.one_of(["", "", "./", f"{ROOT}/", "src/../"]) + path

    def role(self, suffix: str, stems: st.SearchStrategy[str] = ANY_NAME) -> str:
        name = self.free(self.draw(stems), self.root_names, suffix)
        folder = self.one_of(["", "src/", "src/deep/", "with, comma [x]/", "räum lich/"])
        return self.listable(self.file(folder + name))

    def handler(self, runtime: str | None) -> str:
        if self.chance(25):
            return self.one_of(["BaseHandler", "TorchScriptHandler"] if runtime == "LSP" else BUILT_IN)
        suffix = ".so" if runtime == "LSP" else ".py"
        if runtime == "LSP" and self.chance(20):
            self.file(self.free("image_classifier", self.root_names, suffix))
            return "image_classifier"
        path = self.role(suffix, HANDLER_NAME)
        stem = path.removesuffix(suffix)
        forms = [stem, stem, f"{stem}:entry", f"{stem}:Class", f"{stem}::X", f"{stem}:a:b", f"{stem}:"]
        return self.one_of([*forms, path, path] if suffix == ".py" else forms)

    def extra_item(self) -> str:
        number = len(self.nodes)
        kind = self.number(1, 10)
        if kind <= 3:
            folder = self.one_of(["", f"x{number}/"])
            return self.listable(self.file(folder + self.free(self.draw(LISTED_NAME), self.root_names)))
        if kind <= 5:
            self.tree(f"f{number}", unique_levels=1)
            return self.path(f"f{number}") + self.one_of(["", "/", "/."])
        if kind <= 7:
            pattern, levels = self.one_of(
                [("*", 2), ("?*", 2), ("**", 2), ("*.*", 2), ("[!a]*", 2), ("[a-m]*", 2), ("*/*", 3), (".*", 2)]
            )
            self.tree(f"p{number}", unique_levels=levels)
            item = self.path(f"{self.one_of(['p', '[p]'])}{number}/{pattern}")
            return self.one_of([item, item, f" {item} "])
        if kind == 8:
            for _ in range(self.number(0, 3)):
                self.file(self.free(self.draw(LISTED_NAME), self.root_names, f".data{number}"))
            return self.path(f"*.data{number}")
        if kind == 9 and self.listed:
            # The same file again, or an equal one with another mode and time.
            like = self.one_of(self.listed)
            return like.path if self.chance(50) else self.file(f"x{number}/{Path(like.path).name}", like).path
        return self.one_of(["", f"nothing*{number}"])

    def spell(self, option: str, value: str) -> list[str]:
        word = self.one_of(SPELLINGS[option])
        if word.startswith("--"):
            separate = not value.startswith("-") and self.chance(50)
            return [word, value] if separate else [f"{word}={value}"]
        forms = [[f"{word}={value}"]]
        if value and not value.startswith("="):
            forms.append([f"{word}{value}"])
        if not value.startswith("-"):
            forms.append([word, value])
        return self.one_of(forms)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    archive_format = draw(st.sampled_from(sorted(FORMATS)))
    make = Maker(draw, archive_format)
    make.nodes += [Node("src"), Node("out")]
    runtime = make.one_of([None, None, "python", "python3", "LSP"])
    options: dict[str, str] = {"model-name": make.one_of(MODEL_NAMES), "version": make.one_of(VERSIONS)}
    for role, suffix in {"model-file": ".py", "serialized-file": ".pt", "config-file": ".yaml"}.items():
        if make.chance(60):
            options[role] = make.role(suffix) if make.chance(95) else ""
    options["handler"] = make.handler(runtime) if make.chance(97) else ""
    if make.chance(70):
        options["extra-files"] = ",".join(make.extra_item() for _ in range(make.number(1, 5)))
    if make.chance(40):
        again = make.listed and make.chance(30)
        options["requirements-file"] = make.one_of(make.listed).path if again else make.role(".txt")
    if make.chance(80):
        options["export-path"] = make.one_of(["out", "out/", "./out", f"{ROOT}/out", ".", ""])
    if runtime:
        options["runtime"] = runtime
    if archive_format != "default" or make.chance(20):
        options["archive-format"] = archive_format
    groups = [make.spell(option, value) for option, value in options.items()]
    if make.chance(10):
        groups.append(make.spell("version", "another"))  # the last one given counts
    runs = 2 if make.chance(20) else 1
    if make.chance(30):
        groups.append([make.one_of(FORCE)])
    spoiled = make.chance(15)
    if spoiled:
        spoil(make, groups)
    groups = draw(st.permutations(groups))
    timestamp = make.number(*ZIP_YEARS) if archive_format in ZIPS else make.number(0, 2**32 - 1)
    return Case([word for group in groups for word in group], make.nodes, timestamp, runs, spoiled)


def spoil(make: Maker, groups: list[list[str]]) -> None:
    """Put in one mistake; each is refused by the official tool, or does no harm."""
    roles = ["model-file", "serialized-file", "requirements-file", "config-file", "handler"]
    mistake = make.number(1, 7)
    if mistake <= 2:
        groups.append(make.one_of(UNPARSABLE))
    elif mistake == 3:
        groups.pop(make.number(0, 1))  # the model's name or version
    elif mistake == 4:
        name = make.one_of(["a b", "", "-a", "ä", "a/b", ".a", "_a", "a:b", "a\n\n", "a+"])
        groups[0] = [f"--model-name={name}"]
    elif mistake == 5:
        value = make.one_of(["missing", "src", "missing/", "src/missing.py", "src/"])
        groups.append([f"--{make.one_of(roles)}={value}"])
    elif mistake == 6:
        groups.append(
            [f"--extra-files={make.one_of(['missing', 'src,missing', 'out/missing', 'src/deep/missing/'])}"]
        )
    else:
        make.nodes.append(Node("file", 1))
        groups.append([f"--export-path={make.one_of(['missing', 'file', 'out/missing', 'file/'])}"])


@pytest.fixture(autouse=True)
def _official() -> None:
    official.require_official()


@pytest.mark.slow
def test_generated(pytestconfig: pytest.Config) -> None:
    """Run 200 cases, the same each time; with --differential-cases N, N new ones."""
    wanted = pytestconfig.getoption("--differential-cases", default=None)
    statuses: Counter[int] = Counter()

    def check(case: Case) -> None:
        with tempfile.TemporaryDirectory() as folder:
            worlds = Worlds(Path(folder), case.build)
            for number in range(case.runs):
                outcomes = worlds.run(case.argv, timestamp=case.timestamp)
                assert (found := disagreement(*outcomes)) is None, found
                # Whatever is not spoiled on purpose is in the domain, where the official tool succeeds.
                assert outcomes[0].status == 0 or case.spoiled or number == 1, outcomes[0].stderr
        statuses[outcomes[0].status] += 1

    run = settings(
        phases=[Phase.generate, Phase.shrink],
        max_examples=wanted or DEFAULT_CASES,
        derandomize=wanted is None,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    run(given(cases())(check))()
    # Most cases must be packed, and some refused, or this has shown nothing.
    assert statuses[0] > sum(statuses.values()) / 2, statuses
    assert statuses[1] > 0, statuses
    assert statuses[2] > 0, statuses
