"""``marpack serve-build``: from a declaration of models to a folder that a server starts from."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace

from marpack.cli.findings import findings_json
from marpack.cli.packing_options import (
    add_check,
    check_mode,
    check_mode_problem,
    misused,
    shown_findings,
    source_date_epoch,
)
from marpack.cli.stores import silent_stores
from marpack.cli.terminal import complain, naming, show, to_json
from marpack.display import printable
from marpack.errors import ConfigError, MarpackError, NotPortableError, PlanError
from marpack.findings import Finding
from marpack.packing import CheckMode
from marpack.serving.deploy.declaration import load_declaration, plan_serving
from marpack.serving.deploy.paths import storage_folder


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "serve-build",
        help="build a folder that a server can start from",
        description="Build the archives of one or many models and a config.properties that serves them.",
        epilog="FILE is TOML or JSON: a list of models as KServe's properties.json, or a "
        "table with 'models'. Its keys: help(marpack.serving.serve_build).",
    )
    parser.set_defaults(run=_run, parser=parser)
    parser.add_argument(
        "file",
        metavar="FILE",
        help="the declaration; its paths begin at its folder, or at the one in it that is called like the model",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        default="deploy",
        help="a folder, which may hold others already; or a URL, such as s3://bucket/folder, which must be new "
        "and appears when all has been sent, config.properties last (default: deploy)",
    )
    parser.add_argument(
        "-f", "--force", action="store_true", help="replace existing archives and settings, but not in a store"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    add_check(parser.add_argument)


def _run(options: argparse.Namespace) -> int | None:
    mode = check_mode(options.check)
    if problem := check_mode_problem(mode):
        return misused(options, problem)
    timestamp, issues = source_date_epoch()
    if issues:
        raise PlanError(issues)
    try:
        with naming(options.file):
            declaration = load_declaration(options.file)
        folder = storage_folder(options.output)
        with naming(str(folder)), silent_stores():
            planned = plan_serving(
                declaration,
                folder,
                base_dir=os.path.dirname(options.file),
                force=options.force,
                timestamp=timestamp,
            )
            findings: dict[str, tuple[Finding, ...]] = {}

            def look(how: CheckMode) -> tuple[Finding, ...]:
                findings.update(planned.checked(how, torch=options.torch))
                return tuple(each for found in findings.values() for each in found)

            shown_findings(mode, look)
            artifact = planned.write(folder, force=options.force, findings=findings)
    except PlanError as error:
        named = [replace(issue, argument=f"{options.file}: {issue.argument}") for issue in error.issues]
        raise PlanError(named) from None
    except ConfigError as error:
        raise ConfigError([replace(each, file=each.file or options.file) for each in error.findings]) from None
    except NotPortableError as error:
        raise MarpackError(f"{options.file}: {error}") from None
    if options.json:
        document = {
            "directory": artifact.directory,
            "archives": [{"path": archive.path, "size": archive.size} for archive in artifact.archives],
            "config": artifact.config_path,
            "snapshot": json.loads(artifact.snapshot.to_json()) if artifact.snapshot else None,
            "warnings": list(artifact.warnings),
        } | findings_json(artifact.findings)
        show(to_json(document))
        return None
    for warning in artifact.warnings:
        complain(f"marpack: warning: {warning}")
    for archive in artifact.archives:
        show(f"{printable(archive.path)}: {archive.size:,} bytes")
    show(printable(artifact.config_path))
    return None
