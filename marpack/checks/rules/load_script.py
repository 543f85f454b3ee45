"""What runs in the process that loads a model: a script, which knows nothing of marpack.

It does what TorchServe's base handler does in ``initialize`` [server], and writes an object as JSON: ``problem``
is what went wrong, ``null`` or an object of ``kind``, ``message`` and ``error``; ``torch`` its version, as two
numbers; ``handler`` why the handler's module could not be imported, if it could not.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from typing import Any


def main() -> None:
    """Load what the arguments name: folder, model file, serialized file, module; write the answer to the last.

    The module, if one is named, is the handler's, which a worker has imported before.
    """
    folder, model_file, serialized_file, handler, answer = sys.argv[1:]
    # As in a worker: the model's folder comes first, and this script's is not there.
    sys.path[0] = folder
    os.chdir(folder)
    try:
        import torch  # before the model's own files can stand in its place
    except ImportError:
        said: object = {"problem": {"kind": "no-torch", "message": "", "error": ""}}
    else:
        unlike = _not_imported(handler) if handler else None
        version = [int(part) for part in torch.__version__.split(".")[:2]]
        said = {"problem": _problem(folder, model_file, serialized_file), "torch": version, "handler": unlike}
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(said, file)
    # Threads that were begun by what was imported end nothing: a worker has them too, and goes on.
    os._exit(0)


def _not_imported(handler: str) -> str | None:
    try:
        importlib.import_module(handler)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return None


def _problem(folder: str, model_file: str, serialized_file: str) -> dict[str, str] | None:
    import torch

    weights, kind = os.path.join(folder, serialized_file), "model"
    try:
        if not model_file:
            kind = "weights"
            load: Any = torch.jit.load
            load(weights, map_location="cpu")
            return None
        model = _model(model_file)
        if serialized_file:
            kind = "weights"
            model.load_state_dict(torch.load(weights, map_location="cpu"))
        model.to("cpu").eval()
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
        return {"kind": kind, "message": f"cannot be loaded: {said}", "error": said}
    return None


def _model(model_file: str) -> Any:
    module = importlib.import_module(os.path.basename(model_file).split(".")[0])
    classes = [
        value for _, value in inspect.getmembers(module, inspect.isclass) if value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        names = [found.__name__ for found in classes]
        raise ValueError(f"Expected only one class as model definition, and there are {len(classes)}: {names}")
    return classes[0]()


if __name__ == "__main__":
    main()
