"""Signatures: model-signing's own command verifies marpack's, and marpack what that signs; all else is refused."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import random
import shutil
import sys
import tarfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.cli import main
from marpack.errors import (
    ArchiveError,
    ArchiveExistsError,
    ImageError,
    MarpackError,
    SignatureError,
    SignatureFileError,
    SourceChangedError,
)
from marpack.signing import RequiredSignature, SigningKey, attest, sign, verify_signature, write_signature
from tests.support import signatures
from tests.support.archives import MANIFEST, TEXT, packed, tarred, zipped
from tests.support.range_server import RangeServer
from tests.support.signatures import (
    CURVES,
    FILES,
    image_layout,
    model_folder,
    model_signing,
    signed_bundle,
    statement,
)

pytestmark = pytest.mark.xdist_group("model-signing")

GIT = {".gitignore": b"x", ".github/y": b"y"}


@pytest.fixture(autouse=True, scope="module")
def library() -> None:
    signatures.require_model_signing()


class Signed:
    """A folder that a key has signed."""

    def __init__(self, folder: Path) -> None:
        self.model = model_folder(folder / "my model", FILES | GIT)
        self.private, self.public = signatures.key_pair(folder)
        self.signature = folder / "model.sig"
        write_signature(attest(self.model), SigningKey(private_key=self.private), self.signature)

    @property
    def required(self) -> RequiredSignature:
        return RequiredSignature(signature=self.signature, public_key=self.public)

    def verify(self, source: Any = None) -> Any:
        return verify_signature(self.model if source is None else source, self.required)

    def theirs(self, *more: str) -> tuple[int, str]:
        words = ["--signature", self.signature, "--public_key", self.public, *more]
        return model_signing("verify", "key", self.model, *map(str, words))


@pytest.fixture
def signed(tmp_path: Path) -> Signed:
    return Signed(tmp_path)


@pytest.mark.parametrize("curve", CURVES)
def test_both_ways_by_a_key(curve: str, tmp_path: Path) -> None:
    model = model_folder(tmp_path / "my model", FILES | GIT)
    private, public = signatures.key_pair(tmp_path, curve, password=b"a secret")
    ours, theirs = tmp_path / "ours.sig", tmp_path / "theirs.sig"
    write_signature(attest(model), SigningKey(private_key=private, password=b"a secret"), ours)
    assert model_signing("verify", "key", model, "--signature", ours, "--public_key", public)[0] == 0
    plain, public = signatures.key_pair(tmp_path, curve, "plain")
    assert model_signing("sign", "key", model, "--private_key", plain, "--signature", theirs)[0] == 0
    verified = verify_signature(model, RequiredSignature(signature=theirs, public_key=public))
    assert verified.statement == attest(model)
    assert (verified.signed_by, verified.unsigned) == ("key", (".github/y", ".gitignore"))


def test_both_ways_by_a_certificate(tmp_path: Path) -> None:
    """Expired ones, too: they held when the certificate began to."""
    model = model_folder(tmp_path / "m")
    key, leaf, middle, root = signatures.chain(tmp_path)
    ours, theirs = tmp_path / "ours.sig", tmp_path / "theirs.sig"
    who = SigningKey(private_key=key, certificate=leaf, certificate_chain=(middle,))
    write_signature(attest(model), who, ours)
    assert model_signing("verify", "certificate", model, "--signature", ours, "--certificate_chain", root)[0] == 0
    words = (
        "--private_key",
        key,
        "--signing_certificate",
        leaf,
        "--certificate_chain",
        middle,
        "--signature",
        theirs,
    )
    assert model_signing("sign", "certificate", model, *words)[0] == 0
    for path in (ours, theirs):
        required = RequiredSignature(signature=path, roots=(root,))
        assert verify_signature(model, required).signed_by == "certificate"
        # Whose certificate it is counts, and that it is no key's.
        with pytest.raises(SignatureError, match="does not hold"):
            verify_signature(model, RequiredSignature(signature=path, roots=(leaf,)))
        _, public = signatures.key_pair(tmp_path, name="other")
        with pytest.raises(SignatureError, match="by a certificate, and one by a key is required"):
            verify_signature(model, RequiredSignature(signature=path, public_key=public))
    (model / "a.b").write_bytes(b"other")
    with pytest.raises(SignatureError, match=r"'a\.b'"):
        verify_signature(model, RequiredSignature(signature=ours, roots=(root,)))


def test_what_is_trusted_is_a_root(tmp_path: Path) -> None:
    """One between is no root by itself; beside its root it stands for what the signature lacks."""
    model = model_folder(tmp_path / "m")
    key, leaf, middle, root = signatures.chain(tmp_path)
    for chain in ((middle,), ()):
        who = SigningKey(private_key=key, certificate=leaf, certificate_chain=chain)
        write_signature(attest(model), who, tmp_path / "m.sig", force=True)
        bundle = json.loads((tmp_path / "m.sig").read_text())
        certificates = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"]
        assert len(certificates) == 1 + len(chain)
        for roots, holds in (
            ((root,), chain != ()),
            ((middle, root), True),
            ((middle,), False),
            ((leaf,), False),
            ((leaf, middle), False),
        ):
            required = RequiredSignature(signature=tmp_path / "m.sig", roots=roots)
            words = [str(word) for each in roots for word in ("--certificate_chain", each)]
            words += ["--signature", str(tmp_path / "m.sig")]
            assert model_signing("verify", "certificate", model, *words)[0] == (0 if holds else 1)
            if holds:
                assert verify_signature(model, required).signed_by == "certificate"
                continue
            with pytest.raises(SignatureError, match="does not lead to a root that is given") as caught:
                verify_signature(model, required)
            assert caught.value.code == "signature-key"


@pytest.mark.parametrize("name", ["Digest", "manifest"])
def test_a_library_that_lacks_a_name_is_of_another_version(
    name: str, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "Digest":
        monkeypatch.delattr("model_signing._hashing.hashing.Digest")
    else:
        monkeypatch.delattr("model_signing.manifest")
        monkeypatch.delitem(sys.modules, "model_signing.manifest")
        monkeypatch.setattr("model_signing.__path__", [])
    for do in (signed.verify, lambda: sign(attest(signed.model), SigningKey(private_key=signed.private))):
        with pytest.raises(MarpackError, match=f"of a version that marpack does not know .*{name}") as caught:
            do()
        assert not isinstance(caught.value, SignatureError)


def test_a_library_that_asks_for_nothing_vouches_for_nothing(
    signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model_signing import verifying

    monkeypatch.setattr(verifying.Config, "verify", lambda *_: None)
    with pytest.raises(SignatureError, match="was not held against anything"):
        signed.verify()


def test_what_the_library_logs_is_for_who_asks(signed: Signed) -> None:
    """Where nobody has set up logging, Python would print it."""
    logger = logging.getLogger("model_signing")
    logger.handlers.clear()
    for _ in range(2):
        signed.verify()
    assert [type(each) for each in logger.handlers] == [logging.NullHandler]
    assert logger.propagate


@pytest.mark.filterwarnings("ignore:The 'warn' method:DeprecationWarning")
def test_a_certificate_that_is_not_for_signing(tmp_path: Path) -> None:
    model = model_folder(tmp_path / "m")
    key, leaf, middle, root = signatures.chain(tmp_path, can_sign=False)
    words = ("--private_key", key, "--signing_certificate", leaf, "--certificate_chain", middle)
    assert model_signing("sign", "certificate", model, *words, "--signature", tmp_path / "m.sig")[0] == 0
    with pytest.raises(SignatureError, match="cannot be used for signing"):
        verify_signature(model, RequiredSignature(signature=tmp_path / "m.sig", roots=(root,)))


def test_what_is_changed_is_named(signed: Signed) -> None:
    assert signed.verify().statement.name == "my model"
    assert signed.theirs()[0] == 0
    (signed.model / "a.b").write_bytes(b"other")
    (signed.model / "empty").unlink()
    (signed.model / "more").write_bytes(b"")
    with pytest.raises(SignatureError) as caught:
        signed.verify()
    assert (caught.value.changed, caught.value.code) == ((), "signature-mismatch")
    assert (caught.value.extra, caught.value.missing) == (("more",), ("empty",))
    (signed.model / "empty").touch()
    (signed.model / "more").unlink()
    with pytest.raises(SignatureError, match=r"what is there is not what was signed \('a\.b'\)") as caught:
        signed.verify()
    assert caught.value.changed == ("a.b",)
    assert signed.theirs()[0] == 1


def test_a_folder_of_another_name_is_the_same(signed: Signed) -> None:
    signed.model = signed.model.rename(signed.model.parent / "other")
    assert signed.verify().statement.name == "my model"
    assert signed.theirs()[0] == 0


def test_a_link_is_refused_whatever_it_leads_to(signed: Signed) -> None:
    (signed.model / "a.b").rename(signed.model.parent / "a.b")
    (signed.model / "a.b").symlink_to(signed.model.parent / "a.b")
    with pytest.raises(SignatureError, match=r"'a\.b' in .* is a link"):
        signed.verify()
    (signed.model / "a.b").unlink()
    shutil.copy(signed.model.parent / "a.b", signed.model / "a.b")
    (signed.model / "folder").symlink_to("/")
    with pytest.raises(SignatureError, match=r"'folder' in .* is a link"):
        signed.verify()


def test_a_signature_in_the_folder_that_it_signs(signed: Signed) -> None:
    inside = signed.model / "model.sig"
    signed.signature = inside
    write_signature(attest(signed.model, ignore=[inside]), SigningKey(private_key=signed.private), inside)
    assert signed.verify().unsigned == (".github/y", ".gitignore")
    assert signed.theirs()[0] == 0
    words = ("--private_key", signed.private, "--signature", inside)
    assert model_signing("sign", "key", signed.model, *words)[0] == 0
    assert signed.verify().statement.ignores("model.sig")


def test_what_the_signature_ignores_is_shown(signed: Signed) -> None:
    """Whoever signs says what is not looked at; the library obeys, and where all has to be signed nobody does."""
    words = (
        "--private_key",
        signed.private,
        "--signature",
        signed.signature,
        "--ignore-paths",
        signed.model / "a",
    )
    assert model_signing("sign", "key", signed.model, *words)[0] == 0
    (signed.model / "a" / "b").write_bytes(b"evil")
    assert signed.theirs()[0] == 0
    assert signed.verify().unsigned == (".github/y", ".gitignore", "a/b", "a/z/1")
    with marpack.open_archive(signed.model) as archive, pytest.raises(SignatureError, match="says nothing of"):
        signed.required.require(archive)


@pytest.mark.parametrize("form", ["default", "auto", "tgz"])
def test_an_archive_as_a_file_and_by_its_contents(form: Any, tmp_path: Path) -> None:
    path = packed(tmp_path, archive_format=form)
    private, public = signatures.key_pair(tmp_path)
    key = SigningKey(private_key=private)
    whole, contents = tmp_path / "whole.sig", tmp_path / "contents.sig"
    write_signature(attest(path), key, whole)
    write_signature(attest(path, contents=True), key, contents)
    with marpack.open_archive(path) as archive:
        archive.extract(tmp_path / "out")
        for each in (whole, contents):
            required = RequiredSignature(signature=each, public_key=public)
            assert required.require(archive) == verify_signature(path, required)
    for what, signature in ((path, whole), (tmp_path / "out", contents)):
        words = ("--signature", signature, "--public_key", public)
        assert model_signing("verify", "key", what, *words)[0] == 0
    # The same contents in another form are not the same file.
    (tmp_path / "other").mkdir()
    other = packed(tmp_path / "other", archive_format="zip-store")
    verify_signature(other, RequiredSignature(signature=contents, public_key=public))
    with pytest.raises(
        SignatureError, match=r"is of sha256:[0-9a-f]{64}, and this is a file with the SHA-256 [0-9a-f]{64}$"
    ):
        verify_signature(other, RequiredSignature(signature=whole, public_key=public))
    with pytest.raises(SignatureError, match="of a single file"):
        verify_signature(tmp_path / "out", RequiredSignature(signature=whole, public_key=public))


def test_members_that_were_added_lost_or_changed(tmp_path: Path) -> None:
    private, public = signatures.key_pair(tmp_path)
    path, signature = tmp_path / "m.mar", tmp_path / "m.sig"
    members = [("a", b"1"), ("b", b"2")]
    write_signature(attest(zipped(path, members), contents=True), SigningKey(private_key=private), signature)
    required = RequiredSignature(signature=signature, public_key=public)
    verify_signature(zipped(path, members[::-1]), required)
    for others, match in (
        ([*members, ("c", b"")], r"files were added \('c'\)"),
        (members[:1], r"files are missing \('b'\)"),
        ([("a", b"1"), ("b", b"3")], r"not what was signed \('b'\)"),
        ([*members, ("../c", b"")], "leads out"),
    ):
        with pytest.raises(MarpackError, match=match):
            verify_signature(zipped(path, others), required)
    # One that the statement ignores is not signed, and so is none where all has to be.
    zipped(path, [*members, (".git/hooks", b"evil")])
    assert verify_signature(path, required).unsigned == (".git/hooks",)
    with (
        marpack.open_archive(path) as archive,
        pytest.raises(SignatureError, match=r"says nothing .*'\.git/hooks'"),
    ):
        required.require(archive)


def written_over(path: Path, other: Path) -> None:
    """Write a file of the same size over another, in place, and put the time back."""
    status = path.stat()
    data = other.read_bytes()
    assert len(data) == status.st_size
    time.sleep(0.02)  # more than a tick of the clock that file systems have
    with open(path, "r+b") as file:
        file.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def touched(path: Path, other: Path) -> None:
    """Do something that changes no byte."""
    time.sleep(0.02)
    path.chmod(0o600)


def replaced(path: Path, other: Path) -> None:
    """Give the file's name to another one."""
    time.sleep(0.02)
    os.replace(other, path)


