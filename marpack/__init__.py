"""Write TorchServe model archives (MAR), and what a server is told about them."""

from marpack import properties
from marpack.archive.content import Progress
from marpack.archive.entry import Compression, Entry, Reader, Source
from marpack.archive.extra_files import ExtraFiles, Tree, tree
from marpack.archive.inputs import FileArgument, SourceLike
from marpack.archive.layout import ArchiveFormat
from marpack.archive.manifest import Manifest, ManifestModel, Runtime
from marpack.archive.plan import ArchivePlan, Owner
from marpack.archive.planning import Handler, plan_archive
from marpack.archive.result import WriteResult, WrittenEntry
from marpack.archive.write import iter_archive, write_archive
from marpack.config.keys import KEYS, Key
from marpack.config.lint import lint_config
from marpack.config.model_config import ModelConfig
from marpack.config.server_config import Preset, ServerConfig
from marpack.config.server_rules import Target
from marpack.config.snapshot import EntrySettings, ModelSnapshot, SnapshotEntry, SnapshotStyle, lint_snapshot
from marpack.errors import (
    ArchiveError,
    ArchiveExistsError,
    ConfigError,
    DownloadError,
    Finding,
    Issue,
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
)
from marpack.packing import pack
from marpack.serving.model_store import ModelStore, StoredArchive

__all__ = [
    "KEYS",
    "ArchiveError",
    "ArchiveExistsError",
    "ArchiveFormat",
    "ArchivePlan",
    "Compression",
    "ConfigError",
    "DownloadError",
    "Entry",
    "EntrySettings",
    "ExtraFiles",
    "FileArgument",
    "Finding",
    "Handler",
    "Issue",
    "Key",
    "Manifest",
    "ManifestError",
    "ManifestModel",
    "MarpackError",
    "MissingExtraError",
    "ModelConfig",
    "ModelSnapshot",
    "ModelStore",
    "NotPortableError",
    "Owner",
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
    "Tree",
    "WriteResult",
    "WrittenEntry",
    "iter_archive",
    "lint_config",
    "lint_snapshot",
    "pack",
    "plan_archive",
    "properties",
    "tree",
    "write_archive",
]

__version__ = "0.1.0"
