"""Keys and certificates that cannot be used, or with which nobody could verify: which it is is told, and why."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from marpack.errors import MarpackError
from marpack.signing import (
    RequiredSignature,
    Resource,
    SigningKey,
    Statement,
    attest,
    sign,
    verify_signature,
    write_signature,
)
from tests.support import signatures
from tests.support.signatures import model_folder

pytestmark = [
    pytest.mark.xdist_group("model-signing"),
    pytest.mark.filterwarnings("ignore:The 'warn' method:DeprecationWarning"),  # model-signing's
]

STATEMENT = Statement.of("m", [Resource(name=".", sha256="ab" * 32)])


@pytest.fixture(autouse=True, scope="module")
def library() -> None:
    signatures.require_model_signing()


def certificate(folder: Path, key: Any, name: str = "self", *extensions: Any, **changes: Any) -> Path:
    """Write a certificate of a key, which has signed itself unless ``by`` is its issuer."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    since = changes.get("since", datetime.datetime(2020, 1, 1))
    issuer, by = changes.get("by", (name, key))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + datetime.timedelta(days=400))
    )
    for each in extensions:
        builder = builder.add_extension(each, critical=True)
    path = folder / f"{name}.crt"
    path.write_bytes(builder.sign(by, hashes.SHA256()).public_bytes(Encoding.PEM))
    return path


def key_of(kind: str, folder: Path) -> SigningKey:
    path = folder / "k.pem"
    if kind in ("rsa", "ed25519", "secp256k1"):
        made: Any = ec.generate_private_key(ec.SECP256K1())
        if kind != "secp256k1":
            is_rsa = kind == "rsa"
            made = rsa.generate_private_key(65537, 2048) if is_rsa else ed25519.Ed25519PrivateKey.generate()
        signatures.written(path, made)
        signatures.public(folder / "k.pub", made)
    elif kind == "text":
        path.write_text("no key")
    elif kind == "public":
        path = signatures.key_pair(folder)[1]
    elif kind == "damaged":
        path = signatures.key_pair(folder, name="k")[0]
        path.write_bytes(path.read_bytes().replace(b"\nM", b"\n=M", 1))
    elif kind == "certificate":
        path = signatures.chain(folder)[1]
    elif kind == "plain with a password":
        signatures.key_pair(folder, name="k")
        return SigningKey(private_key=path, password=b"wr0ng")
    else:
        signatures.key_pair(folder, name="k", password=b"secret")
        return SigningKey(private_key=path, password=b"wr0ng" if kind == "wrong password" else None)
    return SigningKey(private_key=path)


@pytest.mark.parametrize(
    ("kind", "why"),
    {
        "rsa": "a key of another kind: give an elliptic curve key, P-256",
        "ed25519": "a key of another kind: give an elliptic curve key, P-256",
        "secp256k1": "of the curve secp256k1: give an elliptic curve key, P-256",
        "text": "no PEM: give an elliptic curve key",
        "public": "a public key: give an elliptic curve key",
        "damaged": "a private key that is damaged",
        "certificate": "a certificate: give an elliptic curve key",
        "encrypted": r"encrypted: give its password \(password=, --password-file\)",
        "wrong password": "the password is not that of this key",
        "plain with a password": "not encrypted: leave the password out",
    }.items(),
)
def test_a_key_that_cannot_sign(kind: str, why: str, tmp_path: Path) -> None:
    key = key_of(kind, tmp_path)
    with pytest.raises(MarpackError, match=rf"'{key.private_key}' cannot sign: .*{why}") as caught:
        sign(STATEMENT, key)
    assert "secret" not in str(caught.value)
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "why"),
    {
        "rsa": "a key of another kind: give the public half of an elliptic curve key",
        "secp256k1": "of the curve secp256k1",
        "text": "no PEM",
        "private": "a private key: give the public half",
        "certificate": "a certificate: give the public half",
    }.items(),
)
def test_a_key_that_cannot_verify(kind: str, why: str, tmp_path: Path) -> None:
    private, _ = signatures.key_pair(tmp_path, name="good")
    model = model_folder(tmp_path / "m")
    write_signature(attest(model), SigningKey(private_key=private), tmp_path / "m.sig")
    path = tmp_path / "k.pub" if kind in ("rsa", "secp256k1") else private
    if kind != "private":
        given = Path(key_of(kind, tmp_path).private_key)
        path = path if kind in ("rsa", "secp256k1") else given
    with pytest.raises(MarpackError, match=f"'{path}' cannot verify: it is {why}"):
        verify_signature(model, RequiredSignature(signature=tmp_path / "m.sig", public_key=path))


