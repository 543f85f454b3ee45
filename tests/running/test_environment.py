"""Where a worker is, and what it is told: as one of a running server's (J40, J41)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.running import Request, Worker
from marpack.running.environment import worker_environment
from tests.running.conftest import VERSION
from tests.support.torchserve import TorchServe, addresses, install_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

TELLING = """
import gc, json, os, sys, threading

def tell(data, context):
    if data is None:
        return None
    main = sys.modules["__main__"]
    told = {
        "path": sys.path, "folder": os.getcwd(), "arguments": len(sys.argv), "program": sys.argv[0],
        "main": [main.__name__, main.__file__],
        "variables": {name: value for name, value in os.environ.items() if name.startswith(("TS_", "PYTHONPATH"))},
        "ranks": sorted({"LOCAL_RANK", "RANK", "WORLD_SIZE"} & set(os.environ)),
        "properties": {name: str(value) for name, value in context.system_properties.items()},
        "manifest": context.manifest, "name": context.model_name, "threads": threading.active_count(),
        "collects": gc.isenabled(),
        "modules": sorted(name for name in sys.modules if name.startswith(("handler", "marpack", "ts."))),
    }
    return [json.dumps(told)]

handle = tell
"""
HANDLERS = {"plain": "handler.py", "named": "handler.py:tell", "folder": "handler.py"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a store with models: of a file, of one whose handler names a function, and a folder."""
    folder = tmp_path_factory.mktemp("store")
    source = folder / "handler.py"
    source.write_text(TELLING)
    for name, handler in HANDLERS.items():
        plan = marpack.plan_archive(
            model_name=name,
            version="2.0",
            handler=f"{source}{handler.removeprefix('handler.py')}",
            archive_format="no-archive" if name == "folder" else "default",
        )
        marpack.write_archive(plan, folder / plan.file_name)
    source.unlink()
    return folder


@pytest.fixture(scope="module")
def server(
    store: Path, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TorchServe]:
    config = tmp_path_factory.mktemp("config") / "config.properties"
    more = ["enable_model_api=true", "disable_token_authorization=true", "disable_system_metrics=true"]
    config.write_text("\n".join([*addresses(), f"model_store={store}", *more, ""]), encoding="ascii")
    variables = {"PYTHONPATH": "/nowhere"}
    with TorchServe.from_file(config, VERSION, install_folder(pytestconfig), variables=variables) as server:
        yield server


def of_model(told: dict[str, Any]) -> dict[str, Any]:
    """Return what a handler tells, with names for what lies in a temporary folder."""
    folder = told["properties"]["model_dir"]
    text = json.dumps(told).replace(json.dumps(os.path.realpath(folder))[1:-1], "REAL")
    text = text.replace(json.dumps(folder)[1:-1], "MODEL").replace(
        json.dumps(os.path.dirname(folder))[1:-1], "PARENT"
    )
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.server
@pytest.mark.parametrize("name", HANDLERS)
def test_it_is_where_a_servers_worker_is(
    server: TorchServe, store: Path, ordinary: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [archive] = [each for each in store.iterdir() if each.name.partition(".")[0] == name]
    server.register(archive.name)
    theirs = of_model(server.predict(name, {}))
    server.unregister(name)
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("RANK", "1")
    for variable in [each for each in os.environ if each.startswith("TS_")]:
        monkeypatch.delenv(variable)
    before = sorted(store.rglob("*"))
    with Worker(archive, python=ordinary) as worker:
        ours = of_model(worker.predict(Request.json({})).json())
    assert ours == theirs
    assert sorted(store.rglob("*")) == before


@pytest.mark.server
def test_a_folder_is_as_it_was(tmp_path: Path, ordinary: Path) -> None:
    plan = marpack.plan_archive(
        model_name="m", version="1", handler={"handler.py": TELLING.encode()}, archive_format="no-archive"
    )
    marpack.write_archive(plan, tmp_path / "m")
    before = sorted(tmp_path.rglob("*"))
    with Worker(tmp_path / "m", python=ordinary) as worker:
        assert worker.predict(Request.json({})).ok
    assert sorted(tmp_path.rglob("*")) == before


def test_the_callers_variables_go_before_the_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/a")
    monkeypatch.setenv("TS_DECODE_INPUT_REQUEST", "inherited")
    real = str(tmp_path)
    found = worker_environment(real, {"X": "1"}, server_home="/opt/site-packages")
    assert (found["X"], found["TS_DECODE_INPUT_REQUEST"]) == ("1", "true")
    assert found["PYTHONPATH"] == f"/a:{real}:"
    assert "PYTHONDONTWRITEBYTECODE" not in found or "PYTHONDONTWRITEBYTECODE" in os.environ
    more = {"PYTHONPATH": "/b", "TS_DECODE_INPUT_REQUEST": "false", "PYTHONUNBUFFERED": ""}
    found = worker_environment(real, more, handler="h/x.py:f", server_home="/opt/ts-home")
    assert found["PYTHONPATH"] == f"h:/b:{real}:/opt/ts-home:"
    assert (found["TS_DECODE_INPUT_REQUEST"], found["PYTHONUNBUFFERED"]) == ("false", "")
    monkeypatch.delenv("PYTHONPATH")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "m").symlink_to(tmp_path)
    found = worker_environment(f"{real}/links/m", {})
    assert found["PYTHONPATH"] == f"{real}:{real}/links:"
    assert found["PYTHONDONTWRITEBYTECODE"] == "1"
