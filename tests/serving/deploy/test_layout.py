"""Where the files of a declared model are found: beside the declaration, or in the folder called like it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.cli import main
from marpack.errors import PlanError
from marpack.serving import serve_build

MODEL: dict[str, Any] = {
    "model-name": "net",
    "version": "1.0",
    "model-file": "net.py",
    "serialized-file": "net.pt",
    "extra-files": "labels.json, words.txt",
    "handler": "net_handler.py",
    "min-workers": 1,
    "max-workers": 3,
    "batch-size": 1,
    "max-batch-delay": 100,
    "response-timeout": 120,
    "requirements": "",
}
FILES = {"net.py": b"model", "net.pt": b"weights", "labels.json": b"{}", "words.txt": b"a", "net_handler.py": b"h"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go into a folder with KServe's own layout, whose declaration lies in ``model-store``."""
    monkeypatch.chdir(tmp_path)
    put("model-store/net")
    return tmp_path


def put(where: str, **files: bytes) -> None:
    Path(where).mkdir(parents=True, exist_ok=True)
    for name, data in (files or FILES).items():
        Path(where, name).write_bytes(data)


def built(
    capsys: pytest.CaptureFixture[str], *models: dict[str, Any], output: str = "out"
) -> dict[str, dict[str, bytes]]:
    """Build by the command, and return the contents of each archive."""
    Path("model-store/properties.json").write_text(json.dumps(models))
    assert main(["serve-build", "model-store/properties.json", "-o", output, "--check", "off"]) == 0
    capsys.readouterr()
    found = {}
    for path in Path(output, "model-store").glob("*.mar"):
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist()) - {"MAR-INF/MANIFEST.json"}
            found[path.stem] = {name: archive.read(name) for name in names}
    return found


def test_kserves_own_layout(capsys: pytest.CaptureFixture[str]) -> None:
    assert built(capsys, MODEL) == {"net": FILES}


def test_the_output_may_be_the_volume_that_kserve_mounts(capsys: pytest.CaptureFixture[str]) -> None:
    assert built(capsys, MODEL, output=".") == {"net": FILES}
    assert Path("config/config.properties").exists()
    with marpack.open_archive("model-store/net.mar") as archive:
        assert archive.manifest.model.handler == "net_handler.py"


def test_files_beside_the_declaration(capsys: pytest.CaptureFixture[str]) -> None:
    for name in FILES:
        Path("model-store/net", name).rename(Path("model-store", name))
    assert built(capsys, MODEL) == {"net": FILES}


def test_each_model_has_a_layout_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    put("model-store", **{"two.py": b"beside", "two.pt": b"too"})
    two = {**MODEL, "model-name": "two", "model-file": "", "handler": "two.py", "serialized-file": "two.pt"}
    assert built(capsys, MODEL, {**two, "extra-files": ""}) == {
        "net": FILES,
        "two": {"two.py": b"beside", "two.pt": b"too"},
    }


def test_what_several_models_share_may_lie_beside(capsys: pytest.CaptureFixture[str]) -> None:
    Path("model-store/net/net_handler.py").rename("model-store/net_handler.py")
    put("model-store", **{"requirements.txt": b"six\n"})
    found = built(capsys, {**MODEL, "requirements": "requirements.txt"})
    assert found == {"net": FILES | {"requirements.txt": b"six\n"}}


def test_everything_that_a_path_may_be(capsys: pytest.CaptureFixture[str]) -> None:
    put("model-store/net/data", **{"a.json": b"1"})
    put("model-store/net", **{"model-config.yaml": b"minWorkers: 1\n", "requirements.txt": b"six\n"})
    more = {
        "handler": "net_handler:serve",
        "extra-files": "*.txt,data",
        "config-file": "model-config.yaml",
        "requirements-file": "requirements.txt",
    }
    [members] = built(capsys, {**MODEL, **more}).values()
    assert set(members) == {
        *("net.py", "net.pt", "net_handler.py", "words.txt", "a.json", "model-config.yaml", "requirements.txt")
    }
    with marpack.open_archive("out/model-store/net.mar") as archive:
        assert archive.manifest.model.handler == "net_handler:serve"


