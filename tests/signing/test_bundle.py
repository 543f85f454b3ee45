"""The file of a signature, as hostile as it may be, read without model-signing."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest

from marpack.errors import SignatureFileError
from marpack.signing.bundle import _MOST_PARTS, _MOST_PARTS_AROUND, LONGEST, read_bundle
from marpack.signing.statement import MOST_FILES
from tests.support.signatures import bundle, statement

DIGEST = "ab" * 32
GOOD = statement([("a", DIGEST), ("b/c", DIGEST)])


def encoded(values: Any) -> bytes:
    return json.dumps(values).encode()


def changed(values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy with another value at a path, without one where it is ``...``."""
    made = copy.deepcopy(values)
    *above, last = path.split(".")
    place: Any = made
    for each in above:
        place = place[int(each) if each.isdecimal() else each]
    key: int | str = int(last) if last.isdecimal() else last
    if value is ...:
        del place[key]
    else:
        place[key] = value
    return made


def test_a_good_one() -> None:
    found = read_bundle(encoded(bundle(encoded(GOOD))), "m.sig")
    assert found.by == "key"
    assert [each.name for each in found.statement.resources] == ["a", "b/c"]
    assert found.statement.root == found.root
    # What goes to the library is what was read, and nothing else.
    more = bundle(encoded(GOOD)) | {"unknown": 1, "dsse_envelope": {"payload": ""}}
    assert read_bundle(encoded(more), "m.sig").text == found.text
    assert read_bundle(found.text.encode(), "m.sig") == found


def test_an_order_of_others_is_read() -> None:
    """What is sorted as texts has another root, and is none the worse."""
    found = read_bundle(encoded(bundle(encoded(statement([("a-b", "00" * 32), ("a/b", DIGEST)])))), "m.sig")
    assert [each.name for each in found.statement.resources] == ["a/b", "a-b"]
    assert found.root != found.statement.root


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, True, ...])
@pytest.mark.parametrize(
    "path",
    [
        *(
            "mediaType",
            "verificationMaterial",
            "verificationMaterial.publicKey",
            "verificationMaterial.publicKey.hint",
        ),
        *("dsseEnvelope", "dsseEnvelope.payload", "dsseEnvelope.payloadType", "dsseEnvelope.signatures"),
        *("dsseEnvelope.signatures.0", "dsseEnvelope.signatures.0.sig"),
    ],
)
def test_wrong_types_of_a_bundle(path: str, value: Any) -> None:
    if (path, value) == ("verificationMaterial.publicKey.hint", "x"):
        return  # one of another key
    with pytest.raises(SignatureFileError):
        read_bundle(encoded(changed(bundle(encoded(GOOD)), path, value)), "m.sig")


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, True, ...])
@pytest.mark.parametrize(
    "path",
    [
        *("_type", "subject", "subject.0", "subject.0.name", "subject.0.digest", "subject.0.digest.sha256"),
        *("predicateType", "predicate", "predicate.serialization", "predicate.serialization.method"),
        *("predicate.serialization.hash_type", "predicate.resources", "predicate.resources.0"),
        *("predicate.resources.0.name", "predicate.resources.0.algorithm", "predicate.resources.0.digest"),
    ],
)
def test_wrong_types_of_a_statement(path: str, value: Any) -> None:
    if value == "x" and path in ("subject.0.name", "predicate.resources.0.name"):
        return
    with pytest.raises(SignatureFileError):
        read_bundle(encoded(bundle(encoded(changed(GOOD, path, value)))), "m.sig")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 1_000_000, b'{"a":1,"a":1}', b"1" * 100_000])
def test_what_is_no_json(data: bytes) -> None:
    with pytest.raises(SignatureFileError, match="is no signature"):
        read_bundle(data, "m.sig")
    with pytest.raises(SignatureFileError, match="is no signature"):
        read_bundle(encoded(bundle(data)), "m.sig")


def test_too_much() -> None:
    with pytest.raises(SignatureFileError, match="bytes"):
        read_bundle(b" " * (LONGEST + 1), "m.sig")
    for data in (b"[" + b"[]," * 401_001 + b"0]", b'{"a": [' + b"0," * 401_001 + b"0]}"):
        with pytest.raises(SignatureFileError, match="more than 10,000 parts"):
            read_bundle(data[:40_000], "m.sig")
        with pytest.raises(SignatureFileError, match="parts"):
            read_bundle(encoded(bundle(data)), "m.sig")
    with pytest.raises(SignatureFileError, match="ASCII"):
        read_bundle(json.dumps({**bundle(b""), "more": "\U0001f600"}, ensure_ascii=False).encode(), "m.sig")
    many = [{"name": "a", "algorithm": "sha256", "digest": DIGEST}] * 100_001
    with pytest.raises(SignatureFileError, match="100,000"):
        read_bundle(encoded(bundle(encoded(changed(GOOD, "predicate.resources", many)))), "m.sig")
    chain = {"x509CertificateChain": {"certificates": [{"rawBytes": ""}] * 21}}
    with pytest.raises(SignatureFileError, match="21 certificates"):
        read_bundle(encoded(changed(bundle(encoded(GOOD)), "verificationMaterial", chain)), "m.sig")


