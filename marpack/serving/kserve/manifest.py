"""The files that ``kubectl apply`` takes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from marpack.config.text import yaml_text
from marpack.findings import Finding
from marpack.serving.kserve.inference_service import InferenceService


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class ServingManifest:
    """An InferenceService with the ServiceAccount and the Secret that it reads its store by.

    ``findings`` is what to tell the user. The Secret is a file of its own: who applies the manifest of a canary
    again must not put placeholders in the place of the keys in the cluster.
    """

    inference_service: InferenceService
    service_account: dict[str, Any] | None = None
    secret: dict[str, Any] | None = None
    findings: tuple[Finding, ...] = ()

    def documents(self) -> list[dict[str, Any]]:
        """Return the documents in the order in which they are applied: the Secret first, the service last."""
        parts = [self.secret, self.service_account, self.inference_service.document()]
        return [part for part in parts if part is not None]

    def to_yaml(self) -> str:
        """Return the ServiceAccount and the InferenceService as text."""
        parts = [self.service_account, self.inference_service.document()]
        return "---\n".join(yaml_text.dumps(part) for part in parts if part is not None)

    def secret_yaml(self) -> str | None:
        """Return the Secret as text, None where there is none."""
        return None if self.secret is None else yaml_text.dumps(self.secret)

    def write(self, path: str | os.PathLike[str], *, force: bool = False) -> tuple[str, ...]:
        """Write the manifest, and beside it ``<stem>-secret.yaml`` where there is a Secret; return their paths."""
        raise NotImplementedError