def test_a_root_that_is_none(tmp_path: Path) -> None:
    key, leaf, middle, _ = signatures.chain(tmp_path)
    model = model_folder(tmp_path / "m")
    who = SigningKey(private_key=key, certificate=leaf, certificate_chain=(middle,))
    write_signature(attest(model), who, tmp_path / "m.sig")
    with pytest.raises(MarpackError, match=f"'{key}' is no file of certificates in PEM: it is a private key"):
        verify_signature(model, RequiredSignature(signature=tmp_path / "m.sig", roots=(key,)))


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    key, leaf, middle, root = signatures.chain(tmp_path)
    other, _ = signatures.key_pair(tmp_path, name="other")
    for changes, why in (
        ({"private_key": other}, f"'{leaf}' is of another key than '{other}': give the certificate of that key"),
        ({"certificate": key}, f"'{key}' is no file of certificates in PEM: it is a private key"),
        ({"certificate_chain": (middle, other)}, f"'{other}' is no file of certificates in PEM"),
        ({"certificate": "gone.crt"}, "gone.crt"),
        ({"certificate_chain": ("gone.crt",)}, "gone.crt"),
        ({"private_key": "gone.pem"}, "gone.pem"),
    ):
        given: dict[str, Any] = {"private_key": key, "certificate": leaf, "certificate_chain": (middle,)}
        with pytest.raises((MarpackError, FileNotFoundError), match=why):
            sign(STATEMENT, SigningKey(**given | changes))
    whole = tmp_path / "whole.crt"
    whole.write_bytes(leaf.read_bytes() + middle.read_bytes())
    with pytest.raises(MarpackError, match="holds 2 certificates: give the key's alone"):
        sign(STATEMENT, SigningKey(private_key=key, certificate=whole))
    # As others keep a chain: the key's own among them, in any order, and several in a file.
    whole.write_bytes(b"".join(each.read_bytes() for each in (root, leaf, middle)))
    who = SigningKey(private_key=key, certificate=leaf, certificate_chain=(whole,))
    (tmp_path / "m.sig").write_bytes(sign(STATEMENT, who))
    verify_signature(f"sha256:{'ab' * 32}", RequiredSignature(signature=tmp_path / "m.sig", roots=(root,)))
    signatures.written(tmp_path / "hidden.pem", ec.generate_private_key(ec.SECP256R1()), b"secret")
    with pytest.raises(MarpackError, match="encrypted, which model-signing does not take with a certificate"):
        sign(STATEMENT, SigningKey(private_key=tmp_path / "hidden.pem", certificate=leaf))


def test_a_chain_with_a_hole(tmp_path: Path) -> None:
    """A root does not lead to a certificate two below it; one right above may be left out."""
    key, leaf, middle, root = signatures.chain(tmp_path)
    with pytest.raises(MarpackError, match=f"'{root}' does not lead to '{leaf}': give all of the certificates"):
        write_signature(
            STATEMENT, SigningKey(private_key=key, certificate=leaf, certificate_chain=(root,)), tmp_path / "m.sig"
        )
    assert not (tmp_path / "m.sig").exists()
    for chain in ((), (middle,), (root, middle)):
        sign(STATEMENT, SigningKey(private_key=key, certificate=leaf, certificate_chain=chain))


USAGE: dict[str, bool] = dict.fromkeys(
    [
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    ],
    False,
)


