"""Names, settings, requirements and places that somebody has chosen with care."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

import marpack
from marpack.errors import MarpackError, TargetError
from marpack.export import ExportPlan, plan_export, write_export
from marpack.export.targets import TARGETS
from tests.export.exports import digits
from tests.support.archives import packed, zipped

NAMES = [
    '"""',
    '\\"""',
    'x"""+__import__("os").getpid()+"""',
    "'''",
    "a'\"b",
    'a"',
    "a\\",
    "{x}",
    "{{ x }}",
    "$(HOME)",
    "%s",
    "yes",
    "null",
    "1e3",
    "~",
    "0x10",
    "=",
    "<<",
    "- a",
    "a: b",
    "&a",
    "*a",
    "!x",
    "|",
    "a\nb",
    "-rf",
    "&lt;b>",
    "~~a~~",
]
# Ray Serve has no such names, and is not asked.
BEYOND_ASCII = ["\u2028", "\u202eabc", "e\u0301"]
DEVICES = ["CON", "nul.txt", "com1", "Aux", "a.", "...", " "]
# What a generated program may call.
CALLED = {"Path", "application", "ServedModel", "MarModel", "ModelServer"}


def named(folder: Path, name: str = "m", version: str = "1.0", file_name: str = "m.mar") -> Path:
    manifest = json.dumps({"model": {"modelName": name, "modelVersion": version, "handler": "h.py"}})
    handler = b"def handle(data, context): return data\n"
    return zipped(folder / file_name, [("h.py", handler)], manifest=manifest)


def plan(*sources: Path, to: str = "ray", **options: Any) -> ExportPlan:
    return plan_export(*sources, to=to, with_marpack=False, **options)


def program(planned: ExportPlan) -> ast.Module:
    return ast.parse(next(text for file, text in planned.files.items() if file.endswith(".py")))


@pytest.mark.parametrize("name", [*NAMES, *DEVICES, *BEYOND_ASCII])
def test_a_name_is_a_text_wherever_it_is_written(name: str, tmp_path: Path) -> None:
    for as_version in (False, True):
        path = named(tmp_path, version=name) if as_version else named(tmp_path, name)
        for target in TARGETS:
            if target != "kserve" and name in BEYOND_ASCII and not as_version:
                continue
            planned = plan(path, to=target)
            module = program(planned)
            calls = {node.func.id for node in ast.walk(module) if _is_call(node)}  # type: ignore[attr-defined]
            assert calls <= CALLED
            title = f"m {name}" if as_version else f"{name} 1.0"
            assert str(ast.get_docstring(module, clean=False)).startswith(f"{title}, of TorchServe, on ")
            if target == "kserve":
                service = yaml.safe_load(planned.files["inferenceservice.yaml"])
                [container] = service["spec"]["predictor"]["containers"]
                assert container["args"] == [f"--model_name={'m' if as_version else name}"]
            else:
                [deployment] = yaml.safe_load(planned.files["config.yaml"])["applications"][0]["deployments"]
                assert deployment["name"] == ("m" if as_version else name)
            [model] = json.loads(planned.about["export.json"])["models"]
            assert (model["name"], model["version"]) == (("m", name) if as_version else (name, "1.0"))
            for sign in set(title) & set("`*_[]<>|&~"):
                assert planned.about["EXPORT.md"].split("\n")[0].count(f"\\{sign}") == title.count(sign)
            assert all(line.isprintable() for line in planned.about["EXPORT.md"].split("\n"))


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


@pytest.mark.parametrize("name", DEVICES)
def test_a_folder_is_one_on_windows_too(name: str, tmp_path: Path) -> None:
    [model] = plan(named(tmp_path, name, name)).models
    for part in model.folder.split("/")[1:]:
        assert part.partition(".")[0].lower() not in {"con", "nul", "com1", "aux"}
        assert not part.endswith((".", " "))


@pytest.mark.parametrize(
    ("name", "why"),
    [("a#b", "has a '#'"), ("\u00e9", "has letters beyond ASCII"), ("x" * 201, "has 201 letters, more than 200")],
)
def test_names_at_which_ray_serve_fails(name: str, why: str, tmp_path: Path) -> None:
    """Its controller ends at the second, and a replica, whose log has the name in its own, at the third."""
    for target in ("ray", "sagemaker-ray"):
        with pytest.raises(MarpackError, match=f"{why}, which a deployment's name cannot have: rename it"):
            plan(named(tmp_path, name), to=target)
    assert plan(named(tmp_path, name), to="kserve").files
    versions = [named(tmp_path, "m", each, f"{number}.mar") for number, each in enumerate(("1", name))]
    with pytest.raises(MarpackError, match="which a deployment's name cannot have"):
        plan(*versions)


