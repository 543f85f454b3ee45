"""Keys of what a handler is given that are surely not there, and those that are or may be."""

from __future__ import annotations

import pytest

from tests.support.followed_handlers import found, initialize

NO_KEY = {"handler-key": "error"}


@pytest.mark.parametrize(
    "line",
    [
        'manifest["model"]["modelFile"]',
        'model = manifest["model"]; model["extensions"]',
        'self.model = manifest.get("model"); self.file = self.model["modelFile"]',
        'context.system_properties["gpu"]',
        'properties["device"]',
        'context.model_yaml_config["handler"]["name"]',
        'json.load(open(os.path.join(folder, "MAR-INF", "MANIFEST.json")))["model"]["modelFile"]',
        'json.loads(open("MAR-INF/MANIFEST.json").read())["model"]["modelFile"]',
        'name = "modelFile"; self.file = manifest["model"][name]',
        'if "modelFile" not in manifest["model"]: manifest["model"]["modelFile"]',
        'self.all = [manifest["model"][key] for key in ("serializedFile", "modelFile")]',
        'for key in ("serializedFile", "modelFile"): self.file = manifest["model"][key]',
        'FILES = {"net": "b.txt"}; FILES["words"]',
        'if not manifest["model"].get("modelFile"): self.file = manifest["model"]["modelFile"]',
        'getattr(context, "model_yaml_config")["handler"]["name"]',
        'for key, name in {"net": "modelFile"}.items(): self.file = manifest["model"][name]',
        'for place, key in enumerate(["modelName", "modelFile"]): manifest["model"][key]',
        'names = {key: key + "File" for key in ("model",)}; manifest["model"][names["model"]]',
    ],
)
def test_a_key_that_is_absent(line: str) -> None:
    assert found(initialize(*line.split("; "))) == NO_KEY


@pytest.mark.parametrize(
    "line",
    [
        'manifest["model"]["serializedFile"], manifest["model"]["handler"], manifest["runtime"]',
        'properties["gpu_id"], properties["model_dir"], properties["batch_size"], properties["server_version"]',
        'context.model_yaml_config["handler"]["size"], context.model_yaml_config["minWorkers"]',
        'manifest["model"].get("modelFile")',
        'manifest["model"].get("modelFile", "")',
        'if "modelFile" in manifest["model"]: manifest["model"]["modelFile"]',
        'if "modelFile" in manifest["model"].keys(): manifest["model"]["modelFile"]',
        'if manifest["model"].get("modelFile"): manifest["model"]["modelFile"]',
        'self.file = manifest["model"]["modelFile"] if "modelFile" in manifest["model"] else None',
        'self.file = "modelFile" in manifest["model"] and manifest["model"]["modelFile"]',
        'manifest["model"]["modelFile"] = "x"; manifest["model"]["modelFile"]',
        'manifest["model"].setdefault("modelFile", "x"); manifest["model"]["modelFile"]',
        'manifest["model"][context.key()]',
        'sizes = {"a": 1}; sizes["b"] = 2; sizes["b"]',
        'sizes = {"a": 1}; sizes.update(b=2); sizes["b"]',
        'sizes = {"a": 1}; fill(sizes); sizes["b"]',
        'sizes = {**context.x}; sizes["b"]',
        'sizes = {key: 1 for key in folder}; sizes["b"]',
        'for n in (1, 2): sizes = {"a": n}; sizes["a"]',
        'if torch.cuda.is_available(): manifest["model"]["modelFile"]',
        'for name in os.listdir(folder): manifest["model"]["modelFile"]',
        'self.late = lambda: manifest["model"]["modelFile"]',
    ],
)
def test_a_key_that_is_there_or_asked_for(line: str) -> None:
    assert found(initialize(*line.split("; "), top="from elsewhere import fill")) == {}


@pytest.mark.parametrize("kind", ["KeyError", "LookupError", "Exception", "(ValueError, KeyError)", ""])
def test_a_key_whose_error_is_taken(kind: str) -> None:
    lines = "try:", '    manifest["model"]["modelFile"]', f"except {kind}:", "    pass"
    assert found(initialize(*lines)) == {}


@pytest.mark.parametrize(
    ("kind", "last"),
    [("ValueError", "pass"), ("KeyError", "raise"), ("Exception as e", "raise RuntimeError from e")],
)
def test_a_key_whose_error_is_not_taken(kind: str, last: str) -> None:
    lines = "try:", '    manifest["model"]["modelFile"]', f"except {kind}:", f"    {last}"
    assert found(initialize(*lines)) == NO_KEY
