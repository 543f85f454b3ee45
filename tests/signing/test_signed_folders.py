"""A folder that was signed: what in it counts, and what was changed is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import marpack
from marpack.errors import SignatureError
from marpack.signing import SigningKey, attest, write_signature
from tests.signing.signed_folder import Signed
from tests.support.archives import MANIFEST, TEXT
from tests.support.signatures import image_layout, model_folder, model_signing

pytestmark = [pytest.mark.xdist_group("model-signing"), pytest.mark.usefixtures("library")]


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
