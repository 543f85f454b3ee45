"""A server restores what marpack's files say, and restarts from the file that it saved and marpack rewrote."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import marpack
from marpack import properties
from tests.support.torchserve import TorchServe, addresses, install_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

VERSION = "0.12.0"

# The default need not be the highest version. "=" is what Gson writes as \u003d, and a properties file as \\u003d.
DEFAULTS = {"echo": "1.0", "score": "v=2"}

SETTINGS: Mapping[tuple[str, str], dict[str, Any]] = {
    ("echo", "1.0"): {"min_workers": 1, "max_workers": 1, "batch_size": 1, "max_batch_delay": 100},
    ("score", "1.0"): {
        "min_workers": 1,
        "max_workers": 3,
        "batch_size": 4,
        "max_batch_delay": 50,
        "response_timeout": 60,
    },
    ("score", "v=2"): {
        "min_workers": 2,
        "max_workers": 2,
        "batch_size": 2,
        "max_batch_delay": 20,
        "startup_timeout": 90,
    },
}

# What the management API calls the fields of a SnapshotEntry.
REPORTED = {
    "modelUrl": "mar_name",
    "minWorkers": "min_workers",
    "maxWorkers": "max_workers",
    "batchSize": "batch_size",
    "maxBatchDelay": "max_batch_delay",
    "responseTimeout": "response_timeout",
    "startupTimeout": "startup_timeout",
}


@pytest.fixture(scope="module")
def cache(pytestconfig: pytest.Config) -> Path:
    return install_folder(pytestconfig)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model-store")
    for name, version in SETTINGS:
        answer = f"{{'model': {name!r}, 'version': {version!r}, 'asked': row['body']}}"
        source = f"def handle(data, context):\n    return [{answer} for row in data or []]\n"
        plan = marpack.plan_archive(model_name=name, version=version, handler={"handler.py": source.encode()})
        marpack.write_archive(plan, folder / f"{name}-{version.replace('=', '')}.mar")
    return folder


@pytest.fixture(scope="module")
def snapshot(store: Path) -> marpack.ModelSnapshot:
    found = marpack.ModelSnapshot.from_model_store(store, default_versions=DEFAULTS)
    assert found == marpack.ModelSnapshot.from_archives(sorted(store.iterdir()), default_versions=DEFAULTS)
    for (name, version), settings in SETTINGS.items():
        found = found.updated(name, version, **settings)
    return found


class Observed(NamedTuple):
    """What a server that saves its state reports, answers and has saved first."""

    defaults: dict[str, str]
    versions: dict[str, dict[str, dict[str, Any]]]
    answers: list[Any]
    file: str
    saved: bytes


def observe(config: Path, cache: Path, warm: Path | None, *, launcher: bool = False) -> Observed:
    """Start a server with this file alone, and ask every version by its name, and each model for its default."""
    with TorchServe.from_file(config, VERSION, cache, snapshots=True, launcher=launcher, warm=warm) as server:
        saved = server.saved()
        defaults = server.models()
        return Observed(
            defaults=defaults,
            versions={
                name: {
                    told["modelVersion"]: {
                        **{field: told[key] for key, field in REPORTED.items()},
                        "workers": len(told["workers"]),
                    }
                    for told in server.describe(name)
                }
                for name in defaults
            },
            answers=[
                *(server.predict(name, {"key": "value"}, version) for name, version in SETTINGS),
                *(server.predict(name, {"key": "value"}) for name in defaults),
            ],
            file=saved.name,
            saved=saved.read_bytes(),
        )


def expected_versions(snapshot: marpack.ModelSnapshot) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        name: {
            version: {
                **{field: getattr(entry, field) for field in REPORTED.values()},
                "workers": entry.min_workers,
            }
            for version, entry in versions.items()
        }
        for name, versions in snapshot.models.items()
    }


@pytest.fixture(scope="module")
def first(
    store: Path,
    snapshot: marpack.ModelSnapshot,
    tmp_path_factory: pytest.TempPathFactory,
    cache: Path,
    warm: Callable[[str], Path | None],
) -> Observed:
    """Observe a server that is told nothing but what marpack has written."""
    config = dataclasses.replace(
        marpack.ServerConfig.loads("\n".join(addresses())),
        model_store=str(store),
        disable_token_authorization=True,
        model_snapshot=snapshot,
    )
    findings = config.validate(torchserve_version=VERSION, model_store=store)
    assert not [finding for finding in findings if finding.severity == "error"]
    path = tmp_path_factory.mktemp("config") / "config.properties"
    config.write(path)
    return observe(path, cache, warm(VERSION))


def test_every_model_and_version_is_restored(first: Observed, snapshot: marpack.ModelSnapshot) -> None:
    assert first.versions == expected_versions(snapshot)
    assert first.defaults == {name: entry.mar_name for name, _, entry in snapshot if entry.default_version}
    asked = [*SETTINGS, *((name, DEFAULTS[name]) for name in first.defaults)]
    assert first.answers == [
        {"model": name, "version": version, "asked": {"key": "value"}} for name, version in asked
    ]


def test_the_saved_file_is_what_marpack_would_write(first: Observed, snapshot: marpack.ModelSnapshot) -> None:
    assert properties.edit(first.saved, {}) == first.saved

    value = properties.loads(first.saved)["model_snapshot"]
    read = marpack.ModelSnapshot.from_json(value)
    assert read.name == first.file
    assert read.models == snapshot.models
    assert read.to_json(style="server") == value
    line = properties.dumps({"model_snapshot": value}, style="java", ensure_ascii=False)
    assert line.encode() in first.saved.splitlines(keepends=True)

    # Made by marpack alone, it is the same: only the file's name and the time are the server's to say.
    alike = dataclasses.replace(snapshot, name=read.name, created=read.created)
    assert alike.to_json(style="server") == value


def test_the_saved_file_is_read_as_settings(first: Observed, store: Path, snapshot: marpack.ModelSnapshot) -> None:
    config = marpack.ServerConfig.loads(first.saved)
    assert config.model_store == config.workflow_store == str(store)
    assert config.disable_token_authorization is True
    assert config.version == VERSION
    assert config.model_snapshot is not None
    assert config.model_snapshot.models == snapshot.models
    assert not config.extra


@pytest.mark.parametrize("style", ["portable", "java", "edited"])
def test_a_server_restarts_from_the_saved_file_rewritten(
    style: str, first: Observed, tmp_path: Path, cache: Path, warm: Callable[[str], Path | None]
) -> None:
    path = tmp_path / "config.properties"
    config = marpack.ServerConfig.loads(first.saved)
    if style == "portable":
        config.write(path)
    elif style == "java":
        path.write_text(config.dumps(style="java"), encoding="ascii")
    else:
        path.write_bytes(properties.edit(first.saved, {"job_queue_size": "10"}))
    # The launcher takes a file of Java's for something else as soon as the store's path has what Java escapes.
    again = observe(path, cache, warm(VERSION), launcher=style == "portable")
    assert again.defaults == first.defaults
    assert again.versions == first.versions
    assert again.answers == first.answers
    value = marpack.ModelSnapshot.from_json(properties.loads(again.saved)["model_snapshot"])
    assert value.models == marpack.ModelSnapshot.from_json(properties.loads(first.saved)["model_snapshot"]).models