def test_a_built_in_handler_an_absolute_path_and_a_path_with_folders(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("elsewhere", **{"abs.pt": b"absolute"})
    put("model-store/net/image_classifier.py", x=b"")  # is no reason not to take the built-in one
    model = {**MODEL, "handler": "image_classifier", "serialized-file": str(folder / "elsewhere/abs.pt")}
    [members] = built(capsys, {**model, "extra-files": "net/labels.json"}).values()
    assert members == {"net.py": b"model", "abs.pt": b"absolute", "labels.json": b"{}"}


def test_a_model_that_has_only_an_id(capsys: pytest.CaptureFixture[str]) -> None:
    Path("model-store/net").rename("model-store/dev-net")
    model = {key: value for key, value in MODEL.items() if key != "model-name"}
    assert built(capsys, {**model, "id": "Dev/Net"}) == {"dev-net": FILES}


@pytest.mark.parametrize(("beside", "packed"), [("all", b"beside"), ("one", b"h")])
def test_two_files_of_one_name(beside: str, packed: bytes) -> None:
    """Beside the declaration is where files were looked for first; a model that has some there has none else."""
    put("model-store", **(FILES if beside == "all" else {}) | {"net_handler.py": b"beside"})
    artifact = serve_build([MODEL], "out", base_dir="model-store")
    with zipfile.ZipFile(artifact.archive.path) as archive:
        assert archive.read("net_handler.py") == packed
    taken, other = ["model-store/net_handler.py", "model-store/net/net_handler.py"][
        :: 1 if beside == "all" else -1
    ]
    [warning] = artifact.warnings
    assert warning.startswith(f"{taken!r} is packed and {other!r} is not")
    assert "generator of archives takes 'model-store/net/net_handler.py'" in warning


def test_two_equal_files_are_one() -> None:
    put("model-store")
    assert serve_build([MODEL], "out", base_dir="model-store").warnings == ()


@pytest.mark.parametrize(
    ("key", "value", "argument"),
    [
        ("model-file", "gone.py", "model_file"),
        ("serialized-file", "gone.pt", "serialized_file"),
        ("handler", "gone.py", "handler"),
        ("handler", "gone:serve", "handler"),
        ("extra-files", "labels.json,gone.txt", "extra_files"),
        ("requirements", "gone.txt", "requirements_file"),
        ("config-file", "gone.yaml", "config_file"),
    ],
)
def test_a_file_that_is_in_neither_place(key: str, value: str, argument: str) -> None:
    with pytest.raises(PlanError) as error:
        serve_build([{**MODEL, key: value}], "out", base_dir="model-store")
    [issue] = error.value.issues
    name = "gone.py" if key == "handler" else value.rpartition(",")[2]
    assert (issue.code, issue.argument) == ("missing-file", f"net: {argument}")
    assert repr(f"model-store/{name}") in issue.message or "model-store/gone" in issue.message
    assert repr(f"model-store/net/{name}") in issue.message
    assert not Path("out").exists()


def test_no_other_place_is_named_where_there_is_none(folder: Path) -> None:
    with pytest.raises(PlanError) as error:
        serve_build([{**MODEL, "serialized-file": str(folder / "gone.pt")}], "out", base_dir="model-store")
    assert "called like the model" not in str(error.value)
    with pytest.raises(PlanError) as error:
        serve_build(
            [{**MODEL, "model-name": "../net", "model-file": "gone.py"}], "out", base_dir="model-store/net"
        )
    assert "called like the model" not in str(error.value)


@pytest.mark.parametrize("name", ["..", "a/b", "a\0b", "", 5, None, "/"])
def test_names_that_no_folder_has(name: Any) -> None:
    with pytest.raises(PlanError):
        serve_build([{**MODEL, "model-name": name}], "out", base_dir="model-store")
    assert not Path("out").exists()


@pytest.mark.parametrize("value", [5, {"a": 1}, [5], "a\0b", "["])
@pytest.mark.parametrize("key", ["extra-files", "handler", "model-file", "serialized-file", "requirements"])
def test_values_that_are_no_paths(key: str, value: Any) -> None:
    with pytest.raises(PlanError):
        serve_build([{**MODEL, key: value}], "out", base_dir="model-store")