@pytest.mark.parametrize("form", ["tgz", "zip"])
@pytest.mark.parametrize("contents", [False, True])
@pytest.mark.parametrize("change", [written_over, touched, replaced])
@pytest.mark.parametrize("when", ["opened", "verified"])
def test_what_is_verified_is_what_is_open(
    form: str, contents: bool, change: Callable[[Path, Path], None], when: str, tmp_path: Path
) -> None:
    """Nothing is unpacked of a file to which anything was done since it was opened, and nothing of another."""
    (tmp_path / "evil").mkdir()
    make: Any = partial(tarred, level=0) if form == "tgz" else zipped  # of one size, each
    name = "m.tar.gz" if form == "tgz" else "m.mar"
    path, evil = make(tmp_path / name, [("a", b"good")]), make(tmp_path / "evil" / name, [("a", b"evil")])
    # What is told by the file alone; a zip's members have sums in a part that was read before.
    by_sum: Any = () if form == "tgz" or change is not written_over else (ArchiveError,)
    private, public = signatures.key_pair(tmp_path)
    write_signature(attest(path, contents=contents), SigningKey(private_key=private), tmp_path / "m.sig")
    required = RequiredSignature(signature=tmp_path / "m.sig", public_key=public)
    with marpack.open_archive(path) as archive:
        if when == "verified":
            required.require(archive)
        change(path, evil)
        if when == "verified":
            with pytest.raises((SourceChangedError, *by_sum)):
                archive.extract(tmp_path / "out")
        with pytest.raises((SourceChangedError, SignatureError, *by_sum)):
            required.require(archive)
    assert not (tmp_path / "out").exists()
    if change is not touched:
        with pytest.raises(SignatureError):
            verify_signature(path, required)


