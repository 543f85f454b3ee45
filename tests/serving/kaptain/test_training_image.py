"""What ``Model.build`` makes of a model: an image on its base, or what ``docker build`` needs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from marpack.kaptain import Model
from marpack.kaptain.config import Config
from marpack.kaptain.exceptions import ImageBuildException
from marpack.kaptain.model.frameworks import ModelFramework
from marpack.serving.kaptain import training_image
from marpack.serving.kaptain.values.exceptions import ModelPlanError
from tests.images.bases import SHELL, Blobs, config_of, docker_archive, image, tar_of, write_files
from tests.images.layouts import Layout
from tests.images.registry_peer import RegistryPeer


@pytest.fixture
def base(tmp_path: Path) -> Path:
    blobs = Blobs()
    return write_files(blobs.index(image(blobs)), tmp_path / "base")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the trainer."""
    folder = tmp_path / "project"
    (folder / "datasets" / "MNIST").mkdir(parents=True)
    (folder / "trainer.py").write_text("import model\n", encoding="ascii")
    (folder / "model.py").write_text("# a model\n", encoding="ascii")
    (folder / "datasets" / "MNIST" / "images").write_bytes(b"\0" * 1000)
    return folder


def model_in(folder: Path, **changes: Any) -> Model:
    given: dict[str, Any] = {
        "main_file": "trainer.py",
        "extra_files": ["model.py", "datasets"],
        "image_name": "registry.example/digits:pytorch",
        "base_image": "registry.example/kubeflow:pytorch",
        "config": Config(base_dir=folder),
    }
    return Model("dev/mnist", **given | changes)


def test_an_image_where_the_base_is_at_hand(base: Path, folder: Path) -> None:
    assert model_in(folder).build(verbose=True, base_layout=base) is True
    layout = Layout.of(folder / "dev-mnist-image")
    assert list(layout.layers()[1]) == [
        "kaptain/",
        "kaptain/datasets/",
        "kaptain/datasets/MNIST/",
        "kaptain/datasets/MNIST/images",
        "kaptain/model.py",
        "kaptain/trainer.py",
    ]
    told = layout.config["config"]
    assert told["Entrypoint"] == ["python", "-u", "trainer.py"]
    assert told["WorkingDir"] == "/kaptain"
    assert "Cmd" not in told  # of the base, whose arguments it would get
    assert told["Env"] == ["PATH=/bin"]
    assert len(told["Labels"]["checksum"]) == 32
    assert layout.top["annotations"] == {"org.opencontainers.image.ref.name": "pytorch"}
    base_name = layout.manifest["annotations"]["org.opencontainers.image.base.name"]
    assert base_name == "registry.example/kubeflow:pytorch"


