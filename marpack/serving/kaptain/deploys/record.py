"""What a store remembers of the deploys of a model: ``<base>/<id>/deploy/deployment.json`` (K251)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any

from marpack import strict_json
from marpack.display import brief_repr, printable
from marpack.errors import MarpackError
from marpack.remote.storage import StorageFolder
from marpack.serving.deploy.names import sanitize_string
from marpack.serving.kaptain.deploys.manifest_files import MODEL_ID
from marpack.serving.kaptain.values.exceptions import ModelDeploymentException
from marpack.serving.kserve.inference_service import InferenceService
from marpack.serving.kserve.manifest import ServingManifest
from marpack.serving.kserve.resources import Resources
from marpack.serving.kserve.storage_access import service_account_document
from marpack.serving.kserve.transformer import Transformer

RECORD_NAME = "deployment.json"
FORMAT = 1

# What marpack writes is some kilobytes.
_LONGEST = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """A newer model beside the deployed one: its folder's URI, its share of requests, and its weights."""

    storage_uri: str
    percentage: int
    weights: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployed:
    """A model as it was deployed, and its canary.

    ``service_account`` is the document beside the service's. ``manifest`` is the path of the manifest, relative to
    the ``base_dir`` of the model's config where it lies below that. ``weights`` names what was packed, without
    secrets, and ``torchserve_version`` the server that it was packed for.
    """

    service: InferenceService
    service_account: dict[str, Any] | None
    manifest: str
    weights: str | None = None
    torchserve_version: str | None = None
    canary: Canary | None = None

    @property
    def applied(self) -> InferenceService:
        """The document that the cluster is to have: with a canary, the same with its URI and its share (K332)."""
        if self.canary is None:
            return self.service
        uri, share = self.canary.storage_uri, self.canary.percentage
        return replace(self.service, storage_uri=uri, canary_traffic_percent=share)

    def serving_manifest(self) -> ServingManifest:
        """Return what is applied for it, but for the Secret, which stays in the cluster as it is (K332)."""
        return ServingManifest(inference_service=self.applied, service_account=self.service_account)

    def promoted(self, canary: Canary) -> Deployed:
        """Return this with the canary in the place of what was deployed (K161)."""
        service = replace(self.service, storage_uri=canary.storage_uri)
        return replace(self, service=service, weights=canary.weights, canary=None)


