"""The examples of README and docs/: what is Python has its types, what is shown with its output prints it.

A page's blocks run in its order, in one shell and a folder of their own, as ``tests.support.documents`` says. What
does not run is Python that mypy takes, or a shell's, whose commands of marpack's its parsers understand.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from marpack.cli.parser import command_module, parser_of
from tests.support.documents import CODE, DATA, LEFTOVERS, PAGES, ROOT, Block, beside_blocks, blocks, scripts
from tests.support.torchserve import SHARED_VERSION, environment, install_folder, package_home
from tests.typing.test_seed import BUILD, SNIPPETS

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = ROOT / "tests" / "models"
# Pages that other tests run, since they need a store, keys, engines or a clone.
ELSEWHERE = {
    "README.md": "tests/typing/test_readme.py",
    "docs/kaptain.md": "tests/kaptain/test_page.py",
    "docs/scan.md": "tests/scanning/test_engines.py",
    "docs/signing.md": "tests/signing/test_page.py",
}
# Examples need no annotations, and what they call of others may have none.
LENIENT = "# mypy: allow-untyped-defs, no-check-untyped-defs, allow-untyped-calls\n"
# Of code, as many as a window of 1280 pixels shows (docs/assets/site.css).
COLUMNS = 99
# Single blocks, by a word in their note.
TRIED = re.compile(r"tried: (\S+)")
# Pages whose commands begin at the root of a clone.
AT_THE_ROOT = {"docs/index.md", "docs/leaving-torchserve.md"}
RUN = [
    page
    for page in PAGES
    if page not in ELSEWHERE and any(each.runs and not TRIED.match(each.note) for each in blocks(page))
]
PACK = [
    *("pack", "--quiet", "--model-name", "digits", "--version", "1.0", "--handler", "handler.py"),
    *("--model-file", "model.py", "--serialized-file", "digits.pt", "--extra-files", "index_to_name.json"),
]


def with_lanes() -> Iterator[object]:
    """Yield the pages that run, those that run models in the lane of what needs TorchServe."""
    for page in RUN:
        models = any("marpack.running" in each.text and each.runs for each in blocks(page))
        yield pytest.param(page, marks=pytest.mark.server if models else pytest.mark.slow)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_code_that_is_tried_or_data(page: str) -> None:
    beside = beside_blocks(page)
    assert "```" not in beside
    assert not re.search(r"\n\n( {4}|\t)\S", beside), "code that is indented says no language: fence it"
    for block in blocks(page):
        assert block.language in CODE | DATA, f"{block}: say which language it is, text for what a command prints"
        if block.is_code and page.startswith("docs/"):
            assert max(map(len, block.text.splitlines())) <= COLUMNS, f"{block}: a line would be cut"
        if tried := TRIED.match(block.note):
            assert Path(page).name in (ROOT / tried[1]).read_text("utf-8"), f"{block}: {tried[1]} does not read it"


def test_a_guide_begins_with_what_its_reader_has_at_its_end() -> None:
    guides = re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs" / "guides.md").read_text("utf-8"))
    assert len(guides) > 15
    for guide in guides:
        title, first, *_ = (ROOT / "docs" / guide).read_text("utf-8").split("\n\n")
        assert title.startswith("# "), guide
        assert first.startswith("At the end of this page "), guide
    listed = (ROOT / "mkdocs.yml").read_text("utf-8").partition("- All guides: guides.md\n")[2]
    named = re.findall(r": ([\w-]+\.md)$", listed.partition("\n  - Reference:\n")[0], re.MULTILINE)
    assert sorted(guides) == sorted(named)


@pytest.mark.parametrize(("page", "test"), sorted(ELSEWHERE.items()))
def test_pages_that_run_elsewhere_are_read_there(page: str, test: str) -> None:
    assert f'blocks("{page}")' in (ROOT / test).read_text("utf-8")


@pytest.mark.slow
def test_mypy_takes_all_python(tmp_path: Path) -> None:
    """Also Kaptain's snippets: one run of mypy for all, with the cache of the run over the repository."""
    names = {}
    for page in PAGES:
        for block, text in scripts(page):
            name = f"{Path(page).stem.replace('-', '_')}_{block.line}"
            names[name] = str(block)
            # KServe's own package is in no environment of the tests'.
            text = text.replace("import kserve\n", "import kserve  # type: ignore[import-not-found]\n")
            (tmp_path / f"{name}.py").write_text(text + LENIENT, encoding="utf-8")
    assert len(names) > 20
    (tmp_path / "kaptain_snippets.py").write_text(SNIPPETS + BUILD, encoding="utf-8")
    settings, kept = ROOT / "pyproject.toml", ROOT / ".mypy_cache"
    # In a process of its own, whose limit of recursion it may raise.
    words = ["mypy", "--config-file", str(settings), "--cache-dir", str(kept), str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    said = re.sub(r"(\w+)\.py:", lambda found: f"{names.get(found[1])} + ", done.stdout)
    assert (done.returncode, done.stderr) == (0, ""), said


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_do_not_run_are_understood(page: str) -> None:
    for block in blocks(page):
        if block.language == "sh" and not block.runs:
            done = subprocess.run(["bash", "-n", "-c", block.text], capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, ""), block
            for words in commands(block):
                understood(words)


def commands(block: Block) -> Iterator[list[str]]:
    """Yield the words that marpack is given by the lines of a block."""
    for line in block.text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        command: list[str] = []
        for before, word in pairwise([";", *lexer, ";"]):
            if set(word) <= set("|&;"):
                if command and command[0] == "marpack":
                    yield command[1:]
                command = []
            elif not {*word, *before} & set("<>"):  # where it reads or writes otherwise is no word of its
                command.append(word)


def understood(words: list[str]) -> None:
    command = command_module(words[0])
    if hasattr(command, "prepare"):
        words = [words[0], *command.prepare(words[1:])]
    parser_of([words[0]]).parse_args(words)


@pytest.mark.parametrize("page", [*with_lanes()])
def test_it_runs_in_its_order(page: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    shutil.copytree(MODELS, tmp_path / "clone" / "tests" / "models", ignore=LEFTOVERS)
    told = tmp_path / "told"
    told.mkdir()
    digits = tmp_path / "clone" / "tests" / "models" / "digits"
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "HOME": str(tmp_path)}
    if any("marpack.running" in each.text for each in blocks(page)):
        home = package_home(environment(SHARED_VERSION, install_folder(pytestconfig)))
        variables |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(home)]), "PYTHONWARNINGS": "default"}
    run = [each for each in blocks(page) if each.runs and not TRIED.match(each.note)]
    folder = digits.parents[2] if page in AT_THE_ROOT else digits
    if not any("marpack pack " in each.text for each in run):  # it goes on with what the first steps have packed
        subprocess.run([sys.executable, "-m", "marpack", *PACK], cwd=digits, env=variables, check=True)
        if folder != digits:
            (digits / "digits.mar").rename(folder / "digits.mar")
    script = "".join(parts(run, dict(scripts(page)), told))
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    printed = [path.read_text("utf-8") for path in sorted(told.glob("*.txt"))]
    assert (done.returncode, done.stderr) == (0, ""), f"{run[len(printed) - 1]}: {printed[-1]}"
    for block, text in zip(run, printed, strict=True):
        if block.printed is not None:
            assert doctest.OutputChecker().check_output(block.printed, text, doctest.ELLIPSIS), f"{block}:\n{text}"


def parts(run: list[Block], programs: dict[Block, str], told: Path) -> Iterator[str]:
    """Yield the parts of a script: each block, with what it prints in a file of its own."""
    python = shlex.quote(sys.executable)
    yield f'python() {{ {python} "$@"; }}\nmarpack() {{ {python} -m marpack "$@"; }}\n'
    for number, block in enumerate(run):
        text = block.text
        if block.language == "python":
            program = told / f"{number:02}.py"
            program.write_text(programs[block], encoding="utf-8")
            text = f"python - < {shlex.quote(str(program))}\n"
        yield f"{{\n{text}}} > {shlex.quote(str(told / f'{number:02}.txt'))} 2>&1\n"
