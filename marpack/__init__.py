"""Write TorchServe model archives (MAR), and what a server is told about them.

Public are the names of this module, of ``marpack.typing``, and of the rooms' faces ``marpack.checks``,
``marpack.compat``, ``marpack.export``, ``marpack.images``, ``marpack.kaptain``, ``marpack.running``,
``marpack.serving`` and ``marpack.signing``; every other module is private, whatever its name.
"""

from __future__ import annotations

import sys
from importlib import import_module

__version__ = "0.1.0"

_MODULES = frozenset(
    {"checks", "compat", "export", "images", "kaptain", "running", "serving", "signing", "typing"}
)


def _lazy(module, homes):  # type: ignore[no-untyped-def]  # __init__.pyi says the types
    """Return ``__all__``, ``__getattr__`` and ``__dir__`` of a module whose names are loaded on demand (PEP 562).

    A tool that embeds marpack pays for what it uses. ``homes`` are the modules where the names live.
    """
    home_of = {name: f"marpack.{home}" for home, names in homes.items() for name in names.split()}

    def get(name):  # type: ignore[no-untyped-def]
        if module == "marpack" and name in _MODULES:
            return import_module(f"marpack.{name}")
        if name not in home_of:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home = home_of[name]
        value = getattr(import_module(home), name) if not home.endswith(f".{name}") else import_module(home)
        setattr(sys.modules[module], name, value)
        return value

    listed = sorted(home_of, key=lambda name: (not name.isupper(), name))
    return listed, get, lambda: sorted({*vars(sys.modules[module]), *listed})


__all__, __getattr__, __dir__ = _lazy(
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
)
