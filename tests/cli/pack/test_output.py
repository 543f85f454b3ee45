"""Where the archive is written: a path, a folder, a URL, or nowhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from marpack.cli import main
from tests.support.pack_command import BASICS, run


@pytest.mark.parametrize("target", ["other.mar", "./sub/other.mar", "/abs"])
def test_output_is_a_path(target: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sub").mkdir()
    if target == "/abs":
        target = str(folder / "abs.mar")
    assert main([*BASICS, "--quiet"]) == 0
    assert main([*BASICS, "--output", target, "--digest"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{target}: 2 members, ")
    assert out.splitlines()[-1].endswith(f"  {os.path.basename(target)}")
    assert err == ""
    assert Path(target).read_bytes() == Path("m.mar").read_bytes()
    assert main([*BASICS, "--output", target]) == 1
    assert f"marpack: error: {target!r} already exists" in capsys.readouterr().err
    assert main([*BASICS, "-o", target, "-f"]) == 0


def test_output_is_a_path_in_a_url(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "50% of it.mar"
    assert main([*BASICS, "--output", path.as_uri(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(path)
    assert path.exists()


def test_output_is_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--output", "model", "--archive-format", "no-archive"]) == 0
    assert Path("model/MAR-INF/MANIFEST.json").exists()
    assert capsys.readouterr().out.startswith("model: 2 members, ")


def test_output_that_the_server_takes_for_another_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--output", "m.zip", "--json"]) == 0
    out, err = capsys.readouterr()
    [warning] = json.loads(out)["warnings"]
    assert "'m.zip' as another form" in warning
    assert err == f"marpack: warning: {warning}\n"
    assert warning.endswith("; what is written is a zip, unless --archive-format names another form")
    assert main([*BASICS, "--output", "m.tar.gz", "--archive-format", "tgz"]) == 0
    assert main([*BASICS, "--output", "s3://b/m.zip", "--dry-run", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "'s3://b/m.zip' as another form" in err
    assert "what is written is a zip" in err
    assert len(json.loads(out[out.index("{") :])["warnings"]) == 1


def test_output_that_is_called_as_what_it_will_not_be(capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is called like an archive; and a folder in the way, of which only the error is told."""
    for name in ("f.mar", "f.tar.gz/"):
        assert main([*BASICS, "--output", name, "--archive-format", "no-archive"]) == 0
        assert f"warning: {name!r} will be a folder: " in (err := capsys.readouterr().err)
        assert "--archive-format" in err
    assert main(["repack", "f.mar", "-o", "g.mar"]) == 0
    assert "warning: 'g.mar' will be a folder: " in capsys.readouterr().err
    Path("model-store").mkdir()
    assert main([*BASICS, "--output", "model-store"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("marpack: error: 'model-store' is a folder")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--output", "gone/m.mar"], "--output: 'gone' does not exist: create the folder"),
        (["--output", "h.py/m.mar"], "--output: 'h.py' is not a folder"),
        (["--output", "folder"], "'folder' is a folder: name a file"),
        (["--output", "folder/"], "'folder/' is a folder: name a file"),
        (["--output", "/dev/null"], "'/dev/null' is not a regular file"),
        (["--output", "https://u:SECRET@h/m.mar"], "'https://h/m.mar' cannot be written by its scheme"),
        (["--output", "s3://bucket"], "'s3://bucket' names no file"),
        (["--output", "file://host/m.mar"], "is on another machine"),
    ],
)
def test_output_that_takes_nothing(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("folder").mkdir()
    assert main([*BASICS, *words]) == 1
    out, err = capsys.readouterr()
    assert says in err
    assert out == ""
    assert "SECRET" not in err
    assert list(Path("folder").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "shown"),
    [("-", "to standard output"), ("s3://u:SECRET@b/m.mar", "s3://b/m.mar"), ("x.mar", "x.mar")],
)
def test_dry_run_says_where_it_would_go(target: str, shown: str) -> None:
    """Nobody answers at the endpoint."""
    endpoint = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    done = run(*BASICS, "--dry-run", "--output", target, **endpoint)
    told, other = (done.stderr, done.stdout) if target == "-" else (done.stdout, done.stderr)
    assert (done.returncode, told.splitlines()[0], other) == (0, f"would write {shown}", "")
    done = run(*BASICS, "--dry-run", "--output", target, "--json", **endpoint)
    told = done.stderr if target == "-" else done.stdout
    assert json.loads(told)["path"] == ("-" if target == "-" else shown)
    assert not Path("x.mar").exists()
