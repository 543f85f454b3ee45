"""The options of ``marpack pack``: the archiver's, its own, and those that contradict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import marpack
from marpack.archive.forms import DEFLATES
from marpack.cli import main
from tests.conftest import require
from tests.support.pack_command import BASICS, T, run


@pytest.mark.parametrize(
    "words",
    [
        ["--ser=w.pt"],
        ["--seri", "w.pt"],
        ["--re", "w.pt"],
        ["--requ", "w.pt"],
        ["-rw.pt"],
        ["--c", "w.pt"],
        ["-c", "w.pt"],
        ["--f", "--arch", "zip-store"],
        ["--forc"],
        ["--run", "python3"],
        ["--exp", "."],
        ["--ext", "w.pt"],
        ["--model-f", "w.pt"],
        ["-fcw.pt"],
        ["--repro"],
        ["--dig"],
    ],
)
def test_abbreviations(words: list[str]) -> None:
    assert main([*BASICS, "--quiet", *words]) == 0
    assert Path("m.mar").exists()


@pytest.mark.parametrize("words", [["--model", "m"], ["--ex", "w.pt"], ["--r", "x"], ["--nonsense"], ["extra"]])
def test_what_the_archiver_cannot_parse(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, *words]) == 2
    assert "usage: marpack" in capsys.readouterr().err
    assert not Path("m.mar").exists()


@pytest.mark.parametrize("missing", [0, 2, 4])
def test_mandatory_options(missing: int) -> None:
    words = BASICS[1:]
    del words[missing : missing + 2]
    assert main(["pack", *words]) == 2


def test_path_with_a_line_break_is_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--model-file", "class M:\n  pass"]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_source_date_epoch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["manifest"]["createdOn"] == "13/09/2020 12:26:40"
    for bad in ("yesterday", "1_0", " 12 ", "+5", "\uff11", "9" * 30, "9" * 5000):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", bad)
        assert main(["pack", "--model-name", "a b", "-v1", "--handler", "h.py"]) == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].startswith("marpack: error: --model-name: ")
        assert lines[1].startswith(f"marpack: error: SOURCE_DATE_EPOCH={bad!r} is not")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    assert main([*BASICS, "-f"]) == 0


def test_reproducible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    command = [*BASICS, "--quiet", "--reproducible", "--extra-files", "w.pt"]
    assert main(command) == 0
    first = Path("m.mar").read_bytes()
    os.utime("w.pt", (5, 5))
    Path("w.pt").chmod(0o600)
    assert main([*command, "-f"]) == 0
    assert Path("m.mar").read_bytes() == first


def test_same_as_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--quiet", "--serialized-file", "w.pt"]) == 0
    plan = marpack.plan_archive(model_name="m", handler="h.py", serialized_file="w.pt", timestamp=T)
    assert Path("m.mar").read_bytes() == b"".join(marpack.iter_archive(plan))


def test_a_misspelt_option_shows_how_the_command_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (BASICS, ["config", "lint"], ["check"]):
        assert main([*words, "--shape"]) == 2
        command = " ".join(word for word in words[:2] if word.isalpha())
        err = capsys.readouterr().err
        assert err.startswith(f"usage: marpack {command} [-h]")
        assert err.splitlines()[-1] == f"marpack {command}: error: unrecognized arguments: --shape"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--output", "m.mar", "--export-path", "."], "--output and --export-path both"),
        (["--output", "-", "--export-path", "."], "--output and --export-path both"),
        (["--output", "-", "--archive-format", "no-archive"], "which standard output cannot take"),
        (["--output", "s3://u:SECRET@b/m", "--archive-format", "no-archive"], "which s3://b/m cannot take"),
        (["--output", ""], "must not be empty"),
        (["--output"], "expected one argument"),
        (["--threads", "0"], "must be a whole number from 1 to 999999, not '0'"),
        (["--threads", "-1"], "must be a whole number from 1 to 999999, not '-1'"),
        (["--threads", "1.5"], "must be a whole number"),
        (["--threads", "\uff11"], "must be a whole number"),
        (["--threads", "all"], "must be a whole number"),
        (["--deflate", "zip"], "invalid choice: 'zip'"),
    ],
)
def test_options_that_contradict(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, *words]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("usage: marpack pack ")
    assert says in err.splitlines()[-1]
    assert out == ""
    assert "SECRET" not in err
    assert not Path("m.mar").exists()


@pytest.mark.parametrize("words", [[], ["--threads", "1"], ["--threads", "3"]])
def test_deflate_and_threads(words: list[str]) -> None:
    with open("large.bin", "wb") as file:
        file.truncate(5 << 20)
    for deflate in DEFLATES:
        if deflate == "fast":
            pytest.importorskip("isal")
        command = [*BASICS, "--quiet", "--extra-files", "large.bin", "--deflate", deflate, *words]
        assert main([*command, "--output", f"{deflate}.mar"]) == 0
        plan = marpack.plan_archive(
            model_name="m", handler="h.py", extra_files="large.bin", deflate=deflate, timestamp=T
        )
        assert Path(f"{deflate}.mar").read_bytes() == b"".join(marpack.iter_archive(plan, threads=2))
    assert Path("zlib.mar").read_bytes() != Path("parallel.mar").read_bytes()


def test_fast_needs_the_extra() -> None:
    hidden = "import sys; sys.modules['isal'] = None; from marpack.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", hidden, *BASICS, "--deflate", "fast"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'marpack[fast]'" in done.stderr
    assert not Path("m.mar").exists()


def test_what_an_error_tells_to_install_is_looked_for_nowhere_but_here() -> None:
    """What is installed is kept, with an index that has no marpack; what the extra lacks pip may fetch."""
    require(find_spec("pip"), "pip")
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--disable-pip-version-check"]
    done = subprocess.run([*command, "marpack[yaml]"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "already satisfied: marpack[yaml]" in done.stdout
    assert "Would install" not in done.stdout


def test_version_help_and_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"marpack {marpack.__version__}\n"
    assert main(["--help"]) == 0
    assert main(["pack", "--help"]) == 0
    help_text = capsys.readouterr().out
    assert "--serialized-file" in help_text
    assert main([]) == 2


def test_forgotten_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(BASICS[1:]) == 2
    assert "marpack pack --model-name" in capsys.readouterr().err


def test_module_is_the_command() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"marpack {marpack.__version__}\n")
    done = run(*BASICS)
    assert (done.returncode, done.stderr) == (0, "")