class DeploymentRecord:
    """The record of one model, as it was read; writing it fails if somebody else has written it meanwhile."""

    def __init__(self, folder: StorageFolder, model_id: str, data: bytes | None) -> None:
        self._folder = folder
        self._model_id = model_id
        self._data = data
        self._begun: bytes | None = None
        self.deployed = None if data is None else self._parsed(data)

    @classmethod
    def read(cls, folder: StorageFolder, model_id: str) -> DeploymentRecord:
        """Ask the store; nothing there means that nothing was deployed.

        Raises ``ModelDeploymentException`` for a record that cannot be read, which stays as it is.
        """
        return cls(folder, model_id, folder.read(RECORD_NAME, limit=_LONGEST))

    def write(self, deployed: Deployed | None) -> None:
        """Write what is deployed now; None for nothing.

        Between two calls that end in the same moment the store decides. Where its answer got lost, it is asked
        what it has: the record may be there all the same.
        """
        document = {"format": FORMAT, "model": self._model_id, "deployed": _document(deployed)}
        data = f"{json.dumps(document, indent=2)}\n".encode()
        if self._folder.read(RECORD_NAME, limit=_LONGEST) != self._data:
            raise self._error("has been changed since it was read, by another deploy: look at that, and try again")
        self._begun = data
        try:
            self._folder.write(RECORD_NAME, data)
        except OSError as error:  # a store's too
            if self._folder.read(RECORD_NAME, limit=_LONGEST) != data:
                raise self._error(f"cannot be written: {error.strerror or error}") from error
        self._data = data
        self.deployed = deployed

    def may_be_written(self) -> bool:
        """Tell whether the store may have what ``write`` was to write; where it does not answer, it may."""
        if self._begun is None:
            return False
        try:
            return self._folder.read(RECORD_NAME, limit=_LONGEST) == self._begun
        except (MarpackError, OSError):
            return True

    def _parsed(self, data: bytes) -> Deployed | None:
        try:
            document = strict_json.loads(data.decode())
        except (ValueError, RecursionError):
            raise self._error("is not JSON: put back a copy, or move it away and deploy again") from None
        if not isinstance(document, dict) or not isinstance(document.get("format"), int):
            raise self._error("is no record of a deploy: put back a copy, or move it away and deploy again")
        if document["format"] != FORMAT:
            written = f"its format is {brief_repr(document['format'])}, and this one reads {FORMAT}"
            raise self._error(f"was written by another marpack: {written}: use the marpack that wrote it")
        if document.get("model") != self._model_id:
            raise self._error(
                f"is the record of another model, {brief_repr(document.get('model'))}: give each model its own id"
            )
        try:
            return _deployed(document["deployed"], self._model_id)
        except (MarpackError, KeyError, TypeError, ValueError) as problem:
            # Python's own text of what a call does not take has that as it is.
            reason = f"lacks {problem}" if isinstance(problem, KeyError) else printable(str(problem))
            fix = "put back a copy, or move it away and deploy again"
            raise self._error(f"does not say what is deployed ({reason}): {fix}") from None

    def _error(self, message: str) -> ModelDeploymentException:
        return ModelDeploymentException(f"{f'{self._folder}/{RECORD_NAME}'!r} {message}")


def _document(deployed: Deployed | None) -> dict[str, Any] | None:
    if deployed is None:
        return None
    document = _set_fields(deployed)
    document["service"] = _set_fields(deployed.service)
    for name in ("resources", "transformer"):
        if (value := getattr(deployed.service, name)) is not None:
            document["service"][name] = _set_fields(value)
    if deployed.canary is not None:
        document["canary"] = _set_fields(deployed.canary)
    return document


def _set_fields(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that are not what they are by default."""
    found = {}
    for field in fields(value):
        set_to = getattr(value, field.name)
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if set_to != default:
            found[field.name] = dict(set_to) if isinstance(set_to, Mapping) else set_to
    return found


def _deployed(document: Any, model_id: str) -> Deployed | None:
    if document is None:
        return None
    parts = dict(document)
    service = dict(parts.pop("service"))
    if "resources" in service:
        service["resources"] = Resources(**service["resources"])
    if "transformer" in service:
        service["transformer"] = Transformer(**service["transformer"])
    canary = Canary(**parts.pop("canary")) if "canary" in parts else None
    found = Deployed(**{"service_account": None, **parts}, service=InferenceService(**service), canary=canary)
    texts: list[Any] = [found.manifest, found.weights or "", found.torchserve_version or ""]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text is none")
    if (found.service.name, found.service.annotations.get(MODEL_ID)) != (sanitize_string(model_id), model_id):
        raise ValueError("its service is another model's")
    if found.service_account is not None and not _is_account(found.service_account, found.service):
        raise ValueError("service_account is not the account of the service")
    found.applied  # noqa: B018  # which is looked at as a whole
    return found


def _is_account(document: Any, service: InferenceService) -> bool:
    """Tell whether this is the service's account and nothing else: it is applied with the manifest."""
    if not isinstance(document, dict) or not isinstance(metadata := document.get("metadata"), dict):
        return False
    made = service_account_document(
        f"{service.name}-service-account",
        secret_name=f"{service.name}-secret" if "secrets" in document else None,
        namespace=service.namespace,
        labels=metadata.get("labels"),
        annotations=metadata.get("annotations"),
    )
    return bool(document == made and service.service_account_name == made["metadata"]["name"])
