"""Every archive of spec/vectors/archive/invalid/hostile, given to each command that reads archives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from marpack.cli import main
from tests.support.archives import SPEC, check_json, packed
from tests.support.hostile import archive_of

VECTORS = sorted((SPEC / "vectors/archive/invalid/hostile").glob("*.json"))


def test_there_are_some() -> None:
    assert VECTORS


@pytest.mark.slow
@pytest.mark.parametrize("vector", VECTORS, ids=lambda path: path.stem)
def test_commands_end_well_and_show_nothing_raw(
    vector: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    packed(tmp_path, "good")
    for case in json.loads(vector.read_text("ascii"))["cases"]:
        if "archive" not in case:  # a folder
            continue
        name = case["file"]
        Path(name).write_bytes(archive_of(case))
        refused = case["expected"].get("error") == "UnsafeArchiveError"
        for words, statuses in (
            (["inspect", name, "--json", "--digest"], {0, 1}),
            (["inspect", name, "--tree"], {0, 1}),
            (["verify", name, "--json"], {1} if refused else {0, 1}),
            (["diff", "good.mar", name, "--json", "--all"], {1, 2}),
            (["extract", name, "out", "--force"], {1} if refused else {0, 1}),
        ):
            assert main(words) in statuses, (case["title"], words)
            out, err = capsys.readouterr()
            assert (out + err).replace("\n", "").isprintable(), (case["title"], words)
            if "--json" in words and out:
                check_json(out, words[0])
        assert {path.name for path in tmp_path.iterdir()} <= {"good.mar", "out", name}
        Path(name).unlink()