@pytest.mark.parametrize(
    ("extensions", "may_sign"),
    [
        ([], False),
        ([x509.BasicConstraints(ca=True, path_length=None)], False),  # what openssl req -x509 makes
        ([x509.KeyUsage(**USAGE | {"key_cert_sign": True})], False),
        ([x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])], False),
        ([x509.KeyUsage(**USAGE | {"digital_signature": True})], True),
        ([x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])], True),
    ],
)
@pytest.mark.parametrize("is_root", [True, False])
def test_nothing_is_signed_that_nobody_could_verify(
    extensions: list[Any], may_sign: bool, is_root: bool, tmp_path: Path
) -> None:
    key, above = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = [
        x509.BasicConstraints(ca=True, path_length=None),
        x509.KeyUsage(**USAGE | {"key_cert_sign": True}),
    ]
    root = certificate(tmp_path, above, "root", *authority)
    issued: dict[str, Any] = {} if is_root else {"by": ("root", above)}
    path = certificate(tmp_path, key, "self", *extensions, **issued)
    who = SigningKey(private_key=signatures.written(tmp_path / "key.pem", key), certificate=path)
    target = tmp_path / "m.sig"
    if not may_sign:
        with pytest.raises(
            MarpackError, match=f"'{path}' cannot sign, for nobody .*digitalSignature.*codeSigning"
        ):
            write_signature(STATEMENT, who, target)
        assert not target.exists()
        return
    write_signature(STATEMENT, who, target)
    required = RequiredSignature(signature=target, roots=(path if is_root else root,))
    assert verify_signature(f"sha256:{'ab' * 32}", required).signed_by == "certificate"


def test_who_is_above_has_to_be_one_who_may(tmp_path: Path) -> None:
    """No authority, or none yet when the certificate began to hold."""
    key, above = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    private = signatures.written(tmp_path / "key.pem", key)
    usage = x509.KeyUsage(**USAGE | {"digital_signature": True})
    path = certificate(tmp_path, key, "self", usage, by=("above", above))
    later = datetime.datetime(2020, 6, 1)
    for since, is_authority, why in (
        (later, True, "not yet valid"),
        (datetime.datetime(2020, 1, 1), False, "invalid CA certificate"),
    ):
        higher = certificate(
            tmp_path, above, "above", x509.BasicConstraints(ca=is_authority, path_length=None), since=since
        )
        who = SigningKey(private_key=private, certificate=path, certificate_chain=(higher,))
        with pytest.raises(MarpackError, match=why):
            sign(STATEMENT, who)


def test_values_say_what_is_wrong_with_them() -> None:
    values: list[tuple[type[Any], dict[str, Any], str]] = [
        (RequiredSignature, {"signature": "m.sig"}, "give public_key or roots"),
        (RequiredSignature, {"signature": "m.sig", "public_key": "k", "roots": ("c",)}, "not both"),
        (SigningKey, {"private_key": "k", "certificate_chain": ("c",)}, "certificate"),
        (SigningKey, {"private_key": "k", "certificate": "c", "password": b"p"}, "no password"),
    ]
    for kind, given, message in values:
        with pytest.raises(ValueError, match=message):
            kind(**given)
    assert "hidden" not in repr(SigningKey(private_key="k", password=b"hidden"))


def test_values_are_of_their_types(tmp_path: Path) -> None:
    key: Any = SigningKey(private_key="k")
    wrong: list[tuple[type[Any], dict[str, Any], str]] = [
        (SigningKey, {"private_key": b"k"}, "private_key is a path, not bytes"),
        (SigningKey, {"private_key": "k", "password": "hunter2"}, r"password is bytes, not str: encode it"),
        (SigningKey, {"private_key": "k", "certificate": 3}, "certificate is a path, not int"),
        (SigningKey, {"private_key": "k", "certificate": "c", "certificate_chain": "m.crt"}, r"give \('m.crt',\)"),
        (RequiredSignature, {"signature": None, "public_key": "k"}, "signature is a path, not NoneType"),
        (RequiredSignature, {"signature": "s", "public_key": key}, "public_key is a path, not SigningKey"),
        (RequiredSignature, {"signature": "s", "roots": "r.crt"}, r"roots is a tuple of paths.*\('r.crt',\)"),
        (RequiredSignature, {"signature": "s", "roots": Path("r.crt")}, r"\('r.crt',\)"),
        (RequiredSignature, {"signature": "s", "roots": (b"r",)}, "roots is a path, not bytes"),
    ]
    for kind, given, message in wrong:
        with pytest.raises(TypeError, match=message) as caught:
            kind(**given)
        assert "hunter2" not in str(caught.value)
    path: Any = "m.mar"
    with pytest.raises(TypeError, match="a Statement is taken here, not str: attest"):
        write_signature(path, key, tmp_path / "m.sig")
    with pytest.raises(TypeError, match="a SigningKey is taken here, not str"):
        sign(STATEMENT, path)
    with pytest.raises(TypeError, match="required is a RequiredSignature, not str"):
        verify_signature("m", path)
    assert not (tmp_path / "m.sig").exists()
