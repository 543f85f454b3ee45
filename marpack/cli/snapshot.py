"""``marpack snapshot``: build, show and check the list of models that a server restores."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from marpack.cli.config import findings_json, read_bytes, report
from marpack.cli.terminal import complain, show
from marpack.config import properties as codec
from marpack.config.archives import archives_in, read_manifests
from marpack.config.snapshot import ModelSnapshot, lint_snapshot
from marpack.disk.atomic import replacing_file
from marpack.errors import MarpackError, PropertiesError, SnapshotError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marpack.archive.manifest import Manifest

__all__ = ["add_parser"]

_NUMBERS = {
    "min_workers": "workers that are started",
    "max_workers": "workers that scaling may reach",
    "batch_size": "requests in a batch",
    "max_batch_delay": "milliseconds to wait for a batch",
    "response_timeout": "seconds for an answer",
    "startup_timeout": "seconds for a worker to load the model",
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "snapshot",
        help="build, show or check a model_snapshot",
        description="Build, show or check a model_snapshot, which names the models that a server restores.",
    )
    verbs = parser.add_subparsers(title="commands", dest="verb", required=True, metavar="COMMAND")

    build = verbs.add_parser("build", help="build one from archives")
    build.set_defaults(run=_build)
    build.add_argument("archives", nargs="*", metavar="ARCHIVE", help="archives of one model store")
    build.add_argument("--model-store", metavar="FOLDER", help="all archives in this folder")
    build.add_argument(
        "--default-version",
        metavar="MODEL=VERSION",
        action="append",
        default=[],
        help="the default of a model with several versions; else the highest",
    )
    for name, meaning in _NUMBERS.items():
        build.add_argument(
            f"--{name.replace('_', '-')}", type=int, metavar="N", help=f"{meaning}, for every model"
        )
    build.add_argument(
        "--style",
        choices=("spaced", "compact", "server"),
        default="spaced",
        help="spaced: one line, as by hand; compact: without blanks; server: as the server saves it",
    )
    build.add_argument("-o", "--output", metavar="FILE", help="write it there; default: print it")
    build.add_argument("-f", "--force", action="store_true", help="replace an existing file")

    show_ = verbs.add_parser("show", help="show the models of a config.properties or JSON file")
    show_.set_defaults(run=_show)
    show_.add_argument("file", help="config.properties, a server's own snapshot, or JSON")

    lint = verbs.add_parser("lint", help="say what the server would refuse")
    lint.set_defaults(run=_lint)
    lint.add_argument("file", help="config.properties, a server's own snapshot, or JSON")
    lint.add_argument("--model-store", metavar="FOLDER", help="compare with the archives in this folder")
    for verb in (build, show_, lint):
        verb.add_argument("--json", action="store_true", help="print the result as JSON")


def _build(options: argparse.Namespace) -> None:
    paths = list(options.archives)
    if options.model_store is not None:
        paths += archives_in(options.model_store)
    if not paths:
        raise MarpackError("no archive: name some, or give --model-store FOLDER that holds some")
    settings = {name: getattr(options, name) for name in _NUMBERS if getattr(options, name) is not None}
    if "min_workers" in settings:
        settings.setdefault("max_workers", settings["min_workers"])
    snapshot = ModelSnapshot.from_archives(
        paths, default_versions=dict(map(_model_and_version, options.default_version)), **settings
    )
    findings = snapshot.validate()
    text = snapshot.to_json(options.style)
    if options.output is not None:
        with replacing_file(options.output, force=options.force) as file:
            file.write(f"{text}\n".encode())
    if options.json:
        document = {"file": options.output, "snapshot": json.loads(text)}
        show(json.dumps(document | findings_json(findings), indent=2))
        return
    if options.output is None:
        show(text)
    for finding in findings:
        complain(f"marpack: {finding}")


def _show(options: argparse.Namespace) -> None:
    text = _text(options.file)
    try:
        snapshot = ModelSnapshot.from_json(text)
    except SnapshotError as error:
        raise SnapshotError(error.msg, error.doc, error.pos, options.file) from None
    if options.json:
        show(json.dumps({"file": options.file, "snapshot": json.loads(text)}, indent=2))
        return
    for name, version, entry in snapshot:
        mark = "  default" if entry.default_version else ""
        show(
            f"{name} {version}  {entry.mar_name}  workers {entry.min_workers}-{entry.max_workers}"
            f"  batch {entry.batch_size} ({entry.max_batch_delay} ms){mark}"
        )
    show(f"{options.file}: {snapshot.model_count} model versions")


def _lint(options: argparse.Namespace) -> int:
    archives: Mapping[str, Manifest] | None = None
    if options.model_store is not None:
        archives = read_manifests(archives_in(options.model_store))
    findings = lint_snapshot(_text(options.file), archives)
    return report(options.file, findings, as_json=options.json)


def _text(path: str) -> str:
    """Return the JSON in a file, which may be the value of a key in a config.properties."""
    data = read_bytes(path)
    if data.lstrip()[:1] == b"{":
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise MarpackError(f"{path!r} is not UTF-8 at byte {error.start}: save it as UTF-8") from None
    try:
        properties = codec.loads(data)
    except PropertiesError as error:
        raise PropertiesError(error.msg, error.doc, error.pos, path) from None
    if "model_snapshot" not in properties:
        raise MarpackError(f"{path!r} has no model_snapshot: add one (marpack snapshot build)")
    return properties["model_snapshot"]


def _model_and_version(text: str) -> tuple[Any, ...]:
    model, equals, version = text.partition("=")
    if not equals:
        raise MarpackError(f"--default-version: {text!r} is not MODEL=VERSION")
    return model, version