def test_the_same_contents_are_not_built_again(
    base: Path, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    model = model_in(folder, base_image=str(base))  # its path names it as well
    model.build()
    place = folder / "dev-mnist-image"
    before = place.stat().st_ino
    caplog.clear()
    model.build()
    assert "is not built again" in caplog.text
    assert place.stat().st_ino == before
    (folder / "model.py").write_text("# another\n", encoding="ascii")
    caplog.clear()
    model.build()
    assert "is built" in caplog.text
    assert Layout.of(place).merged()["kaptain/model.py"] == b"# another\n"
    caplog.clear()
    blobs = Blobs()
    write_files(blobs.index(image(blobs, zipped=True)), tmp_path / "other")
    model_in(folder, base_image=str(base)).build(base_layout=tmp_path / "other")
    assert "is not built again" in caplog.text  # the same layers, stored in another way
    # What is there and no image is replaced if it was one.
    (place / "index.json").write_text("{}", encoding="ascii")
    model.build()
    Layout.of(place)


def test_another_tag_is_another_image(base: Path, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of the same contents; and so is one on a base that says otherwise how it is run."""
    caplog.set_level(logging.INFO)
    changes: dict[str, Any] = {"image_name": "registry.example/digits", "framework": ModelFramework.PYTORCH}
    for version in ("1.0", "2.0", "2.0"):
        caplog.clear()
        model_in(folder, **changes, framework_version=version).build(base_layout=base)
        tag = f"dev-mnist-{ModelFramework.PYTORCH.value}-{version.replace('.', '-')}"
        top = Layout.of(folder / "dev-mnist-image").top
        assert top["annotations"]["org.opencontainers.image.ref.name"] == tag
    assert f"registry.example/digits:{tag} is not built again" in caplog.text
    told = config_of(tar_of(SHELL), config={"Env": ["PATH=/opt/bin"]})
    other = docker_archive(folder.parent / "other.tar", config=told)
    model_in(folder, **changes, framework_version="2.0").build(base_layout=other)
    assert Layout.of(folder / "dev-mnist-image").config["config"]["Env"] == ["PATH=/opt/bin"]
    with pytest.raises(ImageBuildException, match="is no tag"):
        model_in(folder, image_name="registry.example/digits:a..b").build(base_layout=base)


def test_a_path_is_no_name_of_a_base(base: Path, folder: Path, tmp_path: Path) -> None:
    """It is neither what the image says of its base nor what a Containerfile begins with."""
    model_in(folder, base_image=str(base)).build()
    layout = Layout.of(folder / "dev-mnist-image")
    base.rename(folder / "kubeflow")
    (tmp_path / "output").mkdir()
    model_in(folder, base_image="kubeflow").build(output=tmp_path / "output")
    assert Layout.of(tmp_path / "output" / "dev-mnist-image").files == layout.files
    assert "org.opencontainers.image.base.name" not in layout.manifest["annotations"]
    for named, also in (("kubeflow", True), (str(folder / "kubeflow"), True), ("./absent", False)):
        with pytest.raises(ModelPlanError) as raised:
            model_in(folder, base_image=named, requirements=["numpy"]).build()
        [issue] = raised.value.issues
        assert issue.argument == "base_image"
        assert ("base_layout=" in str(issue)) == also
    with pytest.raises(ModelPlanError, match="base_image"):
        model_in(folder, base_image="./absent").build()
    # A name that a folder has too is one where the layout is given.
    model_in(folder, base_image="kubeflow", requirements=["numpy"]).build(base_layout=folder / "kubeflow")
    text = (folder / "dev-mnist-build" / "Containerfile").read_text("utf-8")
    assert text.startswith("FROM kubeflow\n")


def test_a_base_that_is_not_there_is_named(folder: Path) -> None:
    for requirements in (None, ["numpy"]):
        with pytest.raises(ModelPlanError, match=r"'bas' is not there: name an OCI layout") as raised:
            model_in(folder, requirements=requirements).build(base_layout="bas")
        assert [issue.argument for issue in raised.value.issues] == ["base_layout"]


@pytest.mark.parametrize("requirements", [None, ["numpy"]])
def test_contents_are_those_of_the_checksum(
    requirements: list[str] | None, base: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changes after it has been summed up is not written under another's checksum."""
    checksum = training_image._checksum

    def changed(*given: Any) -> str:
        found = checksum(*given)
        (folder / "model.py").write_text("# another model\n", encoding="ascii")
        return found

    monkeypatch.setattr(training_image, "_checksum", changed)
    with pytest.raises(ImageBuildException, match="has changed"):
        model_in(folder, requirements=requirements).build(base_layout=base)
    assert not [each.name for each in folder.iterdir() if each.name.startswith("dev-mnist")]


def test_a_containerfile_where_there_is_no_base(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    model = model_in(folder, requirements=["numpy==2.0"])
    assert model.build() is True
    place = folder / "dev-mnist-build"
    lines = (place / "Containerfile").read_text("utf-8").splitlines()
    assert lines[:-1] == [
        "FROM registry.example/kubeflow:pytorch",
        "WORKDIR /kaptain",
        "COPY context/ /kaptain/",
        "RUN pip install --no-cache-dir -r requirements.txt",
        'ENTRYPOINT ["python", "-u", "trainer.py"]',
    ]
    assert lines[-1].startswith("LABEL checksum=")
    assert (place / "context" / "requirements.txt").read_text("utf-8") == "numpy==2.0\n"
    assert (place / "context" / "datasets" / "MNIST" / "images").stat().st_size == 1000
    assert f"docker build -f {place}/Containerfile -t registry.example/digits:pytorch {place}" in caplog.text
    assert "no layout of registry.example/kubeflow:pytorch is here and requirements have to be" in caplog.text
    (folder / "two words").mkdir()
    model.build(output=folder / "two words")
    assert f"docker build -f '{folder}/two words/dev-mnist-build/Containerfile' -t" in caplog.text
    assert f":pytorch '{folder}/two words/dev-mnist-build'" in caplog.text
    caplog.clear()
    model.build()
    assert "stays" in caplog.text
    (folder / "model.py").write_text("# another\n", encoding="ascii")
    model.build()
    assert (place / "context" / "model.py").read_text("utf-8") == "# another\n"


def test_what_is_to_be_installed_needs_a_builder(
    base: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (folder / "requirements.txt").write_text("numpy\n", encoding="ascii")
    model_in(folder, requirements="requirements.txt").build(base_layout=base)
    assert (folder / "dev-mnist-build" / "Containerfile").is_file()
    assert not (folder / "dev-mnist-image").exists()
    assert "requirements have to be installed" in caplog.text
    assert "no layout" not in caplog.text


def test_it_is_pushed_to_its_name(base: Path, folder: Path, direct: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    with RegistryPeer.running() as peer:
        model = model_in(
            folder,
            image_name=f"{peer.host}/team/digits",
            framework=ModelFramework.PYTORCH,
            framework_version="2.0.0",
        )
        model.build(base_layout=base, push=True, plain_http=True)
        [tag] = peer.tags
        assert tag == f"dev-mnist-{ModelFramework.PYTORCH.value}-2-0-0"
        model.build(base_layout=base, push=True, plain_http=True)
        assert [*peer.tags] == [tag]
        model.framework_version = "2.0.1"
        model.build(base_layout=base, push=True, plain_http=True)
        assert [*peer.tags] == [tag, f"{tag[:-1]}1"]
    with pytest.raises(ImageBuildException, match="cannot be reached"):
        model.build(base_layout=base, push=True, plain_http=True)
    with pytest.raises(ModelPlanError, match="push"):
        model.build(push=True)


def test_what_is_missing_is_said(folder: Path) -> None:
    with pytest.raises(ModelPlanError) as raised:
        Model("m").build()
    assert [issue.argument for issue in raised.value.issues] == ["image_name", "base_image", "main_file"]
    with pytest.raises(ModelPlanError) as raised:
        model_in(
            folder,
            main_file="absent.py",
            base_image="a\nRUN b",
            extra_files=["../secret", "/etc/hostname"],
            requirements="absent.txt",
        ).build()
    assert [issue.argument for issue in raised.value.issues] == [
        *("base_image", "main_file", "extra_files", "extra_files", "requirements")
    ]


def test_a_base_that_lies_is_an_image_that_is_not_built(base: Path, folder: Path) -> None:
    (base / "index.json").write_text("{}", encoding="ascii")
    with pytest.raises(ImageBuildException, match="without manifests"):
        model_in(folder).build(base_layout=base)
    assert not (folder / "dev-mnist-image").exists()


def test_requirements_replace_no_file(base: Path, folder: Path) -> None:
    """Unless they are that file."""
    (folder / "requirements.txt").write_text("torch\n", encoding="ascii")
    (folder / "other.txt").write_text("torch\n", encoding="ascii")
    model_in(folder, extra_files=["requirements.txt"], requirements="requirements.txt").build()
    assert (folder / "dev-mnist-build" / "context" / "requirements.txt").read_text("ascii") == "torch\n"
    for requirements in (["numpy"], "other.txt"):
        for extra in (["requirements.txt"], ["."]):
            with pytest.raises(ModelPlanError, match=r"requirements\.txt") as raised:
                model_in(folder, extra_files=extra, requirements=requirements).build(base_layout=base)
            [issue] = raised.value.issues
            assert (issue.code, issue.argument) == ("collision", "requirements")


def test_no_image_holds_the_one_before_it(base: Path, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nor what Python has compiled; and so one that is there is not built again."""
    caplog.set_level(logging.INFO)
    (folder / "datasets" / "__pycache__").mkdir()
    (folder / "datasets" / "__pycache__" / "a.pyc").write_bytes(b"")
    model_in(folder, extra_files=["."], base_image="kubeflow").build()  # docker's
    model = model_in(folder, extra_files=["."])
    model.build(base_layout=base)
    first = Layout.of(folder / "dev-mnist-image")
    assert [name for name in first.layers()[1] if not name.endswith("/")] == [
        "kaptain/datasets/MNIST/images",
        "kaptain/model.py",
        "kaptain/trainer.py",
    ]
    model.build(base_layout=base)
    assert "is not built again" in caplog.text
    with pytest.raises(ModelPlanError, match="no folder with files"):
        model_in(folder, extra_files=["dev-mnist-image"]).build(base_layout=base)


def test_a_damaged_image_is_built_again(base: Path, folder: Path) -> None:
    model = model_in(folder)
    model.build(base_layout=base)
    place = folder / "dev-mnist-image"
    layout = Layout.of(place)
    for layer in layout.manifest["layers"]:
        blob = place / "blobs" / "sha256" / layer["digest"].removeprefix("sha256:")
        blob.write_bytes(b"x" * layer["size"])
        model.build(base_layout=base)
        assert Layout.of(place).files == layout.files


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_folder_that_has_the_name_of_a_base_is_none(kind: str, folder: Path) -> None:
    if kind == "folder":
        (folder / "python").mkdir()
        (folder / "python" / "a.py").write_text("", encoding="ascii")
    else:
        (folder / "python").write_text("#!/bin/sh\n", encoding="ascii")
    model_in(folder, base_image="python").build()
    text = (folder / "dev-mnist-build" / "Containerfile").read_text("ascii")
    assert text.startswith("FROM python\n")
    # A path is one.
    with pytest.raises(ImageBuildException, match=r"/\./python. (is neither|breaks off)"):
        model_in(folder, base_image="./python").build()


def test_what_docker_save_wrote_is_a_base_by_its_path(folder: Path) -> None:
    docker_archive(folder / "base.tar")
    model_in(folder, base_image="base.tar").build()
    assert len(Layout.of(folder / "dev-mnist-image").layers()) == 2
