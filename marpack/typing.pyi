from marpack.archive.forms import ArchiveFormat as ArchiveFormat
from marpack.archive.forms import Compression as Compression
from marpack.archive.forms import ContainerForm as ContainerForm
from marpack.archive.forms import Deflate as Deflate
from marpack.archive.inspection.diff import Difference as Difference
from marpack.archive.inspection.diff import ManifestChange as ManifestChange
from marpack.archive.inspection.diff import MemberChange as MemberChange
from marpack.archive.inspection.diff import PackingChange as PackingChange
from marpack.archive.inspection.inspect import InspectedMember as InspectedMember
from marpack.archive.inspection.inspect import Inspection as Inspection
from marpack.archive.inspection.kinds import TensorKey as TensorKey
from marpack.archive.inspection.kinds import Weights as Weights
from marpack.archive.manifest import Runtime as Runtime
from marpack.archive.member import ArchiveMember as ArchiveMember
from marpack.archive.plan.contents import FileArgument as FileArgument
from marpack.archive.plan.contents import SourceLike as SourceLike
from marpack.archive.plan.extra_files import ExtraFiles as ExtraFiles
from marpack.archive.plan.extra_files import Tree as Tree
from marpack.archive.plan.model import Handler as Handler
from marpack.archive.plan.model import PackOptions as PackOptions
from marpack.archive.read.archive import Archive as Archive
from marpack.archive.read.archive import WorkflowArchive as WorkflowArchive
from marpack.archive.read.open import ArchiveSource as ArchiveSource
from marpack.archive.result import Progress as Progress
from marpack.archive.result import WrittenMember as WrittenMember
from marpack.archive.sources import Reader as Reader
from marpack.checks.frame.subject import CheckTarget as CheckTarget
from marpack.config.presets import Preset as Preset
from marpack.config.rules.document import ConfigTarget as ConfigTarget
from marpack.config.settings.keys import Key as Key
from marpack.config.snapshot import EntrySettings as EntrySettings
from marpack.config.snapshot import SnapshotStyle as SnapshotStyle
from marpack.findings import ReaderName as ReaderName
from marpack.findings import Severity as Severity
from marpack.packing import CheckMode as CheckMode
from marpack.scanning.executors import ExecutorSource as ExecutorSource
from marpack.scanning.scanned import ScannedArchive as ScannedArchive
from marpack.scanning.scanned import ScannedWeights as ScannedWeights
from marpack.serving.model_store import StoredArchive as StoredArchive

__all__ = [
    "Archive",
    "ArchiveFormat",
    "ArchiveMember",
    "ArchiveSource",
    "CheckMode",
    "CheckTarget",
    "Compression",
    "ConfigTarget",
    "ContainerForm",
    "Deflate",
    "Difference",
    "EntrySettings",
    "ExecutorSource",
    "ExtraFiles",
    "FileArgument",
    "Handler",
    "InspectedMember",
    "Inspection",
    "Key",
    "ManifestChange",
    "MemberChange",
    "PackOptions",
    "PackingChange",
    "Preset",
    "Progress",
    "Reader",
    "ReaderName",
    "Runtime",
    "ScannedArchive",
    "ScannedWeights",
    "Severity",
    "SnapshotStyle",
    "SourceLike",
    "StoredArchive",
    "TensorKey",
    "Tree",
    "Weights",
    "WorkflowArchive",
    "WrittenMember",
]
