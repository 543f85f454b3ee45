"""Types for annotations: aliases of what functions take, and what they return that nobody makes by hand."""

from __future__ import annotations

from marpack.lazy import on_demand

__all__, __getattr__, __dir__ = on_demand(
    __name__,
    {
        "archive.member": "ArchiveMember",
        "archive.forms": "ArchiveFormat Compression ContainerForm Deflate",
        "archive.inspection.diff": "Difference ManifestChange MemberChange PackingChange",
        "archive.inspection.inspect": "InspectedMember Inspection",
        "archive.inspection.kinds": "TensorKey Weights",
        "archive.manifest": "Runtime",
        "archive.plan.contents": "FileArgument SourceLike",
        "archive.plan.extra_files": "ExtraFiles Tree",
        "archive.plan.model": "Handler PackOptions",
        "archive.read.archive": "Archive WorkflowArchive",
        "archive.read.open": "ArchiveSource",
        "archive.result": "Progress WrittenMember",
        "archive.sources": "Reader",
        "checks.frame.subject": "CheckTarget",
        "config.settings.keys": "Key",
        "config.presets": "Preset",
        "config.rules.document": "ConfigTarget",
        "config.snapshot": "EntrySettings SnapshotStyle",
        "findings": "ReaderName Severity",
        "packing": "CheckMode",
        "scanning.executors": "ExecutorSource",
        "scanning.scanned": "ScannedArchive ScannedWeights",
        "serving.model_store": "StoredArchive",
    },
)
