"""Signatures: model-signing's own command verifies marpack's, and marpack what that signs; all else is refused."""

from __future__ import annotations

import json
import logging
import random
import sys
from pathlib import Path

import pytest

from marpack.errors import ArchiveExistsError, MarpackError, SignatureError, SignatureFileError
from marpack.signing import RequiredSignature, SigningKey, attest, sign, verify_signature, write_signature
from tests.signing.signed_folder import GIT, Signed
from tests.support import signatures
from tests.support.signatures import CURVES, FILES, model_folder, model_signing, signed_bundle, statement

pytestmark = [pytest.mark.xdist_group("model-signing"), pytest.mark.usefixtures("library")]


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
