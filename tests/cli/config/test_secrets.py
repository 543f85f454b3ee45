"""No secret of a file or of an argument is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from marpack.cli import main
from tests.support.folder_contents import unchanged
from tests.support.secret_urls import SECRET, SECRET_URLS
from tests.support.settings_commands import ENTRY, GOOD, READERS, SNAPSHOT, complaint, words

SECRET_LINES = [
    f"keystore_pass={SECRET}",
    f"keystore_pass='{SECRET}'",
    f"my_secret={SECRET}",
    f"api_key={SECRET}",
    f"aws_secret_access_key={SECRET}",
    f"db_password={SECRET}",
    f"vmargs=-Djavax.net.ssl.keyStorePassword={SECRET} -Dx=y",
    f"vmargs='-Dkeystore.pass={SECRET}'",
    f"models={json.dumps({'a': {'1.0': {'my_secret': SECRET}}})}",
    *(f"inference_address={url}" for url in SECRET_URLS),
    *(f"cors_allowed_origin='{url}'" for url in SECRET_URLS),
    *(f"load_models={url}, {url}" for url in SECRET_URLS),
    *(f"load_models=a={url},b={url}" for url in SECRET_URLS),
    *(f"allowed_urls={url}(" for url in SECRET_URLS),
    *(f"service_envelope={url}" for url in SECRET_URLS),
    *(
        f"model_snapshot={json.dumps({**SNAPSHOT, 'models': {'a': {'1.0': {**ENTRY, 'marName': url}}}})}"
        for url in SECRET_URLS
    ),
]


@pytest.mark.parametrize("line", SECRET_LINES)
@pytest.mark.parametrize("json_wanted", [False, True])
def test_no_secret_is_shown(
    line: str, json_wanted: bool, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extra = ["--json"] if json_wanted else []
    for command in READERS:
        (folder / "file").write_text(f"{GOOD}{line}\n")
        main([*words(command, "file"), *extra])
        assert SECRET not in "".join(capsys.readouterr()), command
    main(["config", "init", "-", "--set", "model_store=store", "--set", line, *extra])
    out, err = capsys.readouterr()
    assert SECRET not in err
    if json_wanted:
        assert SECRET not in out
    for options in ([line], [line, "--force"], [line, "job_queue_size=x"]):
        (folder / "file").write_text(GOOD)
        main(["config", "set", "file", *options, *extra])
        assert SECRET not in "".join(capsys.readouterr()), options


@pytest.mark.parametrize("text", [f"keystore_pass:{SECRET}", f"keystore_pass {SECRET}", f"my_secret: {SECRET}"])
def test_no_secret_of_a_slip(text: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with unchanged(folder):
        assert SECRET not in complaint(capsys, "config", "set", "good.properties", text)
        assert SECRET not in complaint(capsys, "config", "init", "new", "--set", text)
