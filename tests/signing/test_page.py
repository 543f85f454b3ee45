"""The examples of docs/signing.md: each does what the page says, on the archive of the README's model."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from marpack.cli import main
from tests.conftest import require
from tests.support import signatures
from tests.support.archives import packed
from tests.support.documents import blocks
from tests.support.signatures import model_signing

pytestmark = pytest.mark.xdist_group("model-signing")

BLOCKS = [(block.language, block.text) for block in blocks("docs/signing.md") if block.runs]


def test_they_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    signatures.require_model_signing()
    require(shutil.which("openssl") is not None, "openssl")
    monkeypatch.chdir(tmp_path)
    packed(tmp_path, "digits")
    (tmp_path / "handler.py").write_text("def handle(data, context): return data\n", encoding="ascii")
    (tmp_path / "model-store").mkdir()
    packed(tmp_path / "model-store", "digits")
    count = 0
    for language, text in BLOCKS:
        if language == "python":
            exec(compile(text, "docs/signing.md", "exec"), {})
            count += 1
            continue
        for line in text.replace("\\\n", " ").splitlines():
            command = line.partition("  #")[0].partition(" > ")[0].strip()
            if not command:
                continue
            program, *words = shlex.split(command)
            if program == "openssl":
                subprocess.run([program, *words], check=True, stdin=subprocess.DEVNULL, capture_output=True)
                count += 1
                continue
            status = main(words) if program == "marpack" else model_signing(*words)[0]
            assert status == 0, (command, capsys.readouterr().err)
            count += 1
    assert count == 21
    assert {"unpacked", "from-python", "digits.sig", "contents.sig"} <= {each.name for each in tmp_path.iterdir()}
