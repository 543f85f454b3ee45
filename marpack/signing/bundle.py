"""The file of a signature, as hostile as any: a Sigstore bundle with an in-toto Statement in it. Pure.

What is read is written anew for the library that knows the cryptography, so that both have read the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any, Literal

from marpack.display import brief_repr, type_name
from marpack.errors import SignatureFileError
from marpack.frozen import frozen
from marpack.signing.statement import (
    MOST_FILES,
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    WHOLE,
    Resource,
    Statement,
    resource_name_problem,
)
from marpack.strict_json import StrictJSONError, decoded, loads

# Bytes: a statement of as many files as a model may have takes half of it.
LONGEST = 32 << 20
_MOST_CERTIFICATES = 20
# Of commas, and of lists and objects, in a JSON text, which take many times their bytes: of a statement of as many
# files, and of as many ignored paths; and of what holds it.
_MOST_PARTS = 4 * MOST_FILES + 1_000
_MOST_PARTS_AROUND = 10_000
_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_HEX = frozenset("0123456789abcdef")


@frozen
class Bundle:
    """A signature that has been read, and of which nothing has been believed.

    ``by`` says what vouches for it, ``root`` is the digest that it states of all, and ``text`` is the same bundle
    with nothing else in it.
    """

    by: Literal["key", "certificate"]
    statement: Statement
    root: str
    text: str


def read_bundle(data: bytes, path: str) -> Bundle:
    """Read the bytes of a signature; raise ``SignatureFileError``, which names ``path``, for what is none."""
    return _Reader(path).bundle(data)


class _Reader:
    def __init__(self, path: str) -> None:
        self._path = path

    def bundle(self, data: bytes) -> Bundle:
        if len(data) > LONGEST:
            raise self._wrong(f"has more than {LONGEST:,} bytes, which no signature of a model has")
        # Base64 and names of keys; one letter beyond these would have all of it take four bytes a letter.
        if not data.isascii():
            raise self._wrong("is no signature: it is not ASCII")
        values = self._object(self._json(data, "it", _MOST_PARTS_AROUND), "it")
        self._is(values.get("mediaType"), _MEDIA_TYPE, "its mediaType")
        material = self._object(values.get("verificationMaterial"), "verificationMaterial")
        envelope = self._object(values.get("dsseEnvelope"), "dsseEnvelope")
        by, known = self._material(material)
        self._is(envelope.get("payloadType"), _PAYLOAD_TYPE, "its payloadType")
        signatures = self._list(envelope.get("signatures"), "signatures")
        if len(signatures) != 1:
            raise self._wrong(
                f"has {len(signatures)} signatures, where readers differ in which one counts: make one"
            )
        signature = self._base64(self._object(signatures[0], "its signature").get("sig"), "sig")
        payload = self._base64(envelope.get("payload"), "payload")
        statement, root = self._statement(payload)
        anew = {
            "mediaType": _MEDIA_TYPE,
            "verificationMaterial": {**known, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": _PAYLOAD_TYPE,
                "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
            },
        }
        return Bundle(by=by, statement=statement, root=root, text=json.dumps(anew))

    def _material(self, material: dict[str, Any]) -> tuple[Literal["key", "certificate"], dict[str, Any]]:
        key, chain = material.get("publicKey"), material.get("x509CertificateChain")
        if (key is None) == (chain is None):
            known = "neither a key nor certificates" if key is None else "both a key and certificates"
            raise self._wrong(f"has {known} (Sigstore's keyless signatures are for model-signing's own command)")
        if key is not None:
            hint = self._object(key, "publicKey").get("hint")
            if not isinstance(hint, str) or not 0 < len(hint) <= 1_000:
                raise self._wrong("does not say which key it was made with, as before version 1: sign again")
            return "key", {"publicKey": {"hint": hint}}
        listed = self._list(self._object(chain, "x509CertificateChain").get("certificates"), "certificates")
        if not 0 < len(listed) <= _MOST_CERTIFICATES:
            raise self._wrong(f"has {len(listed)} certificates, not 1 to {_MOST_CERTIFICATES}")
        raw = [self._base64(self._object(each, "a certificate").get("rawBytes"), "rawBytes") for each in listed]
        certificates = [{"rawBytes": base64.b64encode(each).decode()} for each in raw]
        return "certificate", {"x509CertificateChain": {"certificates": certificates}}

    def _statement(self, payload: bytes) -> tuple[Statement, str]:
        values = self._object(self._json(payload, "its payload", _MOST_PARTS), "its payload")
        self._is(values.get("_type"), STATEMENT_TYPE, "its statement")
        self._is(values.get("predicateType"), PREDICATE_TYPE, "its predicateType")
        subjects = self._list(values.get("subject"), "subject")
        if len(subjects) != 1:
            raise self._wrong(f"states {len(subjects)} subjects, not one")
        subject = self._object(subjects[0], "its subject")
        name, root = subject.get("name"), self._object(subject.get("digest"), "digest").get("sha256")
        if not isinstance(name, str):
            raise self._wrong("states a subject without a name")
        predicate = self._object(values.get("predicate"), "predicate")
        ignored = self._serialization(self._object(predicate.get("serialization"), "serialization"))
        resources = self._resources(self._list(predicate.get("resources"), "resources"))
        # In the order that they stand in, whoever wrote it (G3).
        found = hashlib.sha256(b"".join(bytes.fromhex(each.sha256) for each in resources)).hexdigest()
        if root != found:
            raise self._wrong("contradicts itself: its subject's digest is not that of its resources")
        try:
            return Statement.of(name, resources, ignored), found
        except ValueError as error:
            raise self._wrong(f"states {error}") from None

    def _serialization(self, values: dict[str, Any]) -> list[str]:
        method, kind = values.get("method"), values.get("hash_type")
        if (method, kind) != ("files", "sha256"):
            raise self._wrong(
                f"is of {brief_repr(method)} by {brief_repr(kind)}, and marpack reads files by sha256: "
                "verify it by model-signing's own command, or sign again"
            )
        ignored = self._list(values.get("ignore_paths", []), "ignore_paths")
        if len(ignored) > MOST_FILES:
            raise self._wrong(f"ignores more than {MOST_FILES:,} paths")
        for each in ignored:
            if not isinstance(each, str):
                raise self._wrong("ignores what is no path")
            if each == WHOLE or resource_name_problem(each):
                raise self._wrong(f"ignores {brief_repr(each)}, which is no path below a model's folder")
        return ignored

    def _resources(self, values: list[Any]) -> list[Resource]:
        if len(values) > MOST_FILES:
            raise self._wrong(f"states more than {MOST_FILES:,} files")
        found = []
        for value in values:
            each = self._object(value, "a resource")
            name, algorithm, digest = each.get("name"), each.get("algorithm"), each.get("digest")
            self._is(algorithm, "sha256", "the algorithm of a resource")
            if not isinstance(name, str):
                raise self._wrong("states a resource without a name")
            if problem := resource_name_problem(name):
                raise self._wrong(f"states {brief_repr(name)}, which {problem}")
            if not isinstance(digest, str) or len(digest) != 64 or not _HEX.issuperset(digest):
                raise self._wrong(f"states no SHA-256 of {brief_repr(name)}")
            found.append(Resource(name=name, sha256=digest))
        if len(found) > 1 and any(each.name == WHOLE for each in found):
            raise self._wrong("states a file as a whole and others beside it")
        return found

    def _json(self, data: bytes, what: str, most: int) -> Any:
        if max(data.count(b","), data.count(b"[") + data.count(b"{")) > most:
            raise self._wrong(f"is no signature of a model: {what} has more than {most:,} parts")
        try:
            return loads(decoded(data))
        except StrictJSONError as error:
            problem = error.msg
        raise self._wrong(f"is no signature: {what} is not JSON ({problem})")

    def _object(self, value: Any, what: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong(f"is no signature: {what} is {type_name(value)}, not an object")
        return value

    def _list(self, value: Any, what: str) -> list[Any]:
        if not isinstance(value, list):
            raise self._wrong(f"is no signature: {what} is {type_name(value)}, not a list")
        return value

    def _is(self, value: Any, expected: str, what: str) -> None:
        if value != expected:
            raise self._wrong(f"is no signature of a model: {what} is {brief_repr(value)}, not {expected!r}")

    def _base64(self, value: Any, what: str) -> bytes:
        try:
            if not isinstance(value, str):
                raise ValueError
            data = base64.b64decode(value, validate=True)
        except (ValueError, binascii.Error):
            raise self._wrong(f"is no signature: {what} is not base64") from None
        return data

    def _wrong(self, message: str) -> SignatureFileError:
        return SignatureFileError(self._path, message)
