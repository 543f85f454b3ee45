"""What may be the name of a file, by the systems' own words for it."""

from __future__ import annotations

import json
import ntpath
import os
import posixpath
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from marpack.disk import file_names
from marpack.disk.file_names import lies_below, relative_name, windows_name_problem, without_last_separator
from tests.support.other_systems import is_reserved

PARTS = st.one_of(
    st.text(st.characters(exclude_characters="/\\", exclude_categories=["Cs"]), min_size=1, max_size=12),
    st.sampled_from(
        ["con", "NUL.tar.gz", "Com1", "lpt\xb2", "COM0", "com10", "conin$", "aux .x", "a.", "a ", "prn:"]
    ),
)


@given(st.lists(PARTS.filter(lambda part: part not in (".", "..")), min_size=1, max_size=3))
@example(["CONOUT$"])
@example(["a", "nul", "b"])
def test_windows_keeps_what_python_says_that_it_keeps(parts: list[str]) -> None:
    assert (windows_name_problem("/".join(parts)) is not None) == any(map(is_reserved, parts))


@pytest.mark.parametrize(
    ("system", "path", "told"),
    [
        (posixpath, "out/", "out"),
        (posixpath, "//", "/"),
        (posixpath, "out\\", "out\\"),
        (ntpath, "out/", "out"),
        (ntpath, "deep\\out\\", "deep\\out"),
        (ntpath, "C:\\", "C:\\"),
        (ntpath, "D:/models//", "D:/models"),
    ],
)
def test_a_separator_at_the_end(system: object, path: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    as_system(system, monkeypatch)
    assert without_last_separator(path) == told


@pytest.mark.parametrize(
    ("system", "path", "below"),
    [
        *(
            (system, path, True)
            for system in (posixpath, ntpath)
            for path in ("", ".", "a", "a/../b", "a/b", "..a")
        ),
        *(
            (system, path, False)
            for system in (posixpath, ntpath)
            for path in ("..", "../a", "a/../..", "/", "/a")
        ),
        *((ntpath, path, False) for path in ("C:\\a", "C:a", "\\a", "..\\a", "a\\..\\..", "\\\\host\\share\\a")),
        (posixpath, "C:a", True),
    ],
)
def test_what_lies_below(system: object, path: str, below: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    as_system(system, monkeypatch)
    assert lies_below(path) is below


def test_a_name_from_a_folder_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert relative_name("a/b/c", "a") == "b/c"
    as_system(ntpath, monkeypatch)
    assert relative_name("C:\\models\\a\\b.pt", "C:\\models") == "a/b.pt"
    with pytest.raises(ValueError, match="mount"):
        relative_name("D:\\a", "C:\\models")


def as_system(system: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the functions ask another system's paths."""

    class System:
        path, sep, altsep, pardir = system, system.sep, system.altsep, os.pardir  # type: ignore[attr-defined]

    monkeypatch.setattr(file_names, "os", System)


WRITE = """
import json
import sys
import marpack
from marpack.errors import MarpackError
if sys.argv[1] == "windows":
    from tests.support.other_systems import become
    become("windows")
name = {"windows": "notes:1.txt", "ascii": "\\u65e5.txt"}[sys.argv[1]]
model = {"model_name": "m", "handler": {"h.py": b"x = 1\\n"}, "extra_files": {name: b"1"}, "check": "off"}
marpack.pack(**model, export_path=".")
for write in (
    lambda: marpack.pack(**model, archive_format="no-archive", export_path="."),
    lambda: marpack.open_archive("m.mar").extract("out"),
):
    try:
        write()
    except MarpackError as error:
        print(json.dumps(str(error)))
"""


@pytest.mark.parametrize(
    ("system", "told"),
    [
        ("windows", "of which Windows keeps no file (':' is not allowed in it): use another system, or WSL"),
        (
            "ascii",
            "which is no name of a file in the locale's encoding, ascii: set PYTHONUTF8=1, or another locale",
        ),
    ],
)
def test_no_folder_is_written_that_would_lack_a_file(system: str, told: str, tmp_path: Path) -> None:
    """Windows writes what stands after a colon into a stream that no listing shows."""
    asked = {"PYTHONPATH": str(Path(__file__).parents[2])}
    if system == "ascii":
        asked |= {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-c", WRITE, system],
        cwd=tmp_path,
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    packed, extracted = map(json.loads, done.stdout.splitlines())
    assert " would hold " in packed
    assert extracted.startswith("'m.mar' holds "), extracted
    assert told in packed
    assert told in extracted
    assert sorted(os.listdir(tmp_path)) == ["m.mar"]
