"""Where the handlers come from that ``check_accuracy`` judges."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from broken_handlers import MANIFEST, Model

import marpack

# What the server's image has beside torch, or handlers import again and again; more are named with --stand-ins.
PACKAGES = [
    *("captum", "cv2", "diffusers", "librosa", "mmcv", "mmdet", "nvgpu", "onnxruntime", "pandas", "pythainlp"),
    *("scipy", "sentence_transformers", "sklearn", "soundfile", "tensorrt", "tensorrt_llm", "torchaudio"),
    *("torchtext", "transformers", "vllm", "nvidia"),
]
ARCHIVES = (".mar", ".war", ".zip", ".tar.gz", ".tgz")
DATA = re.compile(r"[\w./-]+\.(json|txt|pt|pth|pkl|onnx|yaml|yml|csv|model|bin|safetensors|zip|ini|cfg)")
LABELS = "index_to_name.json"
# A file that torch.jit.load takes, made where torch is.
SCRIPTED = "import sys, torch; torch.jit.save(torch.jit.script(torch.nn.ReLU()), sys.argv[1])"


def of_folder(folder: Path) -> Iterator[tuple[str, Model]]:
    """Yield the archives in a folder, unpacked or not, and a model of each handler that lies there as a file."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if (path / MANIFEST).is_file():
            meta = folder / ".meta" / f"{path.name}.json"
            stand_ins = json.loads(meta.read_text("utf-8"))["stand_ins"] if meta.is_file() else []
            # The form of labels is the server's, and is read.
            data = tuple(name for name in stand_ins if Path(name).name != LABELS)
            yield path.name, Model(members=_members(path), stand_ins=data)
        elif path.name.endswith(ARCHIVES):
            with tempfile.TemporaryDirectory() as name, marpack.open_archive(path) as archive:
                archive.extract(Path(name, "model"))
                yield path.name, Model(members=_members(Path(name, "model")))
        elif path.suffix == ".py" and _has_entry_point(path.read_bytes()):
            yield path.name, packed(path)


def _members(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _has_entry_point(source: bytes) -> bool:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return False
    return any(
        (isinstance(node, ast.FunctionDef) and node.name == "handle")
        or (
            isinstance(node, ast.ClassDef)
            and {"initialize", "handle"} & {getattr(of, "name", "") for of in node.body}
        )
        for node in body
    )


def packed(handler: Path) -> Model:
    """Pack a handler with the modules beside it that it imports, and the files there that it names."""
    members = {handler.name: handler.read_bytes()}
    todo = [handler.name]
    while todo:
        name = todo.pop()
        for node in ast.walk(ast.parse(members[name])):
            wanted: list[str] = []
            if isinstance(node, ast.Import):
                wanted = [alias.name.split(".")[0] for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                wanted = [node.module.split(".")[0]]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and DATA.fullmatch(node.value):
                path = handler.parent / node.value
                if path.is_file() and path.resolve().is_relative_to(handler.parent.resolve()):
                    members.setdefault(Path(node.value).name, path.read_bytes())
            for module in wanted:
                path = handler.parent / f"{module}.py"
                if path.name not in members and path.is_file():
                    members[path.name] = path.read_bytes()
                    todo.append(path.name)
    weights = next((name for name in members if name.endswith((".pt", ".pth"))), None)
    return _model(members, handler.name, {"serializedFile": weights} if weights else {})


def _model(
    members: dict[str, bytes], handler: str, roles: Mapping[str, str], stand_ins: tuple[str, ...] = ()
) -> Model:
    manifest = {
        "createdOn": "25/11/2026 10:00:00",
        "runtime": "python",
        "model": {"modelName": "m", "modelVersion": "1.0", "handler": handler, **roles},
        "archiverVersion": "0.12.0",
    }
    return Model(members={**members, MANIFEST: json.dumps(manifest, indent=2).encode()}, stand_ins=stand_ins)


def shipped(python: str) -> Iterator[tuple[str, Model]]:
    """Yield the handlers of the torchserve package: each by its name, and as a file that is packed."""
    told = subprocess.run(
        [python, "-c", "import importlib.util as u; print(u.find_spec('ts').origin)"],
        capture_output=True,
        text=True,
        check=True,
    )
    folder = Path(told.stdout.splitlines()[-1]).parent / "torch_handler"
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "model.pt")
        subprocess.run([python, "-c", SCRIPTED, str(path)], check=True)
        weights = path.read_bytes()
    data = {"model.pt": weights, "source_vocab.pt": b"", "index_to_name.json": b'{"0": "cat", "1": "dog"}'}
    roles, vocabulary = {"serializedFile": "model.pt"}, ("source_vocab.pt",)
    for path in sorted(folder.glob("*.py")):
        if path.stem in ("__init__", "contractions"):
            continue
        yield path.stem, _model(data, path.stem, roles, vocabulary)
        files = {f"my_{path.name}": path.read_bytes(), **data}
        yield f"my_{path.name}", _model(files, f"my_{path.name}", roles, vocabulary)


def of_tests() -> Iterator[tuple[str, Model]]:
    """Yield the handlers of marpack's tests: of the cases, both archives, and the tables of sources."""
    sys.path.append(str(Path(__file__).parents[1]))
    from tests.server.test_checks import CASES, NAMES
    from tests.support.handler_sources import SOURCES
    from tests.support.model_files import FILES

    for case in CASES:
        for which, archive in (("broken", case.broken), ("repaired", case.repaired)):
            members = archive.members("m")
            try:
                handler = json.loads(members[MANIFEST])["model"]["handler"]
            except (KeyError, TypeError, ValueError):
                continue  # the front end's matter: no worker is started
            # What is no folder: a member would be the folder of another. What hides a module does so before it is
            # imported, and here torch is.
            clash = any(other.startswith(f"{name}/") for name in members for other in members)
            unfit = clash or archive.raw is not None or case.code in ("manifest-encoding", "module-shadowed")
            if not unfit and isinstance(handler, str) and handler:
                yield f"{NAMES[id(case)]} {which}", Model(members=members)
    for number, source in enumerate(SOURCES):
        model = _model({"handler.py": source.encode()}, "handler.py", {})
        yield f"source {number}", replace(model, asked=False)
    for title, files, roles, _ in FILES:
        members = {name: data if isinstance(data, bytes) else data.encode() for name, data in files.items()}
        given = {"handler": "handler.py", **roles}
        model = _model(members, str(given.pop("handler")), {key: str(value) for key, value in given.items()})
        yield f"files {title}", replace(model, asked=False)
