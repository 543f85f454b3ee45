"""Rules about who runs the server: its version, and KServe."""

from __future__ import annotations

from collections.abc import Iterator

from marpack.config.rules.document import Document
from marpack.config.settings.kserve_names import is_kserve_file
from marpack.config.settings.redaction import redacted
from marpack.config.settings.releases import ENVELOPES_RENAMED, OLD_ENVELOPES, TOKENS_ASKED
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in


@rule("kserve-snapshot", "warning")
def find_no_snapshot(document: Document) -> Iterator[Finding]:
    """Give KServe's wrapper a ``model_snapshot``, where it reads. Else it waits for a model named ``model``."""
    if document.is_kserve and "model_snapshot" not in document.properties:
        effect, fix = "it looks for a model named 'model'", "build one from the archives"
        yield find_no_snapshot.finding("is missing", "model_snapshot", effect=effect, fix=fix, reader="kserve")


@rule("kserve-archive", "error")
def find_no_archive(document: Document) -> Iterator[Finding]:
    """Let KServe's wrapper find an archive: a folder, or a file whose only suffix is ``.mar``.

    One of the snapshot's is enough for the wrapper to go on; without any it ends.
    """
    names = document.archives_to_restore if document.is_kserve else None
    if names and not any("." not in name or is_kserve_file(name) for name in names):
        message = f"{redacted('', names[0])!r} has a '.' before its suffix"
        yield find_no_archive.finding(
            message, "model_snapshot", effect="it finds no archive", fix="name it <model>.mar", reader="kserve"
        )


@rule("envelope", "error")
def find_envelope(document: Document) -> Iterator[Finding]:
    """Choose an envelope that the release knows: ``kserve`` and ``kservev2`` from TorchServe 0.5.3 on.

    Before, they were called ``kfserving`` and ``kfservingv2``. With one that the release does not know every
    worker dies; where the release is not said, the old names are a warning. Nothing is found where KServe is known
    to set another (``kserve-envelope-ignored``).
    """
    if document.protocol_version is not None and document.is_on("enable_envvars_config"):
        return
    envelope = document.properties.get("service_envelope", "")
    is_old = document.release is not None and document.release < ENVELOPES_RENAMED
    when = "before TorchServe 0.5.3" if is_old else "from TorchServe 0.5.3 on"
    names = {after: before for before, after in OLD_ENVELOPES.items()} if is_old else OLD_ENVELOPES
    if envelope in names:
        message, fix = f"{envelope!r} is unknown {when}", f"write {names[envelope]}"
        severity: Severity = "warning" if document.release is None else "error"
        yield find_envelope.finding(
            message, "service_envelope", effect="every worker dies", fix=fix, severity=severity
        )


@rule("token", "error")
def find_tokens(document: Document) -> Iterator[Finding]:
    """Ask KServe's wrapper for no tokens: ``disable_token_authorization=true`` from TorchServe 0.11.1 on.

    It has none, and is never ready. Where the release is not said, this is a warning.
    """
    asked = document.release is None or document.release >= TOKENS_ASKED
    if document.is_kserve and asked and not document.is_on("disable_token_authorization"):
        key, message = "disable_token_authorization", "is off, and since TorchServe 0.11.1 a token is asked for"
        severity: Severity = "warning" if document.release is None else "error"
        yield find_tokens.finding(
            message, key, effect="it has none", fix=f"set {key}=true", severity=severity, reader="kserve"
        )


@rule("no-store", "warning")
def find_no_store(document: Document) -> Iterator[Finding]:
    """Name the model store. The server ends without one, unless it is given by ``--model-store``."""
    if "model_store" not in document.properties:
        message, effect = "is missing", "it ends unless it is given by --model-store"
        yield find_no_store.finding(message, "model_store", effect=effect, fix="name the folder of the archives")


RULES = rules_in(globals())
