"""Who says what an archive, a folder or an image holds: statements, signatures, provenance, bills of materials.

``attest`` reads what is to be stated, ``sign`` and ``write_signature`` have a key say it, and ``verify_signature``
holds it against what lies there. Statements need no extra; keys and certificates are ``model-signing``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from marpack.lazy import on_demand

if TYPE_CHECKING:
    from marpack.signing.attested import attest
    from marpack.signing.bill import bill_of_materials
    from marpack.signing.keys import SigningKey
    from marpack.signing.provenance import SourceCommit, provenance_of
    from marpack.signing.required import RequiredSignature, VerifiedSignature, verify_signature
    from marpack.signing.signed import sign, write_signature
    from marpack.signing.statement import Resource, Statement

__all__ = [
    "RequiredSignature",
    "Resource",
    "SigningKey",
    "SourceCommit",
    "Statement",
    "VerifiedSignature",
    "attest",
    "bill_of_materials",
    "provenance_of",
    "sign",
    "verify_signature",
    "write_signature",
]

if not TYPE_CHECKING:  # a type checker knows the names, and no others
    __getattr__, __dir__ = on_demand(
        __name__,
        {
            "signing.attested": "attest",
            "signing.bill": "bill_of_materials",
            "signing.keys": "SigningKey",
            "signing.provenance": "SourceCommit provenance_of",
            "signing.required": "RequiredSignature VerifiedSignature verify_signature",
            "signing.signed": "sign write_signature",
            "signing.statement": "Resource Statement",
        },
    )[1:]
