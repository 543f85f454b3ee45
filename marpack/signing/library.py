"""The calls of OpenSSF's ``model-signing``, which has the keys, the certificates and the signing of bytes.

It is given what was read here, not paths to read itself, so that what it vouches for is what is unpacked or run.
Seen with 1.1.1: its ``set_hashing_config`` takes whatever has ``hash`` and ``add_ignored_paths``.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Callable
from typing import Any

from marpack.errors import MarpackError, MissingExtraError, SignatureError
from marpack.frozen import frozen
from marpack.signing.bundle import Bundle
from marpack.signing.key_files import CURVES, require_certificates, require_public_key, top_certificates
from marpack.signing.keys import SigningKey
from marpack.signing.statement import Statement

_INSTALL = "pip install 'marpack[sign]'"


@frozen
class _Library:
    """What is used of it, of which ``digest`` is not called public; ``partial_chain`` is OpenSSL's flag."""

    signing: Any
    verifying: Any
    manifest: Any
    digest: Any
    partial_chain: Any


def signature_by(statement: Statement, key: SigningKey) -> bytes:
    """Return the bundle of a statement's signature.

    Raises ``MissingExtraError``, ``OSError``, and ``MarpackError`` for a key or a certificate that cannot be used,
    also where it could sign, and nobody could verify that.
    """
    library = _loaded()
    path = os.fspath(key.private_key)
    tops = top_certificates(key)
    config = library.signing.Config().set_hashing_config(_Found(library, lambda: statement))
    with tempfile.TemporaryDirectory(prefix="marpack-sign-") as folder:
        target = os.path.join(folder, "signature")
        try:
            if key.certificate is None:
                config.use_elliptic_key_signer(private_key=path, password=key.password)
            else:
                # It takes no empty chain, which a certificate right below the root has.
                chain = key.certificate_chain or (key.certificate,)
                config.use_certificate_signer(
                    private_key=path, signing_certificate=key.certificate, certificate_chain=chain
                )
            config.sign(folder, target)
        except OSError:
            raise
        except Exception as error:  # of a dozen kinds, cryptography's and OpenSSL's
            raise MarpackError(f"{path!r} cannot sign ({_reason(error)}): give {CURVES}") from error
        with open(target, "rb") as file:
            data = file.read()
    if key.certificate is None:
        return data
    made = data if key.certificate_chain else _with_one_certificate(data)
    _require_verifiable(library, made, statement, os.fspath(key.certificate), tops)
    return made


def _require_verifiable(library: _Library, made: bytes, statement: Statement, path: str, tops: bytes) -> None:
    """Raise ``MarpackError`` for a certificate with whose signature no root could make the library content.

    What is at the top of the chain is trusted as if it were a root: that above it is for who verifies to have.
    """
    with tempfile.TemporaryDirectory(prefix="marpack-sign-") as folder:
        target, trusted = (os.path.join(folder, name) for name in ("signature", "tops"))
        for name, data in ((target, made), (trusted, tops)):
            with open(name, "xb") as file:
                file.write(data)
        config = library.verifying.Config().use_certificate_verifier(certificate_chain=[trusted])
        # The store of OpenSSL's that the library keeps; a root has signed itself, and these need not.
        config._verifier._store.set_flags(library.partial_chain)
        config.set_hashing_config(_Found(library, lambda: statement))
        try:
            config.verify(folder, target)
        except OSError:
            raise
        except Exception as error:
            reason = _reason(error)
            if "cannot be used for signing" in reason:
                reason = "it has neither the key usage digitalSignature nor the extended one codeSigning"
            message = f"{path!r} cannot sign, for nobody could verify it ({reason}): have another certificate made"
            raise MarpackError(message) from error


