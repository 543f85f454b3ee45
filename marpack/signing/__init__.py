"""Who says what an archive, a folder or an image holds: statements, signatures, provenance, bills of materials.

``attest`` reads what is to be stated, ``sign`` and ``write_signature`` have a key say it, and ``verify_signature``
holds it against what lies there. Statements need no extra; keys and certificates are ``model-signing``'s.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

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

_HOMES = {
    "RequiredSignature": "required",
    "Resource": "statement",
    "SigningKey": "keys",
    "SourceCommit": "provenance",
    "Statement": "statement",
    "VerifiedSignature": "required",
    "attest": "attested",
    "bill_of_materials": "bill",
    "provenance_of": "provenance",
    "sign": "signed",
    "verify_signature": "required",
    "write_signature": "signed",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
