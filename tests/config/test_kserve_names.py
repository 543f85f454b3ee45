"""Names that KServe takes: one answer for the settings, for archives and for a deployment."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

import marpack
from marpack.config.settings.kserve_names import LABEL, is_kserve_file
from marpack.serving import sanitize_string
from tests.config.cases.case import SERVED

NAMES = ("m.mar", "m", "m.v1.mar", ".m.mar", "..m.mar", ".mar", "m..mar", "m.mar.", "m.MAR", "m.tar.gz", "m.", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_one_suffix(name: str) -> None:
    """As the wrapper asks for it."""
    assert is_kserve_file(name) == (PurePosixPath(name).suffixes == [".mar"])


@pytest.mark.parametrize("name", ["m.mar", "m.v1.mar", ".m.mar", ".mar"])
def test_settings_and_archives_are_judged_alike(name: str, tmp_path: Path) -> None:
    of_settings = marpack.lint_config(SERVED.replace("m.mar", name), target="kserve", torchserve_version="0.9.0")
    path = tmp_path / name
    marpack.write_archive(marpack.plan_archive(model_name="m", handler="base_handler"), path)
    of_archive = marpack.check(path, target="kserve")
    refused = not is_kserve_file(name)
    assert ("kserve-archive" in {found.code for found in of_settings}) == refused
    assert ("kserve-file-name" in {found.code for found in of_archive}) == refused


def test_what_a_deployment_makes_of_a_name_is_one_for_kubernetes() -> None:
    for text in ("a" * 63, "Team/Model_1", "-x-", "9"):
        assert LABEL.fullmatch(sanitize_string(text))
    assert not LABEL.fullmatch("a" * 64)
    with pytest.raises(ValueError, match="64 characters: choose one of 63"):
        sanitize_string("a" * 64)
