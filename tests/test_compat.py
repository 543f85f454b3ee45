"""``marpack.compat`` as the tools that import the official package use it, next to the official package."""

from __future__ import annotations

import json
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from marpack import MarpackError, compat
from tests.support.official import official_module, require_official


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("h.py").write_text("def handle(data, context): return data\n")
    Path("config.py").write_text("model = dict(type='FasterRCNN')\n")
    Path("w.pth").write_bytes(b"weights")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # the official package's staging folder
    Path("ours").mkdir()
    Path("theirs").mkdir()
    return tmp_path


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.startswith("MAR-INF")}


def manifest(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        document: dict[str, Any] = json.loads(archive.read("MAR-INF/MANIFEST.json"))
    del document["createdOn"]
    return document


def open_mmlab_style(package_model: Any, model_export_utils: Any, export_path: str) -> Path:
    """Package as mmdet's and mmcls's mmdet2torchserve.py do: a namespace without config_file."""
    args = Namespace(
        model_file="config.py",
        serialized_file="w.pth",
        handler="h.py",
        model_name="rcnn",
        version="1.0",
        export_path=export_path,
        force=False,
        requirements_file=None,
        extra_files=None,
        runtime="python",
        archive_format="default",
    )
    if package_model is not compat.package_model:
        args.config_file = None  # which the official 0.12.0 needs
    text = model_export_utils.generate_manifest_json(args)
    package_model(args, text)
    return Path(export_path) / "rcnn.mar"


def test_open_mmlab_style() -> None:
    require_official()
    packaging, utils = official_module("model_packaging"), official_module("model_packaging_utils")
    theirs = open_mmlab_style(packaging.package_model, utils.ModelExportUtils, "theirs")
    ours = open_mmlab_style(compat.package_model, compat.ModelExportUtils, "ours")
    assert contents(ours) == contents(theirs)
    assert manifest(ours) == manifest(theirs)


def zen_ml_style(config_class: Any, generate_model_archive: Any, export_path: str) -> Path:
    """Package as ZenML's and TorchServe's own llm_launcher do: a config object, by keyword."""
    config = config_class(
        model_name="llm",
        version="1.0",
        handler="h.py",
        serialized_file="w.pth",
        export_path=export_path,
        requirements_file=None,
        runtime="python",
        force=True,
        archive_format="zip-store",
    )
    generate_model_archive(config)
    return Path(export_path) / "llm.mar"


def test_zen_ml_style() -> None:
    require_official()
    archiver, config = official_module("model_archiver"), official_module("model_archiver_config")
    theirs = zen_ml_style(config.ModelArchiverConfig, archiver.ModelArchiver.generate_model_archive, "theirs")
    ours = zen_ml_style(compat.ModelArchiverConfig, compat.ModelArchiver.generate_model_archive, "ours")
    again = zen_ml_style(compat.ModelArchiverConfig, compat.generate_model_archive, "ours")
    assert again == ours
    assert contents(ours) == contents(theirs)
    assert manifest(ours) == manifest(theirs)


def test_positional_and_from_args() -> None:
    config = compat.ModelArchiverConfig("m", "h.py", "1.0", "w.pth")
    assert config.serialized_file == "w.pth"
    namespace = Namespace(model_name="m", handler="h.py", version="1.0", serialized_file="w.pth", other=1)
    assert compat.ModelArchiverConfig.from_args(namespace) == config
    assert compat.ModelArchiverConfig.from_args(config) == config


def test_manifest_is_written_to_the_letter() -> None:
    namespace = Namespace(model_name="m", handler="h.py", version="1.0", export_path="ours")
    compat.package_model(namespace, "not even JSON, ü")
    with zipfile.ZipFile("ours/m.mar") as archive:
        assert archive.read("MAR-INF/MANIFEST.json").decode() == "not even JSON, ü"


def test_manifest_looks_at_no_file() -> None:
    config = compat.ModelArchiverConfig(
        "m", "d/gone.py:f", "", "d/w.pt", "d/model.py", requirements_file="d/r.txt", config_file="d/c.yaml"
    )
    assert json.loads(compat.ModelExportUtils.generate_manifest_json(config))["model"] == {
        "modelName": "m",
        "serializedFile": "w.pt",
        "handler": "gone.py:f",
        "modelFile": "model.py",
        "requirementsFile": "r.txt",
        "configFile": "c.yaml",
    }


def test_errors_have_the_official_name() -> None:
    config = compat.ModelArchiverConfig("m", "h.py", "1.0", export_path="ours")
    compat.generate_model_archive(config)
    with pytest.raises(compat.ModelArchiverError, match="already exists"):
        compat.generate_model_archive(config)
    config.model_name = "no spaces"
    with pytest.raises(compat.ModelArchiverError, match="not allowed"):
        compat.generate_model_archive(config)
    config.runtime = "perl"
    with pytest.raises(ValueError, match="runtime"):
        compat.generate_model_archive(config)
    assert compat.ModelArchiverError is MarpackError


def test_runtimes_may_be_members_of_the_enumeration() -> None:
    require_official()
    official = official_module("manifest_components.manifest").RuntimeType
    assert {item.name: item.value for item in compat.RuntimeType} == {item.name: item.value for item in official}
    for runtime in (compat.RuntimeType.PYTHON3, official.PYTHON3, "python3", compat.RuntimeType.PYTHON3.value):
        compat.generate_model_archive(
            compat.ModelArchiverConfig("m", "h", "1.0", runtime=runtime, export_path="ours", force=True)
        )
        with zipfile.ZipFile("ours/m.mar") as archive:
            assert json.loads(archive.read("MAR-INF/MANIFEST.json"))["runtime"] == "python3"
            assert "h.py" in archive.namelist()


WORDS = [
    "torch-model-archiver",
    "--model-name",
    "m",
    "--handler",
    "h.py",
    "-v",
    "1",
    "--serialized-f",
    "w.pth",
    "-f",
    "--export-path",
]


def test_without_a_configuration_the_command_line_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    require_official()
    packaging, arguments = official_module("model_packaging"), official_module("arg_parser")
    monkeypatch.setattr("sys.argv", [*WORDS, "theirs"])
    packaging.generate_model_archive()
    theirs = vars(arguments.ArgParser.export_model_args_parser())
    monkeypatch.setattr("sys.argv", [*WORDS, "ours"])
    compat.generate_model_archive()
    ours = compat.ArgParser.export_model_args_parser()
    assert isinstance(ours, compat.ModelArchiverConfig)
    assert vars(ours) == {**theirs, "export_path": "ours"}
    assert contents(Path("ours/m.mar")) == contents(Path("theirs/m.mar"))
    assert manifest(Path("ours/m.mar")) == manifest(Path("theirs/m.mar"))


@pytest.mark.parametrize(
    "words",
    [[], ["--model-name", "m"], [*WORDS[1:], ".", "--runtime", "perl"], [*WORDS[1:], ".", "--no-such-option"]],
)
def test_a_command_line_that_says_nothing_ends_as_the_official_one(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    require_official()
    monkeypatch.setattr("sys.argv", ["torch-model-archiver", *words])
    for generate in (official_module("model_packaging").generate_model_archive, compat.generate_model_archive):
        with pytest.raises(SystemExit) as ended:
            generate()
        assert ended.value.code == 2
        assert "usage: torch-model-archiver" in capsys.readouterr().err


def test_what_the_command_line_says_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of other projects replace the parser and call the function without arguments."""
    config = compat.ModelArchiverConfig("other", "h.py", "1.0", export_path="ours")
    monkeypatch.setattr(compat.ArgParser, "export_model_args_parser", lambda: config)
    compat.generate_model_archive()
    assert Path("ours/other.mar").exists()


def test_path_with_a_line_break_is_a_path_and_a_version_may_be_a_number() -> None:
    with pytest.raises(compat.ModelArchiverError, match="does not exist"):
        compat.generate_model_archive(
            compat.ModelArchiverConfig("m", "h.py", "1.0", model_file="class M:\n  pass")
        )
    compat.generate_model_archive(Namespace(model_name="m", handler="h.py", version=2, export_path="ours"))
    assert manifest(Path("ours/m.mar"))["model"]["modelVersion"] == "2"


def test_config_without_its_mandatory_fields() -> None:
    with pytest.raises(TypeError, match="handler"):
        compat.package_model(Namespace(model_name="m", version="1.0"), "{}")
