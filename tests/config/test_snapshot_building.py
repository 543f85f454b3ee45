"""A model snapshot that is built of manifests, of archives, and of a model store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import marpack
from marpack import ArchiveError, ConfigError, ModelSnapshot
from tests.support.snapshots import manifest


def test_versions_and_their_defaults() -> None:
    made = ModelSnapshot.from_manifests(
        {
            "old.mar": manifest("m", "1.9"),
            "new.mar": manifest("m", "1.10"),
            "n.mar": manifest("n"),
            "rc.tar.gz": manifest("o", "2.0-rc1"),
            "o": manifest("o", "2.0"),
            "first.mar": manifest("p", ""),
        },
        max_workers=3,
    )
    found = [(name, version, entry.mar_name, entry.default_version) for name, version, entry in made]
    assert found == [
        ("m", "1.9", "old.mar", False),
        ("m", "1.10", "new.mar", True),
        ("n", "1.0", "n.mar", True),
        ("o", "2.0-rc1", "rc.tar.gz", False),
        ("o", "2.0", "o", True),
        ("p", "1.0", "first.mar", True),
    ]
    assert {entry.max_workers for _, _, entry in made} == {3}
    assert made.validate() == ()
    assert ModelSnapshot.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("1.9", "1.10"),
        ("2.0-rc1", "2.0"),
        ("1.10", "1.10.1"),
        ("1.0rc", "1.0.1"),
        ("0.9", "1"),
        ("1.0", "1.0.0"),
        ("1.0-rc2", "1.0-rc10"),
        ("a", "1"),
        ("9", "9" * 5000),
        ("v1", "v2"),
        ("1.²", "1.1"),
    ],
)
def test_the_highest_version(low: str, high: str) -> None:
    for pair in ([low, high], [high, low]):
        made = ModelSnapshot.from_manifests(
            {f"{number}.mar": manifest("m", each) for number, each in enumerate(pair)}
        )
        assert [version for _, version, entry in made if entry.default_version] == [high]


def test_versions_that_are_equal_as_numbers_have_one_default() -> None:
    made = ModelSnapshot.from_manifests({"a.mar": manifest("m", "1.0"), "b.mar": manifest("m", "1.00")})
    assert sum(entry.default_version for _, _, entry in made) == 1


def test_a_default_version_is_chosen() -> None:
    manifests = {"a.mar": manifest("m", "1"), "b.mar": manifest("m", "2"), "c.mar": manifest("n")}
    made = ModelSnapshot.from_manifests(manifests, default_versions={"m": "1"})
    assert [entry.default_version for _, _, entry in made] == [True, False, True]


def test_archives_that_cannot_be_served_together() -> None:
    with pytest.raises(ConfigError) as caught:
        ModelSnapshot.from_manifests(
            {"a.mar": manifest(), "b.mar": manifest("m", "1.0"), "c.mar": manifest(None), "d.mar": manifest("")},
            default_versions={"m": "2.0", "x": "1.0", "": ""},
        )
    assert [(finding.code, finding.key) for finding in caught.value.findings] == [
        ("snapshot-same-version", "models.m.1.0"),
        ("snapshot-no-name", "c.mar"),
        ("snapshot-no-name", "d.mar"),
        ("snapshot-no-such-version", "models.m"),
        ("snapshot-no-such-version", "models.x"),
        ("snapshot-no-such-version", "models."),
    ]
    assert "'a.mar' and 'b.mar'" in caught.value.findings[0].message


def test_settings_of_entries_are_checked() -> None:
    with pytest.raises(ConfigError, match="batchSize"):
        ModelSnapshot.from_manifests({"a.mar": manifest()}, batch_size="4")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="colour"):
        ModelSnapshot.from_manifests({"a.mar": manifest()}, colour="red")  # type: ignore[call-arg]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a model store with an archive of each form, and things that are none."""
    folder = tmp_path / "store"
    folder.mkdir()
    for name, version, form in (("m", "1.0", "default"), ("n", "2.0", "tgz"), ("o", "", "no-archive")):
        marpack.pack(
            model_name=name,
            version=version,
            handler="base_handler",
            export_path=folder,
            archive_format=form,  # type: ignore[arg-type]
        )
    (folder / "notes.txt").write_text("none")
    (folder / "folder").mkdir()
    (folder / ".hidden.mar").write_text("none")
    return folder


def test_from_a_model_store(store: Path) -> None:
    made = ModelSnapshot.from_model_store(store, min_workers=0, max_workers=4)
    assert [(name, version, entry.mar_name) for name, version, entry in made] == [
        ("m", "1.0", "m.mar"),
        ("n", "2.0", "n.tar.gz"),
        ("o", "1.0", "o"),
    ]
    assert {(entry.min_workers, entry.max_workers) for _, _, entry in made} == {(0, 4)}
    assert made == ModelSnapshot.from_model_store(os.fspath(store), min_workers=0, max_workers=4)


def test_from_archives(store: Path) -> None:
    made = ModelSnapshot.from_archives([store / "o", os.fspath(store / "m.mar")])
    assert [(name, entry.mar_name) for name, _, entry in made] == [("o", "o"), ("m", "m.mar")]
    assert ModelSnapshot.from_archives([]) == ModelSnapshot(models={})
    assert [entry.mar_name for *_, entry in ModelSnapshot.from_archives([f"{store}/o/"])] == ["o"]


def test_archives_of_one_file_name(store: Path, tmp_path: Path) -> None:
    marpack.pack(model_name="m", version="2.0", handler="base_handler", export_path=tmp_path)
    paths = [store / "m.mar", tmp_path / "m.mar"]
    with pytest.raises(ConfigError) as caught:
        ModelSnapshot.from_archives(paths)
    [finding] = caught.value.findings
    assert (finding.code, finding.key) == ("snapshot-same-file", "m.mar")
    assert all(repr(os.fspath(path)) in finding.message for path in paths)
    # Two names for one version are no better.
    (tmp_path / "m.mar").rename(tmp_path / "x.mar")
    assert ModelSnapshot.from_archives([store / "m.mar", tmp_path / "x.mar"]).model_count == 2


def test_what_is_no_archive(store: Path) -> None:
    (store / "broken.mar").write_bytes(b"no zip")
    with pytest.raises(ArchiveError) as caught:
        ModelSnapshot.from_model_store(store)
    assert caught.value.path == os.fspath(store / "broken.mar")
    with pytest.raises(ArchiveError):
        ModelSnapshot.from_archives([store / "m.mar", store / "broken.mar"])
    with pytest.raises(FileNotFoundError):
        ModelSnapshot.from_model_store(store / "none")
    with pytest.raises(FileNotFoundError):
        ModelSnapshot.from_archives([store / "none.mar"])
