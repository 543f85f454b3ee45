"""``marpack config`` and ``marpack snapshot``, run in this process."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marpack
from marpack import properties
from marpack.cli import main
from marpack.config.lint import RULES, SNAPSHOT_RULES
from marpack.config.rules import model_config
from marpack.rule import Rule
from tests.conftest import full_disk, require
from tests.support.folder_contents import unchanged
from tests.support.secret_urls import SECRET, SECRET_URLS

T = 1_600_000_000
GOOD = """\
# ours
inference_address=http://127.0.0.1:8080
management_address=http://127.0.0.1:8081
metrics_address=http://127.0.0.1:8082
job_queue_size=10
model_store=store
"""
ENTRY: dict[str, Any] = {
    "defaultVersion": True,
    "marName": "a.mar",
    "minWorkers": 1,
    "maxWorkers": 1,
    "batchSize": 1,
    "maxBatchDelay": 100,
    "responseTimeout": 120,
}
SNAPSHOT: dict[str, Any] = {"name": "x", "modelCount": 1, "models": {"a": {"1.0": ENTRY}}}
FINDING_KEYS = {"code", "severity", "key", "message", "fix", "reader", "file", "member", "line", "effect"}

# Each command that reads a file.
READERS = [
    ["config", "show", "FILE"],
    ["config", "show", "--all", "--resolve", "FILE"],
    ["config", "lint", "FILE"],
    ["config", "lint", "--target", "kserve", "--torchserve-version", "0.5.2", "--resolve", "FILE"],
    ["config", "set", "FILE", "job_queue_size=1"],
    ["config", "set", "FILE", "--unset", "job_queue_size"],
    ["snapshot", "show", "FILE"],
    ["snapshot", "lint", "FILE"],
    ["serve-build", "FILE"],
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.properties").write_text(GOOD)
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Path:
    """A model store: one model, and another in two versions."""
    (folder / "store").mkdir()
    for name, version, file in (("a", "1.0", "a.mar"), ("b", "1.9", "b-old.mar"), ("b", "1.10", "b.mar")):
        plan = marpack.plan_archive(
            model_name=name, version=version, handler="base_handler", serialized_file=b"w", timestamp=T
        )
        marpack.write_archive(plan, folder / "store" / file)
    return folder / "store"


def words(command: list[str], file: str) -> list[str]:
    return [file if word == "FILE" else word for word in command]


def output(capsys: pytest.CaptureFixture[str], *command: str, status: int = 0) -> str:
    assert main(command) == status
    out, err = capsys.readouterr()
    assert err == ""
    return out


def complaint(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """Return the one line that a command fails with."""
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("marpack: error: ")
    assert err.count("\n") == 1
    return err


def strict_json(text: str) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def as_json(capsys: pytest.CaptureFixture[str], *command: str, status: int = 0) -> Any:
    assert main([*command, "--json"]) == status
    return strict_json(capsys.readouterr().out)


# ----------------------------------------------------------------------------------------------- what is read


@pytest.mark.parametrize("command", READERS, ids=" ".join)
@pytest.mark.parametrize("what", ["missing", "folder", "unreadable"])
def test_a_file_that_cannot_be_read_is_named_in_one_line(
    what: str, command: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = {"missing": "gone", "folder": "some-folder", "unreadable": "/proc/self/mem"}[what]
    if what == "folder":
        (folder / name).mkdir()
    require(
        what != "unreadable" or os.path.exists(name), "/proc/self/mem, which even root cannot read from its start"
    )
    with unchanged(folder):
        assert name in complaint(capsys, *words(command, name))


@pytest.mark.parametrize("command", READERS, ids=" ".join)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\0" * 100,
        bytes(range(256)),
        b"PK\3\4\x14\0\0\0",
        b"\xff\xfea\0=\0b\0",
        b"\xef\xbb\xbfa=b\n",
        b"a=\\u12\n",
        b"{",
        b"[]",
        b"[[]]",
        b"5",
        b"null",
        b'{"models": 5}',
        b'{"models": {"m": 5}}',
        b'{"models": {"m": {"1.0": []}}}',
        b'{"models": NaN}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"model_name": "\\ud800", "handler": "\\u0000"}',
        b'{"models": ' + b"9" * 5000 + b"}",
        b"[" * 10**5,
        b'{"models":' * 10**4,
        b"models=" + b'{"a":' * 400 + b"1" + b"}" * 400,
        b"model_snapshot=" + b"[" * 10**5,
        b'model_snapshot={"models": {}, "a": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"models": {}, "a": ' + b"[" * 900 + b"]" * 900 + b"}",
        b"inference_address=http://[::1]:99999999999999999999\n",
        b"job_queue_size=" + b"9" * 5000,
        b"token_expiration_min=" + b"9" * 5000,
        b"load_models=,,=,=x,x=\nallowed_urls=(((\nmodels=[1]\n",
    ],
    ids=lambda data: repr(data[:40]),
)
@pytest.mark.parametrize("json_wanted", [False, True])
def test_no_contents_lead_to_a_traceback(
    data: bytes, command: list[str], json_wanted: bool, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_bytes(data)
    status = main([*words(command, "file"), *(["--json"] if json_wanted else [])])
    out, err = capsys.readouterr()
    assert status in (0, 1)
    assert all(line.startswith("marpack: ") for line in err.splitlines())
    if status and not out:
        assert "file" in err
    if json_wanted and out:
        strict_json(out)


# What lines are made of: known keys, values that break something, and the grammar.
WORDS = r"""model_snapshot= models= load_models= inference_address= job_queue_size= allowed_urls= keystore_pass= http://h:80
{"models":{}} 1e999 NaN true -1 $$A$$ \u0000 \ud800 = : \ , { } [ " #"""
pieces = st.sampled_from([*WORDS.encode().split(), b" ", b"\n", b"\r\n", b"\xff", b"\x1b"]) | st.binary(max_size=3)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(pieces, max_size=12).map(b"".join))
def test_no_generated_contents_lead_to_a_traceback(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "file")
        for command in READERS:
            file.write_bytes(data)
            where = ["--output", place] if "serve-build" in command else []
            assert main([*words(command, str(file)), *where]) in (0, 1)


