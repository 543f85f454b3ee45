"""The commands of docs/images.md: each does what the page says, with a registry of ours in place of its own."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from marpack.cli import main
from tests.images.layouts import Layout, store
from tests.images.pushing import page_commands
from tests.images.registry_peer import RegistryPeer


def test_its_commands_run(
    peer: RegistryPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    store(tmp_path, "a")
    others = []
    for line in page_commands():
        program, *words = shlex.split(line.replace("registry.example", peer.host), comments=True)
        if program == "marpack":
            assert main([*words, "--plain-http"]) == 0, (line, capsys.readouterr().err)
        else:
            others.append(program)
    # Which tests/server/test_images.py runs.
    assert others == ["skopeo"]
    digest = Layout.of(tmp_path / "deploy-image").top["digest"]
    assert peer.tags == {"1.0": digest, "stable": digest}
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith(peer.host)]
    assert [line.partition(":")[2].partition("/")[2].split(": ")[:2] for line in told] == [
        ["team/models:1.0", digest],
        ["team/models:stable", digest],
    ]
    assert told[1].endswith(": 0 blobs sent, 0 bytes, 3 blobs were there")
