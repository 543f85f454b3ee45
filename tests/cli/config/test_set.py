"""``marpack config set``: one key is changed and every other byte stays, or it is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from marpack import properties
from marpack.cli import main
from tests.conftest import full_disk
from tests.support.folder_contents import unchanged
from tests.support.secret_urls import SECRET
from tests.support.settings_commands import FINDING_KEYS, GOOD, as_json, complaint, output


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
