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
        require_paths("private_key", self.private_key)
        require_paths("certificate", *(() if self.certificate is None else (self.certificate,)))
        require_several("certificate_chain", self.certificate_chain)
        if self.password is not None and not isinstance(self.password, bytes):
            raise TypeError(
                f"password is bytes, not {type(self.password).__name__}: encode it (password.encode())"
            )
        if self.certificate_chain and self.certificate is None:
            raise ValueError("certificate_chain is of a certificate: give that, too")
        if self.password is not None and self.certificate is not None:
            raise ValueError("model-signing takes no password for a key with a certificate: give a plain key")


def require_paths(argument: str, *values: object) -> None:
    """Raise ``TypeError`` for what is no path."""
    for value in values:
        if not isinstance(value, (str, os.PathLike)):
            raise TypeError(f"{argument} is a path, not {type(value).__name__}")


def require_several(argument: str, values: object) -> None:
    """Raise ``TypeError`` for what is no tuple of paths: a text is a sequence of letters."""
    if not isinstance(values, tuple):
        shown = repr(os.fspath(values)) if isinstance(values, (str, os.PathLike)) else "..."
        raise TypeError(f"{argument} is a tuple of paths, not {type(values).__name__}: give ({shown},)")
    require_paths(argument, *values)
