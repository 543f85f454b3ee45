"""Rules about who runs the server: its version, and KServe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from marpack.config.settings.redaction import redacted
from marpack.config.settings.releases import ENVELOPES_RENAMED, OLD_ENVELOPES, TOKENS_ASKED
from marpack.findings import Finding

if TYPE_CHECKING:
    from marpack.config.rules.server import Server

__all__ = ["find_envelope", "find_kserve_models", "find_store", "find_tokens"]


def find_kserve_models(server: Server) -> Iterator[Finding]:
    """Find what KServe's wrapper does not take for an archive."""
    if not server.is_kserve:
        return
    if "model_snapshot" not in server.properties:
        message = "is missing, and KServe's wrapper looks for a model named 'model'"
        yield Finding.warning(
            "kserve-snapshot", "model_snapshot", message, "build one from the archives", reader="kserve"
        )
        return
    # One is enough for the wrapper to go on; a folder has no suffix.
    names = server.archives_to_restore or ()
    if names and not any(name.count(".") == name.endswith(".mar") for name in names):
        message = f"{redacted('', names[0])!r} has a '.' before its suffix, and KServe's wrapper finds no archive"
        yield Finding.error("kserve-archive", "model_snapshot", message, "name it <model>.mar", reader="kserve")


def find_envelope(server: Server) -> Iterator[Finding]:
    """Find an envelope that this version does not know."""
    envelope = server.properties.get("service_envelope", "")
    is_old = server.release is not None and server.release < ENVELOPES_RENAMED
    if envelope in OLD_ENVELOPES and not is_old:
        message = f"{envelope!r} is unknown from TorchServe 0.5.3 on, and every worker dies"
        kind = Finding.warning if server.release is None else Finding.error
        yield kind("envelope", "service_envelope", message, f"write {OLD_ENVELOPES[envelope]}")
    if envelope in OLD_ENVELOPES.values() and is_old:
        [old] = [before for before, after in OLD_ENVELOPES.items() if after == envelope]
        message = f"{envelope!r} is unknown before TorchServe 0.5.3, and every worker dies"
        yield Finding.error("envelope", "service_envelope", message, f"write {old}")


def find_tokens(server: Server) -> Iterator[Finding]:
    """Find tokens that KServe's wrapper does not send."""
    asked = server.release is None or server.release >= TOKENS_ASKED
    if server.is_kserve and asked and not server.is_on("disable_token_authorization"):
        kind = Finding.warning if server.release is None else Finding.error
        message = "since TorchServe 0.11.1 KServe's wrapper is asked for a token that it does not have"
        yield kind(
            "token",
            "disable_token_authorization",
            message,
            "set disable_token_authorization=true",
            reader="kserve",
        )


def find_store(server: Server) -> Iterator[Finding]:
    """Find a model store that is not named."""
    if "model_store" not in server.properties:
        message = "is missing, and the server ends unless it is given by --model-store"
        yield Finding.warning("no-store", "model_store", message, "name the folder of the archives")
