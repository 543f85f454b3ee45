"""The names that tools import from ``torch-model-archiver``, over marpack: change the import line only.

``from model_archiver.model_packaging import package_model`` becomes ``from marpack.compat import
package_model``, and so on. What differs is listed in spec/divergences.md.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, cast

from marpack.archive.forms import ArchiveFormat
from marpack.archive.handler import HandlerName
from marpack.archive.manifest import Manifest, ManifestModel, Runtime
from marpack.archive.packed_at import PackedAt
from marpack.archive.plan.extra_files import Patterns
from marpack.archive.plan.model import plan_archive
from marpack.archive.write.write import write_archive
from marpack.errors import MarpackError

if TYPE_CHECKING:
    from argparse import Namespace

__all__ = [
    "ModelArchiver",
    "ModelArchiverConfig",
    "ModelArchiverError",
    "ModelExportUtils",
    "generate_model_archive",
    "package_model",
]

# Whatever marpack refuses: callers of the official package catch this name.
ModelArchiverError = MarpackError


@dataclass
class ModelArchiverConfig:
    """The options of an archive under the official package's names."""

    model_name: str
    handler: str
    version: str
    serialized_file: str | None = None
    model_file: str | None = None
    extra_files: str | None = None
    runtime: str = "python"
    export_path: str = ""
    archive_format: str = "default"
    force: bool = False
    requirements_file: str | None = None
    config_file: str | None = None

    @classmethod
    def from_args(cls, args: Namespace | ModelArchiverConfig) -> ModelArchiverConfig:
        """Take what the namespace has; a field that it lacks keeps its default."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: getattr(args, name) for name in names if hasattr(args, name)})


class ModelExportUtils:
    """The one helper of the official class that other tools call."""

    @staticmethod
    def generate_manifest_json(config: Namespace | ModelArchiverConfig) -> str:
        """Return the text of the manifest, without looking at any file."""
        options = ModelArchiverConfig.from_args(config)
        model = ManifestModel(
            model_name=options.model_name,
            serialized_file=_base_name(options.serialized_file),
            handler=HandlerName.parse(options.handler, options.runtime).manifest_value,
            model_file=_base_name(options.model_file),
            model_version=str(options.version) if options.version else None,
            requirements_file=_base_name(options.requirements_file),
            config_file=_base_name(options.config_file),
        )
        now = PackedAt.of(time.time())
        return Manifest(created_on=now.created_on, runtime=options.runtime, model=model).to_json()


class ModelArchiver:
    """The official package's member for libraries."""

    @staticmethod
    def generate_model_archive(config: Namespace | ModelArchiverConfig) -> None:
        """Write the archive that ``config`` describes."""
        generate_model_archive(config)


def generate_model_archive(config: Namespace | ModelArchiverConfig) -> None:
    """Write the archive that ``config`` describes into its ``export_path``.

    Raises ``ModelArchiverError``, which is ``marpack.MarpackError``, for what marpack refuses, a file that does
    not exist included; ``ValueError`` for an unknown runtime, as the official package; ``OSError`` from the disk.
    """
    package_model(config, ModelExportUtils.generate_manifest_json(config))


def package_model(config: Namespace | ModelArchiverConfig, manifest: str) -> None:
    """Write the archive that ``config`` describes with ``manifest`` as its MANIFEST.json, to the letter."""
    options = ModelArchiverConfig.from_args(config)
    extra_files = options.extra_files
    plan = plan_archive(
        model_name=options.model_name,
        handler=options.handler,
        version=str(options.version),
        serialized_file=options.serialized_file,
        model_file=options.model_file,
        extra_files=Patterns(extra_files) if isinstance(extra_files, str) else extra_files,
        requirements_file=options.requirements_file,
        config_file=options.config_file,
        runtime=cast("Runtime", options.runtime),
        archive_format=cast("ArchiveFormat", options.archive_format),
    )
    plan = replace(plan, manifest_text=manifest)
    write_archive(plan, os.path.join(options.export_path, plan.file_name), force=options.force)


def _base_name(path: str | None) -> str | None:
    return os.path.basename(path) if path else None
