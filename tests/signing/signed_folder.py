"""A folder that a key has signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from marpack.signing import RequiredSignature, SigningKey, attest, verify_signature, write_signature
from tests.support import signatures
from tests.support.signatures import FILES, model_folder, model_signing

# What Git keeps in a folder, which nobody signs.
GIT = {".gitignore": b"x", ".github/y": b"y"}


class Signed:
    """A folder that a key has signed."""

    def __init__(self, folder: Path) -> None:
        self.model = model_folder(folder / "my model", FILES | GIT)
        self.private, self.public = signatures.key_pair(folder)
        self.signature = folder / "model.sig"
        write_signature(attest(self.model), SigningKey(private_key=self.private), self.signature)

    @property
    def required(self) -> RequiredSignature:
        return RequiredSignature(signature=self.signature, public_key=self.public)

    def verify(self, source: Any = None) -> Any:
        return verify_signature(self.model if source is None else source, self.required)

    def theirs(self, *more: str) -> tuple[int, str]:
        words = ["--signature", self.signature, "--public_key", self.public, *more]
        return model_signing("verify", "key", self.model, *map(str, words))
