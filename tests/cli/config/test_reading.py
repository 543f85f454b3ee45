"""Whatever file the commands are given, it is read or refused in one line, and does nothing to the terminal."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marpack.cli import main
from tests.conftest import require
from tests.support.folder_contents import unchanged
from tests.support.settings_commands import ENTRY, READERS, SNAPSHOT, complaint, strict_json, words


@pytest.mark.parametrize("command", READERS, ids=" ".join)
@pytest.mark.parametrize("what", ["missing", "folder", "unreadable"])
def test_a_file_that_cannot_be_read_is_named_in_one_line(
    what: str, command: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = {"missing": "gone", "folder": "some-folder", "unreadable": "/proc/self/mem"}[what]
    if what == "folder":
        (folder / name).mkdir()
    require(
        what != "unreadable" or os.path.exists(name), "/proc/self/mem, which even root cannot read from its start"
    )
    with unchanged(folder):
        assert name in complaint(capsys, *words(command, name))


@pytest.mark.parametrize("command", READERS, ids=" ".join)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\0" * 100,
        bytes(range(256)),
        b"PK\3\4\x14\0\0\0",
        b"\xff\xfea\0=\0b\0",
        b"\xef\xbb\xbfa=b\n",
        b"a=\\u12\n",
        b"{",
        b"[]",
        b"[[]]",
        b"5",
        b"null",
        b'{"models": 5}',
        b'{"models": {"m": 5}}',
        b'{"models": {"m": {"1.0": []}}}',
        b'{"models": NaN}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"model_name": "\\ud800", "handler": "\\u0000"}',
        b'{"models": ' + b"9" * 5000 + b"}",
        b"[" * 10**5,
        b'{"models":' * 10**4,
        b"models=" + b'{"a":' * 400 + b"1" + b"}" * 400,
        b"model_snapshot=" + b"[" * 10**5,
        b'model_snapshot={"models": {}, "a": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"models": {}, "a": ' + b"[" * 900 + b"]" * 900 + b"}",
        b"inference_address=http://[::1]:99999999999999999999\n",
        b"job_queue_size=" + b"9" * 5000,
        b"token_expiration_min=" + b"9" * 5000,
        b"load_models=,,=,=x,x=\nallowed_urls=(((\nmodels=[1]\n",
    ],
    ids=lambda data: repr(data[:40]),
)
@pytest.mark.parametrize("json_wanted", [False, True])
def test_no_contents_lead_to_a_traceback(
    data: bytes, command: list[str], json_wanted: bool, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_bytes(data)
    status = main([*words(command, "file"), *(["--json"] if json_wanted else [])])
    out, err = capsys.readouterr()
    assert status in (0, 1)
    assert all(line.startswith("marpack: ") for line in err.splitlines())
    if status and not out:
        assert "file" in err
    if json_wanted and out:
        strict_json(out)


# What lines are made of: known keys, values that break something, and the grammar.
WORDS = r"""model_snapshot= models= load_models= inference_address= job_queue_size= allowed_urls= keystore_pass= http://h:80
{"models":{}} 1e999 NaN true -1 $$A$$ \u0000 \ud800 = : \ , { } [ " #"""
pieces = st.sampled_from([*WORDS.encode().split(), b" ", b"\n", b"\r\n", b"\xff", b"\x1b"]) | st.binary(max_size=3)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(pieces, max_size=12).map(b"".join))
def test_no_generated_contents_lead_to_a_traceback(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "file")
        for command in READERS:
            file.write_bytes(data)
            where = ["--output", place] if "serve-build" in command else []
            assert main([*words(command, str(file)), *where]) in (0, 1)


@pytest.mark.parametrize("command", [command for command in READERS if command[0] == "snapshot"], ids=" ".join)
def test_json_with_a_byte_order_mark_is_read_or_refused_for_it(
    command: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_bytes(b"\xef\xbb\xbf" + json.dumps(SNAPSHOT).encode())
    if main(words(command, "file")):
        assert "byte order mark" in "".join(capsys.readouterr())


@pytest.mark.parametrize("command", [command for command in READERS if command[0] != "serve-build"], ids=" ".join)
def test_nothing_in_a_file_acts_on_the_terminal(
    command: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = {"a\x1b[2J\nforged: 0 errors": {"1.0\x1b[2J": {**ENTRY, "marName": "\x1b[2J.mar", "minWorkers": 0}}}
    snapshot = json.dumps({**SNAPSHOT, "models": models}).replace("\\", "\\\\")
    lines = [
        f"model_snapshot={snapshot}",
        r"a\nforged: 0 errors=\u001b[2J",
        "\x1b[2J=\x1b[2J",
        "job_queue_size=\x1b[2J",
    ]
    (folder / "file").write_text("\n".join(lines) + "\n")
    main(words(command, "file"))
    shown = "".join(capsys.readouterr())
    assert "\x1b" not in shown
    assert not any(line.startswith("forged") for line in shown.splitlines())
