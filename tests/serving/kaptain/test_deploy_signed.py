"""A saved model that has to be signed: what is packed is what was signed, or nothing is made."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from marpack.errors import SignatureError
from marpack.kaptain import ModelPlanError
from marpack.signing import RequiredSignature, SigningKey, attest, write_signature
from marpack.signing.signed_source import SignedSource
from tests.support import signatures
from tests.support.deploys import NAME, digits_model, tree

pytestmark = [pytest.mark.usefixtures("project"), pytest.mark.xdist_group("model-signing")]

SAVED = "saved/model.pt"


@pytest.fixture
def required(project: Path, tmp_path: Path) -> RequiredSignature:
    """Sign the file of the saved model, by a key that lies elsewhere."""
    signatures.require_model_signing()
    private, public = signatures.key_pair(tmp_path)
    Path(SAVED).parent.mkdir()
    Path(SAVED).write_bytes(b"weights" * 1000)
    write_signature(attest(SAVED), SigningKey(private_key=private), tmp_path / "m.sig")
    return RequiredSignature(signature=tmp_path / "m.sig", public_key=public)


def deployed_weights() -> bytes:
    [folder] = [path for path in Path("store/dev/mnist/deploy").iterdir() if path.is_dir()]
    with zipfile.ZipFile(folder / "model-store" / f"{NAME}.mar") as archive:
        return archive.read("model.pt")


@pytest.mark.parametrize("options", [{}, {"archive_format": "auto"}, {"archive_format": "zip-store"}])
def test_what_is_signed_is_deployed(options: dict[str, Any], required: RequiredSignature) -> None:
    assert digits_model().deploy(model_uri=SAVED, signature=required, **options)
    assert deployed_weights() == Path(SAVED).read_bytes()


def test_a_signature_of_its_folder(required: RequiredSignature, tmp_path: Path) -> None:
    key = SigningKey(private_key=tmp_path / "key.pem")
    write_signature(attest("saved"), key, tmp_path / "m.sig", force=True)
    assert digits_model().deploy(model_uri="saved", signature=required)
    Path("saved/more").touch()
    write_signature(attest("saved", ignore=["saved/model.pt"]), key, tmp_path / "m.sig", force=True)
    Path("saved/more").unlink()
    with pytest.raises(SignatureError, match=r"says nothing of the saved model, 'model\.pt'"):
        digits_model().deploy(model_uri="saved", signature=required, replace=True)


@pytest.mark.parametrize("data", [b"Weights" * 1000, b"weights" * 999, b"weights" * 1001, b""])
@pytest.mark.parametrize("options", [{}, {"archive_format": "auto"}])
def test_what_is_not_signed_is_not(options: dict[str, Any], data: bytes, required: RequiredSignature) -> None:
    Path(SAVED).write_bytes(data)
    before = tree(".")
    with pytest.raises(SignatureError, match="is not what was signed"):
        digits_model().deploy(model_uri=SAVED, signature=required, **options)
    assert tree(".") == before


def test_what_changes_while_it_is_packed(required: RequiredSignature, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look before would not see it, nor who asks the disk: the bytes that are packed are held against it."""
    begin = SignedSource.open

    def changed(self: SignedSource) -> Any:
        status = os.stat(SAVED)
        with open(SAVED, "r+b") as file:
            file.write(b"W")
        os.utime(SAVED, ns=(status.st_atime_ns, status.st_mtime_ns))
        return begin(self)

    monkeypatch.setattr(SignedSource, "open", changed)
    before = {*tree(".")}
    with pytest.raises(SignatureError, match="is not what was signed"):
        digits_model().deploy(model_uri=SAVED, signature=required, check="off")
    assert {*tree(".")} == before


def test_another_key_or_no_signature(required: RequiredSignature, tmp_path: Path) -> None:
    before = tree(".")
    _, other = signatures.key_pair(tmp_path, name="other")
    with pytest.raises(SignatureError, match="does not hold"):
        digits_model().deploy(
            model_uri=SAVED, signature=RequiredSignature(signature=required.signature, public_key=other)
        )
    with pytest.raises(ModelPlanError, match=r"signature: must be a marpack\.signing\.RequiredSignature, not str"):
        digits_model().deploy(model_uri=SAVED, signature="m.sig")  # type: ignore[arg-type]
    with pytest.raises(ModelPlanError, match="signature: is for PyTorch"):
        digits_model(framework="tensorflow").deploy(model_uri="saved", signature=required)
    assert tree(".") == before
