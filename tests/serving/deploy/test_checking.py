"""What the server would refuse is said by ``serve_build`` and the builder as by ``marpack.pack``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.cli import main
from marpack.errors import CheckError
from marpack.serving import Model, TorchServingArtifactBuilder, serve_build
from tests.checks.rules.test_weights_torch import NEWER
from tests.server.test_archives import DIGITS
from tests.support.object_store import BUCKET, Page, S3Server, WebServer

GOOD = "def handle(data, context):\n    return data\n"
TWO = "class A:\n    pass\n\n\nclass B:\n    pass\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "two.py").write_text(TWO)
    return tmp_path


def model(handler: str, **more: Any) -> dict[str, Any]:
    return {"model_name": handler, "handler": f"{handler}.py", **more}


def codes(artifact: Any) -> set[tuple[str | None, str, str]]:
    return {(each.file, each.code, each.severity) for each in artifact.findings}


BROKEN = ("two.mar", "handler-classes", "error")


def test_nobody_looks_by_default() -> None:
    assert serve_build([model("two")], "out").findings == ()


def test_warnings_are_in_the_result() -> None:
    artifact = serve_build([model("good"), model("two")], "out", check="warn")
    assert codes(artifact) == {BROKEN}
    assert [len(archive.findings) for archive in artifact.archives] == [0, 1]
    assert Path("out/model-store/two.mar").exists()


def test_errors_are_raised_before_anything_is_written() -> None:
    with pytest.raises(CheckError, match="handler-classes") as error:
        serve_build([model("good"), model("two"), model("two", version="2")], "out", check="error")
    assert [each.file for each in error.value.findings] == ["two-1-0.mar", "two-2.mar"]
    assert not Path("out").exists()
    assert codes(serve_build([model("good")], "out", check="error")) == set()


def test_there_are_three_ways() -> None:
    with pytest.raises(ValueError, match="error, warn, off"):
        serve_build([model("good")], "out", check="loudly")  # type: ignore[arg-type]
    assert not Path("out").exists()


def test_it_says_the_same_as_packing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("models.json").write_text(json.dumps([model("two")]))
    words = ["pack", "--model-name", "two", "-v", "1", "--handler", "two.py", "-f", "--check"]
    for mode in marpack.packing.CHECK_MODES:
        status, told = main([*words, mode]), capsys.readouterr().err
        assert main(["serve-build", "models.json", "-o", f"out-{mode}", "--check", mode]) == status
        assert capsys.readouterr().err == told
        assert ("handler-classes" in told) == (mode != "off")
        assert Path(f"out-{mode}").exists() == (status == 0) == (mode != "error")
    assert main(["serve-build", "models.json", "--json"]) == 0
    shown = capsys.readouterr()
    assert "handler-classes" in shown.err
    assert [each["code"] for each in json.loads(shown.out)["findings"]] == ["handler-classes"]


def test_the_environment_says_what_the_option_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("models.json").write_text(json.dumps([model("two")]))
    monkeypatch.setenv("MARPACK_CHECK", "off")
    assert main(["serve-build", "models.json", "-o", "silent"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["serve-build", "models.json", "-o", "out", "--check", "warn"]) == 0
    assert "handler-classes" in capsys.readouterr().err
    monkeypatch.setenv("MARPACK_CHECK", "error")
    assert main(["serve-build", "models.json", "-o", "not"]) == 1
    monkeypatch.setenv("MARPACK_CHECK", "loudly")
    assert main(["serve-build", "models.json", "-o", "not"]) == 2
    assert "MARPACK_CHECK='loudly' is none of error, warn, off" in capsys.readouterr().err
    assert not Path("not").exists()


def test_the_servers_torch_is_told_or_that_of_its_image(capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.pt").write_bytes(NEWER)
    models = [model("net", serialized_file="net.pt") | {"handler": "image_classifier"}]

    def said(*, torch: str | None = None, **top: str) -> list[str]:
        artifact = serve_build({"models": models, **top}, "out", check="warn", torch=torch, force=True)
        return [each.severity for each in artifact.findings if each.code == "weights-torch"]

    assert said(torch="2.1") == ["error"]
    assert said(torch="2.4") == said(torchserve_version="0.12.0") == said(preset="torchserve") == []
    assert said() == said(torchserve_version="0.9.0") == ["warning"]
    Path("models.json").write_text(json.dumps(models))
    for torch, status in (("2.1", 1), ("2.4", 0)):
        words = ["serve-build", "models.json", "-f", "--check", "error", "--torch", torch]
        assert main(words) == status
        assert ("weights-torch" in capsys.readouterr().err) == (status == 1)

    files = {"handler": "image_classifier", "model_file": str(DIGITS / "model.py"), "serialized_file": "net.pt"}
    kaptains = Model(id="net", serving_config=files)
    by_release: list[tuple[str | None, str | None, list[str]]]
    by_release = [("0.12.0", "2.1", ["error"]), ("0.12.0", None, []), (None, None, ["warning"])]
    for release, version, severities in by_release:
        builder = TorchServingArtifactBuilder(kaptains, torchserve_version=release)
        artifact = builder.build("deploy", check="warn", torch=version, force=True)
        assert [each.severity for each in artifact.findings if each.code == "weights-torch"] == severities


def test_notes_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    Path("models.json").write_text(json.dumps([model("good", model_name="Good")]))
    assert main(["serve-build", "models.json", "--json"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    told = {(each["code"], each["severity"]) for each in json.loads(shown.out)["findings"]}
    assert told == {("kserve-model-name", "note")}


def test_a_check_that_fails_does_not_keep_from_building(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a rule")

    monkeypatch.setattr("marpack.checks.examine.check", broken)
    Path("models.json").write_text(json.dumps([model("good")]))
    assert main(["serve-build", "models.json"]) == 0
    assert "check: could not be done: ZeroDivisionError('a rule')" in capsys.readouterr().err
    assert Path("deploy/model-store/good.mar").exists()


@pytest.mark.parametrize("preset", ["torchserve", "kaptain", "kserve", "sagemaker"])
def test_a_good_model_is_good_for_every_preset(preset: str) -> None:
    declaration = {"preset": preset, "torchserve_version": "0.12.0", "models": [model("good")]}
    artifact = serve_build(declaration, "out", check="error")
    assert codes(artifact) == set()
    assert artifact.warnings == ()


@pytest.mark.parametrize("form", ["tgz", "no-archive"])
def test_a_store_of_several_forms(form: str) -> None:
    """One archive that KServe's wrapper knows is enough for it, and the others are served all the same."""
    models = [model("good"), model("good", model_name="other", archive_format=form)]
    assert codes(serve_build(models, "out", check="error")) == set()


