"""Write TorchServe model archives (MAR)."""

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
    "ExtraFiles",
    "FileArgument",
    "Handler",
    "Issue",
    "Manifest",
    "ManifestError",
    "ManifestModel",
    "MarpackError",
    "Owner",
    "PlanError",
    "Progress",
    "Reader",
    "Runtime",
    "Source",
    "SourceChangedError",
    "SourceLike",
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