def test_a_name_that_no_path_of_kserve_has(tmp_path: Path) -> None:
    with pytest.raises(MarpackError, match=r"'a/b 1\.0' has a '/', which no path of KServe's has"):
        plan(named(tmp_path, "a/b"), to="kserve")
    assert plan(named(tmp_path, "a/b")).files


def test_what_kserve_cannot_have_is_for_kserve_alone(tmp_path: Path) -> None:
    told = [("a", "1"), ("a", "2"), ("a-1", "2")]
    archives = [named(tmp_path, *each, f"{number}.mar") for number, each in enumerate(told)]
    with pytest.raises(MarpackError, match="two of the models would be 'a-1' to KServe"):
        plan(*archives, to="kserve")
    assert len(plan(*archives).models) == 3


def test_half_of_a_character_is_no_name(tmp_path: Path) -> None:
    for name, version in (("\ud800", "1.0"), ("m", "\ud800")):
        with pytest.raises(MarpackError, match=r"has half of a character.*marpack repack --model-name, --version"):
            plan(named(tmp_path, name, version))


def test_a_version_without_a_text_is_the_default_one(tmp_path: Path) -> None:
    [model] = plan(named(tmp_path, version=""), to="kserve").models
    assert model.is_default
    assert '"m",' in plan(named(tmp_path, version=""), to="kserve").files["app.py"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("foo bar baz", "pip cannot read it"),
        ("<<<<<<< HEAD", "pip cannot read it"),
        ("a==1;b==2", "pip cannot read it"),
        ("requests; no marker", "pip cannot read it"),
        ('"requests"', "pip cannot read it"),
        ("x @ //user:hunter2@h/p.whl", "a password or a token"),
        ("x @ https:user:hunter2@h/p.whl", "a password or a token"),
        ("x@git+https://hunter2@h/p", "a password or a token"),
        ("https://hunter2@h/p.whl", "a password or a token"),
        ("git+https://user:hun/ter2@h/p", "a password or a token"),
        ("git+https://h/p@v1?token=hunter2", "a password or a token"),
        ("git+ssh://git:hunter2@h/p", "a password or a token"),
    ],
)
def test_a_line_that_would_break_all_of_them_is_left_out(line: str, why: str, tmp_path: Path) -> None:
    planned = plan(packed(tmp_path, requirements_file=["requests", line], check="off"))
    assert planned.files["requirements.txt"].endswith("# What the archives ask for.\nrequests\n")
    [told] = [each for each in planned.entries if each.seen == "requirements.txt:2"]
    assert told.fate == "lost"
    assert why in told.why
    assert "hunter2" not in "".join([*planned.files.values(), *planned.about.values()])


def test_addresses_without_a_secret_stay(tmp_path: Path) -> None:
    """The user of SSH is the same for everybody."""
    lines = ["git+ssh://git@github.com/a/b.git@v1.0", "x @ git+ssh://git@h/a/b"]
    lines += ["git+https://h/a/b@v1.0", "https://h/p.whl", "x @ git+https://h/a/b@v1.0", "x@https://h/p.whl"]
    planned = plan(packed(tmp_path, requirements_file=lines, check="off"))
    assert set(planned.files["requirements.txt"].split("\n")) >= set(lines)


