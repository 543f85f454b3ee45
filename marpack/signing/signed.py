"""A signature of a statement, and its file."""

from __future__ import annotations

import os

from marpack.disk.atomic import replacing_file
from marpack.errors import MarpackError
from marpack.signing.bundle import read_bundle
from marpack.signing.keys import SigningKey
from marpack.signing.library import signature_by
from marpack.signing.statement import Statement


def sign(statement: Statement, key: SigningKey) -> bytes:
    """Return the signature of a statement: a Sigstore bundle, in which the statement is. It takes no network.

    Raises ``MissingExtraError`` without the extra ``sign``, ``MarpackError`` for a key that cannot sign, or a
    certificate with which nobody could verify it, and ``OSError``.
    """
    for value, kind in ((statement, Statement), (key, SigningKey)):
        if not isinstance(value, kind):
            advice = ": attest(...) returns one" if kind is Statement else ""
            raise TypeError(f"a {kind.__name__} is taken here, not {type(value).__name__}{advice}")
    data = signature_by(statement, key)
    made = read_bundle(data, "the signature").statement
    if made != statement:
        raise MarpackError(
            "the signature that was made says something else: report this with model-signing's version"
        )
    return data


def write_signature(
    statement: Statement, key: SigningKey, path: str | os.PathLike[str], *, force: bool = False
) -> None:
    """Sign a statement into a file, which appears when it is whole; ``force`` replaces one that is there.

    Raises what ``sign`` raises, ``ArchiveExistsError`` and ``TargetError``.
    """
    with replacing_file(os.fspath(path), force=force) as file:
        file.write(sign(statement, key))
