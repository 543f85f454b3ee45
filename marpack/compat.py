"""The names that tools import from ``torch-model-archiver``, over marpack: change the import line only.

``from model_archiver.model_packaging import package_model`` becomes ``from marpack.compat import
package_model``, and so on. What differs is listed in spec/divergences.md. ``examples/torch-model-archiver`` has a
package of the official name for programs that nobody can change.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from argparse import Namespace
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import cast

from marpack.archive.forms import ArchiveFormat
from marpack.archive.handler import HandlerName
from marpack.archive.manifest import Manifest, ManifestModel, Runtime
from marpack.archive.packed_at import PackedAt
from marpack.archive.plan.extra_files import Patterns
from marpack.archive.plan.model import plan_archive
from marpack.archive.write.write import write_archive
from marpack.archiver_options import add_options
from marpack.errors import MarpackError

__all__ = [
    "ArgParser",
    "ModelArchiver",
    "ModelArchiverConfig",
    "ModelArchiverError",
    "ModelExportUtils",
    "RuntimeType",
    "generate_model_archive",
    "package_model",
]

ModelArchiverError = MarpackError
"""Whatever marpack refuses: callers of the official package catch this name."""


class RuntimeType(Enum):
    """What runs the handler: the values of ``runtime``."""

    PYTHON = "python"
    PYTHON3 = "python3"
    LSP = "LSP"


@dataclass
class ModelArchiverConfig:
    """The options of an archive under the official package's names."""

    model_name: str
    handler: str
    version: str
    serialized_file: str | None = None
    model_file: str | None = None
    extra_files: str | None = None
    runtime: str | RuntimeType = "python"
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
        runtime = _runtime(options)
        model = ManifestModel(
            model_name=options.model_name,
            serialized_file=_base_name(options.serialized_file),
            handler=HandlerName.parse(options.handler, runtime).manifest_value,
            model_file=_base_name(options.model_file),
            model_version=str(options.version) if options.version else None,
            requirements_file=_base_name(options.requirements_file),
            config_file=_base_name(options.config_file),
        )
        now = PackedAt.of(time.time())
        return Manifest(created_on=now.created_on, runtime=runtime, model=model).to_json()


class ArgParser:
    """What reads the command line of ``torch-model-archiver``."""

    @staticmethod
    def export_model_args_parser() -> ModelArchiverConfig:
        """Return what the process's arguments say; ``SystemExit`` with status 2 where one is wrong or missing.

        They are the official command's, and ``--archive-format auto``.
        """
        parser = argparse.ArgumentParser(prog="torch-model-archiver", description="Pack a model into an archive.")
        add_options(parser)
        return ModelArchiverConfig.from_args(parser.parse_args(sys.argv[1:]))


class ModelArchiver:
    """The official package's member for libraries."""

    @staticmethod
    def generate_model_archive(config: Namespace | ModelArchiverConfig) -> None:
        """Write the archive that ``config`` describes."""
        generate_model_archive(config)


def generate_model_archive(config: Namespace | ModelArchiverConfig | None = None) -> None:
    """Write the archive that ``config`` describes into its ``export_path``.

    Without one, the process's arguments say it, as in ``ArgParser``. Raises ``ModelArchiverError``, which is
    ``marpack.MarpackError``, for what marpack refuses, a file that does not exist included; ``ValueError`` for an
    unknown runtime, as the official package; ``OSError`` from the disk.
    """
    if config is None:
        config = ArgParser.export_model_args_parser()
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
        runtime=cast("Runtime", _runtime(options)),
        archive_format=cast("ArchiveFormat", options.archive_format),
    )
    plan = replace(plan, manifest_text=manifest)
    write_archive(plan, os.path.join(options.export_path, plan.file_name), force=options.force)


def _runtime(options: ModelArchiverConfig) -> str:
    """Return the value of a runtime, which may be a member of the official package's enumeration too."""
    value = getattr(options.runtime, "value", options.runtime)
    return str(value)


def _base_name(path: str | None) -> str | None:
    return os.path.basename(path) if path else None
