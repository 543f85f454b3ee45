"""How a server would run a model: what its archive says, or the caller (J64); what is not run (J65)."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.archive.read.open import open_archive
from marpack.errors import ArchiveError, MarpackError, NotServedError
from marpack.running.model_folder import as_registered, unpack
from marpack.running.model_settings import ModelSettings, settings_of
from tests.support.archives import zipped

HANDLER = b"def handle(data, context):\n    return data\n"
CONFIG = "batchSize: 4\nresponseTimeout: 7\nstartupTimeout: 8\nasyncCommunication: true\nuseVenv: true\n"


def packed(folder: Path, config: str | None = None, **more: Any) -> Path:
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": HANDLER},
        config_file=None if config is None else {"c.yaml": config.encode()},
        **more,
    )
    return Path(marpack.write_archive(plan, folder / plan.file_name).path)


def settings(path: Path, **asked: Any) -> ModelSettings:
    with open_archive(path) as archive:
        return settings_of(archive, **asked)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ((None, None), (2, 3)),
        ((5, None), (5, 5)),
        ((1, None), (1, 3)),
        ((None, 1), (1, 1)),
        ((None, 9), (2, 9)),
        ((4, 2), (4, 4)),
        ((0, 0), (1, 1)),
        ((None, 0), (1, 1)),
    ],
)
def test_of_two_numbers_of_workers_the_told_one_counts(
    told: tuple[int | None, int | None], found: tuple[int, int]
) -> None:
    """Of two that are told, the least: so many are started."""
    settings = ModelSettings(model_name="m", version="1", handler="h", min_workers=2, max_workers=3)
    changed = settings.with_workers(*told)
    assert (changed.min_workers, changed.max_workers) == found


def test_an_archive_alone(tmp_path: Path) -> None:
    path = packed(tmp_path, version="2.1", requirements_file={"needs.txt": b""})
    assert settings(path) == ModelSettings(
        model_name="m", version="2.1", handler="handler.py", requirements_file="needs.txt"
    )


def test_its_configuration_and_the_caller(tmp_path: Path) -> None:
    path = packed(tmp_path, CONFIG)
    told = settings(path)
    assert (told.batch_size, told.response_timeout, told.startup_timeout) == (4, 7, 8)
    assert (told.asynchronous, told.use_venv, told.gpu, told.envelope) == (True, True, None, "")
    asked = settings(path, batch_size=1, response_timeout=0.5, startup_timeout=60, gpu=0, envelope="json")
    assert (asked.batch_size, asked.response_timeout, asked.startup_timeout) == (1, 0.5, 60)
    assert (asked.gpu, asked.envelope) == (0, "json")


def test_of_several_workers(tmp_path: Path) -> None:
    """For who runs more than one; a pair that is none counts for nothing, as to the server."""
    told = settings(
        packed(tmp_path, "minWorkers: 2\nmaxWorkers: 3\nbatchSize: 2\nmaxBatchDelay: 5\ndeviceType: GPU\n")
    )
    assert (told.min_workers, told.max_workers, told.max_batch_delay, told.device_type) == (2, 3, 5, "gpu")
    (tmp_path / "other").mkdir()
    alone = settings(packed(tmp_path / "other", "maxWorkers: 3\nmaxBatchDelay: 0\n"))
    assert (alone.min_workers, alone.max_workers, alone.max_batch_delay, alone.device_type) == (1, 1, 100, "")


def test_a_gpu_is_the_callers(tmp_path: Path) -> None:
    assert settings(packed(tmp_path, "deviceType: gpu\ndeviceIds: [1]\n")).gpu is None


def test_keys_that_came_later(tmp_path: Path) -> None:
    path = packed(tmp_path, f"{CONFIG}sequenceBatching: true\nsequenceMaxIdleMSec: 1000\n")
    told, old = settings(path), settings(path, server=(0, 9, 0))
    assert (told.asynchronous, told.sequences) == (True, True)
    assert (old.asynchronous, old.sequences, old.batch_size) == (False, False, 4)


def test_an_environment_of_its_own_is_for_the_servers_own_python(tmp_path: Path) -> None:
    assert not settings(packed(tmp_path, CONFIG, runtime="python3")).use_venv


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("continuousBatching: true\n", "continuousBatching"),
        ("parallelType: tp\ntorchrun: {nproc-per-node: 2}\n", "'tp', for several processes that torchrun starts"),
        ("parallelType: PP\nparallelLevel: 2\ntorchrun: {}\n", "'pp', for several processes"),
    ],
)
def test_what_is_not_run(config: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(MarpackError, match=says) as raised:
        settings(packed(tmp_path, config))
    assert not isinstance(raised.value, NotServedError)


@pytest.mark.parametrize(
    "config",
    [
        "parallelType: custom\nparallelLevel: 2\n",
        "torchrun: {nproc-per-node: 2}\n",
        "parallelType: tp\n",
        # The last of both counts.
        "parallelType: tp\ntorchrun: {nproc-per-node: 2}\nparallelLevel: 0\n",
    ],
)
def test_what_is_one_process_all_the_same(config: str, tmp_path: Path) -> None:
    assert settings(packed(tmp_path, config)).model_name == "m"


def test_neither_a_workflow_nor_another_back_end_is_run(tmp_path: Path) -> None:
    spec = {"w.yaml": b"models: {a: {url: a.mar}}\ndag: {a: []}\n"}
    plan = marpack.plan_workflow(workflow_name="w", spec_file=spec)
    marpack.write_archive(plan, tmp_path / "w.war")
    with pytest.raises(MarpackError, match="is a workflow's archive: run the models that it names"):
        settings(tmp_path / "w.war")
    manifest = '{"runtime": "LSP", "model": {"modelName": "m", "handler": "l:C"}}'
    path = zipped(tmp_path / "m.mar", [("l.so", b"")], manifest=manifest)
    with pytest.raises(MarpackError, match="the runtime LSP"):
        settings(path)


def test_a_configuration_needs_its_reader(tmp_path: Path) -> None:
    """In an interpreter without site-packages."""
    path = packed(tmp_path, "{}")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from marpack.archive.read.open import open_archive\n"
        "from marpack.running.model_settings import settings_of\n"
        "settings_of(open_archive(sys.argv[2]))\n"
    )
    words = [sys.executable, "-S", "-c", script, str(Path(marpack.__file__).parents[1]), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "MissingExtraError: reading the configuration of" in done.stderr
    assert "pip install 'marpack[yaml]'" in done.stderr


def test_a_refusal_says_what_marpack_sees(tmp_path: Path) -> None:
    path = packed(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ArchiveError, match="no end record"), as_registered(), open_archive(path):
        pass
    (tmp_path / "n.tar.gz").write_bytes(b"hello")
    with (
        pytest.raises(NotServedError, match=r"Failed to save model: n\.tar\.gz") as raised,
        as_registered(),
        open_archive(tmp_path / "n.tar.gz"),
    ):
        pass
    assert (raised.value.status, "gzip format" in raised.value.why) == (500, True)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "handler.py").write_bytes(HANDLER)
    with pytest.raises(NotServedError, match="Model name is not defined") as raised:
        settings(tmp_path / "sources")
    assert raised.value.why == "it has no MAR-INF/MANIFEST.json"
    path.unlink()
    whole = packed(tmp_path)
    with zipfile.ZipFile(whole) as archive:
        first = archive.infolist()[0]
    data = bytearray(whole.read_bytes())
    data[30 + len(first.filename) + 2] ^= 0xFF
    whole.write_bytes(data)
    (tmp_path / "out").mkdir()
    with pytest.raises(NotServedError) as raised, as_registered(), open_archive(whole) as opened:
        unpack(opened, str(tmp_path / "out"))
    assert f"({first.filename!r} is damaged: " in str(raised.value)


def test_a_folder_is_linked_and_an_archive_unpacked(tmp_path: Path) -> None:
    for form in ("default", "no-archive"):
        scratch = tmp_path / f"scratch-{form}"
        scratch.mkdir()
        path = packed(tmp_path, archive_format=form)
        with open_archive(path) as archive:
            folder = Path(unpack(archive, str(scratch)))
        assert (folder / "handler.py").read_bytes() == HANDLER
        assert folder.is_symlink() is (form == "no-archive")
        assert folder.is_relative_to(scratch)
    assert folder.resolve() == path.resolve()
    assert [*folder.parent.iterdir()] == [folder]


def test_the_only_folder_in_a_folder_is_the_model(tmp_path: Path) -> None:
    path = packed(tmp_path, archive_format="no-archive")
    (tmp_path / "outer").mkdir()
    path.rename(tmp_path / "outer" / "m")
    (tmp_path / "scratch").mkdir()
    with open_archive(tmp_path / "outer") as archive:
        folder = Path(unpack(archive, str(tmp_path / "scratch")))
    assert folder.resolve() == (tmp_path / "outer" / "m").resolve()
