"""Rules about who runs the server: its version, and KServe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from marpack.config.settings.redaction import redacted
from marpack.config.settings.releases import ENVELOPES_RENAMED, OLD_ENVELOPES, TOKENS_ASKED
from marpack.findings import Finding
from marpack.rule import rule

if TYPE_CHECKING:
    from marpack.config.rules.document import Document

__all__ = ["RULES"]


@rule("kserve-snapshot", "warning")
def find_no_snapshot(document: Document) -> Iterator[Finding]:
    """Give KServe's wrapper a ``model_snapshot``, where it reads.

    Without one it waits for a model named ``model``.
    """
    if document.is_kserve and "model_snapshot" not in document.properties:
        yield find_no_snapshot.finding(
            key="model_snapshot",
            message="is missing",
            effect="it looks for a model named 'model'",
            fix="build one from the archives",
            reader="kserve",
        )


@rule("kserve-archive", "error")
def find_no_archive(document: Document) -> Iterator[Finding]:
    """Let KServe's wrapper find an archive: a folder, or a file whose only suffix is ``.mar``.

    One of the snapshot's is enough for the wrapper to go on; without any it ends.
    """
    names = document.archives_to_restore if document.is_kserve else None
    if names and not any(name.count(".") == name.endswith(".mar") for name in names):
        yield find_no_archive.finding(
            key="model_snapshot",
            message=f"{redacted('', names[0])!r} has a '.' before its suffix",
            effect="it finds no archive",
            fix="name it <model>.mar",
            reader="kserve",
        )


@rule("envelope", "error")
def find_envelope(document: Document) -> Iterator[Finding]:
    """Choose an envelope that the release knows: ``kserve`` and ``kservev2`` from TorchServe 0.5.3 on.

    Before, they were called ``kfserving`` and ``kfservingv2``. With one that the release does not know every
    worker dies; where the release is not said, the old names are a warning.
    """
    envelope = document.properties.get("service_envelope", "")
    is_old = document.release is not None and document.release < ENVELOPES_RENAMED
    when = "before TorchServe 0.5.3" if is_old else "from TorchServe 0.5.3 on"
    names = {after: before for before, after in OLD_ENVELOPES.items()} if is_old else OLD_ENVELOPES
    if envelope in names:
        yield find_envelope.finding(
            key="service_envelope",
            severity="warning" if document.release is None else "error",
            message=f"{envelope!r} is unknown {when}",
            effect="every worker dies",
            fix=f"write {names[envelope]}",
        )


@rule("token", "error")
def find_tokens(document: Document) -> Iterator[Finding]:
    """Ask KServe's wrapper for no tokens: ``disable_token_authorization=true`` from TorchServe 0.11.1 on.

    It has none, and is never ready. Where the release is not said, this is a warning.
    """
    asked = document.release is None or document.release >= TOKENS_ASKED
    if document.is_kserve and asked and not document.is_on("disable_token_authorization"):
        yield find_tokens.finding(
            key="disable_token_authorization",
            severity="warning" if document.release is None else "error",
            message="is off, and since TorchServe 0.11.1 a token is asked for",
            effect="it has none",
            fix="set disable_token_authorization=true",
            reader="kserve",
        )


@rule("no-store", "warning")
def find_no_store(document: Document) -> Iterator[Finding]:
    """Name the model store.

    The server ends without one, unless it is given by ``--model-store``.
    """
    if "model_store" not in document.properties:
        yield find_no_store.finding(
            key="model_store",
            message="is missing",
            effect="it ends unless it is given by --model-store",
            fix="name the folder of the archives",
        )


RULES = (find_no_snapshot, find_no_archive, find_envelope, find_tokens, find_no_store)
