"""What shells complete, by the shells themselves, and the manual page, by what shows such pages."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from marpack.cli import main
from marpack.cli.commands.completion import FILES, FOLDERS, described, value_name
from marpack.cli.parser import parser_of
from tests.conftest import require
from tests.support.debian import libraries, unpacked
from tests.support.man_page import PAGE, page
from tests.support.processes import WAIT_SECONDS

# What is neither a file nor a folder, and so is not completed.
OTHERS = {
    *("'NAME: VALUE'", "/PATH", "ARN", "BYTES", "CODE", "CODES", "HEX", "HOST:PORT", "ID", "IMAGE", "KEY"),
    *("KEY=VALUE", "KIND/NAME", "MEMBER", "METRIC", "MODEL=VERSION", "MODEL_NAME", "MODULE", "N", "NAME"),
    *("NAME=PATH", "NAME=VALUE", "OS/ARCH", "QUANTITY", "REGION", "REGISTRY/NAME[:TAG]", "SECONDS", "TAG"),
    *("TYPE", "URI", "VERSION", "WORD", "WORKFLOW_NAME"),
}
# Whoever completes it must not run it.
RUN = "name $(touch ran) `touch ran`;touch ran&'\"|*.mar"
PACKAGES = ("fish", "fish-common", "libpcre2-32-0", "mandoc", "zsh", "zsh-common")
# What is typed up to a Tab, and the words that the shell then has.
TYPED = {
    "marpack insp": ["inspect"],
    "marpack pack-": ["pack-workflow"],
    "marpack config li": ["config", "lint"],
    "marpack inspect --dig": ["inspect", "--digest"],
    "marpack inspect digi": ["inspect", "digits.mar"],
    "marpack inspect --json digi": ["inspect", "--json", "digits.mar"],
    "marpack check digits.mar na": ["check", "digits.mar", RUN],
    "marpack check digits.mar oth": ["check", "digits.mar", "other.mar"],
    "marpack export --json digits.mar oth": ["export", "--json", "digits.mar", "other.mar"],
    "marpack pack --model-name m --archive-format zip": [
        *("pack", "--model-name", "m", "--archive-format", "zip-store")
    ],
    "marpack pack --serialized-file wei": ["pack", "--serialized-file", "weights.pt"],
    "marpack config init --archives mod": ["config", "init", "--archives", "models"],
    "marpack manifest kserve --protocol-version grpc-v1": [
        *("manifest", "kserve", "--protocol-version", "grpc-v1")
    ],
    "marpack export --to sage": ["export", "--to", "sagemaker-ray"],
    "marpack completion fi": ["completion", "fish"],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Change into a folder with names to be completed; the shells' scripts lie beside it."""
    place = tmp_path / "here"
    (place / "models").mkdir(parents=True)
    for name in ("digits.mar", "other.mar", "weights.pt", "module.py", RUN):
        (place / name).touch()
    monkeypatch.chdir(place)
    yield place
    assert not (place / "ran").exists()


@pytest.fixture(scope="session")
def shells(pytestconfig: pytest.Config) -> Path:
    assert pytestconfig.cache is not None, "the programs are unpacked in pytest's cache: do not disable it"
    return unpacked(pytestconfig.cache.mkdir("shells") / "debian", PACKAGES)


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def typed(command: list[str], variables: dict[str, str]) -> dict[str, list[str]]:
    """Type what is to be completed into a shell that runs on a terminal; return the words of each command.

    Its marpack prints them.
    """
    process, terminal = pty.fork()
    if process == 0:
        os.execve(command[0], command, {"PATH": os.defpath, "TERM": "dumb", **variables})
    read = ""

    def until(wanted: str) -> None:
        nonlocal read
        deadline = time.monotonic() + WAIT_SECONDS
        while wanted not in read:
            assert select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0], read
            read += os.read(terminal, 1 << 16).decode()

    found = {}
    try:
        until("READY>")
        for text in TYPED:
            read = ""
            os.write(terminal, f"{text}\t\n".encode())
            until("<>")
            # Of a folder zsh takes the slash away again.
            found[text] = [word.rstrip("/") for word in re.findall(r"<([^>\n]+)>", read)]
    finally:
        os.close(terminal)
        os.waitpid(process, 0)
    return found


