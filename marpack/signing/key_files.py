"""The files of keys and certificates: what is in one, and why it is not what it has to be.

It takes ``cryptography``, which model-signing brings along.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from marpack.errors import MarpackError
from marpack.frozen import frozen
from marpack.signing.keys import SigningKey

CURVES = "an elliptic curve key, P-256, P-384 or P-521, in PEM"
_PRIVATE, _PUBLIC, _CERTIFICATE = "private key", "public key", "certificate"
_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})


@frozen
class _Certificate:
    """One of a file of certificates, and the path of that."""

    path: str
    value: Any

    def has_issued(self, other: _Certificate) -> bool:
        """Whether this one's key has signed another; what each of them may do is not asked."""
        try:
            other.value.verify_directly_issued_by(self.value)
        except Exception:  # of several kinds: other names, another key, an algorithm that is not known
            return False
        return True


def top_certificates(key: SigningKey) -> bytes:
    """Return the certificates to which that of a key leads, as PEM: its own, or the last of its chain.

    They are empty for a key without a certificate. Raises ``OSError``, and ``MarpackError``, which says why, for a
    key that cannot sign, a certificate that is of another, and one of the chain that does not lead to it.
    """
    private = _private_key(os.fspath(key.private_key), key)
    if key.certificate is None:
        return b""
    path = os.fspath(key.certificate)
    first, *more = _certificates(path)
    if more:
        raise MarpackError(
            f"{path!r} holds {len(more) + 1} certificates: give the key's alone, and those above it as its chain "
            "(certificate_chain=, --certificate-chain)"
        )
    if first.value.public_key() != private.public_key():
        raise MarpackError(
            f"{path!r} is of another key than {os.fspath(key.private_key)!r}: give the certificate of that key"
        )
    chain = [each for given in key.certificate_chain for each in _certificates(os.fspath(given))]
    return _pem(_tops(first, [each for each in chain if each.value != first.value]))


def require_public_key(path: str | os.PathLike[str]) -> None:
    """Raise ``OSError``, and ``MarpackError``, which says why, for a file that has no key to verify with."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    shown, data = os.fspath(path), _bytes_of(path)
    try:
        key = load_pem_public_key(data)
    except Exception as error:
        held = _held(data, _PUBLIC)
        raise MarpackError(f"{shown!r} cannot verify: it is {held}: give the public half of {CURVES}") from error
    _require_curve(key, shown, "verify", f"the public half of {CURVES}")


def require_certificates(path: str | os.PathLike[str]) -> None:
    """Raise ``OSError``, and ``MarpackError`` for a file that holds no certificate."""
    _certificates(os.fspath(path))


def _private_key(path: str, given: SigningKey) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _bytes_of(path)
    is_encrypted = b"ENCRYPTED" in data
    try:
        key = load_pem_private_key(data, given.password)
    except TypeError as error:  # a password that is missing, or one too many
        if given.password:
            why = "it is not encrypted: leave the password out"
        elif given.certificate is not None:
            why = "it is encrypted, which model-signing does not take with a certificate: give a plain key"
        else:
            why = "it is encrypted: give its password (password=, --password-file)"
        raise MarpackError(f"{path!r} cannot sign: {why}") from error
    except Exception as error:
        if is_encrypted and given.password:
            raise MarpackError(f"{path!r} cannot sign: the password is not that of this key") from error
        raise MarpackError(f"{path!r} cannot sign: it is {_held(data, _PRIVATE)}: give {CURVES}") from error
    _require_curve(key, path, "sign", CURVES)
    return key


def _require_curve(key: Any, path: str, what: str, wanted: str) -> None:
    curve = getattr(getattr(key, "curve", None), "name", None)
    if curve not in _CURVES:
        kind = f"of the curve {curve}" if curve else "a key of another kind"
        raise MarpackError(f"{path!r} cannot {what}: it is {kind}: give {wanted}")


def _certificates(path: str) -> list[_Certificate]:
    from cryptography.x509 import load_pem_x509_certificates

    data = _bytes_of(path)
    try:
        found = load_pem_x509_certificates(data)
    except Exception as error:
        raise MarpackError(
            f"{path!r} is no file of certificates in PEM: it is {_held(data, _CERTIFICATE)}"
        ) from error
    return [_Certificate(path=path, value=each) for each in found]


def _tops(first: _Certificate, chain: list[_Certificate]) -> list[_Certificate]:
    """Return those above which there is no other; raise ``MarpackError`` for one that leads nowhere."""
    reached, left = [first], chain
    while above := [each for each in left if any(each.has_issued(below) for below in reached)]:
        reached += above
        left = [each for each in left if each not in above]
    if left:
        raise MarpackError(
            f"{left[0].path!r} does not lead to {first.path!r}: give all of the certificates between them "
            "(certificate_chain=, --certificate-chain), or leave it out"
        )
    return [
        each
        for each in reached
        if not any(other.value != each.value and other.has_issued(each) for other in reached)
    ]


def _pem(certificates: Iterable[_Certificate]) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return b"".join(each.value.public_bytes(Encoding.PEM) for each in certificates)


def _held(data: bytes, wanted: str) -> str:
    """Return in words what a file is that was to be something else, by how its PEM begins."""
    found = [name for name in (_PRIVATE, _PUBLIC, _CERTIFICATE) if f"{name.upper()}-----".encode() in data]
    if wanted in found:
        return f"a {wanted} that is damaged, or of a kind that is not known"
    return f"a {found[0]}" if found else "another kind of PEM" if b"-----BEGIN " in data else "no PEM"


def _bytes_of(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        return file.read()