# ------------------------------------------------------------------------------------- where the two meet


def undecoded(preset: str, **settings: Any) -> list[str]:
    """Build the digits for a preset, and return what is said of their handler, which takes decoded JSON."""
    files = {"model_file": "model.py", "serialized_file": "digits.pt", "extra_files": "index_to_name.json"}
    models = [{"model_name": "digits", "handler": "handler.py", **files}]
    declaration = {"preset": preset, "settings": settings, "models": models}
    return [
        each.code for each in serve_build(declaration, "out", base_dir=DIGITS, force=True, check="warn").findings
    ]


def test_decoded_json_and_the_preset_sagemaker() -> None:
    assert undecoded("sagemaker") == ["sagemaker-json"]
    assert undecoded("kserve", decode_input_request=False) == ["sagemaker-json"]


@pytest.mark.parametrize(
    ("preset", "settings"),
    [
        ("sagemaker", {"decode_input_request": True}),
        ("kserve", {}),
        ("torchserve", {}),
        # An envelope is given the rows first, and may decode them.
        ("sagemaker", {"service_envelope": "json"}),
    ],
)
def test_decoded_json_elsewhere(preset: str, settings: dict[str, Any]) -> None:
    assert undecoded(preset, **settings) == []


# ------------------------------------------------------------------------------------------ the SDK's builder


def builder(handler: str, **more: Any) -> TorchServingArtifactBuilder:
    config = {"handler": f"{handler}.py", "model_file": str(DIGITS / "model.py"), **more}
    return TorchServingArtifactBuilder(
        Model(id="dev/two", serving_config={**config, "serialized_file": str(DIGITS / "digits.pt")})
    )


def test_the_builder_asks_too() -> None:
    assert builder("two").build("one").findings == ()
    assert codes(builder("two").build("out", check="warn")) == {("dev-two.mar", "handler-classes", "error")}
    with pytest.raises(CheckError, match="handler-classes"):
        builder("two").build("not", check="error")
    assert not Path("not").exists()
    with pytest.raises(ValueError, match="error, warn, off"):
        builder("good").build("not", check="loudly")  # type: ignore[arg-type]


