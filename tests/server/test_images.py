"""Images before judges of others: a registry, oras, skopeo, umoci, KServe's fetch, and a TorchServe."""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack import properties
from marpack.errors import RegistryError
from marpack.images import plan_image, push_image, write_image
from tests.images.layouts import Layout, store
from tests.images.pushing import page_commands
from tests.support import environments
from tests.support.archives import packed
from tests.support.image_programs import DockerRegistry, Programs
from tests.support.kserve_storage import VERSION as STORAGE_VERSION
from tests.support.torchserve import TorchServe, addresses, install_folder

if TYPE_CHECKING:
    from collections.abc import Callable

# As KServe's entry point of oci+fetch has it.
FETCH = "import sys; from kserve_storage import Storage; Storage._download_oci(sys.argv[1], sys.argv[2])"
# Of "ali" with the password "sesame".
HTPASSWD = "ali:$2y$05$abcdefghijklmnopqrstuuKcS.CYWVYVaLiiCKrrc0A5s3mGesJ9O\n"
SHARED_VERSION = "0.12.0"


@pytest.fixture
def fetched(tmp_path: Path, pytestconfig: pytest.Config) -> Callable[[str], dict[str, bytes]]:
    """Return what KServe makes of an image: the files of the folder that it mounts."""
    cache = install_folder(pytestconfig)

    def fetch(name: str) -> dict[str, bytes]:
        python = environments.environment(
            cache, f"kserve-storage-{STORAGE_VERSION}", [f"kserve-storage=={STORAGE_VERSION}"]
        )
        folder = tmp_path / "mounted"
        done = subprocess.run(
            [str(python), "-I", "-c", FETCH, f"oci://{name}", str(folder)],
            env={
                "PATH": os.defpath,
                "HOME": str(tmp_path),
                "NO_PROXY": "127.0.0.1",
                "KSERVE_OCI_INSECURE_REGISTRY": "true",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return files(folder)

    return fetch


def files(folder: Path) -> dict[str, bytes]:
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def below_models(layout: Layout) -> dict[str, bytes]:
    return {name.removeprefix("models/"): data for name, data in layout.merged().items()}


def push(layout: Path, registry: DockerRegistry, name: str, **options: Any) -> str:
    push_image(layout, f"{registry.host}/{name}", plain_http=True, **options)
    return f"{registry.host}/{name}"


def test_a_registry_gives_back_what_it_was_sent(docker_registry: DockerRegistry, tmp_path: Path) -> None:
    from oras.client import OrasClient  # type: ignore[import-untyped]
    from oras.layout import Layout as OrasLayout  # type: ignore[import-untyped]
    from oras.layout import NewLayoutFromRegistry

    for platforms in ([], ["linux/amd64", "linux/arm64"]):
        layout = tmp_path / f"image-{len(platforms)}"
        write_image(plan_image(store(tmp_path / f"of-{len(platforms)}", "a", "b"), platforms=platforms), layout)
        OrasLayout(str(layout)).validate()
        name = push(layout, docker_registry, f"back:{len(platforms)}")
        back = tmp_path / f"back-{len(platforms)}"
        NewLayoutFromRegistry(str(back), OrasClient(insecure=True), name, tag="latest")
        assert Layout.of(back).top["digest"] == Layout.of(layout).top["digest"]
        assert files(back / "blobs") == files(layout / "blobs")


def test_a_changed_model_of_three_sends_one_layer(docker_registry: DockerRegistry, tmp_path: Path) -> None:
    folder = store(tmp_path, "a", "b", "c")
    layout = tmp_path / "image"
    result = write_image(plan_image(folder), layout)
    push(layout, docker_registry, "three:1")
    first = docker_registry.sent()
    assert set(first) == {*(each.digest for each in result.layers), Layout.of(layout).manifest["config"]["digest"]}
    push(layout, docker_registry, "three:1")
    assert docker_registry.sent() == []
    packed(folder / "model-store", "b", force=True)
    changed = write_image(plan_image(folder), layout, force=True)
    push(layout, docker_registry, "three:2")
    # A model's layer, and the configuration, which lists all of them.
    assert docker_registry.sent() == [changed.layers[1].digest, Layout.of(layout).manifest["config"]["digest"]]


def test_a_registry_that_asks_for_a_password(
    image_programs: Programs, tmp_path: Path, direct: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_image(plan_image(packed(tmp_path)), tmp_path / "image")
    (tmp_path / "registry").mkdir()
    with DockerRegistry.running(image_programs, tmp_path / "registry", htpasswd=HTPASSWD) as registry:
        with pytest.raises(RegistryError, match="asks for a password"):
            push(tmp_path / "image", registry, "m:1")
        with pytest.raises(RegistryError, match="does not accept the credentials"):
            push(tmp_path / "image", registry, "m:1", username="ali", password="sesam")
        push(tmp_path / "image", registry, "m:1", username="ali", password="sesame")
        (tmp_path / ".docker").mkdir()
        auth = base64.b64encode(b"ali:sesame").decode()
        config = json.dumps({"auths": {registry.host: {"auth": auth}}})
        (tmp_path / ".docker" / "config.json").write_text(config, encoding="ascii")
        push(tmp_path / "image", registry, "m:2")


def test_kserve_fetches_it_and_a_server_starts_from_that(
    docker_registry: DockerRegistry,
    fetched: Callable[[str], dict[str, bytes]],
    tmp_path: Path,
    pytestconfig: pytest.Config,
    warm: Callable[[str], Path | None],
) -> None:
    layout = tmp_path / "image"
    result = write_image(plan_image(store(tmp_path, "a", "b")), layout)
    name = push(layout, docker_registry, "served:1")
    assert fetched(f"{name.rpartition(':')[0]}@{result.digest}") == below_models(Layout.of(layout))
    mount = tmp_path / "mounted"
    config = mount / "config" / "config.properties"
    data = config.read_bytes()
    local = dict(line.split("=", 1) for line in addresses())
    config.write_bytes(properties.edit(data, local | {"model_store": str(mount / "model-store")}))
    cache = install_folder(pytestconfig)
    with TorchServe.from_file(config, SHARED_VERSION, cache, warm=warm(SHARED_VERSION)) as server:
        for model in ("a", "b"):
            assert server.predict(model, {"asked": model}) == {"body": {"asked": model}}, server.log_tail()


def test_kserve_fetches_members_and_an_index(
    docker_registry: DockerRegistry, fetched: Callable[[str], dict[str, bytes]], tmp_path: Path
) -> None:
    layout = tmp_path / "image.tar"
    extra = {"é" * 60 + "/" + "n" * 120: b"x"}
    archive = packed(tmp_path, extra_files=extra)
    write_image(plan_image(archive, platforms=["linux/arm64", "linux/amd64"]), layout)
    documents = Layout.of(layout)
    [merged] = documents.layers(documents.document(documents.manifest["manifests"][0]))
    wanted = {key.removeprefix("models/"): data for key, data in merged.items() if not key.endswith("/")}
    assert fetched(push(layout, docker_registry, "members:1")) == wanted
    assert extra.keys() < wanted.keys()


def test_what_the_page_has_skopeo_do(
    image_programs: Programs, docker_registry: DockerRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest that marpack printed is the registry's, which then needs nothing of marpack's push."""
    monkeypatch.chdir(tmp_path)
    result = write_image(plan_image(store(tmp_path, "a"), tag="1.0"), "deploy-image")
    [line] = [each for each in page_commands() if each.startswith("skopeo ")]
    line = line.replace("registry.example", docker_registry.host).replace(
        " copy ", " copy --dest-tls-verify=false "
    )
    image_programs.run("skopeo", "--tmpdir", str(tmp_path), *shlex.split(line)[1:], home=tmp_path)
    name = f"{docker_registry.host}/team/models:1.0"
    pushed = push_image("deploy-image", name, plain_http=True)
    assert (pushed.digest, pushed.sent) == (result.digest, ())


def test_skopeo_and_umoci_read_it(image_programs: Programs, tmp_path: Path) -> None:
    folder, archive, copied = tmp_path / "image", tmp_path / "image.tar", tmp_path / "copied"
    plan = plan_image(store(tmp_path, "a"), labels={"team": "vision"}, tag="v1", timestamp=0)
    result = write_image(plan, folder)
    write_image(plan, archive)
    for place in (f"oci:{folder}:v1", f"oci-archive:{archive}:v1"):
        told = json.loads(image_programs.run("skopeo", "inspect", place, home=tmp_path))
        assert told["Digest"] == result.digest
        assert told["Labels"] == {"team": "vision"}
        assert told["Layers"] == [each.digest for each in result.layers]
    image_programs.run(
        "skopeo",
        *("--tmpdir", str(tmp_path), "copy", "--preserve-digests"),
        *(f"oci-archive:{archive}:v1", f"oci:{copied}:v1"),
        home=tmp_path,
    )
    assert Layout.of(copied).top["digest"] == result.digest
    # And what skopeo writes as docker save did, with links, is a base.
    saved = tmp_path / "saved.tar"
    image_programs.run(
        *("skopeo", "--tmpdir", str(tmp_path), "copy", f"oci:{folder}:v1", f"docker-archive:{saved}:base:1"),
        home=tmp_path,
    )
    write_image(plan_image(packed(tmp_path), base=saved, base_tag="1"), tmp_path / "on-base")
    on_base = Layout.of(tmp_path / "on-base")
    assert [each["digest"] for each in on_base.manifest["layers"]][:2] == [each.digest for each in result.layers]
    image_programs.run(
        "umoci", "unpack", "--rootless", "--image", f"{folder}:v1", str(tmp_path / "unpacked"), home=tmp_path
    )
    assert files(tmp_path / "unpacked" / "rootfs") == Layout.of(folder).merged()
