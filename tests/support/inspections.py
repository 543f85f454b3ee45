"""What ``marpack inspect`` tells as JSON, and what torch saves."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch

from marpack.cli import main
from tests.support.archives import check_json

Capture = pytest.CaptureFixture[str]


def saved(value: object, **how: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **how)
    return buffer.getvalue()


def inspected(path: Path | str, capsys: Capture, *words: str) -> Any:
    capsys.readouterr()
    assert main(["inspect", str(path), "--json", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return check_json(out, "inspect")
