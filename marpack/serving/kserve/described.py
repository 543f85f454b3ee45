"""From plain arguments, and what is to be served, to the documents that KServe applies."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, cast

from marpack.config.lint import lint_config, lint_properties
from marpack.config.settings.kserve_names import ProtocolVersion, service_name_problem
from marpack.config.settings.releases import release
from marpack.config.text import properties as codec
from marpack.errors import ArchiveError, ConfigError, PlanError, PropertiesError
from marpack.findings import Finding, Issue
from marpack.serving.deploy.names import sanitize_string
from marpack.serving.deploy.tables import unknown_name
from marpack.serving.kserve.cluster import cluster_findings
from marpack.serving.kserve.inference_service import InferenceService, PredictorForm, ScaleMetric
from marpack.serving.kserve.manifest import ServingManifest
from marpack.serving.kserve.protocol import DEFAULT_PROTOCOL, release_findings, served_changes, told_release
from marpack.serving.kserve.resources import Resources
from marpack.serving.kserve.served import Served
from marpack.serving.kserve.storage_access import S3Access, access_documents
from marpack.serving.kserve.storage_uri import storage_uri_findings
from marpack.serving.kserve.transformer import Transformer

if TYPE_CHECKING:
    from typing import Unpack

_T = TypeVar("_T")

# Stands for a name that is not known yet, so that all else can be looked at.
_NAME = "model"

# What can be said where the settings are not known.
_OF_ARCHIVES = ("kserve-archive", "kserve-protocol", "kserve-service-name")


class ServiceSettings(TypedDict, total=False):
    """What can be said of a service beside its name and its storage: see ``InferenceService``."""

    namespace: str | None
    model_format: str
    model_format_version: str | None
    protocol_version: ProtocolVersion | str | None
    runtime: str | None
    runtime_version: str | None
    image: str | None
    form: PredictorForm | str
    resources: Resources | None
    min_replicas: int | None
    max_replicas: int | None
    scale_target: int | None
    scale_metric: ScaleMetric | str | None
    container_concurrency: int | None
    timeout: int | None
    canary_traffic_percent: int | None
    service_account_name: str | None
    args: Sequence[str]
    env: Mapping[str, str]
    env_from: Mapping[str, str] | None
    transformer: Transformer | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def inference_service(
    source: str | os.PathLike[str] | None = None,
    *,
    storage_uri: str,
    name: str | None = None,
    torchserve_version: str | None = None,
    access: S3Access | None = None,
    with_credentials: bool = False,
    **settings: Unpack[ServiceSettings],
) -> ServingManifest:
    """Describe a service of KServe: the documents that ``kubectl apply`` takes, with what is to be told of them.

    - ``source``: what is served, as it lies here: an archive, a model store, or a folder to deploy, as
      ``serve_build`` makes it, whose settings are looked at too. It is read and not sent.
    - ``storage_uri``: where the folder to deploy lies for KServe: ``s3://``, ``gs://``, ``pvc://`` and others.
    - ``name``: of the service; by default ``sanitize_string`` of the only model's name.
    - ``torchserve_version``: the release that the service shall start, as ``"0.12.0"``. Where the service names
      another one, or none, so that KServe starts its own, that is a finding.
    - ``access``: what KServe reads the store with; a ServiceAccount, and a Secret where keys are needed, come
      with it. The keys in the Secret are placeholders unless ``with_credentials``.
    - ``settings``: fields of ``InferenceService``.

    The result knows the models of ``source``, and where they are asked. Its ``findings`` are where the settings,
    the service's protocol and the release do not agree, and where the wrapper of KServe's image would not find, or
    not answer for, the model; and a ``storage_uri`` that KServe cannot fetch, or that is an archive and not the
    folder around it.

    Raises ``PlanError`` with everything that is wrong with the arguments; ``OSError`` of the disk passes through.
    """
    issues = list(_unknown(settings))
    known: dict[str, Any] = {key: settings.get(key) for key in ServiceSettings.__annotations__ if key in settings}

    def attempt(make: Callable[[], _T]) -> _T | None:
        try:
            return make()
        except PlanError as error:
            issues.extend(error.issues)
        except ArchiveError as error:
            issues.append(Issue(code=error.code, argument="source", message=str(error)))
        except ConfigError as error:
            issues.extend(found.issue for found in error.findings)
        return None

    served: Served | None = Served() if source is None else attempt(lambda: Served.at(source))
    chosen = name
    if name is None:
        chosen = attempt(lambda: _name_of(served)) if served is not None else None
    if torchserve_version is not None:
        attempt(lambda: release(torchserve_version))
    given: object = access
    if given is not None and not isinstance(given, S3Access):
        message = f"must be an S3Access, not {type(given).__name__}"
        issues.append(Issue(code="bad-type", argument="access", message=message))
    elif access is not None:
        if known.get("service_account_name") is not None:
            message = "is given beside an access, which brings an account of its own: leave one of them out"
            issues.append(Issue(code="bad-value", argument="service_account_name", message=message))
        # What is wrong with namespace and labels, InferenceService says of the same arguments.
        documents = attempt(lambda: access_documents(_name(chosen), access, with_credentials=with_credentials))
        if documents is not None:
            known["service_account_name"] = documents[0]["metadata"]["name"]
    elif with_credentials:
        message = "asks for keys, and there is no access that has any: give one"
        issues.append(Issue(code="missing-key", argument="with_credentials", message=message))
    service = attempt(
        lambda: InferenceService(name=_NAME if chosen is None else chosen, storage_uri=storage_uri, **known)
    )
    if issues or service is None or served is None:
        raise PlanError(list(dict.fromkeys(issues)))
    account = secret = None
    if access is not None:
        account, secret = access_documents(
            service.name,
            access,
            namespace=service.namespace,
            labels=service.labels,
            with_credentials=with_credentials,
        )
    return ServingManifest(
        inference_service=service,
        service_account=account,
        secret=secret,
        models=served.models,
        findings=(*_access_findings(service, access), *_findings(service, served, torchserve_version)),
    )


def _name(chosen: object) -> str:
    """Return a name that others can be made of; what is wrong with it is said elsewhere."""
    return chosen if isinstance(chosen, str) and service_name_problem(chosen) is None else _NAME


def _unknown(settings: Mapping[str, Any]) -> Iterator[Issue]:
    known = list(ServiceSettings.__annotations__)
    for key in settings:
        if key not in known:
            yield unknown_name(key, known, "an argument of a service")


def _name_of(served: Served) -> str:
    """Return the service's name by its only model's; ``PlanError`` where that is none."""
    if len(served.models) != 1:
        which = f"{len(served.models)} models could give it" if served.models else "no model here gives it one"
        raise _no_name("missing-key", f"is missing, and {which}: name the service")
    [model] = served.models
    try:
        made = sanitize_string(model)
    except ValueError as error:
        raise _no_name("bad-value", f"of the model's: {error}; or name the service apart") from None
    if problem := service_name_problem(made):
        raise _no_name("bad-value", f"{made!r}, made of the model's, {problem}: name the service apart")
    return made


def _no_name(code: str, message: str) -> PlanError:
    return PlanError([Issue(code=code, argument="name", message=message)])


def _access_findings(service: InferenceService, access: S3Access | None) -> Iterator[Finding]:
    """Yield where the keys are another store's: KServe takes S3's for ``s3://`` alone (kserve_storage.py)."""
    scheme, mark, _ = service.storage_uri.partition("://")
    if access is None or not mark or scheme.lower() == "s3":
        return
    message = f"the keys are for S3, and the model is at {scheme}://, which is read without them"
    fix = "leave the access out, and name an account of the cluster that may read there (service_account_name)"
    yield Finding(code="kserve-access", severity="warning", key="serviceAccountName", message=message, fix=fix)


def _findings(service: InferenceService, served: Served, torchserve_version: str | None) -> Iterator[Finding]:
    """Yield where service, cluster, settings and release do not agree; no settings that another server has."""
    is_torchserve = service.model_format == "pytorch" and "torchserve" in (service.runtime or "torchserve")
    yield from cluster_findings(service)
    yield from storage_uri_findings(service.storage_uri, "storageUri", is_torchserve=is_torchserve)
    if not is_torchserve:
        return
    told: dict[str, Any] = {
        "torchserve_version": torchserve_version or told_release(service),
        "target": "kserve",
        "protocol_version": cast("ProtocolVersion", service.protocol_version or DEFAULT_PROTOCOL),
        "service_name": service.name,
    }
    if served.settings is None:
        select = _OF_ARCHIVES if served.properties else "kserve-protocol"
        yield from lint_properties(served.properties, select=select, **told)
    else:
        data = served.settings
        with contextlib.suppress(PropertiesError):  # as a finding says, too
            data = codec.edit(data, served_changes(served.properties, args=service.args, env=service.env))
        yield from lint_config(data, file=served.file, model_store=served.store, **told)
    yield from release_findings(service, torchserve_version)
