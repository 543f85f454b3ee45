"""Models that the configuration has compiled, and that are not."""

from __future__ import annotations

from dataclasses import replace

from tests.checks.cases.case import Archive, Case
from tests.checks.cases.model_config import TIMEOUTS, eager
from tests.checks.cases.weights import SCRIPT

COMPILED = TIMEOUTS + "pt2:\n  compile:\n    enable: true\n    backend: eager\n"


def script(text: str) -> Archive:
    """One whose handler is BaseHandler's, and whose model is TorchScript."""
    archive = eager(text)
    files = {name: data for name, data in archive.files.items() if name != "net.py"} | {"net.pt": SCRIPT}
    model = {"handler": "handler.py", "serializedFile": "net.pt", "configFile": "model-config.yaml"}
    return replace(archive, files=files, model=model)


CASES = [
    Case(
        code="config-compile",
        title="TorchScript",
        broken=script(COMPILED),
        repaired=eager(COMPILED),
        fails="serves",
        says="Compiling model model with backend eager has failed",
    ),
    Case(
        code="config-compile",
        title="TorchScript, a name",
        broken=script(TIMEOUTS + "pt2: inductor\n"),
        repaired=script(TIMEOUTS + "pt2:\n  compile:\n    enable: false\n"),
        fails="serves",
        says="Compiling model model with backend inductor has failed",
    ),
]
