"""A running TorchServe answers for workflows that marpack packs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import marpack
from tests.support import official
from tests.support.official import TIMESTAMP, WORKFLOWS, run_official
from tests.support.torchserve import ServerError, TorchServe, install_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VERSION = "0.12.0"

# Between nodes there are bytes; what comes from outside is decoded already.
DECODE = """\
import json

def numbers(data):
    body = data[0].get("data") or data[0].get("body")
    return (json.loads(body) if isinstance(body, (bytes, bytearray, str)) else body)["numbers"]
"""
DOUBLE = f"""\
{DECODE}
def handle(data, context):
    return [{{"numbers": [2 * number for number in numbers(data)]}}] if data else None
"""
HANDLER = """\
import json
from decode import numbers  # which lies beside it in the archive

def increase(data, context):
    return [json.dumps({"numbers": [number + 1 for number in numbers(data)]})] if data else None
"""
MODELS = """\
models:
  min-workers: 1
  max-workers: 1
  batch-size: 1
  double:
    url: double.mar
"""
WITH_FUNCTION = f"{MODELS}dag:\n  increase: [double]\n"
MODELS_ONLY = f"{MODELS}  again:\n    url: double.mar\ndag:\n  double: [again]\n"
REQUEST = {"numbers": [1, 20]}


@pytest.fixture(scope="module")
def server(pytestconfig: pytest.Config, warm: Callable[[str], Path | None]) -> Iterator[TorchServe]:
    with TorchServe.running(VERSION, install_folder(pytestconfig), warm=warm(VERSION)) as running:
        marpack.pack(model_name="double", handler={"handler.py": DOUBLE.encode()}, export_path=running.store)
        yield running


def answer(server: TorchServe, plan: marpack.WorkflowPlan, *, stream: bool = False) -> object:
    """Register a workflow, ask it, and leave nothing of it."""
    path = server.store / plan.file_name
    if stream:
        with path.open("wb") as file:
            file.writelines(marpack.iter_archive(plan))
    else:
        marpack.write_archive(plan, path)
    try:
        server.register_workflow(plan.file_name)
        try:
            return server.predict_workflow(plan.workflow_name, REQUEST)
        finally:
            server.unregister_workflow(plan.workflow_name)
    finally:
        path.unlink()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("deflate", ["zlib", "parallel"])
def test_a_function_and_a_model(server: TorchServe, deflate: marpack.typing.Deflate, stream: bool) -> None:
    plan = marpack.plan_workflow(
        workflow_name="function-and-model",
        spec_file=WITH_FUNCTION.encode(),
        handler={"steps.py": HANDLER.encode()},
        extra_files={"decode.py": DECODE.encode(), "unused/folder/größe.txt": b"x" * 2_000_000},
        deflate=deflate,
        metadata={"any": ["thing"]},
    )
    assert answer(server, plan, stream=stream) == {"numbers": [4, 42]}


def test_models_only(server: TorchServe) -> None:
    """Show that the empty handler in the manifest does no harm."""
    plan = marpack.plan_workflow(workflow_name="models", spec_file={"spec.yml": MODELS_ONLY.encode()})
    assert plan.manifest.workflow.handler == ""
    assert answer(server, plan) == {"numbers": [4, 80]}


def test_a_manifest_without_a_handler_is_refused(server: TorchServe) -> None:
    plan = marpack.plan_workflow(workflow_name="none", spec_file=MODELS_ONLY.encode())
    manifest = replace(plan.manifest, workflow=replace(plan.manifest.workflow, handler=None))
    with pytest.raises(ServerError, match=r"NullPointerException"):
        answer(server, replace(plan, manifest_text=manifest.to_json()))


def test_a_function_without_a_handler_is_refused(server: TorchServe) -> None:
    """Show that these tests could fail."""
    plan = marpack.plan_workflow(workflow_name="lost", spec_file=WITH_FUNCTION.encode())
    with pytest.raises(ServerError, match="Failed to start workers for model lost__increase"):
        answer(server, plan)


def test_two_dots_in_the_name_are_not_found(server: TorchServe) -> None:
    plan = marpack.plan_workflow(workflow_name="a..b", spec_file=MODELS_ONLY.encode())
    assert any("'..'" in warning for warning in plan.warnings)
    with pytest.raises(ServerError, match="Relative path is not allowed"):
        answer(server, plan)


def test_another_suffix_is_refused(server: TorchServe) -> None:
    plan = marpack.plan_workflow(workflow_name="named", spec_file=MODELS_ONLY.encode())
    result = marpack.write_archive(plan, server.store / "named.zip")
    assert any("'.war'" in warning for warning in result.warnings)
    with pytest.raises(ServerError, match=r"not in the \.gz format"):
        server.register_workflow("named.zip")


def test_a_list_of_specifications(server: TorchServe, tmp_path: Path) -> None:
    """The official tool names the whole list in the manifest, which is no file; marpack the last (D-30)."""
    official.require_official(WORKFLOWS)
    (tmp_path / "first.yaml").write_text(json.dumps({"unused": True}))
    (tmp_path / "spec.yaml").write_text(MODELS_ONLY)
    words = ["--workflow-name=listed", "--spec-file=first.yaml,spec.yaml", "--handler=", "--force"]
    words.append(f"--export-path={server.store}")
    assert run_official(words, tmp_path, TIMESTAMP, tool=WORKFLOWS).status == 0
    with pytest.raises(ServerError, match=r"first\.yaml,spec\.yaml"):
        server.register_workflow("listed.war")
    files = [tmp_path / "first.yaml", tmp_path / "spec.yaml"]
    plan = marpack.plan_workflow(workflow_name="listed", spec_file=files)
    (server.store / "listed.war").unlink()
    assert answer(server, plan) == {"numbers": [4, 80]}