@pytest.mark.parametrize("command", [command for command in READERS if command[0] == "snapshot"], ids=" ".join)
def test_json_with_a_byte_order_mark_is_read_or_refused_for_it(
    command: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_bytes(b"\xef\xbb\xbf" + json.dumps(SNAPSHOT).encode())
    if main(words(command, "file")):
        assert "byte order mark" in "".join(capsys.readouterr())


# -------------------------------------------------------------------------------------------------- config init


@pytest.mark.parametrize("preset", ["torchserve", "kaptain", "kserve", "sagemaker"])
def test_init_writes_a_preset_that_is_good(preset: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["config", "init", "--preset", preset, "--archives", "store", "--torchserve-version", "0.12.0"]
    out = output(capsys, *command)
    assert out.startswith("config.properties: ")
    config = marpack.ServerConfig.load("config.properties")
    assert config.model_snapshot == marpack.ModelSnapshot.from_model_store("store")
    assert (config.model_store == str(store)) == (preset == "torchserve")
    assert config.disable_token_authorization is (preset != "torchserve")
    assert config.enable_model_api is False
    output(capsys, "config", "lint", "config.properties", "--torchserve-version", "0.12.0")


def test_init_prints_what_it_would_write(store: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with unchanged(folder):
        printed = output(capsys, "config", "init", "-", "--archives", "store")
    output(capsys, "config", "init", "--archives", "store")
    assert Path("config.properties").read_text() == printed


@pytest.mark.parametrize("file", ["-", "config.properties"])
def test_init_as_json(file: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = as_json(capsys, "config", "init", file, "--archives", "store", "--set", f"keystore_pass={SECRET}")
    assert set(document) == {"file", "settings", "findings"}
    assert SECRET not in json.dumps(document)
    assert document["settings"][0]["key"] == "inference_address"


def test_init_keeps_what_exists(store: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with unchanged(folder):
        message = complaint(capsys, "config", "init", "good.properties", "--archives", "store")
    assert "'good.properties' already exists" in message
    assert "--force" in message
    output(capsys, "config", "init", "good.properties", "--archives", "store", "-f")
    assert "ours" not in (folder / "good.properties").read_text()


def test_init_takes_settings(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output(
        capsys,
        "config",
        "init",
        "--archives",
        "store",
        "--set",
        "job_queue_size=7",
        "--set",
        "vmargs=-Xmx1g -Da=b",
    )
    found = properties.loads(Path("config.properties").read_bytes())
    assert (found["job_queue_size"], found["vmargs"]) == ("7", "-Xmx1g -Da=b")


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--set", "job_queue_size=ten"], "job_queue_size"),
        (["--set", "job_queue_siz=1"], "job_queue_size"),
        (["--set", "metrics_address=http://127.0.0.1:8081"], "8081"),
        (["--set", "model_snapshot={}"], "model_snapshot"),
        (["--set", "nothing"], "KEY=VALUE"),
        (["--set", "=x"], "KEY=VALUE"),
        (["--set", "a b=c"], "'a b'"),
        (["--set", "cpp_log_config=\u00fc"], "'cpp_log_config'"),
        (["--torchserve-version", "newest"], "'newest'"),
        (["--archives", "gone"], "'gone'"),
        (["--archives", "good.properties"], "'good.properties'"),
    ],
    ids=str,
)
@pytest.mark.parametrize("file", ["new.properties", "-"])
def test_init_refuses_and_writes_nothing(
    extra: list[str], says: str, file: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with unchanged(folder):
        assert says in complaint(capsys, "config", "init", file, "--set", "model_store=store", *extra)


@pytest.mark.parametrize(("file", "says"), [("gone/new", "'gone'"), ("some-folder", "'some-folder'")])
def test_init_where_nothing_can_be_written(
    file: str, says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "some-folder").mkdir()
    with unchanged(folder):
        message = complaint(capsys, "config", "init", file, "--set", "model_store=store")
    assert says in message
    assert "archive" not in message  # which this file is not


# -------------------------------------------------------------------------------------------------- config show


def test_show_aligns_what_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(capsys, "config", "show", "good.properties").splitlines()
    assert lines[0] == "inference_address   http://127.0.0.1:8080"
    assert [line.split()[0] for line in lines] == list(properties.loads(GOOD))


def test_show_all_adds_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(capsys, "config", "show", "good.properties", "--all").splitlines()
    assert {line.split()[0] for line in lines} == set(marpack.KEYS)
    [line] = [line for line in lines if line.startswith("default_response_timeout ")]
    assert line.split() == ["default_response_timeout", "120", "(default)"]
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("extra", [[], ["--all"]])
def test_show_as_json_has_the_same_keys_for_every_setting(
    extra: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_text(f"{GOOD}unknown=1\njob_queue_size=ten\nprefer_direct_buffer=TRUE\n")
    document = as_json(capsys, "config", "show", "file", *extra)
    assert set(document) == {"file", "settings"}
    assert document["file"] == "file"
    found = {setting["key"]: setting for setting in document["settings"]}
    assert {frozenset(setting) for setting in document["settings"]} == {frozenset(document["settings"][0])}
    assert (found["unknown"]["value"], found["unknown"]["known"]) == ("1", False)
    assert found["job_queue_size"]["value"] == "ten"
    assert found["prefer_direct_buffer"]["value"] is True
    assert len(found) == (len(marpack.KEYS) + 1 if extra else 7)


@pytest.mark.parametrize("line", ["token_expiration_min=1e999", 'models={"a": NaN}', 'models={"a": 1e999}'])
def test_show_as_json_is_json_whatever_the_numbers(
    line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_text(line)
    as_json(capsys, "config", "show", "file")


def test_show_resolves_variables(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_text("model_store=$$STORE_HERE$$/x\nenable_envvars_config=true\n")
    message = complaint(capsys, "config", "show", "file", "--resolve")
    assert "'STORE_HERE'" in message
    assert "file" in message.replace("'STORE_HERE'", "")
    monkeypatch.setenv("STORE_HERE", "/models")
    monkeypatch.setenv("TS_JOB_QUEUE_SIZE", "7")
    out = output(capsys, "config", "show", "file", "--resolve")
    assert "/models/x" in out
    assert ["job_queue_size", "7"] in [line.split() for line in out.splitlines()]
    assert "$$STORE_HERE$$/x" in output(capsys, "config", "show", "file")


@pytest.mark.parametrize("command", [command for command in READERS if command[0] != "serve-build"], ids=" ".join)
def test_nothing_in_a_file_acts_on_the_terminal(
    command: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = {"a\x1b[2J\nforged: 0 errors": {"1.0\x1b[2J": {**ENTRY, "marName": "\x1b[2J.mar", "minWorkers": 0}}}
    snapshot = json.dumps({**SNAPSHOT, "models": models}).replace("\\", "\\\\")
    lines = [
        f"model_snapshot={snapshot}",
        r"a\nforged: 0 errors=\u001b[2J",
        "\x1b[2J=\x1b[2J",
        "job_queue_size=\x1b[2J",
    ]
    (folder / "file").write_text("\n".join(lines) + "\n")
    main(words(command, "file"))
    shown = "".join(capsys.readouterr())
    assert "\x1b" not in shown
    assert not any(line.startswith("forged") for line in shown.splitlines())


# -------------------------------------------------------------------------------------------------- config lint


def test_lint_of_a_good_file(capsys: pytest.CaptureFixture[str]) -> None:
    good = output(capsys, "config", "lint", "good.properties", "--target", "torchserve")
    assert good == "good.properties: 0 errors, 0 warnings\n"
    assert "0 errors, 0 warnings, 1 note" in output(capsys, "config", "lint", "good.properties")
    noted = output(capsys, "config", "lint", "good.properties", "--target", "mlflow")
    assert "note: management_address: does not say localhost: MLflow's plugin" in noted


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("unknown=1\n", 0),
        ("service_envelope=kfserving\n", 0),
        ("a=1\na=2\n", 0),
        ("job_queue_size=ten\n", 1),
        ("inference_addres=http://127.0.0.1:8080\n", 1),
        ("x=\\u12\n", 1),
        ("metrics_address=http://127.0.0.1:8081\n", 1),
    ],
)
@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_lint_fails_on_errors_only(
    text: str, status: int, extra: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_text(GOOD + text)
    out = output(capsys, "config", "lint", "file", *extra, status=status)
    if extra:
        document = strict_json(out)
        assert set(document) == {"file", "findings"}
        severities = [finding["severity"] for finding in document["findings"]]
        assert severities
        assert ("error" in severities) == bool(status)
        for finding in document["findings"]:
            assert set(finding) == FINDING_KEYS
            assert finding["file"] == "file"
            assert finding["line"] > 1
    else:
        assert all(line.startswith("file:") for line in out.splitlines())


def test_lint_for_a_release_a_place_and_a_store(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "init", "--preset", "kaptain", "--archives", "store"]) == 0
    assert "kfserving" in capsys.readouterr().err
    output(capsys, "config", "lint", "config.properties")
    output(capsys, "config", "lint", "config.properties", "--torchserve-version", "0.5.2", "--target", "kserve")
    assert "kfserving" in output(
        capsys, "config", "lint", "config.properties", "--torchserve-version", "0.12.0", status=1
    )
    output(capsys, "config", "lint", "config.properties", "--model-store", "store")
    os.remove("store/a.mar")
    assert "'a.mar' is not in the model store" in output(
        capsys, "config", "lint", "config.properties", "--model-store", "store", status=1
    )


def test_lint_for_what_is_no_release(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "'newest'" in complaint(capsys, "config", "lint", "good.properties", "--torchserve-version", "newest")


def test_lint_with_a_store_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "lint", "good.properties", "--target", "torchserve", "--model-store", "gone"]) == 1
    # Not with the line in which the file itself names a folder.
    assert capsys.readouterr().out.startswith("error: model_store: 'gone' cannot be looked at: ")


# --------------------------------------------------------------------------------------------------- config set


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        (b"", b""),
        (b"# ours \r\n\r\n! too\r\n", b"\r\na : b\r\n"),
        (b"# \xfc\xff\n\ta = 1\n  b:2\n", b"\n\n\n# end"),
        (b"long=1,\\\n   2\\\n,3\n", b"\n\r\r"),
        (b"job_queue_size=1\n#job_queue_size=2\n", b"\n# job_queue_size=3\n"),
        (b"a=1\na=2\na=3\n", b"\nvmargs=-Dx\\=y\n"),
    ],
)
@pytest.mark.parametrize("old", [b"job_queue_size=10", b"job_queue_size : \\\n 10", b"\tjob_queue_size\t10"])
def test_set_leaves_every_other_byte(
    head: bytes, tail: bytes, old: bytes, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "file"
    file.write_bytes(head + old + tail)
    assert main(["config", "set", "file", "job_queue_size=20"]) == 0
    changed = file.read_bytes()
    assert changed.startswith(head)
    assert changed[len(head) :].rstrip(b"\r\n").startswith(b"job_queue_size=20")
    assert changed.endswith(tail)
    assert properties.loads(changed) == properties.loads(head + old + tail) | {"job_queue_size": "20"}
    assert len(changed) - len(head) - len(tail) <= len(b"job_queue_size=20\r\n")


def test_set_adds_with_the_files_line_ends_and_removes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "file"
    file.write_bytes(b"# ours\r\na=1\r\njob_queue_size=1\r\njob_queue_size=2")
    output(capsys, "config", "set", "file", "model_store=x", "--unset", "job_queue_size")
    assert file.read_bytes() == b"# ours\r\na=1\r\nmodel_store=x\r\n"


def test_set_keeps_permissions_and_links(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "good.properties").chmod(0o600)
    os.symlink("good.properties", "link")
    output(capsys, "config", "set", "link", "job_queue_size=20")
    assert os.path.islink("link")
    assert (folder / "good.properties").stat().st_mode & 0o777 == 0o600
    assert "job_queue_size=20\n" in (folder / "good.properties").read_text()


REFUSED = [
    ("job_queue_size=ten", "job_queue_size"),
    ("job_queue_size=0", "job_queue_size"),
    ("job.queue.size=1", "job_queue_size"),
    ("job_que_size=1", "job_queue_size"),
    ("service_envelope=rest", "service_envelope"),
    ("management_address=localhost:8081", "management_address"),
    ("inference_address=http://127.0.0.1:8082", "8082"),
    ("metrics_address=http://127.0.0.1:8081", "8081"),
    ("grpc_inference_port=8080", "8080"),
    ("inference_address=https://127.0.0.1:8443", "keystore"),
    ("model_snapshot={", "model_snapshot"),
    ("load_models=a.mar, b.mar", "load_models"),
]


@pytest.mark.parametrize(("change", "says"), REFUSED)
def test_set_refuses_what_the_server_would_refuse(
    change: str, says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with unchanged(folder):
        message = complaint(capsys, "config", "set", "good.properties", change)
    assert "good.properties" in message
    assert says in message
    assert main(["config", "set", "good.properties", change, "--force"]) == 0
    key, _, value = change.partition("=")
    assert properties.loads((folder / "good.properties").read_bytes())[key] == value


def test_set_refuses_to_remove_what_the_server_needs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = GOOD.replace("http://127.0.0.1:8080", "https://127.0.0.1:8443") + "keystore=k\n"
    (folder / "file").write_text(text)
    output(capsys, "config", "lint", "file")
    with unchanged(folder):
        assert "keystore" in complaint(capsys, "config", "set", "file", "--unset", "keystore")


def test_set_is_not_stopped_by_what_was_wrong_before(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "file").write_text(GOOD + "io_ratio=x\n")
    output(capsys, "config", "set", "file", "job_queue_size=20")
    assert "job_queue_size=20\n" in (folder / "file").read_text()


def test_set_repairs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "file").write_text(GOOD + "io_ratio=x\n")
    output(capsys, "config", "set", "file", "io_ratio=5")
    output(capsys, "config", "lint", "file")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ([], "KEY=VALUE"),
        (["job_queue_size"], "'job_queue_size' is not KEY=VALUE"),
        (["=1"], "KEY=VALUE"),
        (["--unset", "io_ratio"], "'io_ratio'"),
        (["vmargs=a\\b"], "'vmargs'"),
        (["vmargs=\u00fc"], "'vmargs'"),
        (["vmargs=a\nb"], "'vmargs'"),
        (["\u00fc=1"], "'\u00fc'"),
        (["job_queue_size=1", "--unset", "job_queue_size"], "job_queue_size"),
    ],
    ids=str,
)
def test_set_what_cannot_be_set(
    command: list[str], says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with unchanged(folder):
        assert says in complaint(capsys, "config", "set", "good.properties", *command)


def test_set_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = as_json(
        capsys,
        "config",
        "set",
        "good.properties",
        f"my_secret={SECRET}",
        f"keystore_pass={SECRET}",
        "--unset",
        "model_store",
    )
    assert set(document) == {"file", "changes", "findings"}
    assert document["changes"] == {"my_secret": "***", "keystore_pass": "***", "model_store": None}
    assert all(set(finding) == FINDING_KEYS for finding in document["findings"])
    assert properties.loads((folder / "good.properties").read_bytes())["keystore_pass"] == SECRET


def test_set_replaces_whole_or_not_at_all(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "file").write_text("#" * 500 + "\n")
    with full_disk(100), unchanged(folder):
        message = complaint(capsys, "config", "set", "file", "job_queue_size=1")
    assert "file" in message.replace("File too large", "")


# ------------------------------------------------------------------------------------------------------ snapshot


@pytest.mark.parametrize("style", ["spaced", "compact", "server"])
@pytest.mark.parametrize("named", [False, True])
def test_build_says_what_the_library_says(
    style: Any, named: bool, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archives = ["store/a.mar", "store/b-old.mar", "store/b.mar"]
    source = archives if named else ["--model-store", "store"]
    out = output(capsys, "snapshot", "build", *source, "--style", style)
    assert out == marpack.ModelSnapshot.from_archives(archives).to_json(style) + "\n"
    output(capsys, "snapshot", "build", *source, "--style", style, "-o", "new.json")
    assert Path("new.json").read_text() == out


def test_build_takes_numbers_and_default_versions(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = {
        "minWorkers": 2,
        "maxWorkers": 3,
        "batchSize": 4,
        "maxBatchDelay": 5,
        "responseTimeout": 6,
        "startupTimeout": 7,
    }
    options = ["--min-workers", "2", "--max-workers", "3", "--batch-size", "4", "--max-batch-delay", "5"]
    options += ["--response-timeout", "6", "--startup-timeout", "7", "--default-version", "b=1.9"]
    document = as_json(capsys, "snapshot", "build", "--model-store", "store", *options)
    assert set(document) == {"file", "snapshot", "findings"}
    versions = document["snapshot"]["models"]["b"]
    assert {version: entry["defaultVersion"] for version, entry in versions.items()} == {
        "1.9": True,
        "1.10": False,
    }
    for entry in versions.values():
        assert {key: entry[key] for key in numbers} == numbers


def test_build_raises_the_most_workers_with_the_least(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = as_json(capsys, "snapshot", "build", "store/a.mar", "--min-workers", "4")
    assert document["snapshot"]["models"]["a"]["1.0"]["maxWorkers"] == 4
    assert document["findings"] == []


def test_build_writes_nothing_that_the_server_would_refuse(
    store: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["snapshot", "build", "store/a.mar", "--min-workers", "5", "--max-workers", "4"]
    for more in ([], ["-o", "new"], ["-o", "good.properties", "--force", "--json"]):
        with unchanged(folder):
            assert "5 is more than maxWorkers, 4" in complaint(capsys, *command, *more)


def test_build_and_show_count_versions(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, "snapshot", "build", "store/a.mar", "-o", "new") == "new: 1 model version\n"
    assert output(capsys, "snapshot", "show", "new").splitlines()[-1] == "new: 1 model version"
    count = "good.properties: 3 model versions"
    built = output(capsys, "snapshot", "build", "--model-store", "store", "-fo", "good.properties")
    assert built.splitlines() == [count]


def test_build_keeps_what_exists(store: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with unchanged(folder):
        message = complaint(capsys, "snapshot", "build", "store/a.mar", "-o", "good.properties")
    assert "'good.properties' already exists" in message
    output(capsys, "snapshot", "build", "store/a.mar", "-o", "good.properties", "--force")
    strict_json((folder / "good.properties").read_text())


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ([], "--model-store"),
        (["gone.mar"], "'gone.mar'"),
        (["good.properties"], "'good.properties'"),
        (["broken.mar"], "'broken.mar'"),
        (["store"], "'store'"),
        (["--model-store", "gone"], "'gone'"),
        (["--model-store", "empty"], "empty"),
        (["--model-store", "good.properties"], "'good.properties'"),
        (["store/a.mar", "store/a.mar"], "a.mar"),
        (["store/a.mar", "copy.mar"], "copy.mar"),
        (["store/a.mar", "--default-version", "a"], "MODEL=VERSION"),
        (["store/a.mar", "--default-version", "a=2.0"], "'2.0'"),
        (["store/a.mar", "--default-version", "c=1.0"], "'1.0'"),
        (["store/a.mar", "--batch-size", "99999999999"], "batchSize"),
        (["store/a.mar", "-o", "gone/x"], "'gone'"),
        (["store/a.mar", "-o", "empty"], "'empty'"),
    ],
    ids=str,
)
def test_build_refuses_and_writes_nothing(
    command: list[str], says: str, store: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.mar").write_bytes(b"x")
    (folder / "copy.mar").write_bytes((store / "a.mar").read_bytes())
    (folder / "empty").mkdir()
    with unchanged(folder):
        assert says in complaint(
            capsys, "snapshot", "build", *command, *([] if "-o" in command else ["-o", "new"])
        )


@pytest.mark.parametrize("form", ["json", "properties"])
def test_show_and_lint_a_snapshot(form: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if form == "json":
        output(capsys, "snapshot", "build", "--model-store", "store", "--style", "server", "-o", "file")
    else:
        output(capsys, "config", "init", "file", "--archives", "store")
    lines = output(capsys, "snapshot", "show", "file").splitlines()
    assert sorted((*line.split()[:3], line.split()[-1]) for line in lines[:-1]) == [
        ("a", "1.0", "a.mar", "default"),
        ("b", "1.10", "b.mar", "default"),
        ("b", "1.9", "b-old.mar", "ms)"),
    ]
    assert lines[-1] == "file: 3 model versions"
    document = as_json(capsys, "snapshot", "show", "file")
    assert set(document) == {"file", "snapshot"}
    assert document["snapshot"]["modelCount"] == 3
    assert output(capsys, "snapshot", "lint", "file", "--model-store", "store") == "file: 0 errors, 0 warnings\n"
    os.remove("store/b.mar")
    assert "'b.mar'" in output(capsys, "snapshot", "lint", "file", "--model-store", "store", status=1)
    (store / "b.mar").write_bytes(b"x")
    assert main(["snapshot", "lint", "file", "--model-store", "store"]) == 1
    assert "b.mar" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("change", "status", "severity"),
    [
        ({}, 0, None),
        ({"minWorkers": 0}, 0, "warning"),
        ({"batchSize": 0}, 0, "warning"),
        ({"minWorkers": "many"}, 1, "error"),
        ({"marName": "../a.mar"}, 1, "error"),
        ({"defaultVersion": None}, 1, "error"),
        ({"maxBatchDelay": None}, 1, "error"),
    ],
)
@pytest.mark.parametrize("form", ["json", "properties"])
def test_lint_of_a_snapshot_fails_on_errors_only_and_names_the_place(
    change: dict[str, Any],
    status: int,
    severity: str | None,
    form: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = {key: value for key, value in {**ENTRY, **change}.items() if value is not None}
    text = json.dumps({**SNAPSHOT, "models": {"a": {"1.0": entry}}})
    (folder / "file").write_text(text if form == "json" else f"{GOOD}model_snapshot={text}\n")
    document = as_json(capsys, "snapshot", "lint", "file", status=status)
    assert set(document) == {"file", "findings"}
    assert {finding["severity"] for finding in document["findings"]} == ({severity} if severity else set())
    for finding in document["findings"]:
        assert set(finding) == FINDING_KEYS
        assert finding["key"].endswith(f"models.a.1.0.{next(iter(change))}")
        assert finding["file"] == "file"
        assert finding["line"] == (7 if form == "properties" else finding["line"])
    if status and "marName" not in change:  # which can be shown, whatever it is
        assert "file" in complaint(capsys, "snapshot", "show", "file")


def test_a_snapshots_json_is_placed_in_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "file").write_text(f'{GOOD}model_snapshot={{"models":\n')
    message = complaint(capsys, "snapshot", "show", "file")
    assert "'file'" in message
    assert "line 7" in message
    (folder / "file").write_text('{"models":\n {,}}')
    assert "line 2, column 3" in complaint(capsys, "snapshot", "show", "file")


def test_settings_without_a_snapshot(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("show", "lint"):
        message = complaint(capsys, "snapshot", verb, "good.properties")
        assert "'good.properties' has no model_snapshot" in message


# ------------------------------------------------------------------------------------------------------- secrets

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


@pytest.mark.parametrize(
    "words",
    [
        ["job_queue_size=3", "a=b", "--unset", "metrics_address", "--json"],
        ["--unset", "metrics_address", "job_queue_size=3", "--json", "a=b"],
        ["--json", "--unset=metrics_address", "job_queue_size=3", "a=b"],
    ],
)
def test_set_takes_its_words_in_any_order(words: list[str], folder: Path) -> None:
    assert main(["config", "set", "good.properties", *words]) == 0
    changed = properties.loads((folder / "good.properties").read_bytes())
    assert (changed["job_queue_size"], changed["a"], "metrics_address" in changed) == ("3", "b", False)


def test_set_tells_what_it_wrote_that_no_server_knows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "set", "good.properties", "batch_size=2"]) == 0
    out, err = capsys.readouterr()
    assert out == "good.properties: 1 change\n"
    assert "batch_size: is no setting" in err


def test_set_counts_what_it_changed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for changes, told in (("11", "1 change"), ("11", "0 changes")):
        assert main(["config", "set", "good.properties", f"job_queue_size={changes}"]) == 0
        assert capsys.readouterr().out == f"good.properties: {told}\n"
    (folder / "spaced.properties").write_text("job_queue_size = 2\n")
    assert main(["config", "set", "spaced.properties", "job_queue_size=2"]) == 0
    assert (folder / "spaced.properties").read_text() == "job_queue_size=2\n"
    assert capsys.readouterr().out == "spaced.properties: 1 change\n"


def test_json_that_readers_take_differently_is_shown_as_text(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "c.properties").write_text('models={"a": 1, "a": 2}\n')
    [setting] = as_json(capsys, "config", "show", "c.properties")["settings"]
    assert setting["value"] == '{"a": 1, "a": 2}'


@pytest.mark.parametrize("command", [["check"], ["config", "lint"], ["snapshot", "lint"]], ids=" ".join)
def test_explain_knows_the_rules_of_every_command(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    meanings = {
        "handler-methods": "[server]: a running TorchServe 0.12.0",
        "load-models-suffix": "(P...): the clause of spec/properties.md",
        "snapshot-count": "(S...): the clause of spec/snapshot.md",
    }
    for code, meaning in meanings.items():
        told = output(capsys, *command, "--explain", code)
        assert told.startswith(f"{code} (")
        assert "``" not in told
        assert told.splitlines()[-1].startswith(meaning)
    rules: list[Rule[Any]] = [*RULES, *SNAPSHOT_RULES, *model_config.RULES]
    for code in {rule.code for rule in rules}:
        assert output(capsys, *command, "--explain", code).startswith(f"{code} (")
    message = complaint(capsys, *command, "--explain", "handler-method")
    told = "perhaps handler-methods: marpack check --rules, or spec/checks.md, lists them"
    assert f"no rule is called 'handler-method', {told}" in message


@pytest.mark.parametrize(
    "words", [*(["config", verb] for verb in ("init", "show", "lint", "set")), ["snapshot", "build"]], ids=" ".join
)
def test_help_says_what_a_command_does_and_its_status(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told = " ".join(output(capsys, *words, "--help").split())
    assert ". Ends with status 1 when " in told


def test_init_says_where_a_handler_takes_json_that_the_settings_leave_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("store").mkdir()
    source = b'def handle(data, context):\n    return [row["body"]["x"] for row in data]\n'
    marpack.pack(model_name="m", handler={"h.py": source}, export_path="store")
    words = ["config", "init", "-f", "--archives", "store", "--preset"]
    assert main([*words, "sagemaker"]) == 0
    assert "[sagemaker-json]" in capsys.readouterr().err
    assert main([*words, "sagemaker", "--json"]) == 0
    assert "sagemaker-json" in [each["code"] for each in json.loads(capsys.readouterr().out)["findings"]]
    for others in (["kserve"], ["sagemaker", "--set", "decode_input_request=true"]):
        assert main([*words, *others]) == 0
        assert "sagemaker-json" not in capsys.readouterr().err
