"""Write TorchServe model archives (MAR), and what a server is told about them.

Public are the names of this module, of ``marpack.properties`` and ``marpack.typing``, and of the rooms' faces
``marpack.checks``, ``marpack.compat``, ``marpack.export``, ``marpack.images``, ``marpack.kaptain``,
``marpack.running`` (with its ``ray`` and ``kserve``), ``marpack.serving`` and ``marpack.signing``; every other
module is private, whatever its name.
"""

from __future__ import annotations

from marpack.lazy import on_demand

__version__ = "0.1.0"

__all__, __getattr__, __dir__ = on_demand(
    __name__,
    {
        "archive.member": "Member",
        "archive.inspection.diff": "diff_archives",
        "archive.inspection.inspect": "inspect_archive",
        "archive.manifest": "Manifest ManifestModel ManifestWorkflow WorkflowManifest",
        "archive.owner": "Owner",
        "archive.plan.extra_files": "tree",
        "archive.plan.model": "plan_archive",
        "archive.plan.plan": "ArchivePlan WorkflowPlan",
        "archive.plan.repack": "plan_repack",
        "archive.plan.workflow": "plan_workflow",
        "archive.read.archive": "ModelArchive",
        "archive.read.limits": "Limits",
        "archive.read.open": "open_archive",
        "archive.result": "WriteResult",
        "archive.sources": "Source",
        "archive.write.write": "iter_archive write_archive",
        "checks.examine": "check",
        "config.settings.keys": "KEYS",
        "config.lint": "lint_config lint_snapshot",
        "config.model_config": "ModelConfig lint_model_config",
        "config.server_config": "ServerConfig",
        "config.snapshot": "ModelSnapshot SnapshotEntry",
        "config.text.properties": "properties",
        "errors": "ArchiveError ArchiveExistsError CheckError ConfigError DownloadError ImageError LimitError"
        " ManifestError MarpackError MissingExtraError NotMappableError NotPortableError NotServedError PlanError"
        " PropertiesError RegistryError SignatureError SignatureFileError SnapshotError SourceChangedError"
        " TargetError UnsafeArchiveError UploadError",
        "findings": "Finding Issue",
        "packing": "pack",
        "scanning.archives": "scan",
        "serving.model_store": "ModelStore",
    },
    modules="checks compat export images kaptain running serving signing typing",
)
