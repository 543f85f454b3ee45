from collections.abc import Callable, Mapping

from marpack import checks as checks
from marpack import compat as compat
from marpack import export as export
from marpack import images as images
from marpack import kaptain as kaptain
from marpack import running as running
from marpack import serving as serving
from marpack import signing as signing
from marpack import typing as typing
from marpack.archive.inspection.diff import diff_archives as diff_archives
from marpack.archive.inspection.inspect import inspect_archive as inspect_archive
from marpack.archive.manifest import Manifest as Manifest
from marpack.archive.manifest import ManifestModel as ManifestModel
from marpack.archive.manifest import ManifestWorkflow as ManifestWorkflow
from marpack.archive.manifest import WorkflowManifest as WorkflowManifest
from marpack.archive.member import Member as Member
from marpack.archive.owner import Owner as Owner
from marpack.archive.plan.extra_files import tree as tree
from marpack.archive.plan.model import plan_archive as plan_archive
from marpack.archive.plan.plan import ArchivePlan as ArchivePlan
from marpack.archive.plan.plan import WorkflowPlan as WorkflowPlan
from marpack.archive.plan.repack import plan_repack as plan_repack
from marpack.archive.plan.workflow import plan_workflow as plan_workflow
from marpack.archive.read.archive import ModelArchive as ModelArchive
from marpack.archive.read.limits import Limits as Limits
from marpack.archive.read.open import open_archive as open_archive
from marpack.archive.result import WriteResult as WriteResult
from marpack.archive.sources import Source as Source
from marpack.archive.write.write import iter_archive as iter_archive
from marpack.archive.write.write import write_archive as write_archive
from marpack.checks.examine import check as check
from marpack.config.lint import lint_config as lint_config
from marpack.config.lint import lint_snapshot as lint_snapshot
from marpack.config.model_config import ModelConfig as ModelConfig
from marpack.config.model_config import lint_model_config as lint_model_config
from marpack.config.server_config import ServerConfig as ServerConfig
from marpack.config.settings.keys import KEYS as KEYS
from marpack.config.snapshot import ModelSnapshot as ModelSnapshot
from marpack.config.snapshot import SnapshotEntry as SnapshotEntry
from marpack.config.text import properties as properties
from marpack.errors import ArchiveError as ArchiveError
from marpack.errors import ArchiveExistsError as ArchiveExistsError
from marpack.errors import CheckError as CheckError
from marpack.errors import ConfigError as ConfigError
from marpack.errors import DownloadError as DownloadError
from marpack.errors import ImageError as ImageError
from marpack.errors import LimitError as LimitError
from marpack.errors import ManifestError as ManifestError
from marpack.errors import MarpackError as MarpackError
from marpack.errors import MissingExtraError as MissingExtraError
from marpack.errors import NotMappableError as NotMappableError
from marpack.errors import NotPortableError as NotPortableError
from marpack.errors import NotServedError as NotServedError
from marpack.errors import PlanError as PlanError
from marpack.errors import PropertiesError as PropertiesError
from marpack.errors import RegistryError as RegistryError
from marpack.errors import SignatureError as SignatureError
from marpack.errors import SignatureFileError as SignatureFileError
from marpack.errors import SnapshotError as SnapshotError
from marpack.errors import SourceChangedError as SourceChangedError
from marpack.errors import TargetError as TargetError
from marpack.errors import UnsafeArchiveError as UnsafeArchiveError
from marpack.errors import UploadError as UploadError
from marpack.findings import Finding as Finding
from marpack.findings import Issue as Issue
from marpack.packing import pack as pack
from marpack.scanning.archives import scan as scan
from marpack.serving.model_store import ModelStore as ModelStore

__all__ = [
    "KEYS",
    "ArchiveError",
    "ArchiveExistsError",
    "ArchivePlan",
    "CheckError",
    "ConfigError",
    "DownloadError",
    "Finding",
    "ImageError",
    "Issue",
    "LimitError",
    "Limits",
    "Manifest",
    "ManifestError",
    "ManifestModel",
    "ManifestWorkflow",
    "MarpackError",
    "Member",
    "MissingExtraError",
    "ModelArchive",
    "ModelConfig",
    "ModelSnapshot",
    "ModelStore",
    "NotMappableError",
    "NotPortableError",
    "NotServedError",
    "Owner",
    "PlanError",
    "PropertiesError",
    "RegistryError",
    "ServerConfig",
    "SignatureError",
    "SignatureFileError",
    "SnapshotEntry",
    "SnapshotError",
    "Source",
    "SourceChangedError",
    "TargetError",
    "UnsafeArchiveError",
    "UploadError",
    "WorkflowManifest",
    "WorkflowPlan",
    "WriteResult",
    "check",
    "diff_archives",
    "inspect_archive",
    "iter_archive",
    "lint_config",
    "lint_model_config",
    "lint_snapshot",
    "open_archive",
    "pack",
    "plan_archive",
    "plan_repack",
    "plan_workflow",
    "properties",
    "scan",
    "tree",
    "write_archive",
]

__version__: str

def _lazy(
    module: str, homes: Mapping[str, str]
) -> tuple[list[str], Callable[[str], object], Callable[[], list[str]]]: ...
