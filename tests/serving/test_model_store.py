"""The folder that a server loads archives from: add, list, remove, and what the server is told about it."""

from __future__ import annotations

import json
import os
import random
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import marpack
from marpack import (
    ArchiveError,
    ArchiveExistsError,
    ConfigError,
    MarpackError,
    ModelStore,
    SourceChangedError,
    TargetError,
)
from tests.conftest import full_disk
from tests.support.folder_contents import listing, unchanged
from tests.support.growing_source import Growing
from tests.support.secret_urls import SECRET_URLS

if TYPE_CHECKING:
    from marpack.archive.forms import ArchiveFormat
    from marpack.archive.plan.plan import ArchivePlan
    from marpack.config.presets import Preset

T = 1_600_000_000
FORMATS: list[ArchiveFormat] = ["default", "zip-store", "tgz", "no-archive", "auto"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def store() -> ModelStore:
    return ModelStore("store")


def planned(
    name: str = "m", version: str = "1.0", *, weights: bytes = b"weights", form: ArchiveFormat = "default"
) -> ArchivePlan:
    return marpack.plan_archive(
        model_name=name,
        version=version,
        handler="base_handler",
        serialized_file=weights,
        archive_format=form,
        timestamp=T,
    )


@pytest.mark.parametrize("form", FORMATS)
def test_add_writes_what_write_archive_writes(form: ArchiveFormat, store: ModelStore, folder: Path) -> None:
    plan = planned(form=form)
    marpack.write_archive(plan, plan.file_name)
    stored = store.add(plan)
    assert (stored.path, stored.file_name) == (f"store/{plan.file_name}", plan.file_name)
    assert (stored.model_name, stored.model_version) == ("m", "1.0")
    assert stored.manifest == plan.manifest
    path = folder / plan.file_name
    if path.is_dir():
        assert listing(folder / stored.path) == listing(path)
    else:
        assert (folder / stored.path).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("slash", [False, True])
def test_add_copies_an_archive(form: ArchiveFormat, slash: bool, store: ModelStore, folder: Path) -> None:
    plan = planned(form=form)
    marpack.write_archive(plan, plan.file_name)
    before = listing(folder)
    stored = store.add(
        os.path.join(plan.file_name, "") if slash and form == "no-archive" else Path(plan.file_name)
    )
    assert store.list() == (stored,)
    after = listing(folder)
    assert {name: after[name] for name in before} == before
    copied = {name.removeprefix("store/"): data for name, data in after.items() if name.startswith("store/")}
    assert copied == before


def test_listed_by_file_name_and_hidden_and_other_files_left_out(store: ModelStore, folder: Path) -> None:
    assert store.list() == ()
    for name in ("b", "a", "c"):
        store.add(planned(name, form="no-archive" if name == "c" else "default"))
    (folder / "store" / ".hidden.mar").write_bytes(b"x")
    (folder / "store" / "notes.txt").write_text("x")
    (folder / "store" / "folder").mkdir()
    assert [(each.file_name, each.model_name) for each in store.list()] == [
        ("a.mar", "a"),
        ("b.mar", "b"),
        ("c", "c"),
    ]


def test_fifty_models(store: ModelStore) -> None:
    for number in range(50):
        store.add(planned(f"m{number}"))
    assert len(store.list()) == store.snapshot().model_count == 50


def test_an_archive_without_a_version_is_1_0(store: ModelStore) -> None:
    assert store.add(planned(version="")).model_version == "1.0"
    assert list(store.snapshot().models["m"]) == ["1.0"]


def test_an_archive_that_exists_stays_unless_it_is_forced(store: ModelStore, folder: Path) -> None:
    store.add(planned())
    other = planned(weights=b"other")
    with unchanged(folder), pytest.raises(ArchiveExistsError):
        store.add(other)
    store.add(other, force=True)
    with zipfile.ZipFile("store/m.mar") as archive:
        assert archive.read("model.pt") == b"other"


def test_an_archive_of_the_store_may_be_added_to_it(store: ModelStore, folder: Path) -> None:
    stored = store.add(planned())
    with unchanged(folder):
        assert store.add(stored.path, force=True) == stored


def test_two_versions_need_two_names(store: ModelStore, folder: Path) -> None:
    store.add(planned(version="1.0"), file_name="m-1.mar")
    store.add(planned(version="2.0"), file_name="m-2.mar")
    assert [(each.file_name, each.model_version) for each in store.list()] == [
        ("m-1.mar", "1.0"),
        ("m-2.mar", "2.0"),
    ]
    with unchanged(folder), pytest.raises(ConfigError, match=r"same version of the same model as 'm-2\.mar'"):
        store.add(planned(version="2.0"))


@pytest.mark.parametrize("name", ["", ".", "..", ".m.mar", "a/m.mar", "/m.mar", "../m.mar", "m\0.mar"])
def test_names_that_do_not_stay_in_the_store(name: str, store: ModelStore, folder: Path) -> None:
    with unchanged(folder), pytest.raises(MarpackError):
        store.add(planned(), file_name=name)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("default", "m.zip"),
        ("default", "m"),
        ("default", "m.tar.gz"),
        ("tgz", "m.mar"),
        ("tgz", "m"),
        ("tgz", "m.tgz"),
    ],
)
def test_names_under_which_the_server_would_not_find_the_archive(
    form: ArchiveFormat, name: str, store: ModelStore, folder: Path
) -> None:
    with unchanged(folder), pytest.raises(MarpackError):
        store.add(planned(form=form), file_name=name)
    marpack.write_archive(planned(form=form), name)
    with unchanged(folder), pytest.raises(MarpackError):
        store.add(name)


