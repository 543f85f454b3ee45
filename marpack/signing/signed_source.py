"""A source whose bytes are held against a signed SHA-256 while they are packed."""

from __future__ import annotations

from marpack.archive.formats.checksums import new_sha256
from marpack.archive.sources import Reader, Source
from marpack.errors import SignatureError
from marpack.frozen import frozen


@frozen
class SignedSource:
    """Another source, of which the last bytes are given out only when all of them are those that were signed.

    ``signature`` is the path of the signature, ``name`` what is signed.
    """

    source: Source
    size: int
    sha256: str
    signature: str
    name: str

    def open(self) -> Reader:
        """Read from the first byte; the reader raises ``SignatureError`` before the last."""
        return _SignedReader(self)


class _SignedReader:
    def __init__(self, signed: SignedSource) -> None:
        self._signed = signed
        self._reader = signed.source.open()
        self._sha256 = new_sha256()
        self._left = signed.size
        try:
            self._require_signed()  # of an empty one nobody reads anything
        except SignatureError:
            self.close()
            raise

    def read(self, size: int, /) -> bytes:
        data = bytes(self._reader.read(size))
        self._sha256.update(data)
        self._left -= len(data)
        self._require_signed()
        return data

    def _require_signed(self) -> None:
        if self._left <= 0 and self._sha256.hexdigest() != self._signed.sha256:
            message = f"does not fit: what is there is not what was signed ({self._signed.name!r})"
            raise SignatureError(
                self._signed.signature, message, code="signature-mismatch", changed=(self._signed.name,)
            )

    def close(self) -> None:
        self._reader.close()
