"""A deployment before it is written: what the server would refuse of its archives is asked first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from marpack.archive.plan.plan import ArchivePlan
from marpack.config.rules.document import is_kserve
from marpack.config.server_config import ServerConfig
from marpack.findings import Finding
from marpack.packing import CheckMode, refuse
from marpack.remote.storage import StorageFolder
from marpack.serving.deploy.deployment import Deployment, ServingArtifact

if TYPE_CHECKING:
    from marpack.checks.frame.subject import CheckTarget

# Rules on single archives as they are given to a service. Here they lie in a model store, whose settings are
# judged as a whole: KServe's wrapper needs one archive that it knows, and SageMaker's .tar.gz is the store's.
_OF_SINGLE_ARCHIVES = ("kserve-file-name", "sagemaker-form")
_UNDECODED = "sagemaker-json"


def undecoded_json(what: ArchivePlan | str, server: ServerConfig) -> tuple[Finding, ...]:
    """Return where a handler takes for decoded JSON what these settings leave to it."""
    if server.decode_input_request is not False or server.service_envelope:
        return ()
    from marpack.checks.examine import check

    return tuple(each for each in check(what, target="sagemaker", select=_UNDECODED) if each.code == _UNDECODED)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedDeployment:
    """Archives by their names in the model store, and the settings beside them, all but written.

    ``preset`` is what the settings begin with; None for a config.properties of the user's own.
    ``torchserve_version`` is the server's, None where it is not given.
    """

    plans: Mapping[str, ArchivePlan]
    deployment: Deployment
    preset: str | None
    torchserve_version: str | None

    def checked(self, mode: CheckMode, *, torch: str | None = None) -> dict[str, tuple[Finding, ...]]:
        """Return what ``marpack.check`` says of each archive for who runs this server.

        ``torch`` is the version of the server's, as ``marpack.check`` takes it. Raises ``CheckError`` for errors
        in any of them, if that is the mode.
        """
        if mode == "off":
            return {}
        findings = {name: self._findings(name, plan, torch) for name, plan in self.plans.items()}
        refuse([each for found in findings.values() for each in found], mode)
        return findings

    def _findings(self, name: str, plan: ArchivePlan, torch: str | None) -> tuple[Finding, ...]:
        from marpack.checks.examine import check

        server = ServerConfig.loads(self.deployment.config)
        target: CheckTarget = "torchserve"
        if self.preset == "sagemaker":
            target = "sagemaker"
        elif is_kserve(server.properties(), None):
            target = "kserve"
        found = check(
            plan,
            target=target,
            torch=torch,
            torchserve_version=self.torchserve_version,
            ignore=(*_OF_SINGLE_ARCHIVES, _UNDECODED),
        )
        found += undecoded_json(plan, server)
        # Of several versions of a model each has a name of its own, which its plan does not know.
        return tuple(replace(each, file=name) if each.file == plan.file_name else each for each in found)

    def write(
        self, folder: StorageFolder, *, force: bool, findings: Mapping[str, tuple[Finding, ...]]
    ) -> ServingArtifact:
        """Write the archives, then config.properties, into a folder of the disk, which may hold others already.

        In a store, a new folder is made; see ``put``.
        """
        if folder.path is None:
            return self.put(folder, findings=findings)
        return self._told(self.deployment.write(self.plans, folder.path, force=force), findings)

    def put(
        self, folder: StorageFolder, *, findings: Mapping[str, tuple[Finding, ...]] | None = None
    ) -> ServingArtifact:
        """Make a new folder of all files, whole or not at all; see ``StorageFolder.put``.

        The result is of the disk's paths, or of URLs without secrets. ``findings`` are those of ``checked``.
        """
        return self._told(self.deployment.put(self.plans, folder), findings or {})

    def _told(self, artifact: ServingArtifact, findings: Mapping[str, tuple[Finding, ...]]) -> ServingArtifact:
        told = [findings.get(name, ()) for name in self.plans]
        archives = [replace(each, findings=found) for each, found in zip(artifact.archives, told, strict=True)]
        return replace(artifact, archives=tuple(archives))
