"""Load models with TorchServe's own loader and ask them: a script for the Python of TorchServe's environment.

It reads from standard input one JSON object a line: ``folder``, an unpacked archive; ``modules``, the names of
packages for which stand-ins are made where they are absent; ``absent``, those that must not be found; ``files``,
the members that stand in for data nobody has; ``seconds``, the time it has.

It writes one JSON object for each: ``load`` and ``ask`` (null where it works, else ``error``, ``said`` and
``place``, the member and line where it came up); ``opened``, the members that were opened while it loaded; and
``stood_in``, the packages that stand-ins were made for.

It **runs the code of the models**, each in a process of its own. It knows nothing of marpack.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import signal
import struct
import sys
import time
import traceback
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from stand_ins import Finder, StandIn, StandInModule, stand_in_for_data

# What a worker of a batch of one is asked, until it answers: nobody knows what a model expects.
TEXT = b"some text"
SIDE = 64


def image() -> bytes:
    """Return a grey PNG."""
    rows = (b"\0" + b"\x80" * 3 * SIDE) * SIDE
    pieces = [
        (b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in pieces
    )


def requests() -> list[list[dict[str, Any]]]:
    """Return what is asked one after another: an image, a text, and JSON of several forms."""
    bodies: list[object] = [image(), TEXT, {"data": "some text"}, {"instances": [[1.0, 2.0]]}]
    bodies += [[1.0, 2.0], {"text": "some text", "input": "some text", "prompt": "some text"}]
    return [
        [{"requestId": b"1", "parameters": [{"name": name, "value": body, "contentType": "application/json"}]}]
        for body in bodies
        for name in ("body", "data")
    ]


def trouble(error: BaseException, folder: str) -> dict[str, Any]:
    """Say what went wrong, and where in the model."""
    # The loader looks among the built-in handlers when a handler cannot be imported, which hides why.
    told = error
    while isinstance(told, ImportError) and "ts.torch_handler." in str(told) and told.__context__ is not None:
        told = told.__context__
    place = None
    for frame in traceback.extract_tb(told.__traceback__):
        path = os.path.realpath(frame.filename)
        if not frame.filename.startswith("<") and path.startswith(folder + os.sep):
            place = [os.path.relpath(path, folder), frame.lineno]
    if isinstance(told, SyntaxError) and told.filename:
        place = [os.path.relpath(os.path.realpath(told.filename), folder), told.lineno]
    said = "".join(traceback.format_exception_only(type(told), told)).strip()[:2000]
    # What the handler's own machine tells it, which is not in the archive.
    last = traceback.extract_tb(told.__traceback__)[-1:]
    environment = [(each.filename, each.name) for each in last] == [("<frozen os>", "__getitem__")]
    return {"error": type(told).__name__, "said": said, "place": place, "environment": environment}


def load_and_ask(job: dict[str, Any]) -> dict[str, Any]:
    """Do as a worker does with a model."""
    folder = os.path.realpath(job["folder"])
    loader = importlib.import_module("ts.model_loader").ModelLoaderFactory.get_model_loader()
    manifest = json.loads(Path(folder, "MAR-INF", "MANIFEST.json").read_text("utf-8"))
    sys.path.insert(0, folder)
    os.chdir(folder)
    stand_in_for_data(folder, job["files"])
    for name in [name for name in sys.modules if name.split(".")[0] in job["absent"]]:
        del sys.modules[name]
    if job["absent"]:
        sys.meta_path.insert(0, Finder([], job["absent"]))
    sys.meta_path.append(Finder(job["modules"], []))
    opened: dict[str, None] = {}
    listening = True

    def hear(event: str, args: tuple[Any, ...]) -> None:
        if listening and event == "open" and isinstance(args[0], (str, bytes)):
            path = os.path.realpath(os.fsdecode(args[0]))
            if path.startswith(folder + os.sep):
                opened[os.path.relpath(path, folder)] = None

    sys.addaudithook(hear)
    tell_of_scripts()
    result: dict[str, Any] = {"load": None, "ask": None, "opened": [], "stood_in": []}
    try:
        service = loader.load("m", folder, manifest["model"]["handler"], None, 1, None, True, StandIn())
    except BaseException as error:
        result["load"] = trouble(error, folder)
        return result
    finally:
        listening = False
        result["opened"] = [name for name in opened if not name.startswith("MAR-INF")]
        made = [name for name, module in sys.modules.items() if isinstance(module, StandInModule)]
        result["stood_in"] = sorted({name.split(".")[0] for name in made})
    result["ask"] = ask(service, folder)
    return result


def tell_of_scripts() -> None:
    """Let the hooks hear what ``torch.jit.load`` opens, which C++ does."""
    module: Any = importlib.import_module("torch.jit")
    load = module.load

    def tells(file: Any, *args: Any, **keywords: Any) -> Any:
        if isinstance(file, (str, os.PathLike)):
            sys.audit("open", os.fspath(file), "rb", 0)
        return load(file, *args, **keywords)

    module.load = tells


def ask(service: Any, folder: str) -> dict[str, Any] | None:
    """Ask a model until it answers; null where it does."""
    module: Any = importlib.import_module("ts.service")
    said: dict[str, Any] = {}
    service.cl_socket = None
    entry = service._entry_point

    def respond(result: object, ids: object, message: str, code: int, *args: object, **keywords: object) -> bytes:
        said.update(answer=message, code=code)
        return b""

    def heard(data: object, context: object) -> object:
        try:
            result = entry(data, context)
        except Exception as error:
            said.update(trouble(error, folder))
            raise
        said.update(error="", said=f"a {type(result).__name__} was returned", place=None)
        return result

    module.create_predict_response, service._entry_point = respond, heard
    tried = []
    for request in requests():
        said.clear()
        try:
            service.predict(request)
        except BaseException as error:
            said.update(trouble(error, folder), answer="", code=0)
        if said["code"] == 200:
            return None
        tried.append(dict(said))
    # What it returned says more than what it did not take, and what it always says than what it says once.
    places = Counter((each["error"], str(each["place"])) for each in tried)
    return max(tried, key=lambda each: (not each["error"], places[each["error"], str(each["place"])]))


def in_a_process(job: dict[str, Any]) -> dict[str, Any]:
    """Load a model in a copy of this process, which is ended when its time is over."""
    reader, writer = os.pipe()
    copy = os.fork()
    if copy == 0:
        os.setpgid(0, 0)
        os.close(reader)
        # What models print is nobody's, and none waits for an answer.
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        try:
            result = load_and_ask(job)
        except BaseException as error:
            result = {"load": {"error": "Judge", "said": repr(error)[:2000], "place": None}, "opened": []}
        with open(writer, "w", encoding="utf-8", errors="replace") as pipe:
            # Not by the name that stands in for data.
            pipe.write(json.dumps(result, default=repr))
        os._exit(0)
    os.close(writer)
    os.set_blocking(reader, False)
    data, deadline, ended = b"", time.monotonic() + float(job["seconds"]), False
    while time.monotonic() < deadline and not ended:
        ended = os.waitpid(copy, os.WNOHANG)[0] == copy
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(reader, 1 << 16):
                data += piece
        time.sleep(0.01)
    os.close(reader)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(copy, signal.SIGKILL)  # also what it has started
    if not ended:
        os.waitpid(copy, 0)
    try:
        result = dict(json.loads(data))
    except ValueError:
        what = "it ended without a word" if ended else f"it took longer than {job['seconds']} s"
        result = {"load": {"error": "Ended" if ended else "Time", "said": what, "place": None}}
    return {"load": None, "ask": None, "opened": [], "stood_in": [], **result}


def main() -> None:
    """Answer line by line."""
    # As in a worker, this script's folder is not on the path; all copies have what every handler imports.
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.realpath(path) != here]
    importlib.import_module("ts.model_loader")  # without it there is nothing to ask
    for name in ("ts.torch_handler.base_handler", "numpy", "yaml", "PIL.Image", "torchvision"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    logging.disable()
    for line in sys.stdin:
        print(json.dumps(in_a_process(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
