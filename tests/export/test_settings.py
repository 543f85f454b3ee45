"""What an export makes of a server's settings, its snapshot and its store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from marpack.config.rules.values import ADDRESS
from marpack.config.settings.keys import KEYS
from marpack.errors import MarpackError
from marpack.export import plan_export
from marpack.export.told_settings import _ROWS, http_address
from tests.export.exports import SECRET, digits, entries, plan, speaks, store


def test_a_snapshot_goes_before_what_an_archive_says(folder: Path) -> None:
    planned = plan(folder)
    [one, other] = yaml.safe_load(planned.files["config.yaml"])["applications"][0]["deployments"]
    assert [one["name"], other["name"]] == ["digits", "speaks"]
    assert one["user_config"] == other["user_config"] == {"batch_size": 8, "max_batch_delay": 50}
    assert one["num_replicas"] == other["num_replicas"] == 2
    assert yaml.safe_load(planned.files["config.yaml"])["http_options"] == {"host": "0.0.0.0", "port": 9090}
    [cpus] = entries(planned, "workers that share the CPUs")
    assert "4 in all" in cpus.becomes
    assert 'environment={"TS_DECODE_INPUT_REQUEST": "false"}' in planned.files["app.py"]
    assert planned.files["app.py"].count("batch_size=8") == 2


@pytest.mark.parametrize("target", ["ray", "kserve"])
def test_no_secret_and_no_path_is_written(target: str, folder: Path) -> None:
    planned = plan(folder, target)
    written = "\n".join([*planned.files.values(), *planned.about.values(), *map(repr, planned.entries)])
    assert SECRET not in written
    assert str(folder) not in written
    assert "token@" not in written
    # And all of these settings are told of.
    for key in ("keystore_pass", "keystore", "vmargs", "a key that is secret", "not_known", "model_store"):
        assert any(each.seen == f"config.properties: {key}" for each in planned.entries), key


def test_every_setting_has_a_fate() -> None:
    assert KEYS.keys() - _ROWS.keys() == {"inference_address"}
    assert not _ROWS.keys() - KEYS.keys()
    assert all(row.why for row in _ROWS.values() if row.fate != "carried")
    assert all(row.becomes for row in _ROWS.values() if row.fate != "lost")


def test_settings_that_load_models(tmp_path: Path) -> None:
    place = tmp_path / "model-store"
    place.mkdir()
    digits(place)
    speaks(place)
    path = tmp_path / "config.properties"
    numbers = {"minWorkers": 2, "maxWorkers": 2, "batchSize": 6, "maxBatchDelay": 70, "responseTimeout": 9}
    models = json.dumps({"digits": {"1.0": numbers}, "speaks": {"2.0": numbers}})
    path.write_text(f"load_models=all\nmodels={models}\ndefault_response_timeout=44\n")
    planned = plan(path)
    one, other = (model.settings for model in planned.models)
    assert (one.batch_size, one.min_workers, one.response_timeout) == (6, 2, 9)
    # Its own configuration goes before.
    assert (other.batch_size, other.min_workers, other.response_timeout) == (4, 1, 30)
    path.write_text("load_models=digits.mar\ndefault_workers_per_model=3\ndefault_response_timeout=44\n")
    [alone] = plan(path).models
    assert (alone.settings.min_workers, alone.settings.response_timeout) == (3, 44)
    assert not entries(plan(path), "neither load_models nor")
    path.write_text("job_queue_size=10\n")
    assert [each.about for each in entries(plan(path), "neither load_models nor model_snapshot")] == [""]
    [workers] = entries(plan(path), "default_workers_per_model")
    assert (workers.about, workers.fate) == ("digits 1.0", "changed")
    path.write_text("load_models=other=digits.mar\n")
    with pytest.raises(
        MarpackError, match=r"'digits.mar' is 'other' to load_models, and 'digits' by its manifest"
    ):
        plan(path)
    path.write_text("load_models=gone.mar\n")
    with pytest.raises(MarpackError, match=r"'gone.mar' is not in the model store"):
        plan(path)
    path.write_text("load_models=$$MODELS$$\n")
    with pytest.raises(MarpackError, match="takes 'MODELS' from the environment"):
        plan(path)
    path.write_text("models=[]\n")
    with pytest.raises(MarpackError, match=r"config\.properties: error: models: must be an object"):
        plan(path)


def test_a_snapshot_that_knows_a_model_otherwise(tmp_path: Path) -> None:
    path = store(tmp_path)
    text = path.read_text("ascii")
    path.write_text(text.replace('"digits": {"1.0"', '"digits": {"7.0"'))
    with pytest.raises(MarpackError, match=r"'digits.mar' is 'digits 7.0' to model_snapshot, and 'digits 1.0'"):
        plan(path)


def test_sources_that_do_not_go_together(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MarpackError, match="nothing is named"):
        plan_export(to="ray")
    with pytest.raises(MarpackError, match="settings are of one server"):
        plan_export(folder / "config" / "config.properties", folder / "digits.mar", to="ray")
    with pytest.raises(MarpackError, match=r"a model store goes with a config.properties"):
        plan(folder / "digits.mar", model_store=folder)
    with pytest.raises(MarpackError, match="python is where with_ts takes"):
        plan(folder / "digits.mar", python="python3")
    with pytest.raises(FileNotFoundError):
        plan(tmp_path / "none.mar")


@given(st.text(max_size=30))
@settings(deadline=None)
def test_an_address_is_a_host_and_a_port_or_none(text: str) -> None:
    for address in (text, f"http://{text}", f"https://{text}"):
        found = http_address(address)
        assert found is None or (found[0] and 0 <= found[1] <= 65535)
        # What the server reads otherwise, or ends for, is none.
        assert found is None or ADDRESS.fullmatch(address)
    assert http_address("http://0.0.0.0:9090") == ("0.0.0.0", 9090)
    assert http_address("https://here") == ("here", 443)
    for none in ("unix:/tmp/socket", "http://[::1]:8080", "http://h:8085/", "http://user@h:80", "http://h:99999"):
        assert http_address(none) is None
