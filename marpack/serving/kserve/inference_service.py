"""KServe's InferenceService, ``serving.kserve.io/v1beta1``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import quote

from marpack.config.settings.kserve_names import PROTOCOL_VERSIONS, ProtocolVersion
from marpack.config.settings.redaction import redacted
from marpack.display import HIDDEN, is_secret_name
from marpack.errors import PlanError
from marpack.findings import Issue
from marpack.serving.kserve.grammar import (
    INT32,
    INT64,
    choice_issues,
    count_issues,
    object_name_issues,
    service_name_issues,
    text_issues,
    texts_issues,
    variables_issues,
)
from marpack.serving.kserve.metadata import metadata, metadata_issues
from marpack.serving.kserve.resources import Resources
from marpack.serving.kserve.rules import across_issues
from marpack.serving.kserve.storage_uri import storage_uri_issues
from marpack.serving.kserve.transformer import Transformer, env_source, source_issues

PredictorForm: TypeAlias = Literal["model", "pytorch"]
ScaleMetric: TypeAlias = Literal["cpu", "memory", "concurrency", "rps"]

# How KServe's older form, and Knative itself, are told what scales a service.
_TARGET, _METRIC = "autoscaling.knative.dev/target", "autoscaling.knative.dev/metric"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class InferenceService:
    """A model that KServe serves: every field is a key of the document (spec/kserve.md).

    None, and what is empty, leaves the key out. ``name`` is also the model's in URLs. ``storage_uri`` is the
    folder that KServe mounts at ``/mnt/models``. ``form`` is how the predictor is written: ``"model"``, or
    ``"pytorch"`` for KServe before 0.8, where annotations say what scales it. ``canary_traffic_percent`` is the
    share of the newest revision: leave it out to promote that, and give 0 to send it nothing. ``env`` holds plain
    values, which stand in the document as they are: for secret ones ``env_from`` names a Secret, as that of a
    ``Transformer`` does.

    Raises ``PlanError`` with everything that KServe's webhook, its CRD or Kubernetes would refuse, or ignore.
    """

    name: str
    storage_uri: str
    namespace: str | None = None
    model_format: str = "pytorch"
    model_format_version: str | None = None
    protocol_version: ProtocolVersion | str | None = None
    runtime: str | None = None
    runtime_version: str | None = None
    image: str | None = None
    form: PredictorForm | str = "model"
    resources: Resources | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    scale_target: int | None = None
    scale_metric: ScaleMetric | str | None = None
    container_concurrency: int | None = None
    timeout: int | None = None
    canary_traffic_percent: int | None = None
    service_account_name: str | None = None
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    env_from: Mapping[str, str] | None = None
    transformer: Transformer | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("args", "env", "labels", "annotations"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, () if name == "args" else {})
        issues = list(self._issues())
        # What belongs together is looked at where each part is what it should be.
        faulty = {issue.argument.partition("[")[0] for issue in issues}
        good = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in faulty}
        if issues := [*issues, *across_issues(good)]:
            raise PlanError(issues)
        # Copies, so that what was found good stays so.
        object.__setattr__(self, "args", tuple(self.args))
        object.__setattr__(self, "env_from", None if self.env_from is None else dict(self.env_from))
        for name in ("env", "labels", "annotations"):
            object.__setattr__(self, name, dict(getattr(self, name)))

    def __repr__(self) -> str:
        shown = {each.name: redacted("", repr(getattr(self, each.name))) for each in fields(self)}
        shown["env"] = repr(
            {key: HIDDEN if is_secret_name(key) else redacted(key, self.env[key]) for key in self.env}
        )
        shown["args"] = repr([redacted("", each) for each in self.args])
        return f"InferenceService({', '.join(f'{name}={text}' for name, text in shown.items())})"

    @property
    def url(self) -> str:
        """The address in the cluster; in the namespace ``default`` where none is given."""
        return f"http://{self.name}.{self.namespace or 'default'}.svc.cluster.local"

    def model_url(self, model: str) -> str:
        """Return where a model is asked in the cluster, in JSON, by the service's protocol."""
        is_v2 = self.protocol_version in ("v2", "grpc-v2")
        path = "/v2/models/{}/infer" if is_v2 else "/v1/models/{}:predict"
        return self.url + path.format(quote(model, safe=""))

    def document(self) -> dict[str, Any]:
        """Return the document, its keys in a fixed order (K346)."""
        spec = {"predictor": self._predictor()}
        own = self._own_annotations()
        if _TARGET in own:
            own[_TARGET] = str(own[_TARGET])
        if self.transformer is not None:
            spec["transformer"] = self.transformer.document()
        return {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": metadata(self.name, self.namespace, self.labels, {**self.annotations, **own}),
            "spec": spec,
        }

    def _predictor(self) -> dict[str, Any]:
        is_model = self.form == "model"
        model = {
            "modelFormat": _present({"name": self.model_format, "version": self.model_format_version})
            if is_model
            else None,
            "protocolVersion": self.protocol_version,
            "runtime": self.runtime,
            "runtimeVersion": self.runtime_version,
            "storageUri": self.storage_uri,
            "image": self.image,
            "args": list(self.args) or None,
            "env": [{"name": name, "value": value} for name, value in self.env.items()] or None,
            "envFrom": None if self.env_from is None else [env_source(self.env_from)],
            "resources": (self.resources.document() if self.resources else None) or None,
        }
        return _present(
            {
                "minReplicas": self.min_replicas,
                "maxReplicas": self.max_replicas,
                "scaleTarget": self.scale_target if is_model else None,
                "scaleMetric": self.scale_metric if is_model else None,
                "containerConcurrency": self.container_concurrency,
                "timeout": self.timeout,
                "canaryTrafficPercent": self.canary_traffic_percent,
                "serviceAccountName": self.service_account_name,
                self.form: _present(model),
            }
        )

    def _own_annotations(self) -> dict[str, Any]:
        return {} if self.form == "model" else _present({_METRIC: self.scale_metric, _TARGET: self.scale_target})

    def _issues(self) -> Iterator[Issue]:
        """Yield what is wrong with each field by itself."""
        yield from service_name_issues("name", self.name)
        yield from storage_uri_issues("storage_uri", self.storage_uri)
        yield from text_issues("model_format", self.model_format, spaces=False)
        yield from choice_issues("form", self.form, get_args(PredictorForm))
        for name, check in _OPTIONAL.items():
            if (value := getattr(self, name)) is not None:
                yield from check(name, value)
        yield from texts_issues("args", self.args)
        yield from variables_issues("env", self.env)
        if self.env_from is not None:
            yield from source_issues("env_from", self.env_from)
        yield from metadata_issues(self.namespace, self.labels, self.annotations, own=self._own_annotations())


