"""The files that kubectl takes: whole or not at all, and keys for their owner alone (K348)."""

from __future__ import annotations

import dataclasses
import errno
import os
import pickle
import stat
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]

from marpack.errors import ArchiveExistsError, PlanError, TargetError
from marpack.findings import Finding
from marpack.serving import InferenceService, Resources, S3Access, ServingManifest, Transformer
from marpack.serving.kserve.storage_access import access_documents
from tests.conftest import full_disk

if TYPE_CHECKING:
    from collections.abc import Callable

SECRETS = ("hunter2-id", "hunter2-key", "hunter2-token")
ACCESS = S3Access(access_key_id=SECRETS[0], secret_access_key=SECRETS[1], endpoint="http://minio:9000")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def manifest(*, with_credentials: bool = False, secret: bool = True, **changes: Any) -> ServingManifest:
    service = InferenceService(**{"name": "m", "storage_uri": "s3://b/m", **changes})
    account, keys = access_documents("m", ACCESS, with_credentials=with_credentials)
    return ServingManifest(
        inference_service=service, service_account=account if secret else None, secret=keys if secret else None
    )


def listing() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path().iterdir()}


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


# ------------------------------------------------------------------------------------------------- text


def test_documents_are_applied_in_their_order() -> None:
    made = manifest()
    assert [document["kind"] for document in made.documents()] == ["Secret", "ServiceAccount", "InferenceService"]
    assert list(yaml.safe_load_all(made.to_yaml())) == made.documents()[1:]
    assert yaml.safe_load(made.secret_yaml() or "") == made.documents()[0]


def test_a_service_alone_is_one_document() -> None:
    made = manifest(secret=False)
    assert made.secret_yaml() is None
    assert made.documents() == [made.inference_service.document()] == [yaml.safe_load(made.to_yaml())]


AMBIGUOUS = (
    *(
        "",
        " ",
        "~",
        "null",
        "Null",
        "NO",
        "n",
        "Y",
        "on",
        "True",
        "1",
        "1.0",
        "1e3",
        "0x1F",
        "0o17",
        "017",
        "1_000",
    ),
    *("12:30:45", "2026-11-29", "2026-11-29T10:00:00Z", ".inf", "-.INF", ".nan", "=", "<<", "+1", ".5", "-", "--"),
    *(
        "- a",
        "a: b",
        "a #b",
        "# a",
        "'",
        '"',
        "{",
        "[",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "?",
        "? a",
        ":",
    ),
    *(
        "a\nb",
        "a\n",
        "\ta",
        "\x01",
        "\x07",
        "\x85",
        "\u2028",
        "\ufeff",
        "\u00e9",
        "\U0001f600",
        "---",
        "...",
        "a" * 9999,
    ),
)


@pytest.mark.parametrize("text", AMBIGUOUS, ids=lambda text: repr(text)[:12])
def test_what_looks_like_something_else_is_text(text: str) -> None:
    made = manifest(env={"A": text}, args=[text], annotations={"a": text})
    assert list(yaml.safe_load_all(made.to_yaml())) == made.documents()[1:]
    assert made.to_yaml().isascii()


