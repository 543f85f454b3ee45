"""What somebody is told who types what is near to a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from marpack.cli import main

PACK = ["pack", "--model-name", "m", "--version", "1.0", "--handler", "h.py"]
COMPLAINTS = {
    "chek m.mar": "no command is called 'chek' (did you mean check?): marpack --help lists all",
    "help": "no command is called 'help': marpack --help lists all",
    "--colour never check m.mar": "name a command first, as in: marpack pack --colour ...",
    "config show": "the following arguments are required: FILE",
    "run m.mar body.json": "unrecognized arguments: body.json "
    "(--input names a file that is sent, --form a field of a form)",
    'run m.mar --input {"a":1}': "--input: a file is named, - for standard input: "
    "echo '{...}' | marpack run ... --input -",
}


@pytest.mark.parametrize(("words", "told"), COMPLAINTS.items())
def test_the_way_out_is_told(words: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"error: {told}")


def test_help_breaks_no_path_and_no_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In rows of any width, also those of options."""
    monkeypatch.setattr("marpack.cli.parser._text_width", lambda: 78)
    for command, copied in [
        ("completion", "~/.local/share/bash-completion/completions/marpack;"),
        ("pack-workflow", "torch-workflow-archiver."),
        ("pack", "URL, such as s3://bucket/MODEL_NAME.mar,"),
    ]:
        assert main([command, "--help"]) == 0
        assert copied in capsys.readouterr().out


def test_extra_files_with_blanks_between_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*PACK, "--extra-files", "one", "two"]) == 2
    told = "unrecognized arguments: two (commas, and no blanks, are between the paths of --extra-files)"
    assert capsys.readouterr().err.endswith(f"{told}\n")


def test_a_file_that_is_called_like_json_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("[1]").write_text("1")
    assert main(["run", "gone.mar", "--input", "[1]"]) == 1
    assert main(["run", "gone.mar", "--input", "[2]"]) == 2


def test_weights_are_no_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"PK\x03\x04" + bytes(100))
    assert main(["inspect", str(weights)]) == 1
    assert capsys.readouterr().err.endswith("end it in .mar; weights are packed first\n")


@pytest.mark.parametrize("before", [["--color", "always"], ["--color=always"]])
def test_colours_are_chosen_before_the_command_too(
    before: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "h.py").write_text("class Handler: pass\n")
    archive = str(tmp_path / "m.mar")
    packed = ["--handler", str(tmp_path / "h.py"), "--output", archive, "--check", "off", "--quiet"]
    assert main(["pack", "--model-name", "m", "--version", "1.0", *packed]) == 0
    assert main([*before, "check", archive]) == 1
    assert "\x1b[" in capsys.readouterr().out
    assert main([*before, "check", "--color", "never", archive]) == 1
    assert "\x1b[" not in capsys.readouterr().out
