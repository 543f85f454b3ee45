"""Whether the InferenceService, what TorchServe is told, and the release of the server agree (K305).

The rules are in ``config/rules/kserve_service.py``; here they are asked about what the server works with, which
the service's own arguments and variables have a say in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

from marpack.config.lint import lint_properties
from marpack.config.rules.document import ProtocolVersion
from marpack.config.settings.environment import is_true, resolve, variables
from marpack.config.settings.releases import KSERVE_STARTS, release
from marpack.findings import Finding
from marpack.serving.kserve.inference_service import InferenceService

DEFAULT_PROTOCOL: ProtocolVersion = "v1"

# Of the service, and of the settings that keep the wrapper, or every worker, from answering it.
_OF_THE_SERVICE = ("kserve-envelope", "kserve-protocol", "kserve-service-name")
_OF_SETTINGS = ("envelope", "token", "kserve-port", "kserve-address", "kserve-snapshot", "kserve-archive")

# What the launcher takes for disable_token_authorization, as of TorchServe 0.11.1.
_NO_TOKENS = ("--disable-token-auth", "--dt")
_ENVELOPE = "TS_SERVICE_ENVELOPE"

# A tag of KServe's image, as 0.12.0-gpu.
_TAG = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){2}(?![0-9])")


def protocol_findings(
    properties: Mapping[str, str] | None,
    protocol_version: str | None,
    *,
    torchserve_version: str | None,
    file: str | None = None,
    service_name: str | None = None,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Return where settings of TorchServe and an InferenceService would not make a service that answers.

    ``properties`` are the settings as text, None where they are not known; ``file`` is their name for the
    findings. ``protocol_version`` is the service's, ``v1`` where it has none, as KServe takes it.
    ``torchserve_version`` is the release that the service starts; without it, what only some releases refuse is a
    warning. ``service_name``, ``args`` and ``env`` are the service's too. Raises ``ConfigError`` for what is no
    version, ``ValueError`` for an unknown protocol.
    """
    select: Sequence[str] = ("kserve-protocol",) if properties is None else (*_OF_THE_SERVICE, *_OF_SETTINGS)
    settings = dict(properties or {})
    found = lint_properties(
        settings | served_changes(settings, args=args, env=env),
        torchserve_version=torchserve_version,
        target="kserve",
        protocol_version=cast("ProtocolVersion", protocol_version or DEFAULT_PROTOCOL),
        service_name=service_name,
        select=select,
    )
    return tuple(replace(each, file=file) for each in found)


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
    if set(_NO_TOKENS).intersection(args):
        changed["disable_token_authorization"] = "true"
    return changed


def told_release(service: InferenceService) -> str | None:
    """Return the release that a service names by its image's tag; None where it leaves that to the cluster."""
    tag = service.runtime_version if service.image is None else service.image.rpartition(":")[2]
    match = _TAG.match(tag or "")
    return match and match[0]


def release_findings(service: InferenceService, torchserve_version: str | None) -> Iterator[Finding]:
    """Yield a finding where a service does not start the release that was asked for.

    Where it names no image, KServe's runtime names one, which in KServe 0.12 to 0.21 has TorchServe 0.9.0
    (source: ``charts/kserve-runtime-configs/files/runtimes/resources.yaml`` in kserve/kserve).
    """
    if torchserve_version is None or service.runtime is not None:
        return
    told = told_release(service)
    if told is None and (service.image is not None or service.runtime_version is not None):
        return  # a tag that says nothing of a release
    starts = told or KSERVE_STARTS
    if release(starts) == release(torchserve_version):
        return
    who = (
        f"the service starts {starts}" if told else f"KServe's runtime starts {starts} unless it is told otherwise"
    )
    yield Finding(
        code="kserve-release",
        severity="warning",
        key="runtimeVersion",
        message=f"TorchServe {torchserve_version} was asked for, and {who}",
        fix=f"set runtimeVersion to {torchserve_version} (runtime_version), or ask for the release that is there",
    )
