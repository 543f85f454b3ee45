"""What is told of settings that become a part of an image: once for each cause, with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from marpack import ServerConfig
from marpack.config.snapshot import ModelSnapshot
from marpack.errors import ConfigError
from marpack.images import plan_image
from tests.images.layouts import store
from tests.support.archives import packed

# What a word of it stands for in a warning.
PORTS = ("inference_address", "management_address")


def settings(folder: Path, *more: str, **values: str) -> Path:
    """Write those with which TorchServe serves on a machine of one's own, and return their file."""
    packed(folder, "m")
    snapshot = ModelSnapshot.from_model_store(folder)
    text = ServerConfig.preset("torchserve", model_snapshot=snapshot, disable_token_authorization=True).dumps()
    lines = [*text.splitlines(), *(f"{key}={value}" for key, value in values.items()), *more]
    path = folder / "config.properties"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    return path


def warnings(path: Path) -> list[str]:
    with plan_image(path, model_store=path.parent) as plan:
        return [each.removeprefix(f"{path}:") for each in plan.warnings]


def test_what_kserves_wrapper_refuses_is_a_warning_with_its_line(tmp_path: Path) -> None:
    told = warnings(settings(tmp_path))
    assert [re.match(r"(\d+): (\w+): takes port", each) is not None for each in told] == [True, True]
    assert [each.split(": ")[:2] for each in told] == [["1", PORTS[0]], ["2", PORTS[1]]]


def test_settings_for_kserve_are_not_warned_of(tmp_path: Path) -> None:
    with plan_image(store(tmp_path, "a")) as plan:
        assert plan.warnings == ()


def test_what_no_server_serves_is_an_error_still(tmp_path: Path) -> None:
    path = settings(tmp_path, "number_of_netty_threads=many")
    with pytest.raises(ConfigError, match="number_of_netty_threads"):
        plan_image(path, model_store=tmp_path)


def test_notes_are_not_told(tmp_path: Path) -> None:
    assert not [each for each in warnings(settings(tmp_path, "colour=red")) if "colour" in each]


@pytest.mark.parametrize(
    ("place", "is_told"),
    [
        ("/srv/model-store", True),
        ("/mnt/models/model-store", False),
        ("/mnt/models", False),
        ("/mnt/modelstore", True),
        ("model-store", False),
    ],
)
def test_a_store_of_another_place_is_told(place: str, is_told: bool, tmp_path: Path) -> None:
    told = [each for each in warnings(settings(tmp_path, model_store=place)) if ": model_store: " in each]
    assert [
        f"{place!r} is in the image as it stands: KServe's runtime names its own" in each for each in told
    ] == [True] * is_told


def test_archives_that_no_snapshot_names_are_told(tmp_path: Path) -> None:
    path = settings(tmp_path)
    for name in ("z", "idle"):
        packed(tmp_path, name)
    told = [each for each in warnings(path) if "does not name" in each]
    assert [each.split(", which")[0] for each in told] == ["6: model_snapshot: does not name idle.mar, z.mar"]
    path.write_text(f"{path.read_text('ascii')}load_models=all\n", encoding="ascii")
    assert not [each for each in warnings(path) if "does not name" in each]


def test_secrets_are_told_of_by_their_names(tmp_path: Path) -> None:
    told = warnings(settings(tmp_path, "keystore_pass=hunter2", "my_token=hunter2", "keystore_pass=hunter2"))
    assert "hunter2" not in str(told)
    secret = [each for each in told if "whoever may pull the image" in each]
    assert [each.split(": ")[1] for each in secret] == ["keystore_pass", "my_token"]


def test_a_declaration_is_told_of_the_same(tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text("def handle(data, context): return data\n", encoding="ascii")
    (tmp_path / "models.toml").write_text(
        'preset = "torchserve"\n[settings]\nmodel_store = "/srv/m"\nkeystore_pass = "hunter2"\n'
        '[[models]]\nmodel_name = "m"\nhandler = "handler.py"\n',
        encoding="ascii",
    )
    with plan_image(tmp_path / "models.toml") as plan:
        told = plan.warnings
    assert [each for each in told if each.startswith("config.properties: model_store: '/srv/m' is in the image")]
    assert [each for each in told if each.startswith("config.properties: keystore_pass: has a value")]
    assert len([each for each in told if each.startswith("inference_address: takes port 8080")]) == 1
    assert "hunter2" not in str(told)
