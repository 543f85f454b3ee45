"""What a terminal is shown, and a pipe is not: colours, rows that fit, progress."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from marpack.cli import main
from marpack.cli.progress import progress_for
from marpack.cli.screen import Screen
from tests.support.archives import check_json, packed
from tests.support.terminals import (
    Terminal,
    bare,
    environment,
    has_colours,
    on_a_terminal,
    with_a_terminal_for_complaints,
)

Capture = pytest.CaptureFixture[str]

LONG = f"labels/{'a_name_that_does_not_fit_' * 6}.json"
WIDE = f"labels/{'很长的名字文件夹' * 8}.json"
COMMANDS = {
    "check": ["check", "good.mar", "bad.mar"],
    "rules": ["check", "--rules"],
    "inspect": ["inspect", "bad.mar"],
    "digests": ["inspect", "--digest", "good.mar"],
    "tree": ["inspect", "--tree", "bad.mar"],
    "diff": ["diff", "--all", "good.mar", "bad.mar"],
    "scan": ["scan", "--processes", "1", "good.mar", "bad.mar", "cut.mar"],
    "verify": ["verify", "good.mar"],
    "pack": ["pack", "--model-name", "m", "--version", "1", "--handler", "h.py", "--digest", "-f", "--quiet"],
    "lint": ["config", "lint", "config.properties"],
}


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("screen")
    packed(folder, "good")
    handler = b"import torchmetrics\n\n\ndef handle(data, context):\n    return data\n"
    packed(
        folder,
        "bad",
        handler={"handler.py": handler},
        requirements_file={"requirements.txt": b"numpy\n"},
        config_file={"model-config.yaml": b"minWorkers: two\n"},
        extra_files={LONG: b"{}", WIDE: b"{}", "labels/a.json": b"{}"},
        check="off",
    )
    (folder / "cut.mar").write_bytes((folder / "good.mar").read_bytes()[:500])
    (folder / "h.py").write_text("def handle(data, context):\n    return data\n")
    (folder / "config.properties").write_text("number_of_gpu=many\nload_models=all\nno_such_key=1\n")
    return folder


@pytest.fixture(autouse=True)
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_said_by_colours_alone(name: str) -> None:
    shown = on_a_terminal(COMMANDS[name])
    assert has_colours(shown) == (name != "pack")
    assert bare(shown) == on_a_terminal([*COMMANDS[name], "--color", "never"])
    assert "\x1b" not in bare(shown)


@pytest.mark.parametrize("name", COMMANDS)
def test_pipes_get_neither_colours_nor_rows(name: str, capsys: Capture) -> None:
    """Whatever the terminal of the errors is like, and what COLUMNS says."""
    with environment({}):
        main(COMMANDS[name])
    piped = capsys.readouterr().out
    assert not has_colours(piped)
    assert with_a_terminal_for_complaints(COMMANDS[name], columns=40, COLUMNS="40") == "" or name == "scan"
    assert capsys.readouterr().out == piped
    if name not in ("inspect", "digests", "tree", "scan", "pack"):  # whose tables are as wide as what is in them
        assert on_a_terminal([*COMMANDS[name], "--color=never"], columns=999) == piped


def test_help_has_no_colours_on_any_python() -> None:
    """From 3.14 on argparse has some of its own, and asks the environment alone about them."""
    words = ["check", "--color", "never"]
    assert not has_colours(on_a_terminal([*words, "--help"], FORCE_COLOR="1"))
    assert not has_colours(with_a_terminal_for_complaints([*words, "--nope"], FORCE_COLOR="1"))


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_rows_fit(name: str, columns: int) -> None:
    """By rich's count. What has no place to break, as the path in a finding, a terminal breaks by itself."""
    for row in bare(on_a_terminal(COMMANDS[name], columns)).splitlines():
        assert cell_len(row) <= columns or (
            name in ("check", "scan") and max(map(cell_len, row.split())) > columns
        ), row


@pytest.mark.parametrize("columns", [80, 120])
def test_names_are_cut_in_the_middle(columns: int) -> None:
    """Their beginnings and ends tell them apart; no row of these tables is longer than the terminal."""
    for name in ("inspect", "diff", "tree"):
        rows = bare(on_a_terminal(COMMANDS[name], columns)).splitlines()
        assert max(map(cell_len, rows)) <= columns
        [row] = [row for row in rows if "a_name" in row]
        assert "..." in row
        assert ".json" in row
        assert cell_len(row) >= columns - 1