@pytest.mark.parametrize("change", [touched, replaced])
def test_without_a_signature_what_is_open_is_read(change: Callable[[Path, Path], None], tmp_path: Path) -> None:
    path, evil = zipped(tmp_path / "m.mar", [("a", b"good")]), zipped(tmp_path / "evil.mar", [("a", b"evil")])
    with marpack.open_archive(path) as archive:
        change(path, evil)
        archive.extract(tmp_path / "out")
    assert (tmp_path / "out" / "a").read_bytes() == b"good"


def test_what_lies_behind_a_url_is_read_once(tmp_path: Path) -> None:
    """A server might send something else the next time."""
    private, public = signatures.key_pair(tmp_path)
    path, signature = zipped(tmp_path / "m.mar", [("a", b"1" * 100_000)]), tmp_path / "m.sig"
    write_signature(attest(path, contents=True), SigningKey(private_key=private), signature)
    with RangeServer.running() as server:
        url = server.serve(path)
        verify_signature(url, RequiredSignature(signature=signature, public_key=public))
        assert server.count() == (1, path.stat().st_size)
        assert attest(url) == attest(path)
        required = RequiredSignature(signature=signature, public_key=public)
        with marpack.open_archive(url) as archive, pytest.raises(MarpackError, match="download=True"):
            required.require(archive)
        with marpack.open_archive(url, download=True) as archive:
            required.require(archive)
        with marpack.open_archive(io.BytesIO(path.read_bytes())) as archive:
            required.require(archive)
        words = ["extract", url, str(tmp_path / "out"), "--signature", str(signature), "--public-key", str(public)]
        server.count()
        assert main(words) == 0
        assert server.count() == (1, path.stat().st_size)


