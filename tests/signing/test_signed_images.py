"""An image that was signed: its digest, in a folder and in a tar."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from marpack.errors import ImageError, MarpackError, SignatureError
from marpack.signing import RequiredSignature, SigningKey, attest, verify_signature, write_signature
from tests.support import signatures
from tests.support.signatures import image_layout, model_signing

pytestmark = [pytest.mark.xdist_group("model-signing"), pytest.mark.usefixtures("library")]


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