@pytest.mark.parametrize(
    "name", ["", "/a", "..", "a/../../b", "a//b", "a/.", "\0", "\ud800", "x/" * 300 + "x", "."]
)
def test_names_that_lead_elsewhere(name: str) -> None:
    for resources in ([(name, DIGEST), ("b", DIGEST)], [("b", DIGEST), (name, DIGEST)]):
        with pytest.raises(SignatureFileError, match="states"):
            read_bundle(encoded(bundle(encoded(statement(resources)))), "m.sig")
    given = changed(GOOD, "predicate.serialization.ignore_paths", [name])
    with pytest.raises(SignatureFileError, match="ignores"):
        read_bundle(encoded(bundle(encoded(given))), "m.sig")


def test_what_readers_would_take_differently() -> None:
    good = bundle(encoded(GOOD))
    twice = changed(good, "dsseEnvelope.signatures", good["dsseEnvelope"]["signatures"] * 2)
    with pytest.raises(SignatureFileError, match="2 signatures"):
        read_bundle(encoded(twice), "m.sig")
    both = changed(good, "verificationMaterial.x509CertificateChain", {"certificates": [{"rawBytes": ""}]})
    with pytest.raises(SignatureFileError, match="both"):
        read_bundle(encoded(both), "m.sig")
    spaced = changed(good, "dsseEnvelope.payload", f"{good['dsseEnvelope']['payload'][:8]}\n{'A' * 4}")
    with pytest.raises(SignatureFileError, match="payload is not base64"):
        read_bundle(encoded(spaced), "m.sig")
    with pytest.raises(SignatureFileError, match="twice"):
        read_bundle(encoded(bundle(encoded(statement([("a", DIGEST), ("a", "00" * 32)])))), "m.sig")
    with pytest.raises(SignatureFileError, match="2 subjects"):
        read_bundle(encoded(bundle(encoded(changed(GOOD, "subject", GOOD["subject"] * 2)))), "m.sig")
    with pytest.raises(SignatureFileError, match="contradicts itself"):
        read_bundle(encoded(bundle(encoded(changed(GOOD, "subject.0.digest.sha256", DIGEST)))), "m.sig")


def test_what_is_of_another_kind_says_who_reads_it() -> None:
    keyless = changed(bundle(encoded(GOOD)), "verificationMaterial", {"certificate": {"rawBytes": "AAAA"}})
    with pytest.raises(SignatureFileError, match="keyless"):
        read_bundle(encoded(keyless), "m.sig")
    for values in ({"method": "shards"}, {"hash_type": "blake3"}):
        given = changed(GOOD, "predicate.serialization", GOOD["predicate"]["serialization"] | values)
        with pytest.raises(SignatureFileError, match="model-signing's own command"):
            read_bundle(encoded(bundle(encoded(given))), "m.sig")


def test_certificates_are_kept_in_their_order() -> None:
    chain = [{"rawBytes": base64.b64encode(each).decode()} for each in (b"leaf", b"middle")]
    given = changed(
        bundle(encoded(GOOD)), "verificationMaterial", {"x509CertificateChain": {"certificates": chain}}
    )
    found = read_bundle(encoded(given), "m.sig")
    assert found.by == "certificate"
    assert json.loads(found.text)["verificationMaterial"]["x509CertificateChain"]["certificates"] == chain


def test_a_file_of_its_own_kind_is_asked_for(tmp_path: Path) -> None:
    from marpack.signing.required import _bytes_of

    with pytest.raises(IsADirectoryError):
        _bytes_of(str(tmp_path))


def test_as_many_as_a_model_may_have_are_not_too_much() -> None:
    """Files, and ignored paths."""
    values = statement([(f"folder/{number}", DIGEST) for number in range(MOST_FILES)])
    values["predicate"]["serialization"]["ignore_paths"] = [f"{number}" for number in range(MOST_FILES)]
    payload = encoded(values)
    for data, most in ((payload, _MOST_PARTS), (encoded(bundle(payload)), _MOST_PARTS_AROUND)):
        assert len(data) < LONGEST
        assert max(data.count(b","), data.count(b"[") + data.count(b"{")) < most