def test_an_image_by_its_digest(tmp_path: Path) -> None:
    """model-signing verifies it by the file that has that digest: the manifest."""
    private, public = signatures.key_pair(tmp_path)
    manifest = tmp_path / "manifest"
    manifest.write_bytes(b'{"schemaVersion": 2}')
    digest, signature = hashlib.sha256(manifest.read_bytes()).hexdigest(), tmp_path / "i.sig"
    write_signature(attest(f"sha256:{digest}"), SigningKey(private_key=private), signature)
    words = ("--signature", signature, "--public_key", public)
    assert model_signing("verify", "key", manifest, *words)[0] == 0
    required = RequiredSignature(signature=signature, public_key=public)
    verify_signature(f"sha256:{digest}", required)
    other = f"sha256:{'0' * 64}"
    with pytest.raises(SignatureError, match=f"is of sha256:{digest}, and this is the image {other}"):
        verify_signature(other, required)


def test_a_layout_in_a_tar_is_the_one_in_its_folder(tmp_path: Path) -> None:
    """One signature holds of both; one of the tar's own bytes, as the format's tool makes them, of the tar."""
    private, public = signatures.key_pair(tmp_path)
    folder, digest = image_layout(tmp_path / "image")
    tar, theirs, ours = (tmp_path / name for name in ("image.tar", "theirs.sig", "ours.sig"))

    def write() -> None:
        with tarfile.open(tar, "w") as file:
            file.add(folder, arcname=".")

    write()
    assert attest(tar) == attest(folder) == attest(digest)
    write_signature(attest(folder), SigningKey(private_key=private), ours)
    words = ("--private_key", private, "--signature", theirs)
    assert model_signing("sign", "key", tar, *words)[0] == 0
    for signature in (ours, theirs):
        verify_signature(tar, RequiredSignature(signature=signature, public_key=public))
    # A blob of other bytes, and another image, which is as it says.
    [layer] = [path for path in (folder / "blobs" / "sha256").iterdir() if path.read_bytes() == b"layer"]
    layer.write_bytes(b"evil!")
    write()
    with pytest.raises(ImageError) as caught:
        verify_signature(tar, RequiredSignature(signature=ours, public_key=public))
    assert caught.value.code == "digest-mismatch"
    with pytest.raises(ImageError):
        attest(tar)
    shutil.rmtree(folder)
    _, other = image_layout(folder, layer=b"other")
    write()
    for where, what in (
        (tar, f"a file with the SHA-256 .*, in which the image {other} is"),
        (folder, f"the image {other}"),
    ):
        with pytest.raises(SignatureError, match=f"is of {digest}, and this is {what}") as changed:
            verify_signature(where, RequiredSignature(signature=ours, public_key=public))
        assert changed.value.code == "signature-mismatch"
    # Others are files: of another name, without an index, and what is no tar.
    plain = tar.rename(tmp_path / "image.data")
    with tarfile.open(tar, "w") as file:
        file.add(folder / "oci-layout", "oci-layout")
    (tmp_path / "no.tar").write_bytes(b"no tar")
    for path in (plain, tar, tmp_path / "no.tar"):
        assert attest(path).resources[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_name_in_a_registry_is_no_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    digest = f"sha256:{'ab' * 32}"
    with pytest.raises(MarpackError, match=f"not asked: give its digest alone, {digest}$"):
        attest(f"registry.example/digits@{digest}")
    for word in ("sha256:abc", f"sha256:{'AB' * 32}", "registry.example/digits@sha256:abc", "sha256:"):
        with pytest.raises(MarpackError, match="is no digest of an image: that has 64 digits"):
            attest(word)
    Path("sha256:abc").write_bytes(b"a file")
    assert attest("sha256:abc").name == "sha256:abc"


def test_a_layout_that_was_changed_does_not_hold(tmp_path: Path) -> None:
    """Neither its blobs, nor the index, which nobody has signed, nor another image in it."""
    private, public = signatures.key_pair(tmp_path)
    folder, digest = image_layout(tmp_path / "image")
    write_signature(attest(folder), SigningKey(private_key=private), tmp_path / "i.sig")
    required = RequiredSignature(signature=tmp_path / "i.sig", public_key=public)
    assert verify_signature(folder, required) == verify_signature(digest, required)
    index = json.loads((folder / "index.json").read_text())
    [listed] = index["manifests"]
    blobs = folder / "blobs" / "sha256"
    [layer] = [path for path in blobs.iterdir() if path.read_bytes() == b"layer"]
    layer.write_bytes(b"evil!")
    oci = "application/vnd.oci.image"
    for kind in (f"{oci}.manifest.v1+json", "application/json", f"{oci}.index.v1+json", f"{oci}.layer.v1.tar"):
        (folder / "index.json").write_text(json.dumps({"manifests": [listed | {"mediaType": kind}]}))
        with pytest.raises(ImageError) as caught:
            verify_signature(folder, required)
        assert caught.value.code == ("digest-mismatch" if kind == listed["mediaType"] else "bad-document")
    # All of which is as it says, and is not what was signed.
    shutil.rmtree(folder)
    image_layout(folder, layer=b"other")
    with pytest.raises(SignatureError) as changed:
        verify_signature(folder, required)
    assert changed.value.code == "signature-mismatch"


def test_a_folder_that_is_open_is_its_files(
    signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its path would be an image's digest as a word, or a layout's folder."""
    monkeypatch.chdir(tmp_path)
    for name in (f"sha256:{'0' * 64}", "layout"):
        folder = model_folder(tmp_path / name, {MANIFEST: TEXT.encode()})
        if name == "layout":
            image_layout(folder)
        with marpack.open_archive(name) as archive:
            made = attest(archive)
            assert MANIFEST in [each.name for each in made.resources]
            write_signature(made, SigningKey(private_key=signed.private), signed.signature, force=True)
            assert signed.required.require(archive).statement == made


def test_who_signed_counts(signed: Signed) -> None:
    _, other = signatures.key_pair(signed.model.parent, name="other")
    with pytest.raises(SignatureError, match="does not hold: Key mismatch") as caught:
        verify_signature(signed.model, RequiredSignature(signature=signed.signature, public_key=other))
    assert caught.value.code == "signature-key"
    # Nothing is read of a model before the signature itself holds.
    with pytest.raises(SignatureError, match="does not hold"):
        verify_signature(signed.model / "gone", RequiredSignature(signature=signed.signature, public_key=other))


def test_a_statement_that_was_changed_is_nobody_s(signed: Signed) -> None:
    values = json.loads(signed.signature.read_text())
    good = statement([(each.name, each.sha256) for each in attest(signed.model).resources])
    other = signatures.bundle(json.dumps(good).encode())["dsseEnvelope"]["payload"]
    values["dsseEnvelope"]["payload"] = other
    signed.signature.write_text(json.dumps(values))
    with pytest.raises(SignatureError, match="another key, or changed since") as caught:
        signed.verify()
    assert caught.value.code == "signature-key"
    assert signed.theirs()[0] == 1
    # Another bundle beside it, where the library's reader might look, is not there for it.
    values["dsse_envelope"] = values["dsseEnvelope"]
    signed.signature.write_text(json.dumps(values))
    with pytest.raises(SignatureError, match="another key"):
        signed.verify()


def test_the_format_is_all_that_it_takes(signed: Signed) -> None:
    """A bundle made by the format's rules alone is taken, in the order of texts too, whose root is another."""
    resources = sorted((each.name, each.sha256) for each in attest(signed.model).resources)
    signed_bundle(signed.signature, statement(resources), signed.private)
    with pytest.raises(SignatureError, match=r"files were added \('\.github/y', '\.gitignore'\)"):
        signed.verify()  # it ignores nothing
    for name in GIT:
        (signed.model / name).unlink()
    assert signed.verify().statement.root == attest(signed.model).root
    assert signed.theirs()[0] == 0


def test_the_reader_of_the_library_refuses_nothing_that_is_hostile_first(signed: Signed) -> None:
    """What the library alone would have taken: a path that leads out, of a statement that was signed."""
    for name in ("../secret", "/etc/passwd"):
        signed_bundle(signed.signature, statement([(name, "ab" * 32)]), signed.private)
        with pytest.raises(SignatureFileError, match="states"):
            signed.verify()


def test_no_byte_of_a_signature_says_something_else(tmp_path: Path) -> None:
    """Whatever one is changed to: it is refused, or what was signed holds as before."""
    model = model_folder(tmp_path / "m")
    private, public = signatures.key_pair(tmp_path)
    path = tmp_path / "m.sig"
    write_signature(attest(model), SigningKey(private_key=private), path)
    data, statement_before = path.read_bytes(), attest(model)
    required = RequiredSignature(signature=path, public_key=public)
    chance, held = random.Random(7), 0
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 4))):
            place = chance.randrange(len(changed))
            kind = chance.randrange(3)
            if kind == 0:
                changed[place] ^= 1 << chance.randrange(8)
            elif kind == 1:
                del changed[place : place + chance.randrange(1, 9)]
            else:
                changed[place:place] = changed[chance.randrange(len(changed)) :][: chance.randrange(1, 9)]
        path.write_bytes(changed)
        try:
            verified = verify_signature(model, required)
        except SignatureError:
            continue
        assert verified.statement == statement_before
        held += 1
    assert held < 30


def test_a_signature_is_written_whole_or_not_at_all(signed: Signed) -> None:
    before = signed.signature.read_bytes()
    key = SigningKey(private_key=signed.private)
    with pytest.raises(ArchiveExistsError):
        write_signature(attest(signed.model), key, signed.signature)
    with pytest.raises(FileNotFoundError):
        write_signature(attest(signed.model), SigningKey(private_key="gone.pem"), signed.signature, force=True)
    assert signed.signature.read_bytes() == before
    write_signature(attest(signed.model), key, signed.signature, force=True)
    signed.verify()
