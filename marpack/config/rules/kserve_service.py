"""Rules about settings and the InferenceService that they are served by, where that is known.

KServe gives TorchServe the envelope of the service's protocol by ``TS_SERVICE_ENVELOPE``, and the wrapper the
protocol by ``PROTOCOL_VERSION`` (source: ``inference_service_defaults.go`` and
``config/runtimes/kserve-torchserve.yaml`` in kserve/kserve). The server heeds the one only with
``enable_envvars_config=true`` (P21), the wrapper the other as of TorchServe 0.8.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from marpack.config.rules.document import Document
from marpack.config.settings.kserve_names import ProtocolVersion
from marpack.config.settings.releases import ENVELOPES_RENAMED, OLD_ENVELOPES, WRAPPER_PROTOCOL
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

# What KServe puts into TS_SERVICE_ENVELOPE.
_ENVELOPES: Mapping[ProtocolVersion | None, str] = {"v1": "kserve", "v2": "kservev2", "grpc-v2": "kservev2"}

# The inputs of a request, by the envelope that takes them out of it.
_INPUTS = {"kserve": "instances", "kservev2": "inputs", "json": "instances"}

# What a server said that was sent the other protocol's requests [server].
_REFUSES = {
    "kserve": "503, Invalid model predict output: the handler is given None",
    "kservev2": "503, Prediction failed: KeyError: 'inputs'",
    "json": "503, Prediction failed: KeyError: 'instances'",
}
# What leaves a request as it is.
_NO_ENVELOPES = ("", "body")

# The key of the InferenceService that says the protocol.
_PROTOCOL = "protocolVersion"


@rule("kserve-envelope", "error")
def find_other_protocol(document: Document) -> Iterator[Finding]:
    """Let the settings take requests of the InferenceService's protocol: its ``protocolVersion``, else ``v1``.

    The envelope takes the inputs out of a request: ``kserve`` and ``json`` those of protocol v1, ``kservev2``
    those of v2 and of gRPC. KServe sets it by ``TS_SERVICE_ENVELOPE``, where ``enable_envvars_config=true`` lets
    it; otherwise it is what ``service_envelope`` says. Requests of the service's protocol fail where that is the
    other one [server]; without any, or with ``body``, the handler is given the whole of a request, and must make
    the whole of an answer (a warning) [server]. What KServe sets, TorchServe does not know before 0.5.3 (a
    warning).
    """
    protocol = document.protocol_version
    if protocol not in _ENVELOPES:
        return
    given = document.properties.get("service_envelope", "")
    envelope, wanted = OLD_ENVELOPES.get(given, given), _ENVELOPES[protocol]
    is_old = document.release is not None and document.release < ENVELOPES_RENAMED
    severity: Severity | None = "warning"
    effect = (
        f"the handler is given the request itself, with {_INPUTS[wanted]!r}, and what it returns is the answer"
    )
    fix = f"set enable_envvars_config=true, as KServe's own settings, or service_envelope={_named(wanted, is_old)}"
    if document.is_on("enable_envvars_config"):
        if not is_old:
            return
        message = f"is {wanted!r} by KServe's TS_SERVICE_ENVELOPE, which TorchServe before 0.5.3 does not know"
        effect = "every worker dies"
        fix = f"set service_envelope={_named(wanted, is_old)}, and enable_envvars_config=false"
    elif envelope in _NO_ENVELOPES:
        message = f"{f'is {given!r}' if given else 'is not set'}, and nothing takes the inputs out of a request"
    elif envelope in _INPUTS and _INPUTS[envelope] != _INPUTS[wanted]:
        message = f"{given!r} is not the envelope of protocol {protocol}, which the InferenceService has"
        effect, severity = _REFUSES[envelope], None
        fix = f"{fix}, or give the service another protocolVersion"
    else:
        return
    yield find_other_protocol.finding(message, "service_envelope", effect=effect, fix=fix, severity=severity)


def _named(envelope: str, is_old: bool) -> str:
    """Return what a release calls an envelope."""
    return {new: old for old, new in OLD_ENVELOPES.items()}[envelope] if is_old else envelope


@rule("kserve-envelope-ignored", "error")
def find_ignored_envelope(document: Document) -> Iterator[Finding]:
    """Say by ``protocolVersion``, not by ``service_envelope``, which protocol a service of KServe has.

    With ``enable_envvars_config=true`` the server works with what KServe puts into ``TS_SERVICE_ENVELOPE``,
    whatever the file says [server]. An envelope of the same protocol is a note.
    """
    protocol, given = document.protocol_version, document.properties.get("service_envelope", "")
    if protocol not in _ENVELOPES or not document.is_on("enable_envvars_config"):
        return
    if given in ("", _ENVELOPES[protocol]):
        return
    envelope, works_with = OLD_ENVELOPES.get(given, given), _ENVELOPES[protocol]
    is_same = _INPUTS.get(envelope) == _INPUTS[works_with]
    yield find_ignored_envelope.finding(
        f"{given!r} gives way to {works_with!r}, which KServe sets for protocol {protocol}",
        "service_envelope",
        effect=f"takes {_INPUTS[works_with]!r} out of a request",
        fix="take it out, or give the service the protocolVersion that is meant",
        severity="note" if is_same else None,
    )


@rule("kserve-protocol", "error")
def find_other_protocols(document: Document) -> Iterator[Finding]:
    """Give a service of TorchServe the protocol ``v1``, ``v2`` or ``grpc-v2``.

    KServe's runtime for it has no other, and no pod is started for one. ``v2`` is answered by HTTP and by gRPC;
    with ``grpc-v2`` the wrapper asks the server by gRPC too, and knows how from TorchServe 0.8.2 on (a warning).
    KServe opens the port of HTTP alone, unless the predictor names another in ``ports`` (a note).
    """
    protocol = document.protocol_version
    if protocol == "grpc-v1":
        message, effect = f"{protocol} is no protocol of KServe's runtime for TorchServe", ""
        yield find_other_protocols.finding(message, _PROTOCOL, effect=effect, fix="choose v1, v2 or grpc-v2")
    elif protocol == "grpc-v2" and (document.release or WRAPPER_PROTOCOL) < WRAPPER_PROTOCOL:
        message, effect = "grpc-v2 is unknown before TorchServe 0.8.2", "it asks the server by HTTP"
        fix = "take a newer release, or protocolVersion v2"
        yield find_other_protocols.finding(
            message, _PROTOCOL, effect=effect, fix=fix, severity="warning", reader="kserve"
        )
    elif protocol == "grpc-v2":
        message = "KServe opens the port of HTTP alone, unless the predictor has 'ports'"
        effect, fix = "it listens for gRPC on 8081", "add containerPort: 8081, name: h2c, protocol: TCP"
        yield find_other_protocols.finding(
            message, _PROTOCOL, effect=effect, fix=fix, severity="note", reader="kserve"
        )


@rule("kserve-service-name", "warning")
def find_other_name(document: Document) -> Iterator[Finding]:
    """Call the model as the InferenceService, or ask for it by its own name.

    KServe's wrapper knows the models by their names in the snapshot. Who builds the URL from the service's name is
    answered 404, as a transformer: KServe starts it with ``--model_name`` and that name. Nothing is found where
    one of several models is called as the service.
    """
    if document.service_name is None or document.snapshot is None:
        return
    names = [name for name, _ in document.snapshot.sound_models]
    if names and document.service_name not in names:
        what = f"the model is called {names[0]!r}" if len(names) == 1 else f"no model of {len(names)} is called so"
        yield find_other_name.finding(
            f"the service is called {document.service_name!r}, and {what}",
            "model_snapshot",
            effect=f'404, "Model with name {document.service_name} does not exist."',
            fix=f"ask for /v1/models/{names[0]}:predict, or call both alike",
            reader="kserve",
        )


RULES = rules_in(globals())
