"""Load handlers with TorchServe's own loader, each in a copy of one process; run in TorchServe's environment.

Read from standard input lines, each a JSON list of models, objects with ``files``, a map of names to texts, and
``handler``; write for each line one of what became of each: "" where it loads, else the last line of the trouble.
It knows nothing of these tests.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any


def main() -> None:
    """Load all."""
    loader = importlib.import_module("ts.model_loader").ModelLoaderFactory.get_model_loader()
    importlib.import_module("ts.torch_handler.base_handler")  # once for all copies
    logging.disable()

    def load(folder: str, handler: str) -> None:
        sys.path.insert(0, folder)
        os.chdir(folder)
        loader.load("m", folder, handler, None, 1, None, True)

    # What models print goes elsewhere.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps([trouble(model, load) for model in json.loads(line)]), file=answers, flush=True)


def trouble(model: dict[str, Any], load: Any) -> str:
    """Return why a model does not load."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in model["files"].items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
        reader, writer = os.pipe()
        copy = os.fork()
        if copy == 0:
            said = ""
            try:
                load(folder, model["handler"])
            except BaseException as error:
                said = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()[-1]
            os.write(writer, said[:4000].encode("utf-8", "replace"))
            os._exit(0)
        os.close(writer)
        with open(reader, "rb") as pipe:
            said = pipe.read().decode()
        os.waitpid(copy, 0)
        return said


if __name__ == "__main__":
    main()
