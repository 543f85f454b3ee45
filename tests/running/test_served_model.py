"""What is said of a model that an engine serves, and what its archive says."""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.errors import MarpackError, NotServedError
from marpack.running.served_model import ServedModel

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = b"minWorkers: 2\nmaxWorkers: 3\nbatchSize: 4\nmaxBatchDelay: 7\nresponseTimeout: 9\ndeviceType: gpu\n"


def plan(**more: Any) -> marpack.ArchivePlan:
    return marpack.plan_archive(
        **{
            "model_name": "m",
            "version": "1.0",
            "handler": {"handler.py": b"def handle(data, context): return data"},
            "config_file": {"model-config.yaml": CONFIG},
            "extra_files": {"large": b"x" * 100_000},
            **more,
        }
    )


def said(**more: Any) -> tuple[object, ...]:
    found = ServedModel(archive=plan(), **more).settings()
    return (
        found.batch_size,
        found.max_batch_delay,
        found.min_workers,
        found.max_workers,
        found.gpu,
        found.response_timeout,
    )


def test_the_archive_says_how_it_is_served() -> None:
    assert said() == (4, 7, 2, 3, 0, 9)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"batch_size": 1, "max_batch_delay": 0}, (1, 0, 2, 3, 0, 9)),
        ({"min_workers": 5}, (4, 7, 5, 5, 0, 9)),
        ({"max_workers": 1}, (4, 7, 1, 1, 0, 9)),
        ({"min_workers": 1}, (4, 7, 1, 3, 0, 9)),
        ({"gpu_id": 3}, (4, 7, 2, 3, 3, 9)),
        ({"gpu": False, "gpu_id": 3}, (4, 7, 2, 3, None, 9)),
        ({"gpu": False, "response_timeout": 0.5}, (4, 7, 2, 3, None, 0.5)),
    ],
)
def test_what_is_given_goes_before(more: dict[str, Any], expected: tuple[object, ...]) -> None:
    assert said(**more) == expected


def test_a_gpu_may_be_given_to_a_model_that_asks_for_none() -> None:
    archive = plan(config_file=None)
    assert [ServedModel(archive=archive, gpu=gpu).settings().gpu for gpu in (None, True)] == [None, 0]


def test_a_file_and_a_plan_say_the_same(tmp_path: Path) -> None:
    path = marpack.write_archive(plan(), tmp_path / "m.mar").path
    with marpack.open_archive(path) as archive:
        found = [ServedModel(archive=each).settings() for each in (path, plan(), archive)]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"batch_size": 0}, "batch_size must be from 1"),
        ({"max_batch_delay": -1}, "max_batch_delay must be from 0"),
        ({"gpu_id": -1}, "gpu_id must be from 0"),
        ({"min_workers": 0}, "min_workers must be from 1"),
        ({"min_workers": 3, "max_workers": 2}, "max_workers is 2, less than min_workers, 3"),
        ({"response_timeout": 0}, "response_timeout must be more than 0"),
    ],
)
def test_numbers_that_no_server_is_told_are_refused(more: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        ServedModel(archive="m.mar", **more)


def test_another_process_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = ServedModel(archive="m.mar", python=os.path.join("env", "bin", "python"), batch_size=2)
    elsewhere = pickle.loads(pickle.dumps(model.elsewhere()))
    assert elsewhere == ServedModel(
        archive=str(tmp_path / "m.mar"), python=str(tmp_path / "env" / "bin" / "python"), batch_size=2
    )
    url = ServedModel(archive="https://example.org/m.mar", python="python3")
    assert url.elsewhere() == url
    planned = ServedModel(archive=plan())
    assert pickle.loads(pickle.dumps(planned.elsewhere())) == planned


def test_what_is_open_is_nothing_for_another_process(tmp_path: Path) -> None:
    path = marpack.write_archive(plan(), tmp_path / "m.mar").path
    with marpack.open_archive(path) as archive, pytest.raises(MarpackError, match=r"'m\.mar' is open here"):
        ServedModel(archive=archive).elsewhere()


def test_what_no_server_would_register_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.mar").write_bytes(b"no archive")
    with pytest.raises(NotServedError):
        ServedModel(archive=tmp_path / "m.mar").settings()