def test_the_builder_asks_with_settings_of_ones_own() -> None:
    Path("own.properties").write_text("model_store=/mnt/models/model-store\nload_models=all\n")
    built = builder("two", config_properties="own.properties").build("out", check="warn")
    assert codes(built) == {("dev-two.mar", "handler-classes", "error")}


# -------------------------------------------------------------------------------------- KServe's own ports

PORTED = "takes port 8081, which is the wrapper's own"


def test_kaptains_port_is_adapted() -> None:
    declaration = {"preset": "kaptain", "torchserve_version": "0.12.0", "models": [model("good")]}
    artifact = serve_build(declaration, "out")
    config = marpack.ServerConfig.load(artifact.config_path)
    assert config.management_address == config.inference_address == "http://0.0.0.0:8085"
    assert artifact.warnings == ()


@pytest.mark.parametrize("preset", ["kaptain", "kserve"])
@pytest.mark.parametrize("port", ["0.0.0.0:8081", "127.0.0.1:8081", "0.0.0.0:8080"])
def test_a_port_that_is_said_is_an_error(preset: str, port: str) -> None:
    settings = {"management_address": f"http://{port}"}
    declaration = {"preset": preset, "torchserve_version": "0.12.0", "settings": settings}
    with pytest.raises(marpack.errors.ConfigError, match="kserve-port"):
        serve_build({**declaration, "models": [model("good")]}, "out")
    assert not Path("out").exists()


def test_a_port_is_no_error_where_the_wrapper_does_not_read() -> None:
    settings = {"management_address": "http://0.0.0.0:8081"}
    declaration = {"torchserve_version": "0.12.0", "settings": settings, "models": [model("good")]}
    assert serve_build({**declaration, "preset": "torchserve"}, "one").warnings == ()
    # Up to 0.8.0 the wrapper opens no gRPC there.
    serve_build({**declaration, "preset": "kserve", "torchserve_version": "0.8.0"}, "two")


def test_kserves_preset_needs_no_release_for_it() -> None:
    declaration = {"preset": "kserve", "settings": {"management_address": "http://0.0.0.0:8081"}}
    with pytest.raises(marpack.errors.ConfigError, match="kserve-port"):
        serve_build({**declaration, "models": [model("good")]}, "out")


def test_kaptains_own_text_without_a_release_is_warned_of() -> None:
    artifact = serve_build({"preset": "kaptain", "models": [model("good")]}, "out")
    config = marpack.ServerConfig.load(artifact.config_path)
    assert config.management_address == "http://0.0.0.0:8081"
    assert any(PORTED in warning for warning in artifact.warnings)


# ----------------------------------------------------------------------------------------- weights at a URL


def remote(url: str) -> list[dict[str, Any]]:
    files = {"model_file": str(DIGITS / "model.py"), "serialized_file": url}
    return [{"model_name": "m", "handler": "base_handler", **files}]


def test_weights_of_the_web_are_looked_at(web: WebServer) -> None:
    weights = (DIGITS / "digits.pt").read_bytes()
    web.pages["/w.pt"] = Page(data=weights, etag='"1"')
    artifact = serve_build(remote(f"http://{web.host}/w.pt"), "out", check="error")
    assert codes(artifact) == set()
    with marpack.open_archive(artifact.archive.path) as archive:
        assert archive.read("w.pt") == weights
    web.pages["/w.pt"] = Page(data=b"<html>not found</html>" * 99, etag='"1"')
    with pytest.raises(CheckError, match="weights-state-dict"):
        serve_build(remote(f"http://{web.host}/w.pt"), "not", check="error")
    assert not Path("not").exists()


@pytest.mark.slow
def test_weights_of_a_bucket_are_looked_at(s3: S3Server) -> None:
    weights = (DIGITS / "digits.pt").read_bytes()
    s3.put("w.pt", weights)
    s3.put("bad.pt", b"<html>not found</html>" * 99)
    artifact = serve_build(remote(f"s3://{BUCKET}/w.pt"), "out", check="error")
    with marpack.open_archive(artifact.archive.path) as archive:
        assert archive.read("w.pt") == weights
    with pytest.raises(CheckError, match="weights-state-dict"):
        serve_build(remote(f"s3://{BUCKET}/bad.pt"), "not", check="error")
