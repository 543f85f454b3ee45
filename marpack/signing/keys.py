"""Who signs."""

from __future__ import annotations

import os
from dataclasses import field

from marpack.frozen import frozen


@frozen
class SigningKey:
    """A private key, and the certificate that vouches for it, if there is one.

    - ``private_key``: the path of a PEM file: an elliptic curve, P-256, P-384 or P-521.
    - ``password``: of an encrypted key; one with a certificate must not be encrypted.
    - ``certificate``: the path of the PEM file of the key's certificate. Without it whoever verifies has the
      public key.
    - ``certificate_chain``: paths of PEM files of those between it and the root.
    """

    private_key: str | os.PathLike[str]
    password: bytes | None = field(default=None, repr=False)
    certificate: str | os.PathLike[str] | None = None
    certificate_chain: tuple[str | os.PathLike[str], ...] = ()

    def __post_init__(self) -> None:
        if self.certificate_chain and self.certificate is None:
            raise ValueError("certificate_chain is of a certificate: give that, too")
        if self.password is not None and self.certificate is not None:
            raise ValueError("model-signing takes no password for a key with a certificate: give a plain key")
