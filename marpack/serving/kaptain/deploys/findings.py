"""What to tell of a deploy that KServe would take, and not serve as it is meant (spec/checks.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from marpack.config.settings.releases import OLD_ENVELOPES
from marpack.config.text import properties
from marpack.display import is_secret_name
from marpack.findings import Finding
from marpack.remote.urls import scheme_of
from marpack.serving.deploy.planned import PlannedDeployment
from marpack.serving.kaptain.values.described_model import DescribedModel
from marpack.serving.kserve.inference_service import InferenceService
from marpack.serving.kserve.protocol import protocol_findings, release_findings

# What KServe's storage initializer takes as it is (kserve_storage.py). Of https:// it takes one file, or Azure's.
_TAKEN = {"s3", "gs", "hdfs", "webhdfs", "pvc", "hf", "oci", "https", "http"}

# What a newer server does not take of Kaptain's own text.
_OF_THE_LITERAL_TEXT = {"envelope", "token", "kserve-port", "kserve-address"}


def find_unreachable(uri: str, setting: str) -> Iterator[Finding]:
    """Yield what KServe cannot do with a ``storageUri``; what no KServe takes, InferenceService refuses."""
    scheme = scheme_of(uri)
    if scheme in _TAKEN:
        return
    if scheme == "file":
        message = f"{uri!r} is a folder of this machine, and no pod of a cluster sees that: it never starts"
        fix = (
            "give a place that the cluster reaches, as s3://bucket/models, or upload the folder and write its URL"
        )
    else:
        message = f"{uri!r} is in a store that KServe does not read by itself: the pod never starts"
        fix = f"give a place in one that it reads: {', '.join(sorted(_TAKEN))}"
    yield Finding(code="kserve-storage-uri", severity="warning", key=setting, message=message, fix=fix)


def find_no_account(uri: str) -> Iterator[Finding]:
    """Yield that a service is written without an account, where its store may ask for one."""
    message = f"the service is written without an account that may read {scheme_of(uri)}:// there"
    fix = "unless everybody may, give service_account_name= of one in the cluster whose secrets hold its keys"
    yield Finding(code="kserve-access", severity="warning", key="service_account_name", message=message, fix=fix)


def find_plain_secrets(env: Mapping[str, str]) -> Iterator[Finding]:
    """Yield where a variable's name says that its value is secret: the manifest has it for everybody to read."""
    message = "stands in the manifest, and in the store's record of the deploy, for everybody to read"
    fix = 'keep it in a Secret of the cluster, and name that: env_from={"name": ..., "type": SECRET_KIND}'
    for name in filter(is_secret_name, env):
        yield Finding(code="kserve-plain-secret", severity="warning", key=f"env.{name}", message=message, fix=fix)


def find_requirements(model: DescribedModel) -> Iterator[Finding]:
    """Yield what to know of requirements that a server of another framework does not install (K185)."""
    if model.serving_config.get("requirements_file"):
        message = "is not installed: KServe's own server of this framework takes no requirements"
        fix = "build an image that has them, and give it as image="
        yield Finding(
            code="kserve-requirements", severity="warning", key="requirements_file", message=message, fix=fix
        )


def find_disagreement(
    planned: PlannedDeployment, service: InferenceService, torchserve_version: str | None
) -> Iterator[Finding]:
    """Yield where the settings, the service and the server that was named do not agree (K305, K333)."""
    settings = properties.loads(planned.deployment.config)
    literal = list(_literal_settings(planned, settings))
    yield from literal
    for each in protocol_findings(
        settings,
        service.protocol_version,
        torchserve_version=torchserve_version,
        service_name=service.name,
        args=service.args,
        env=service.env,
    ):
        # Of Kaptain's text as a whole, one warning says it.
        if not (literal and planned.preset and each.code in _OF_THE_LITERAL_TEXT):
            yield each
    yield from release_findings(service, torchserve_version)


def _literal_settings(planned: PlannedDeployment, settings: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what to know of Kaptain's envelope, which is written where no server was named (K33, K333)."""
    envelope = settings.get("service_envelope", "")
    if planned.torchserve_version is not None or envelope not in OLD_ENVELOPES:
        return
    named = 'call deploy(torchserve_version="0.9.0")'
    fix = named if planned.preset else "take it out, and add enable_envvars_config=true"
    yield Finding(
        code="kserve-literal-settings",
        severity="warning",
        key="service_envelope",
        message=f"{envelope!r} is for TorchServe up to 0.5.2, as Kaptain had it; a current KServe runs 0.9.0",
        effect="every worker dies",
        fix=f"for a current KServe, {fix}",
    )