@pytest.mark.parametrize("data", [b"", b"x", b"PK\5\6" + b"\0" * 18, b"\x1f\x8b"])
def test_what_is_no_archive_is_not_added(data: bytes, store: ModelStore, folder: Path) -> None:
    (folder / "m.mar").write_bytes(data)
    with unchanged(folder), pytest.raises(ArchiveError, match=r"m\.mar"):
        store.add("m.mar")


def test_a_folder_without_a_manifest_is_not_added(store: ModelStore, folder: Path) -> None:
    (folder / "model").mkdir()
    with unchanged(folder), pytest.raises(ArchiveError, match="MANIFEST"):
        store.add("model")


def test_an_archive_that_is_not_there(store: ModelStore, folder: Path) -> None:
    with unchanged(folder), pytest.raises(FileNotFoundError):
        store.add("gone.mar")


def test_a_broken_archive_in_the_store_is_named(store: ModelStore, folder: Path) -> None:
    store.add(planned())
    (folder / "store" / "broken.mar").write_bytes(b"x")
    with pytest.raises(ArchiveError, match=r"broken\.mar"):
        store.list()
    with pytest.raises(ArchiveError, match=r"broken\.mar"):
        store.snapshot()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("exists", [False, True])
def test_nothing_half_written_when_the_source_changes(
    form: ArchiveFormat, exists: bool, store: ModelStore, folder: Path
) -> None:
    os.mkdir("store")
    if exists:
        store.add(planned(form=form))
    plan = marpack.plan_archive(
        model_name="m", handler="base_handler", serialized_file=Growing(), archive_format=form
    )
    with unchanged(folder), pytest.raises(SourceChangedError):
        store.add(plan, force=True)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("copied", [False, True])
def test_nothing_half_written_when_the_disk_is_full(
    form: ArchiveFormat, copied: bool, store: ModelStore, folder: Path
) -> None:
    plan = planned(weights=random.Random(0).randbytes(1 << 19), form=form)
    marpack.write_archive(plan, plan.file_name)
    store.add(planned(form=form))
    with full_disk(1 << 18), unchanged(folder), pytest.raises(OSError, match="too large"):
        store.add(plan.file_name if copied else plan, force=True)


def test_remove_a_version_or_all_of_a_model(store: ModelStore) -> None:
    for name, version in (("a", "1.0"), ("a", "2.0"), ("b", "1.0")):
        store.add(planned(name, version), file_name=f"{name}-{version[0]}.mar")
    store.add(planned("c", form="no-archive"))
    assert [each.file_name for each in store.remove("a", "1.0")] == ["a-1.mar"]
    assert [each.file_name for each in store.list()] == ["a-2.mar", "b-1.mar", "c"]
    assert [each.file_name for each in store.remove("c")] == ["c"]
    store.add(planned("a", "1.0"))
    assert [each.file_name for each in store.remove("a")] == ["a-2.mar", "a.mar"]
    assert os.listdir("store") == ["b-1.mar"]