def require_signed(
    bundle: Bundle,
    path: str,
    found: Callable[[], Statement],
    *,
    public_key: str | os.PathLike[str] | None,
    roots: tuple[str | os.PathLike[str], ...],
) -> None:
    """Raise ``SignatureError`` unless the key, or a certificate below the roots, has signed what is ``found``.

    ``found`` is called when the signature itself holds, and may raise what it likes. Raises ``OSError``, and
    ``MarpackError`` for a key or roots that cannot be used.
    """
    library = _loaded()
    given = roots if public_key is None else (public_key,)
    for each in given:
        require_certificates(each) if public_key is None else require_public_key(each)
    config = library.verifying.Config()
    try:
        if public_key is not None:
            config.use_elliptic_key_verifier(public_key=public_key)
        else:
            config.use_certificate_verifier(certificate_chain=roots)
    except Exception as error:
        named = ", ".join(repr(os.fspath(each)) for each in given)
        wanted = "certificates in PEM" if public_key is None else f"the public half of {CURVES}"
        raise MarpackError(f"{named} cannot verify ({_reason(error)}): give {wanted}") from error
    asked: list[bool] = []
    failed: list[Exception] = []

    def looked_at() -> Statement:
        asked.append(True)
        try:
            return found()
        except Exception as error:
            failed.append(error)
            raise

    config.set_hashing_config(_Found(library, looked_at))
    with tempfile.TemporaryDirectory(prefix="marpack-verify-") as folder:
        target = os.path.join(folder, "signature")
        with open(target, "x", encoding="utf-8") as file:
            file.write(bundle.text)
        try:
            config.verify(folder, target)
        except Exception as error:
            if failed:
                raise failed[0] from None
            raise SignatureError(path, f"does not hold: {_why(error)}") from error
    if not asked:
        raise SignatureError(path, "was not held against anything: report this with model-signing's version")


class _Found:
    """What the library takes for its way of hashing a folder: it is told what was hashed here."""

    def __init__(self, library: _Library, found: Callable[[], Statement]) -> None:
        self._library = library
        self._found = found

    def add_ignored_paths(self, **_: object) -> None:
        """Do nothing: what is ignored has been left out."""

    def hash(self, *_: object, **__: object) -> Any:
        """Return the library's own value of what was found."""
        manifest, digest = self._library.manifest, self._library.digest
        statement = self._found()
        kind = manifest.SerializationType.from_args(statement.asdict()["predicate"]["serialization"])
        items = [
            kind.new_item(each.name, digest("sha256", bytes.fromhex(each.sha256))) for each in statement.resources
        ]
        return manifest.Manifest(statement.name, items, kind)


def _loaded() -> _Library:
    """Import the library; raise ``MissingExtraError`` without it, ``MarpackError`` for one that lacks a name."""
    # What it warns of, it raises as well; where nobody has set up logging, standard error would have it.
    logger = logging.getLogger("model_signing")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    try:
        from model_signing import manifest, signing, verifying
        from model_signing._hashing.hashing import Digest
        from OpenSSL.crypto import X509StoreFlags
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("model_signing."):
            raise MissingExtraError("signing, and verifying what is signed,", "sign") from error
        message = f"model-signing is of a version that marpack does not know ({error}): {_INSTALL}"
        raise MarpackError(message) from error
    return _Library(
        signing=signing,
        verifying=verifying,
        manifest=manifest,
        digest=Digest,
        partial_chain=X509StoreFlags.PARTIAL_CHAIN,
    )


def _with_one_certificate(data: bytes) -> bytes:
    """Return a bundle without what stands behind the signer's certificate; none of that is signed."""
    bundle = json.loads(data)
    del bundle["verificationMaterial"]["x509CertificateChain"]["certificates"][1:]
    return json.dumps(bundle).encode()


def _reason(error: Exception) -> str:
    """Return what the library says, on one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def _why(error: Exception) -> str:
    kind = type(error).__name__
    if kind == "InvalidSignature":  # which says nothing
        return "it was made by another key, or changed since"
    if kind == "X509StoreContextError":
        return f"its certificate does not lead to a root that is given ({_reason(error)})"
    return _reason(error)