# The prompt, and what is completed of.
START = "PS1='READY> '\nmarpack() { printf '<%s>' \"$@\" ''; echo; }\n"


def test_bash(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bash = shutil.which("bash")
    require(bash, "bash")
    assert bash is not None
    start = folder.parent / "bashrc"
    start.write_text(f"{script('bash', capsys)}\n{START}bind 'set enable-bracketed-paste off'\n")
    assert typed([bash, "--noprofile", "--rcfile", str(start), "-i"], {"HOME": str(folder)}) == TYPED


@pytest.mark.server
def test_zsh(folder: Path, shells: Path, capsys: pytest.CaptureFixture[str]) -> None:
    functions = folder.parent / "functions"
    functions.mkdir()
    (functions / "_marpack").write_text(script("zsh", capsys))
    fpath = [functions, *(shells / "usr/share/zsh/functions").rglob("*/")]
    modules = next(shells.glob("usr/lib/*/zsh/5*"))
    (folder.parent / ".zshrc").write_text(
        f"module_path=({modules})\nfpath=({' '.join(map(str, fpath))})\n"
        f"autoload -U compinit && compinit -u -D\n{START}"
    )
    zsh = [str(shells / "bin" / "zsh"), "-i"]
    variables = {"ZDOTDIR": str(folder.parent), "HOME": str(folder), "LD_LIBRARY_PATH": libraries(shells)}
    assert typed(zsh, variables) == TYPED


@pytest.mark.server
def test_fish(folder: Path, shells: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says by itself what it would complete."""
    (folder.parent / "marpack.fish").write_text(script("fish", capsys))
    start = f"set fish_function_path {shells}/usr/share/fish/functions\nsource ../marpack.fish"
    asked = "\n".join(f"complete -C '{text}'; echo" for text in TYPED)
    done = subprocess.run(
        [shells / "usr" / "bin" / "fish", "--no-config", "-c", f"{start}\n{asked}"],
        env={"HOME": str(folder.parent), "PATH": os.defpath, "LD_LIBRARY_PATH": libraries(shells)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    answers = [
        [line.partition("\t")[0].rstrip("/") for line in text.splitlines()]
        for text in done.stdout.split("\n\n")[:-1]
    ]
    assert [answer[:1] for answer in answers] == [words[-1:] for words in TYPED.values()]


def test_all_that_has_a_value_says_what_it_is() -> None:
    """By what stands for it, for that decides whether names of files are offered."""
    names = {value_name(action) for action in described(parser_of()) if not action.choices}
    assert {name for name in names if "|" not in name} == FILES | FOLDERS | OTHERS
    assert len(FILES | FOLDERS | OTHERS) == len(FILES) + len(FOLDERS) + len(OTHERS)


def test_it_needs_the_extra() -> None:
    hidden = "import sys; sys.modules['shtab'] = None; from marpack.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", hidden, "completion", "bash"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "marpack[cli]" in done.stderr


def test_the_manual_page_says_what_the_parsers_say() -> None:
    assert PAGE.read_text(encoding="ascii") == page(), "python -m tests.support.man_page writes it anew"
    shown = PAGE.read_text(encoding="ascii").replace("\\-", "-")
    for action in described(parser_of()):
        assert all(f"\\fB{option}\\fR" in shown for option in action.option_strings)


@pytest.mark.server
def test_programs_take_the_manual_page(shells: Path, tmp_path: Path) -> None:
    """Mandoc, which checks it, and groff's macros, where they are."""
    mandoc = [str(shells / "usr" / "bin" / "mandoc"), "-Tlint", "-W", "style", str(PAGE)]
    said = subprocess.run(mandoc, capture_output=True, text=True, check=False).stdout.splitlines()
    # It has no date, so that the same source makes the same page.
    assert [line for line in said if "missing date" not in line and "longer than 80 bytes" not in line] == []
    if groff := shutil.which("groff"):
        done = subprocess.run(
            [groff, "-man", "-ww", "-Tascii", PAGE], capture_output=True, text=True, check=True, cwd=tmp_path
        )
        assert done.stderr == ""
        assert "marpack pack-workflow" in re.sub("(?s).\b", "", done.stdout)  # printed twice to be bold
