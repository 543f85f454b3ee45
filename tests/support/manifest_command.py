"""``marpack manifest kserve`` in this process, and keys for a store."""

from __future__ import annotations

from typing import Any

import pytest

from marpack.cli import main
from tests.support.archives import check_json

Capture = pytest.CaptureFixture[str]

URI = "s3://models/mnist"

KEY, SECRET = "AKIAEXAMPLE", "geheim/0123"
STORE = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "S3_ENDPOINT": "http://minio:9000"}


def run(*words: str, source: str | None = "mnist.mar", status: int = 0) -> None:
    given = [] if source is None else [source]
    assert main(["manifest", "kserve", *given, "--storage-uri", URI, *words]) == status


def told(capsys: Capture, *words: str, source: str | None = "mnist.mar") -> Any:
    capsys.readouterr()
    run("--json", *words, source=source)
    return check_json(capsys.readouterr().out, "manifest-kserve")