def test_a_model_that_asks_for_another_engine_is_told_of(tmp_path: Path) -> None:
    path = packed(tmp_path, requirements_file=["ray==1.0", "torchserve==0.9.0", "requests"], check="off")
    planned = plan(path)
    what = ", which runs the models"
    told = {each.what.removesuffix(what): each.seen for each in planned.entries if each.what.endswith(what)}
    assert told == {
        "ray": "ray[serve]>=2.50,<3 (what runs the handlers); ray==1.0 (m 1.0)",
        "torchserve": "torchserve==0.12.0 (what runs the handlers); torchserve==0.9.0 (m 1.0)",
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("max_request_size=1e9", "max_request_size: '1e9' is not a whole number"),
        ("max_response_size=-5", "max_response_size: -5 is out of range"),
        ("default_workers_per_model=99999999999", "does not fit 32 bits"),
        ("default_response_timeout=0", "default_response_timeout: 0 is out of range"),
        ("service_envelope=mine", "the envelope 'mine' is none that TorchServe 0.12.0 brings"),
        ("service_envelope=$$MINE$$", "service_envelope takes 'MINE' from the environment"),
        ("max_request_size=$$MINE$$", "max_request_size takes 'MINE' from the environment"),
        ("decode_input_request=True", "'True' is not true to workers"),
        ("inference_address=http://[::1]:8080", "is no address"),
        ("inference_address=http://0.0.0.0:8085/", "is no address"),
        ("inference_address=http://user:hunter2@h:80", "is no address"),
        ("inference_address=http://h:99999", "port 99999 is out of range"),
        ('models={"m": {"1.0": {"batchSize": 99999999999}}}', "models.m.1.0.batchSize"),
        ('models={"m": []}', "models.m: must be an object"),
        ("load_models=../m.mar", "'../m.mar' has '..'"),
    ],
)
def test_settings_with_which_no_server_works_are_refused(line: str, said: str, tmp_path: Path) -> None:
    """What is carried over is what was told; an entry that says so of anything else would be wrong."""
    path = settings_of(tmp_path, line)
    with pytest.raises(MarpackError) as caught:
        plan(path)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def settings_of(folder: Path, line: str) -> Path:
    (folder / "model-store").mkdir()
    named(folder / "model-store")
    path = folder / "config.properties"
    path.write_text(f"{line}\n" if line.startswith("load_models") else f"{line}\nload_models=all\n")
    return path


def test_numbers_that_are_texts_are_numbers_to_the_server(tmp_path: Path) -> None:
    [model] = plan(settings_of(tmp_path, 'models={"m": {"1.0": {"batchSize": "8"}}}')).models
    assert model.settings.batch_size == 8
    assert model.told["batch_size"] == (8, "models: batchSize")


def test_the_name_of_an_archive_is_told_without_its_password(tmp_path: Path) -> None:
    version = {"defaultVersion": True, "marName": "https://u:hunter2@h/m.mar", "minWorkers": 1, "maxWorkers": 1}
    version |= {"batchSize": 1, "maxBatchDelay": 100, "responseTimeout": 120}
    snapshot = {"name": "startup.cfg", "modelCount": 1, "created": 1, "models": {"m": {"1.0": version}}}
    path = settings_of(tmp_path, f"model_snapshot={json.dumps(snapshot)}")
    with pytest.raises(MarpackError, match="is no name of an archive in a store") as caught:
        plan(path)
    assert "hunter2" not in str(caught.value)


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_force_replaces_no_other_folder(tmp_path: Path) -> None:
    """Not one that has some file of that name."""
    planned = plan(digits(tmp_path))
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "mine").write_text("x")
    for text in ("", "{}", "[]", '{"schema": 1}', "[" * 100_000):
        (theirs / "export.json").write_text(text)
        with pytest.raises(TargetError, match=r"has an export\.json that is no export's"):
            write_export(planned, theirs, force=True)
    assert below(theirs) == ["export.json", "mine"]


def test_force_replaces_nothing_of_what_is_exported(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_export(plan(digits(tmp_path)), out)
    inside = out / "digits.mar"
    inside.write_bytes((tmp_path / "digits.mar").read_bytes())
    model = out / "models" / "digits" / "1.0"
    before = below(out)
    for source in (inside, model):
        for link in (False, True):
            target = out
            if link:
                target = tmp_path / "elsewhere" / "out"
                target.parent.mkdir(exist_ok=True)
                target.parent.rmdir()
                target.parent.symlink_to(tmp_path)
            with pytest.raises(TargetError, match="which is exported: name another folder"):
                write_export(plan(source), target, force=True)
            if link:
                target.parent.unlink()
    for target in (model / "out", model):
        with pytest.raises(TargetError, match=r"would be part of it|which is exported"):
            write_export(plan(model), target, force=True)
    assert below(out) == before


@pytest.mark.parametrize("name", ["", ".", "..", "x/..", "/"])
def test_no_name_of_a_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(digits(tmp_path))
    (tmp_path / "empty" / "x").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "empty")
    for force in (False, True):
        with pytest.raises(TargetError, match="does not name a new folder"):
            write_export(planned, name, force=force)
    assert os.listdir(tmp_path / "empty") == ["x"]


def test_a_folder_named_with_a_slash(tmp_path: Path) -> None:
    write_export(plan(digits(tmp_path)), f"{tmp_path}/out/")
    assert (tmp_path / "out" / "app.py").is_file()
    assert (
        marpack.open_archive(tmp_path / "out" / "models" / "digits" / "1.0").manifest.model.model_name == "digits"
    )
