from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import pytest

import marpack
from marpack.archive.forms import DEFLATES
from marpack.cli import main
from tests.conftest import require
from tests.support.processes import WAIT_SECONDS, end_of

T = 1_600_000_000
BASICS = ["pack", "--model-name", "m", "--version", "1.0", "--handler", "h.py"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(T))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # a buffer that cannot be emptied is tested, too
    Path("h.py").write_text("def handle(data, context): return data\n")
    Path("w.pt").write_bytes(b"weights")
    return tmp_path


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "marpack", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_says_where_what_and_how_large(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--serialized-file", "w.pt"]) == 0
    out, err = capsys.readouterr()
    size = Path("m.mar").stat().st_size
    assert out.splitlines()[0] == f"m.mar: 3 members, {size} bytes"
    with zipfile.ZipFile("m.mar") as archive:
        members = [[str(info.file_size), info.filename] for info in archive.infolist()]
    assert [line.split() for line in out.splitlines()[1:]] == members
    assert members[0] == ["39", "h.py"]
    assert err == ""


def test_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--digest"]) == 0
    out = capsys.readouterr().out.splitlines()
    digest = hashlib.sha256(Path("m.mar").read_bytes()).hexdigest()
    assert out[-1].split() == ["sha256", digest, "m.mar"]
    assert out[2].split() == ["sha256", hashlib.sha256(Path("h.py").read_bytes()).hexdigest()]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--json", "--digest", "--extra-files", "*.none"]) == 0
    out, err = capsys.readouterr()
    printed = json.loads(out)
    assert printed["path"] == "m.mar"
    assert printed["archive_format"] == "default"
    assert printed["size"] == Path("m.mar").stat().st_size
    assert printed["sha256"] == hashlib.sha256(Path("m.mar").read_bytes()).hexdigest()
    assert printed["manifest"]["model"]["modelName"] == "m"
    assert [entry["name"] for entry in printed["entries"]] == ["h.py", "MAR-INF/MANIFEST.json"]
    assert set(printed["entries"][0]) == {"name", "size", "compressed_size", "crc32", "sha256"}
    assert printed["warnings"] == ["no file matches the pattern '*.none' of extra_files"]
    assert err == f"marpack: warning: {printed['warnings'][0]}\n"


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BASICS, "--quiet", "--extra-files", "*.none"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_dry_run_writes_nothing(extra: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.iterdir())
    assert main([*BASICS, "--dry-run", "--archive-format", "no-archive", *extra]) == 0
    out = capsys.readouterr().out
    if extra:
        printed = json.loads(out)
        assert printed["path"] == "m"
        assert printed["entries"][0] == {"name": "h.py", "size": 39}
        assert printed["size"] == sum(entry["size"] for entry in printed["entries"])
    else:
        assert out.splitlines()[0] == "would write m"
        assert out.splitlines()[1].startswith("m: 2 members, ")
    assert sorted(folder.iterdir()) == before


def test_dry_run_says_what_stands_in_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    Path("m.mar").write_bytes(b"old")
    assert main([*BASICS, "--dry-run"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("would not write m.mar, for it exists\nm.mar: 2 members")
    assert "already exists" in err
    assert main([*BASICS, "--dry-run", "--force"]) == 0
    assert Path("m.mar").read_bytes() == b"old"


def test_existing_archive_needs_force(capsys: pytest.CaptureFixture[str]) -> None:
    Path("m.mar").write_bytes(b"old")
    assert main(BASICS) == 1
    err = capsys.readouterr().err
    assert err.startswith("marpack: error: 'm.mar' already exists")
    assert "--force" in err
    assert Path("m.mar").read_bytes() == b"old"
    assert main([*BASICS, "-f"]) == 0
    assert Path("m.mar").read_bytes() != b"old"


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


def test_errors_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", "--model-name", "m/", "-v1", "--handler", "gone.py", "--export-path", "nowhere"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[2].strip() for line in lines] == ["--model-name", "--handler", "--export-path"]
    assert all(line.startswith("marpack: error: ") for line in lines)
    assert "'gone.py' does not exist" in lines[1]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *((option, "gone/x.py") for option in ("--handler", "--model-file", "--serialized-file", "--extra-files")),
        *((option, "gone.py") for option in ("--handler", "--requirements-file", "--config-file")),
        *(("--handler", "gone"), ("--model-file", "class M:\n  pass"), ("--extra-files", "h.py,gone.txt")),
        ("--serialized-file", "broken"),
    ],
)
def test_a_missing_file_is_told_in_the_systems_words_too(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Callers of the official tool look for them."""
    Path("broken").symlink_to("nowhere")
    assert main([*BASICS, option, value]) == 1
    error = capsys.readouterr().err
    assert "No such file or directory" in error
    assert error.startswith(f"marpack: error: {option}: ")


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


@pytest.mark.slow
@pytest.mark.parametrize("form", ["default", "zip-store", "tgz", "auto"])
def test_standard_output_gets_the_bytes_of_the_file(form: str) -> None:
    words = [*BASICS, "--archive-format", form, "--serialized-file", "w.pt"]
    assert main([*words, "--output", "file.mar", "--quiet"]) == 0
    command = f"{shlex.join([sys.executable, '-m', 'marpack', *words])} --output - --digest | cat > piped.mar"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert Path("piped.mar").read_bytes() == Path("file.mar").read_bytes()
    assert done.stdout == ""
    assert done.stderr.startswith("standard output: 3 members, ")
    digest = hashlib.sha256(Path("file.mar").read_bytes()).hexdigest()
    assert done.stderr.splitlines()[-1].split() == ["sha256", digest, "-"]


def to_stdout(*words: str, stdout: int | IO[bytes] = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "marpack", *BASICS, "--output", "-", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )


def test_what_is_told_beside_standard_output() -> None:
    done = to_stdout("--json", "--extra-files", "*.none")
    assert (done.returncode, done.stdout[:2]) == (0, b"PK")
    warning, told = done.stderr.decode().split("\n", 1)
    assert warning == "marpack: warning: no file matches the pattern '*.none' of extra_files"
    assert json.loads(told)["path"] == "-"
    assert json.loads(told)["size"] == len(done.stdout)
    again = to_stdout("--quiet", "--extra-files", "*.none")
    assert (again.returncode, again.stdout, again.stderr) == (0, done.stdout, b"")


@pytest.mark.slow
def test_standard_output_that_is_full_or_closed(long_work: list[str]) -> None:
    for words in ([], long_work[len(BASICS) :]):
        with open("/dev/full", "wb") as full:
            done = to_stdout(*words, stdout=full)
        assert (done.returncode, done.stderr.decode()) == (
            1,
            "marpack: error: standard output cannot be written: No space left on device\n",
        )
    command = shlex.join([sys.executable, "-m", "marpack", *BASICS, "--output", "-"])
    closed = subprocess.run(["sh", "-c", f"{command} >&-"], capture_output=True, text=True, check=False)
    assert (closed.returncode, closed.stdout) == (1, "")
    assert closed.stderr.startswith("marpack: error: standard output is closed: ")


def test_standard_output_that_is_a_terminal() -> None:
    reading, writing = pty.openpty()
    done = to_stdout(stdout=writing)
    os.close(writing)
    with contextlib.suppress(OSError):
        assert os.read(reading, 1) == b""
    os.close(reading)
    assert done.returncode == 1
    assert done.stderr.startswith(b"marpack: error: standard output is a terminal")


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["--quiet"]])
def test_pipe_that_breaks(words: list[str], long_work: list[str]) -> None:
    command = shlex.join([sys.executable, "-m", "marpack", *long_work, "--output", "-", *words])
    script = f"{{ {command}; echo $? >&2; }} | head -c 1"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"P", b"1\n")


@pytest.mark.slow
def test_signal_while_nobody_reads_standard_output(long_work: list[str]) -> None:
    """What is left must not be written at the end: that would wait for the reader."""
    with subprocess.Popen(
        [sys.executable, "-m", "marpack", *long_work, "--output", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 143
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_source_that_cannot_be_read_into_standard_output(long_work: list[str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "marpack", *long_work, "--output", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        os.truncate("huge.pt", 1 << 20)
        _, err = end_of(process)
    assert process.returncode == 1
    assert b"'huge.pt'" in err
    assert b"pack again" in err


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


# Each of these takes as long to import as a small archive to write.
UNNEEDED = {
    *("asyncio", "bz2", "concurrent.futures", "fsspec", "hashlib", "logging", "lzma", "pathlib", "rich", "shutil"),
    *("socket", "ssl", "subprocess", "tarfile", "tempfile", "urllib.parse", "zipfile", "zlib_ng"),
}


@pytest.mark.parametrize("check", ["off", "warn"])
def test_packing_imports_no_more_than_it_needs(check: str) -> None:
    command = [*BASICS, "--check", check]
    code = f"import sys; from marpack.cli import main; main({command!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert UNNEEDED & loaded == set()
    assert not [name for name in loaded if name.startswith(("marpack.serving", "marpack.remote", "yaml"))]
    if check == "off":
        ours = ("marpack.archive.inspection", "marpack.archive.read", "marpack.checks", "marpack.config")
        assert not [name for name in loaded if name.startswith((*ours, "marpack.compat"))]


@pytest.mark.parametrize("command", [["--help"], ["check", "m.mar"], [*BASICS, "--force"]])
def test_only_run_loads_what_runs_archives(command: list[str]) -> None:
    assert main(BASICS) == 0
    code = (
        f"import sys; from marpack.cli import main\ntry: main({command!r})\nexcept SystemExit: pass\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "marpack.cli" in done.stdout.split()
    assert not [name for name in done.stdout.split() if name.startswith("marpack.running")]


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


def test_name_that_the_terminal_cannot_show() -> None:
    Path("ü.txt").write_text("x")
    done = run(*BASICS, "--extra-files", "ü.txt", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert r"\xfc.txt" in done.stdout


def test_name_that_would_act_on_the_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "x").mkdir()
    (folder / "x" / "a\x1b[2Jb").write_text("x")
    assert main([*BASICS, "--extra-files", "x"]) == 0
    assert r"a\x1b[2Jb" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
@pytest.mark.parametrize("words", ["", "--quiet", "--extra-files *.none --serialized-file huge.pt"])
def test_closed_streams(closed: str, words: str, long_work: list[str]) -> None:
    command = f"{sys.executable} -m marpack {' '.join(BASICS)} --archive-format zip-store {words} {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert Path("m.mar").exists()


@pytest.mark.slow
def test_full_streams(long_work: list[str]) -> None:
    command = [sys.executable, "-m", "marpack", *BASICS, "-f"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (
            1,
            "marpack: error: all is done, but the result cannot be printed: No space left on device\n",
        )
        for words in ([], long_work[len(BASICS) :]):
            warned = [*command, "--extra-files", "*.none", *words]
            assert subprocess.run(warned, stderr=full, stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_reader_that_goes_away() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "marpack", *BASICS], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
    assert Path("m.mar").exists()


def has_open(process: subprocess.Popen[bytes], path: Path) -> bool:
    """Tell whether a process reads a file; what it writes has no name to be seen by."""
    with contextlib.suppress(FileNotFoundError):  # one that has been closed meanwhile
        return any(each.readlink() == path for each in Path(f"/proc/{process.pid}/fd").iterdir())
    return False


@pytest.fixture
def _not_under_nohup() -> Iterator[None]:
    handler = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, handler)


@pytest.mark.usefixtures("_not_under_nohup")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_ended_by_a_signal(number: int, status: int, folder: Path) -> None:
    with open("huge.pt", "wb") as file:
        file.truncate(1 << 36)
    before = set(folder.iterdir())
    with subprocess.Popen(
        [sys.executable, "-m", "marpack", *BASICS, "--serialized-file", "huge.pt"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        while not has_open(process, folder / "huge.pt"):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        out, err = end_of(process)
    assert (process.returncode, out) == (status, b"")
    assert b"Traceback" not in err
    assert set(folder.iterdir()) == before


@pytest.mark.slow
def test_signal_that_is_ignored_stays_so() -> None:
    """As under nohup."""
    code = (
        "import os, signal, sys; from marpack.archive.write import zip_stream; from marpack.cli import main; "
        "signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        "zip_stream.end_records = lambda record=zip_stream.end_records, **values: "
        "(os.kill(os.getpid(), signal.SIGHUP), record(**values))[1]; "
        f"sys.exit(main({BASICS!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def on_a_terminal(*words: str) -> str:
    """Run the command on a pseudo-terminal and return what a person sees."""
    reading, writing = pty.openpty()
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=writing, stdin=subprocess.DEVNULL
    ) as process:
        os.close(writing)
        seen = b""
        # Linux reports the end of a terminal as an input/output error.
        with contextlib.suppress(OSError):
            while data := os.read(reading, 1 << 16):
                seen += data
    os.close(reading)
    assert process.returncode == 0
    return seen.decode()


@pytest.fixture
def long_work() -> list[str]:
    with open("huge.pt", "wb") as file:
        file.truncate(100 << 20)
    return [*BASICS, "--archive-format", "zip-store", "--serialized-file", "huge.pt"]


@pytest.mark.slow
def test_progress_on_a_terminal(long_work: list[str]) -> None:
    assert "MB" in on_a_terminal("-m", "marpack", *long_work)


@pytest.mark.slow
def test_progress_without_rich(long_work: list[str]) -> None:
    hidden = "import sys; sys.modules['rich.console'] = None; from marpack.cli import main; sys.exit(main())"
    seen = on_a_terminal("-c", hidden, *long_work)
    assert re.search("\r [1-9][0-9]%", seen)
    assert "100%" in seen


@pytest.mark.slow
def test_no_progress_for_short_work_when_quiet_or_piped(long_work: list[str]) -> None:
    assert on_a_terminal("-m", "marpack", *BASICS) == ""
    assert on_a_terminal("-m", "marpack", *long_work, "--quiet", "-f") == ""
    assert run(*long_work, "-f").stderr == ""


def test_control_characters_of_the_name_are_shown_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A terminal would act on them."""
    monkeypatch.chdir(tmp_path)
    Path("h.py").write_text("def handle(data, context):\n    return data\n")
    Path("models.json").write_text('[{"model-name": "m", "handler": "h.py"}]')
    words = ["pack", "--model-name", "m", "-v", "1", "--handler", "h.py"]
    for command in (
        [*words, "-o", "a\x1b[31m.mar", "--digest"],
        [*words, "-o", "b\x1b[31m.mar", "--dry-run"],
        ["repack", "a\x1b[31m.mar", "-o", "c\x1b[31m.mar"],
        ["config", "init", "d\x1b[31m.properties"],
        ["serve-build", "models.json", "-o", "e\x1b[31m"],
    ):
        assert main(command) == 0
        shown = "".join(capsys.readouterr())
        assert "\x1b" not in shown
        assert "\\x1b[31m" in shown