def test_the_same_call_gives_the_same_bytes() -> None:
    """In a process that orders sets and hashes otherwise, too."""
    what = "print(manifest(labels={'b': '', 'a': ''}).to_yaml(), end='')"
    made = subprocess.run(
        [sys.executable, "-c", f"from tests.serving.kserve.test_manifest import manifest; {what}"],
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == manifest(labels={"a": "", "b": ""}).to_yaml()


# ------------------------------------------------------------------------------------------------ files


def test_a_manifest_and_its_secret_are_two_files() -> None:
    made = manifest()
    assert made.write("m.yaml") == ("m.yaml", "m-secret.yaml")
    assert listing() == {"m.yaml": made.to_yaml().encode(), "m-secret.yaml": (made.secret_yaml() or "").encode()}


def test_without_a_secret_there_is_one_file(tmp_path: Path) -> None:
    Path("m-secret.yaml").write_text("of somebody")
    assert manifest(secret=False).write(tmp_path / "m.yml") == (str(tmp_path / "m.yml"),)
    assert listing()["m-secret.yaml"] == b"of somebody"
    assert set(listing()) == {"m.yml", "m-secret.yaml"}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("before", [None, 0o644, 0o600, 0o444])
def test_the_secret_is_its_owners_alone_from_its_first_byte_on(
    umask: int, before: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it replaces a file that all may read."""
    if before is not None:
        for name in ("m.yaml", "m-secret.yaml"):
            Path(name).write_text("before")
            os.chmod(name, before)
    seen = []
    opened = os.open

    def noted(path: Any, flags: int, *arguments: Any, **named: Any) -> int:
        descriptor = opened(path, flags, *arguments, **named)
        if flags & os.O_CREAT or flags & os.O_TMPFILE == os.O_TMPFILE:
            seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(os, "open", noted)
    earlier = os.umask(umask)
    try:
        manifest(with_credentials=True).write("m.yaml", force=before is not None)
    finally:
        os.umask(earlier)
    assert seen[0] == 0o600
    assert mode("m-secret.yaml") == 0o600
    assert mode("m.yaml") == (0o666 & ~umask if before is None else before)


@pytest.mark.parametrize("taken", ["m.yaml", "m-secret.yaml"])
def test_what_is_in_the_way_stays(taken: str) -> None:
    Path(taken).write_text("of somebody")
    with pytest.raises(ArchiveExistsError, match=f"'{taken}' already exists"):
        manifest().write("m.yaml")
    assert listing() == {taken: b"of somebody"}
    manifest().write("m.yaml", force=True)
    assert listing().keys() == {"m.yaml", "m-secret.yaml"}
    assert listing()[taken] != b"of somebody"


def test_no_placeholder_takes_the_place_of_a_key() -> None:
    """Who writes the manifest of a canary has put the keys in by hand before."""
    manifest().write("m.yaml")
    assert not manifest().keeps_secret("m.yaml")
    mine = Path("m-secret.yaml").read_text().replace("<access key id>", "AKIA").replace("<secret access key>", "k")
    Path("m-secret.yaml").write_text(mine)
    made = manifest(canary_traffic_percent=30)
    assert made.keeps_secret("m.yaml")
    assert made.write("m.yaml", force=True) == ("m.yaml", "m-secret.yaml")
    assert listing() == {"m.yaml": made.to_yaml().encode(), "m-secret.yaml": mine.encode()}
    # Keys that were asked for are written.
    manifest(with_credentials=True).write("m.yaml", force=True)
    assert SECRETS[1] in Path("m-secret.yaml").read_text()


@pytest.mark.parametrize("path", ["no/m.yaml", "folder", ""])
def test_what_is_no_place_for_a_file_is_refused(path: str) -> None:
    Path("folder").mkdir()
    with pytest.raises(TargetError):
        manifest().write(path)
    assert [path.name for path in Path().rglob("*")] == ["folder"]


def fails_at(number: int, monkeypatch: pytest.MonkeyPatch, *names: str, lasting: bool = False) -> None:
    """Let the call of this number fail that gives a file its name, and those after it if it is ``lasting``."""
    calls = []
    for name in names:
        original: Callable[..., None] = getattr(os, name)

        def counted(one: str, other: str, original: Callable[..., None] = original, **named: Any) -> None:
            if other.endswith(".yaml"):
                calls.append(other)
                if len(calls) == number or (lasting and len(calls) > number):
                    raise OSError(errno.EIO, "the disk is broken")
            original(one, other, **named)

        monkeypatch.setattr(os, name, counted)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("force", [False, True])
def test_both_files_appear_or_none(number: int, force: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        fails_at(number, patched, "replace" if force else "rename", "link", lasting=True)
        if not force:  # what is done where there are no hard links
            patched.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
        with pytest.raises(OSError, match="the disk is broken"):
            manifest().write("m.yaml", force=force)
    assert listing() == {}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("links", [True, False])
def test_both_files_are_replaced_or_none(number: int, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest().write("m.yaml")
    before = listing()
    os.chmod("m-secret.yaml", 0o400)
    with monkeypatch.context() as patched:
        fails_at(number, patched, "replace")
        if not links:
            patched.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
        with pytest.raises(OSError, match="the disk is broken"):
            manifest(with_credentials=True, labels={"a": "b"}).write("m.yaml", force=True)
    assert listing() == before
    assert mode("m-secret.yaml") == 0o400


@pytest.mark.parametrize("size", [0, 10, 300])
def test_a_full_disk_leaves_nothing(size: int) -> None:
    with full_disk(size), pytest.raises(OSError, match="File too large"):
        manifest(labels={"a": "b" * 60}, annotations={"a": "b" * 400}).write("m.yaml")
    assert listing() == {}


def test_one_that_appears_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.link

    def late(one: str, other: str, **named: Any) -> None:
        if other.endswith("m.yaml"):
            Path("m.yaml").write_text("of somebody")
        original(one, other, **named)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(ArchiveExistsError):
        manifest().write("m.yaml")
    assert listing() == {"m.yaml": b"of somebody"}


def test_two_names_of_one_file_are_refused() -> None:
    Path("m-secret.yaml").symlink_to("m.yaml")
    Path("m.yaml").write_text("of somebody")
    with pytest.raises(TargetError, match="named twice"):
        manifest().write("m.yaml", force=True)
    assert Path("m.yaml").read_text() == "of somebody"


# ---------------------------------------------------------------------------------------------- secrets


def test_keys_are_where_they_were_asked_for_and_nowhere_else() -> None:
    placeholders, real = manifest(), manifest(with_credentials=True)
    for made in (placeholders, real):
        for shown in (
            made.to_yaml(),
            repr(made),
            str(made),
            repr(made.inference_service),
            repr(dataclasses.fields(made)),
        ):
            assert not any(secret in shown for secret in SECRETS)
    assert "<secret access key>" in (placeholders.secret_yaml() or "")
    assert not any(secret in str(placeholders.documents()) for secret in SECRETS)
    assert yaml.safe_load(real.secret_yaml() or "")["stringData"] == {
        "AWS_ACCESS_KEY_ID": SECRETS[0],
        "AWS_SECRET_ACCESS_KEY": SECRETS[1],
    }


def test_an_access_shows_no_credential() -> None:
    key_id, key, token = SECRETS
    access = S3Access(access_key_id=key_id, secret_access_key=key, session_token=token, region="us-east-1")
    shown = "S3Access(access_key_id=***, secret_access_key=***, session_token=***, region='us-east-1')"
    assert repr(access) == str(access) == f"{access}" == shown
    assert pickle.loads(pickle.dumps(access)) == access


@pytest.mark.parametrize(
    "make",
    [
        lambda: S3Access(access_key_id="hunter2 id", secret_access_key="hunter2-key"),
        lambda: S3Access(secret_access_key="hunter2-key"),
        lambda: S3Access(access_key_id="hunter2-id", secret_access_key="hunter2-key", anonymous=True),
        lambda: S3Access(endpoint="http://hunter2-id:hunter2-key@minio:9000"),
        lambda: S3Access(endpoint="hunter2-id:hunter2-key@minio:9000"),
        lambda: S3Access(endpoint="http://minio:9000?key=hunter2"),
        lambda: InferenceService(name="m", storage_uri="s3://hunter2-id:hunter2-key@b/m"),
        lambda: InferenceService(name="m", storage_uri="https://h/m?X-Amz-Signature=hunter2"),
        lambda: InferenceService(name="m", storage_uri="s3://b", env={"TOKEN": "hunter2\udfff", "B C": "hunter2"}),
        lambda: access_documents(
            "m", S3Access(access_key_id="a", secret_access_key="b", session_token="hunter2"), with_credentials=True
        ),
    ],
)
def test_a_refusal_shows_no_credential(make: Callable[[], object]) -> None:
    with pytest.raises(PlanError) as caught:
        make()
    shown = [str(caught.value), repr(caught.value), repr(caught.value.issues)]
    shown += [str(issue.asdict()) for issue in caught.value.issues]
    shown += traceback.format_exception_only(caught.value)
    assert not any("hunter2" in text for text in shown)


def test_a_service_shows_no_variable_that_is_called_secret() -> None:
    service = InferenceService(
        name="m",
        storage_uri="s3://b/m",
        env={"API_TOKEN": "hunter2", "URL": "https://u:hunter2@h/", "N": "1"},
        args=["--token=hunter2", "--n=1"],
        transformer=Transformer(image_name="t", args=["--password=hunter2"]),
    )
    assert "hunter2" not in repr(service)
    assert "'N': '1'" in repr(service)
    assert service.document()["spec"]["predictor"]["model"]["env"][0] == {"name": "API_TOKEN", "value": "hunter2"}


# ----------------------------------------------------------------------------------------------- values


def test_values_keep_what_was_found_good() -> None:
    env, labels, args = {"A": "x"}, {"a": "b"}, ["x"]
    volume = {"name": "a", "type": "Secret", "path": "/a"}
    transformer = Transformer(
        image_name="t", args=args, volumes=[volume], env_from={"name": "b", "type": "Secret"}
    )
    service = InferenceService(
        name="m", storage_uri="s3://b/m", env=env, labels=labels, args=args, transformer=transformer
    )
    before = service.document()
    env["A b"], labels["a b"], volume["path"] = "y", "c d", "x"
    args.append("y")
    assert service.document() == before
    service.document()["spec"]["predictor"].clear()
    assert service.document() == before


def test_values_are_values() -> None:
    one, other = (manifest(resources=Resources.equal(cpu=1, memory="4G")) for _ in range(2))
    assert one == other
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.inference_service.name = "other"  # type: ignore[misc]
    assert dataclasses.replace(one.inference_service, canary_traffic_percent=30).canary_traffic_percent == 30


def test_findings_are_carried_along() -> None:
    finding = Finding(code="unknown-key", message="a", fix="b")
    made = dataclasses.replace(manifest(), findings=(finding,))
    assert made.findings == (finding,)
    assert made.to_yaml() == manifest().to_yaml()


def test_the_address_is_that_of_the_namespace() -> None:
    assert manifest().inference_service.url == "http://m.default.svc.cluster.local"
    assert manifest(namespace="team").inference_service.url == "http://m.team.svc.cluster.local"


def test_none_is_as_good_as_nothing() -> None:
    fields: Any = dict.fromkeys(
        InferenceService.__dataclass_fields__.keys() - {"name", "storage_uri", "model_format", "form"}
    )
    assert manifest(**fields) == manifest()


@pytest.mark.parametrize("path", ["a\0b.yaml", "\ud800.yaml"])
def test_what_no_disk_has_is_no_path(path: str) -> None:
    with pytest.raises(TargetError, match="is no path"):
        manifest().write(path)
