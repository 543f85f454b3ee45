"""Whether the InferenceService, what TorchServe is told, and the release of the server agree (K305).

The rules are in ``config/rules/kserve_service.py``; here they are asked about what the server works with, which
the service's own arguments and variables have a say in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from marpack.config.lint import lint_properties
from marpack.config.settings.environment import is_true, resolve, variables
from marpack.config.settings.kserve_names import ProtocolVersion
from marpack.config.settings.releases import KSERVE_STARTS, TOKENS_ASKED, release
from marpack.findings import Finding
from marpack.serving.kserve.inference_service import InferenceService

DEFAULT_PROTOCOL: ProtocolVersion = "v1"

# Of the service, and of the settings that keep the wrapper, or every worker, from answering it.
_OF_THE_SERVICE = ("kserve-envelope", "kserve-protocol", "kserve-service-name")
_OF_SETTINGS = ("envelope", "token", "kserve-port", "kserve-address", "kserve-snapshot", "kserve-archive")

# What the launcher takes for disable_token_authorization, as of TorchServe 0.11.1.
_NO_TOKENS = frozenset({"--disable-token-auth", "--dt"})
# What came with it.
_NEW_OPTIONS = _NO_TOKENS | {"--enable-model-api"}
_ENVELOPE = "TS_SERVICE_ENVELOPE"

# A tag of KServe's image, as 0.12.0-gpu.
_TAG = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){2}(?![0-9])")


def protocol_findings(
    properties: Mapping[str, str],
    protocol_version: str | None,
    *,
    torchserve_version: str | None,
    service_name: str | None = None,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Return where settings of TorchServe and an InferenceService would not make a service that answers.

    ``properties`` are the settings as text. ``protocol_version`` is the service's, ``v1`` where it has none, as
    KServe takes it. ``torchserve_version`` is the release that the service starts; without it, what only some
    releases refuse is a warning. ``service_name``, ``args`` and ``env`` are the service's too. Raises
    ``ConfigError`` for what is no version, ``ValueError`` for an unknown protocol.
    """
    return lint_properties(
        {**properties, **served_changes(properties, args=args, env=env)},
        torchserve_version=torchserve_version,
        target="kserve",
        protocol_version=cast("ProtocolVersion", protocol_version or DEFAULT_PROTOCOL),
        service_name=service_name,
        select=(*_OF_THE_SERVICE, *_OF_SETTINGS),
    )


def served_changes(
    properties: Mapping[str, str], *, args: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return what the arguments and variables of a service make of settings: those that change, as text.

    A ``TS_SERVICE_ENVELOPE`` of the service's own goes before KServe's, so that no other is to be expected:
    ``enable_envvars_config`` is off then.
    """
    plain = {key: text for key, text in properties.items() if not variables(text)}
    resolved = resolve(plain, env or {})
    changed = {key: text for key, text in resolved.items() if properties.get(key) != text}
    if _ENVELOPE in (env or {}) and is_true(properties.get("enable_envvars_config")):
        changed["enable_envvars_config"] = "false"
    if _NO_TOKENS.intersection(args):
        changed["disable_token_authorization"] = "true"
    return changed


def told_release(service: InferenceService) -> str | None:
    """Return the release that a service names by its image's tag; None where it leaves that to the cluster."""
    tag = service.runtime_version if service.image is None else service.image.rpartition(":")[2]
    match = _TAG.match(tag or "")
    return match and match[0]


def release_findings(service: InferenceService, torchserve_version: str | None) -> Iterator[Finding]:
    """Yield where a service does not start the release that was asked for, or tells it what that does not know.

    Where it names no image, KServe's runtime names one, which in KServe 0.12 to 0.21 has TorchServe 0.9.0
    (source: ``charts/kserve-runtime-configs/files/runtimes/resources.yaml`` in kserve/kserve). The options that
    switch tokens off are from 0.11.1; the launcher of an older one ends at them, and with it the container
    (source: ``dockerd-entrypoint.sh`` and ``ts/arg_parser.py`` in pytorch/serve).
    """
    told = told_release(service)
    # Nothing is known of a tag that says no release, of a runtime of one's own, and of KServe before 0.8.
    is_own = (service.image, service.runtime_version, service.runtime) != (None, None, None)
    is_open = told is None and (is_own or service.form == "pytorch")
    starts = told or (torchserve_version if is_open else KSERVE_STARTS)
    if starts is None:
        return
    if torchserve_version and release(starts) != release(torchserve_version):
        who = "the service" if told else "where it is told nothing else, KServe's runtime"
        fix = f"set runtimeVersion to {torchserve_version} (runtime_version), or ask for the release that is there"
        message = f"TorchServe {torchserve_version} was asked for, and {who} starts {starts}"
        yield Finding(code="kserve-release", severity="warning", key="runtimeVersion", message=message, fix=fix)
    is_sure = bool(told or is_open)
    for word in sorted(_NEW_OPTIONS.intersection(service.args)) if release(starts) < TOKENS_ASKED else ():
        which = f"this is {starts}" if is_sure else f"KServe's runtime starts {starts}"
        yield Finding(
            code="kserve-argument",
            severity="error" if is_sure else "warning",
            key="args",
            message=f"{word} is unknown before TorchServe 0.11.1, and {which}",
            effect=f"torchserve: error: unrecognized arguments: {word}",
            fix="leave it out: config.properties says the same (disable_token_authorization, enable_model_api)",
            reader="launcher",
        )
