"""No secret of the user's is shown by an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from marpack.errors import ConfigError, DownloadError, MarpackError
from marpack.serving import TorchServingArtifactBuilder
from tests.support.built_artifacts import MAR, NAME, build, serving_model, write_config_properties
from tests.support.secret_urls import SECRET, SECRET_URLS, shown


@pytest.mark.parametrize("url", SECRET_URLS)
@pytest.mark.parametrize("key", ["model_file", "handler", "serialized_file", "extra_files", "config_properties"])
def test_no_secret_of_an_url_where_a_path_is_meant(key: str, url: str) -> None:
    with pytest.raises((MarpackError, OSError)) as caught:
        build(serving_model({key: url}), exported_model="net.pt")
    assert SECRET not in shown(caught.value)


@pytest.mark.parametrize("url", SECRET_URLS)
@pytest.mark.parametrize("called", [False, True])
def test_no_secret_of_the_exports_url(url: str, called: bool) -> None:
    pytest.importorskip("aiohttp")
    with pytest.raises(DownloadError) as caught:
        build(serving_model(), exported_model=(lambda: url) if called else url)
    assert SECRET not in shown(caught.value)


@pytest.mark.parametrize("url", SECRET_URLS)
def test_no_secret_in_a_repr(url: str) -> None:
    model = serving_model({"serialized_file": url}, requirements=["--index-url", url])
    assert SECRET not in repr(model)
    assert SECRET not in repr(TorchServingArtifactBuilder(model, exported_model=url))


@pytest.mark.parametrize(
    "line",
    [
        f"keystore_pass={SECRET}\nkeystore_pss={SECRET}",
        f"my_secret={SECRET}\njob_queue_size=x",
        f"vmargs='-Djavax.net.ssl.keyStorePassword={SECRET}'",
        f"cors_allowed_origin='{SECRET_URLS[0]}'",
        *(f"inference_address={url}" for url in SECRET_URLS),
        *(f"load_models={url}, {url}" for url in SECRET_URLS),
        *(f"allowed_urls={url}(\njob_queue_size=x" for url in SECRET_URLS),
    ],
)
def test_no_secret_of_a_custom_file(line: str, folder: Path) -> None:
    data = Path(write_config_properties(NAME, MAR, ".")).read_text().partition("model_snapshot")[0]
    (folder / "own.properties").write_text(f"{data}\n{line}\n")
    serving = {"serialized_file": "net.pt", "config_properties": "own.properties"}
    with pytest.raises(ConfigError) as caught:
        build(serving_model(serving))
    assert SECRET not in shown(caught.value)
    assert SECRET not in repr(caught.value.findings)
