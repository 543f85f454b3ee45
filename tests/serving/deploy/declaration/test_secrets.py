"""No secret of a declaration is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from marpack.cli import main
from marpack.errors import MarpackError
from marpack.serving import serve_build
from tests.support.declarations import MODEL, build, complaints
from tests.support.folder_contents import unchanged
from tests.support.secret_urls import SECRET, SECRET_URLS, shown


@pytest.mark.parametrize("url", SECRET_URLS)
@pytest.mark.parametrize("key", ["model_file", "handler", "extra_files", "requirements", "config_file"])
def test_no_secret_of_an_url_in_a_model(key: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("aiohttp")
    assert SECRET not in "\n".join(complaints(capsys, [{**MODEL, key: url}]))
    with pytest.raises(MarpackError) as caught:
        serve_build([{**MODEL, key: url}], "deploy")
    assert SECRET not in shown(caught.value)


@pytest.mark.parametrize("url", SECRET_URLS)
def test_no_secret_of_an_url_of_the_whole(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole: list[dict[str, Any]] = [
        {"config_properties": url},
        {"preset": url},
        {"torchserve_version": url},
        {"settings": {"load_models": [f"{url},x"]}},
        {"settings": {"load_models": f"{url}, {url}"}},
        {"settings": {"inference_address": url}},
        {"settings": {"model_store": url + "\u00fc"}},
    ]
    for top in whole:
        assert SECRET not in "\n".join(complaints(capsys, {"models": [MODEL], **top})), top


def test_no_secret_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"keystore_pass": SECRET, "my_secret": SECRET}
    assert SECRET not in build(capsys, {"models": [MODEL], "settings": settings}, "--json")
    for wrong in ({"keystore_pass": [SECRET]}, {"keystore_pass": f"{SECRET}\u00fc"}, {"my_secret": f"{SECRET}\\"}):
        assert SECRET not in "\n".join(complaints(capsys, {"models": [MODEL], "settings": wrong}, "-f"))


def test_no_secret_of_a_url_that_is_no_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("models.json").write_text(json.dumps([MODEL]))
    with unchanged(folder):
        for url in (f"https://key:{SECRET}@host.invalid/x", f"smb://key:{SECRET}@host.invalid/x"):
            assert main(["serve-build", "models.json", "-o", url]) == 1
    assert SECRET not in (error := capsys.readouterr().err)
    assert "cannot be written" in error