def _present(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}


def _is_a(kind: type) -> Callable[[str, object], Iterator[Issue]]:
    def check(argument: str, value: object) -> Iterator[Issue]:
        if not isinstance(value, kind):
            message = f"must be a {kind.__name__}, not {type(value).__name__}"
            yield Issue(code="bad-type", argument=argument, message=message)

    return check


def _word(argument: str, value: object) -> Iterator[Issue]:
    return text_issues(argument, value, spaces=False)


def _one_of(choices: Iterable[str]) -> Callable[[str, object], Iterator[Issue]]:
    return lambda argument, value: choice_issues(argument, value, choices)


def _from(low: int, high: int) -> Callable[[str, object], Iterator[Issue]]:
    return lambda argument, value: count_issues(argument, value, low, high)


# Fields that may be None, and what is asked of them. A target of 0 is refused by Knative, of rps by KServe itself.
_OPTIONAL: Mapping[str, Callable[[str, object], Iterator[Issue]]] = {
    "model_format_version": _word,
    "protocol_version": _one_of(PROTOCOL_VERSIONS),
    "runtime": object_name_issues,
    "runtime_version": _word,
    "image": _word,
    "resources": _is_a(Resources),
    "min_replicas": _from(0, INT32),
    "max_replicas": _from(0, INT32),
    "scale_target": _from(1, INT32),
    "scale_metric": _one_of(get_args(ScaleMetric)),
    "container_concurrency": _from(0, INT64),
    "timeout": _from(0, INT64),
    "canary_traffic_percent": _from(0, 100),
    "service_account_name": object_name_issues,
    "transformer": _is_a(Transformer),
}