def test_a_table_is_as_wide_as_what_is_in_it() -> None:
    rows = on_a_terminal(COMMANDS["inspect"], NO_COLOR="1").splitlines()
    start = next(index for index, row in enumerate(rows) if "packed" in row)
    assert rows[start] == "size  packed  ratio  method    mode  name"
    assert rows[start + 1].startswith("  65  ")


def test_ascii_alone(capsys: Capture) -> None:
    """The letters of the name that are shown are six for each of its own."""
    for name in ("inspect", "diff"):
        shown = on_a_terminal(COMMANDS[name], encoding="ascii", NO_COLOR="1")
        assert shown.isascii()
        assert "\\u5f88\\u957f" in shown
        assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("variables", "words", "expected"),
    [
        ({}, [], True),
        ({"NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": ""}, [], True),
        ({"TERM": "dumb"}, [], False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, [], False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, [], True),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
        ({"NO_COLOR": "1"}, ["--color", "auto"], False),
    ],
)
def test_who_decides_about_colours(variables: dict[str, Any], words: list[str], expected: bool) -> None:
    assert has_colours(on_a_terminal([*COMMANDS["check"], *words], **variables)) == expected


def test_a_console_of_windows_is_known_by_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own shows the letters of the codes."""
    monkeypatch.setattr(sys, "platform", "win32")
    for variables, expected in (({}, False), ({"WT_SESSION": "1"}, True), ({"ANSICON": "1"}, True)):
        with environment({"TERM": "", **variables}):
            terminal = Terminal(80, "utf-8")
            shown = Screen(terminal.stream).has_colours
            terminal.written()
        assert shown == expected
    assert has_colours(on_a_terminal(COMMANDS["check"], TERM="", FORCE_COLOR="1"))


def test_colours_in_a_pipe_for_who_asks(capsys: Capture) -> None:
    for words, variables in (([], {"FORCE_COLOR": "1"}), (["--color", "always"], {})):
        with environment(variables):
            main(COMMANDS["check"])
            plain = bare(capsys.readouterr().out)
            main([*COMMANDS["check"], *words])
        coloured = capsys.readouterr().out
        assert has_colours(coloured)
        assert bare(coloured) == plain


@pytest.mark.parametrize("name", ["check", "inspect", "diff", "scan", "verify", "lint"])
def test_json_has_none(name: str) -> None:
    text = on_a_terminal([*COMMANDS[name], "--json", "--color", "always"], FORCE_COLOR="1")
    assert not has_colours(text)
    for document in text.splitlines() if name == "scan" else [text]:
        assert json.loads(document)


def test_each_stream_for_itself(capsys: Capture) -> None:
    words = ["inspect", "missing.mar"]
    assert with_a_terminal_for_complaints(words).startswith("marpack: \x1b[1;31merror\x1b[0m: 'missing.mar'")
    on_a_terminal(words)
    assert capsys.readouterr().err.startswith("marpack: error: 'missing.mar'")


def test_a_long_complaint_is_broken_between_words() -> None:
    told = bare(with_a_terminal_for_complaints(["inspect", "cut.mar"]))
    assert told.count("\n") == 2
    assert max(map(len, told.splitlines())) <= 80


def test_the_choice_lasts_for_one_command() -> None:
    assert not has_colours(on_a_terminal([*COMMANDS["verify"], "--color", "never"]))
    assert has_colours(on_a_terminal(COMMANDS["verify"]))
    assert not has_colours(on_a_terminal(["config", "--color", "never", "lint", "config.properties"]))


def test_the_choice_stands_anywhere_behind_the_command(tmp_path: Path) -> None:
    """Also where words are sorted before argparse sees them."""
    assert main(["extract", "good.mar", "--color", "never", str(tmp_path / "x"), "labels/a.json"]) == 0
    assert main(["config", "set", "--color", "never", "config.properties", "--force", "job_queue_size=7"]) == 0
    assert "job_queue_size=7" in Path("config.properties").read_text()


def test_scan_in_words_where_a_person_looks(capsys: Capture) -> None:
    shown = on_a_terminal([*COMMANDS["scan"], "--select", "config,import"], 100, NO_COLOR="1")
    size = Path("bad.mar").stat().st_size
    lines = shown.splitlines()
    assert lines[0] == "good.mar: good 1.0, unknown, 2,030 bytes: no findings".replace(
        "2,030", f"{Path('good.mar').stat().st_size:,}"
    )
    assert lines[1] == f"bad.mar: bad 1.0, unknown, {size:,} bytes: 1 error, 2 warnings, 1 note"
    assert "  model-config.yaml:1: error: minWorkers: it is a string, not a whole number [config-type]" in lines
    assert lines[-1] == "3 archives, 2 with errors"
    assert "cut.mar: error: is no zip, or is cut off" in shown
    main(COMMANDS["scan"])
    assert [check_json(line, "scan")["path"] for line in capsys.readouterr().out.splitlines()] == [
        *("good.mar", "bad.mar", "cut.mar")
    ]


def test_scan_tells_how_far_it_is_where_results_go_elsewhere() -> None:
    told = with_a_terminal_for_complaints(COMMANDS["scan"])
    assert told == f"\r1 archive\r2 archives\r3 archives\r{' ' * 10}\r"
    assert with_a_terminal_for_complaints(COMMANDS["scan"], TERM="dumb") == ""


def plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)


@pytest.mark.parametrize("prepare", [plainly, lambda _: None])
def test_progress_is_gone_when_work_is_interrupted(
    prepare: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(monkeypatch)
    terminal = Terminal(80, "utf-8")
    with (
        environment({}),
        contextlib.redirect_stderr(terminal.stream),
        contextlib.suppress(KeyboardInterrupt),
        progress_for(100 << 20, quiet=False) as progress,
    ):
        assert progress is not None
        progress(30 << 20)
        raise KeyboardInterrupt
    written = terminal.written()
    assert ("30%" in written) == (prepare is plainly)
    # The last that is done to the line is that it is emptied.
    assert written.endswith(("\r    \r", "\x1b[2K"))
    # Whoever is stopped (Ctrl-Z) or killed could not show a cursor again.
    assert "\x1b[?25l" not in written


def test_progress_is_gone_when_its_start_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rich.live._RefreshThread.start", pressed)
    terminal = Terminal(80, "utf-8")
    try:
        with environment({}), contextlib.redirect_stderr(terminal.stream):
            with pytest.raises(KeyboardInterrupt), progress_for(100 << 20, quiet=False):
                pass
            assert sys.stderr is terminal.stream  # rich puts something of its own there
    finally:
        written = terminal.written()
    assert written.endswith("\x1b[2K")


@pytest.mark.parametrize("columns", ["0", "1", "-1", "\N{SUPERSCRIPT TWO}", "9" * 5000, "9" * 9, "eighty"])
def test_columns_that_are_no_number(columns: str) -> None:
    """Nor one that all of what reads the variable understands."""
    terminal = Terminal(80, "utf-8")
    try:
        with (
            environment({"COLUMNS": columns}),
            contextlib.redirect_stderr(terminal.stream),
            progress_for(100 << 20, quiet=False) as progress,
        ):
            assert progress is not None
            progress(100 << 20)
    finally:
        terminal.written()
    for name in ("inspect", "check", "diff"):
        assert on_a_terminal(COMMANDS[name], COLUMNS=columns).count("\n") > 2


def test_no_progress_where_the_cursor_cannot_move() -> None:
    terminal = Terminal(80, "utf-8")
    with (
        environment({"TERM": "dumb"}),
        contextlib.redirect_stderr(terminal.stream),
        progress_for(100 << 20, quiet=False) as progress,
    ):
        assert progress is None
    assert terminal.written() == ""


@given(st.lists(st.text("ab很é\u0301", max_size=9), max_size=30), st.integers(0, 10), st.integers(40, 90))
@settings(max_examples=25)
def test_words_stay_as_they_are(words: list[str], indent: int, columns: int) -> None:
    line = " ".join(words)
    screen = Screen(None)
    screen.columns = columns
    rows = screen.wrapped(line, indent).split("\n")
    assert [word for row in rows for word in row.split()] == line.split()
    assert all(cell_len(row) <= columns or len(row.split()) == 1 for row in rows)


@given(st.text("ab很é\u0301", max_size=90), st.integers(20, 60))
@settings(max_examples=25)
def test_a_cut_name_has_room(name: str, room: int) -> None:
    screen = Screen(None)
    screen.columns = 80
    cut = screen.cut(name, room)
    assert cell_len(cut) <= room
    if cell_len(name) <= room:
        assert cut == name
    else:
        beginning, end = cut.split("...")
        assert name.startswith(beginning)
        assert name.endswith(end)
