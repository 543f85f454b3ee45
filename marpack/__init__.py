"""Write TorchServe model archives (MAR), and what a server is told about them."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it for typing's, which takes a quarter as long to load as Python
if TYPE_CHECKING:
    from typing import Any

    from marpack import properties
    from marpack.archive.container import ArchiveEntry
    from marpack.archive.content import Progress
    from marpack.archive.difference import Difference, ManifestChange, MemberChange, PackingChange, diff_archives
    from marpack.archive.entry import Compression, Entry, Reader, Source
    from marpack.archive.extra_files import ExtraFiles, Tree, tree
    from marpack.archive.inputs import FileArgument, SourceLike
    from marpack.archive.inspection import InspectedMember, Inspection, inspect_archive
    from marpack.archive.layout import ArchiveFormat, Deflate
    from marpack.archive.limits import Limits
    from marpack.archive.manifest import Manifest, ManifestModel, ManifestWorkflow, Runtime, WorkflowManifest
    from marpack.archive.opened import ModelArchive, WorkflowArchive
    from marpack.archive.plan import ArchivePlan, Owner, WorkflowPlan
    from marpack.archive.planning import Handler, plan_archive
    from marpack.archive.reader import open_archive
    from marpack.archive.repack import plan_repack
    from marpack.archive.result import WriteResult, WrittenEntry
    from marpack.archive.weights import TensorKey, Weights
    from marpack.archive.workflow_planning import plan_workflow
    from marpack.archive.write import iter_archive, write_archive
    from marpack.checks.examine import check
    from marpack.checks.subject import CheckTarget
    from marpack.config.keys import KEYS, Key
    from marpack.config.lint import lint_config
    from marpack.config.model_config import ModelConfig
    from marpack.config.server_config import Preset, ServerConfig
    from marpack.config.server_rules import Target
    from marpack.config.snapshot import EntrySettings, ModelSnapshot, SnapshotEntry, SnapshotStyle, lint_snapshot
    from marpack.errors import (
        ArchiveError,
        ArchiveExistsError,
        CheckError,
        ConfigError,
        DownloadError,
        Finding,
        Issue,
        LimitError,
        ManifestError,
        MarpackError,
        MissingExtraError,
        NotPortableError,
        PlanError,
        PropertiesError,
        ReaderName,
        Severity,
        SnapshotError,
        SourceChangedError,
        TargetError,
        UnsafeArchiveError,
        UploadError,
    )
    from marpack.packing import pack
    from marpack.serving.model_store import ModelStore, StoredArchive

__all__ = [
    "KEYS",
    "ArchiveEntry",
    "ArchiveError",
    "ArchiveExistsError",
    "ArchiveFormat",
    "ArchivePlan",
    "CheckError",
    "CheckTarget",
    "Compression",
    "ConfigError",
    "Deflate",
    "Difference",
    "DownloadError",
    "Entry",
    "EntrySettings",
    "ExtraFiles",
    "FileArgument",
    "Finding",
    "Handler",
    "InspectedMember",
    "Inspection",
    "Issue",
    "Key",
    "LimitError",
    "Limits",
    "Manifest",
    "ManifestChange",
    "ManifestError",
    "ManifestModel",
    "ManifestWorkflow",
    "MarpackError",
    "MemberChange",
    "MissingExtraError",
    "ModelArchive",
    "ModelConfig",
    "ModelSnapshot",
    "ModelStore",
    "NotPortableError",
    "Owner",
    "PackingChange",
    "PlanError",
    "Preset",
    "Progress",
    "PropertiesError",
    "Reader",
    "ReaderName",
    "Runtime",
    "ServerConfig",
    "Severity",
    "SnapshotEntry",
    "SnapshotError",
    "SnapshotStyle",
    "Source",
    "SourceChangedError",
    "SourceLike",
    "StoredArchive",
    "Target",
    "TargetError",
    "TensorKey",
    "Tree",
    "UnsafeArchiveError",
    "UploadError",
    "Weights",
    "WorkflowArchive",
    "WorkflowManifest",
    "WorkflowPlan",
    "WriteResult",
    "WrittenEntry",
    "check",
    "diff_archives",
    "inspect_archive",
    "iter_archive",
    "lint_config",
    "lint_snapshot",
    "open_archive",
    "pack",
    "plan_archive",
    "plan_repack",
    "plan_workflow",
    "properties",
    "tree",
    "write_archive",
]

__version__ = "0.1.0"

# Where each public name lives: it is loaded when it is first asked for (PEP 562), so that a tool that embeds
# marpack pays for what it uses.
_HOMES = {
    "archive.container": "ArchiveEntry",
    "archive.content": "Progress",
    "archive.difference": "Difference ManifestChange MemberChange PackingChange diff_archives",
    "archive.entry": "Compression Entry Reader Source",
    "archive.extra_files": "ExtraFiles Tree tree",
    "archive.inputs": "FileArgument SourceLike",
    "archive.inspection": "InspectedMember Inspection inspect_archive",
    "archive.layout": "ArchiveFormat Deflate",
    "archive.limits": "Limits",
    "archive.manifest": "Manifest ManifestModel ManifestWorkflow Runtime WorkflowManifest",
    "archive.opened": "ModelArchive WorkflowArchive",
    "archive.plan": "ArchivePlan Owner WorkflowPlan",
    "archive.planning": "Handler plan_archive",
    "archive.reader": "open_archive",
    "archive.repack": "plan_repack",
    "archive.result": "WriteResult WrittenEntry",
    "archive.weights": "TensorKey Weights",
    "archive.workflow_planning": "plan_workflow",
    "archive.write": "iter_archive write_archive",
    "checks.examine": "check",
    "checks.subject": "CheckTarget",
    "config.keys": "KEYS Key",
    "config.lint": "lint_config",
    "config.model_config": "ModelConfig",
    "config.server_config": "Preset ServerConfig",
    "config.server_rules": "Target",
    "config.snapshot": "EntrySettings ModelSnapshot SnapshotEntry SnapshotStyle lint_snapshot",
    "errors": "ArchiveError ArchiveExistsError CheckError ConfigError DownloadError Finding Issue LimitError "
    "ManifestError MarpackError MissingExtraError NotPortableError PlanError PropertiesError ReaderName Severity "
    "SnapshotError SourceChangedError TargetError UnsafeArchiveError UploadError",
    "packing": "pack",
    "serving.model_store": "ModelStore StoredArchive",
}
# What is a module, whether or not something of it has been loaded already.
_ROOMS = (
    "archive",
    "checks",
    "cli",
    "compat",
    "config",
    "disk",
    "errors",
    "packing",
    "properties",
    "secrets",
    "serving",
)
_HOME_OF = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names.split()}


if not TYPE_CHECKING:  # whoever checks types shall miss a name that is not there

    def __getattr__(name: str) -> Any:
        if name in _ROOMS:
            return import_module(f"{__name__}.{name}")
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
