"""The files that ``kubectl apply`` takes."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Any

from marpack.config.text import yaml_text
from marpack.disk.atomic import replacing_files
from marpack.display import HIDDEN
from marpack.findings import Finding
from marpack.serving.kserve.inference_service import InferenceService


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class ServingManifest:
    """An InferenceService with the ServiceAccount and the Secret that it reads its store by.

    ``models`` are the names of those that it serves, as far as they are known; ``findings`` is what to tell the
    user. The Secret is a file of its own: who applies the manifest of a canary again must not put placeholders in
    the place of the keys in the cluster.
    """

    inference_service: InferenceService
    service_account: dict[str, Any] | None = None
    secret: dict[str, Any] | None = None
    models: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        """Where the models are asked in the cluster: each under its own name, else under the service's."""
        service = self.inference_service
        return tuple(service.model_url(name) for name in self.models or (service.name,))

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

    def files(self, path: str | os.PathLike[str]) -> tuple[str, ...]:
        """Return the paths that ``write`` would write to: the manifest's, and the Secret's where there is one."""
        target = os.fsdecode(path)
        return (target,) if self.secret is None else (target, f"{os.path.splitext(target)[0]}-secret.yaml")

    def write(self, path: str | os.PathLike[str], *, force: bool = False) -> tuple[str, ...]:
        """Write the manifest, and beside it the Secret, where there is one; return the paths of both.

        The Secret goes to ``<path without its suffix>-secret.yaml``, which only its owner may read. Both appear,
        the Secret first, or none. Raises ``ArchiveExistsError`` where a file is in the way and ``force`` is not
        given, ``TargetError`` for a place that takes none; ``OSError`` of the disk passes through.
        """
        files = self.files(path)
        texts = dict(zip(files, filter(None, (self.to_yaml(), self.secret_yaml())), strict=True))
        private = {name: name != files[0] for name in reversed(files)}
        with replacing_files(private, force=force) as opened:
            for file, name in zip(opened, private, strict=True):
                file.write(texts[name].encode("ascii"))
        return files

    def __repr__(self) -> str:
        secret = None if self.secret is None else HIDDEN
        shown = {each.name: repr(getattr(self, each.name)) for each in fields(self)} | {"secret": str(secret)}
        return f"ServingManifest({', '.join(f'{name}={text}' for name, text in shown.items())})"
