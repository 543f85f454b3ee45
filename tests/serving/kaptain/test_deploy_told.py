"""What ``Model.deploy`` says, and what it refuses only where that is asked."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from marpack.errors import CheckError
from marpack.kaptain import envs
from tests.support.deploys import NAME, digits_model, documents, said, storage_uri, tree

pytestmark = pytest.mark.usefixtures("project", "heard")


# --------------------------------------------------------------------------------------------------- what is said


def test_it_says_where_what_is_and_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    model = digits_model()
    model.deploy(namespace="prod", output="it's here")
    text = said(caplog)
    for expected in (
        f"{NAME} serves digits.pt\n",
        model.deployment.uri,
        f"""kubectl apply -f 'it'"'"'s here/{NAME}.yaml'""",
        f"http://{NAME}.prod.svc.cluster.local\n",
        f"http://{NAME}.prod.svc.cluster.local/v1/models/{NAME}:predict",
    ):
        assert expected in text
    assert model.deployment.commands == (f"""kubectl apply -f 'it'"'"'s here/{NAME}.yaml'""",)


def test_a_folder_of_this_machine_is_told_to_be_no_place_for_a_cluster(caplog: pytest.LogCaptureFixture) -> None:
    model = digits_model()
    model.deploy()
    assert "base_model_storage_uri" in said(caplog, logging.WARNING)
    assert "no pod of a cluster sees" in "".join(model.deployment.warnings)
    # There is nothing to give a Secret for.
    assert list(documents()) == ["InferenceService"]


def test_where_nobody_set_logging_up_it_goes_to_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(envs, "LOG_TIMEFORMAT", "%Y,%f")
    digits_model().deploy()
    told = capsys.readouterr()
    assert told.out == ""
    assert re.search(r"^[0-9]{4},[0-9]{6} INFO for the cluster: kubectl apply", told.err, re.MULTILINE)
    assert "manifest " not in told.err
    monkeypatch.setattr(envs, "VERBOSE", True)
    digits_model().deploy(replace=True)
    assert f"manifest {NAME}.yaml" in capsys.readouterr().err
    logger = logging.getLogger("marpack.kaptain")
    assert logger.handlers == root.handlers == []
    monkeypatch.setattr(logger, "level", logging.ERROR)
    digits_model().deploy(replace=True)
    assert capsys.readouterr().err == ""


def test_a_control_character_of_the_users_is_not_sent_to_a_terminal(caplog: pytest.LogCaptureFixture) -> None:
    digits_model().deploy(output="a\x1b[31mb")
    assert "\x1b" not in said(caplog, logging.DEBUG)


# ---------------------------------------------------------------------------------------------- check and replace


def test_what_the_server_would_refuse_is_told_and_refused_only_where_that_is_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Path("digits.pt").write_bytes(b"not weights")
    with pytest.raises(CheckError):
        digits_model().deploy(check="error")
    assert not Path("store").exists()
    assert not Path(f"{NAME}.yaml").exists()
    model = digits_model()
    assert model.deploy()
    errors = [each for each in model.deployment.findings if each.severity == "error"]
    assert errors
    assert errors[0].message in said(caplog, logging.ERROR)
    assert digits_model().deploy(check="off", replace=True)


def test_what_is_deployed_is_replaced_only_where_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    first = digits_model()
    first.deploy()
    before = tree(".")
    again = digits_model()
    assert again.deploy() is False
    assert tree(".") == before
    assert not again.deployment
    assert "replace=True" in said(caplog, logging.ERROR)
    assert again.deploy(replace=True) is True
    assert first.deployment.uri != again.deployment.uri == storage_uri()
    # The older folder stays: the cluster reads it until it is told of the new one.
    assert {path: data for path, data in tree("store").items() if "deployment.json" not in path}.items() >= {
        path: data for path, data in before.items() if path.startswith("store") and "deployment.json" not in path
    }.items()