@pytest.mark.parametrize("words", [("x",), ("m", "2.0")])
def test_remove_what_is_not_there(words: tuple[str, ...], store: ModelStore, folder: Path) -> None:
    store.add(planned())
    with unchanged(folder), pytest.raises(KeyError, match=" ".join(words)):
        store.remove(*words)


def test_remove_takes_a_link_and_not_what_it_leads_to(store: ModelStore, folder: Path) -> None:
    plan = planned(form="no-archive")
    marpack.write_archive(plan, "elsewhere")
    os.mkdir("store")
    os.symlink(folder / "elsewhere", "store/m")
    store.remove("m")
    assert os.listdir("store") == []
    assert (folder / "elsewhere" / "model.pt").exists()


def test_the_snapshot_restores_all_archives(store: ModelStore) -> None:
    store.add(planned("a"))
    for version in ("1.9", "1.10"):
        store.add(planned("b", version), file_name=f"b-{version.replace('.', '-')}.mar")
    snapshot = store.snapshot(min_workers=2, max_workers=3)
    found = [(name, version, each.mar_name, each.default_version) for name, version, each in snapshot]
    assert found == [
        ("a", "1.0", "a.mar", True),
        ("b", "1.10", "b-1-10.mar", True),
        ("b", "1.9", "b-1-9.mar", False),
    ]
    assert {(each.min_workers, each.max_workers) for _, _, each in snapshot} == {(2, 3)}
    assert store.snapshot(default_versions={"b": "1.9"}).models["b"]["1.9"].default_version
    assert snapshot.validate({each.file_name: each.manifest for each in store.list()}) == ()


@pytest.mark.parametrize("preset", ["torchserve", "kaptain", "kserve", "sagemaker"])
def test_settings_that_serve_all_archives(preset: Preset, store: ModelStore, folder: Path) -> None:
    store.add(planned())
    config = store.config(preset, job_queue_size=7)
    assert config.job_queue_size == 7
    assert config.model_snapshot == store.snapshot()
    assert (config.model_store == str(folder / "store")) == (preset == "torchserve")
    config.write("config.properties")
    findings = marpack.lint_config(Path("config.properties").read_bytes(), model_store="store")
    assert [finding for finding in findings if finding.severity == "error"] == []


def test_settings_with_a_snapshot_of_ones_own(store: ModelStore) -> None:
    store.add(planned())
    snapshot = store.snapshot(batch_size=8)
    config = store.config("kserve", model_snapshot=snapshot)
    assert json.loads(config.properties()["model_snapshot"])["models"]["m"]["1.0"]["batchSize"] == 8


def test_a_store_that_is_not_there_yet_is_an_empty_one(store: ModelStore, folder: Path) -> None:
    with unchanged(folder):
        assert store.list() == ()
        assert store.snapshot().model_count == 0
        assert store.config().model_snapshot == store.snapshot()
        with pytest.raises(KeyError):
            store.remove("m")


def test_a_file_is_no_store(folder: Path) -> None:
    (folder / "store").write_text("x")
    store = ModelStore("store")
    with unchanged(folder), pytest.raises(MarpackError, match="folder"):
        store.add(planned())
    with pytest.raises((MarpackError, NotADirectoryError)):
        store.list()


@pytest.mark.parametrize("url", SECRET_URLS)
def test_no_secret_in_a_repr(url: str, store: ModelStore) -> None:
    store.add(planned())
    assert "hunter2" not in repr(
        store.config(load_models=[url], allowed_urls=[url], models={"m": {"1.0": {"u": url}}})
    )


def test_what_was_packed_can_be_added_as_it_is(store: ModelStore, folder: Path) -> None:
    result = marpack.pack(model_name="packed", handler={"handler.py": b"def handle(data, context): ...\n"})
    assert store.add(result).model_name == "packed"
    assert (folder / "store" / "packed.mar").read_bytes() == (folder / "packed.mar").read_bytes()


@pytest.mark.parametrize("target", ["s3://bucket/models", Path("s3://bucket/models")])
def test_a_url_is_no_store(target: Path | str, folder: Path) -> None:
    before = set(folder.iterdir())
    with pytest.raises(TargetError, match="upload"):
        ModelStore(target).add(planned())
    assert set(folder.iterdir()) == before
