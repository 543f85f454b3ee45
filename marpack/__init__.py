"""Write, read and check TorchServe model archives (MAR)."""

from marpack.archive.entry import Compression, Entry, Source
from marpack.archive.inputs import Tree, tree
from marpack.archive.layout import ArchiveFormat
from marpack.archive.manifest import Manifest, ManifestModel, Runtime
from marpack.archive.plan import ArchivePlan, Owner, plan_archive
from marpack.archive.result import WriteResult, WrittenEntry
from marpack.archive.write import iter_archive, write_archive
from marpack.errors import (
    ArchiveExistsError,
    Issue,
    ManifestError,
    MarpackError,
    PlanError,
    SourceChangedError,
    TargetError,
)
from marpack.packing import pack

__all__ = [
    "ArchiveExistsError",
    "ArchiveFormat",
    "ArchivePlan",
    "Compression",
    "Entry",
    "Issue",
    "Manifest",
    "ManifestError",
    "ManifestModel",
    "MarpackError",
    "Owner",
    "PlanError",
    "Runtime",
    "Source",
    "SourceChangedError",
    "TargetError",
    "Tree",
    "WriteResult",
    "WrittenEntry",
    "iter_archive",
    "pack",
    "plan_archive",
    "tree",
    "write_archive",
]

__version__ = "0.1.0"
