"""``marpack snapshot``: build, show and check the list of models that a server restores."""

from __future__ import annotations

import argparse
import codecs
import json
from dataclasses import replace
from typing import Any

from marpack.cli.findings import add_choosing, chosen, complain_of, findings_json, json_value, read_bytes, report
from marpack.cli.terminal import UsageError, count_of, naming, show, show_document, to_json
from marpack.cli.words import add_verb
from marpack.config.lint import look_at_store, snapshot_findings
from marpack.config.rules.snapshot_text import SnapshotText
from marpack.config.settings.redaction import redacted
from marpack.config.snapshot import ModelSnapshot
from marpack.config.store_listing import archives_in
from marpack.config.text import properties as codec
from marpack.disk.atomic import replacing_file
from marpack.display import printable
from marpack.errors import ConfigError, MarpackError, PropertiesError, SnapshotError

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

    build = add_verb(verbs, "build", "build one from archives", "when the server would refuse it")
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
        option = f"--{name.replace('_', '-')}"
        build.add_argument(option, type=int, metavar="N", help=f"{meaning}, for every model")
    build.add_argument(
        "--style",
        choices=("spaced", "compact", "server"),
        default="spaced",
        help="spaced: one line, as by hand; compact: without blanks; server: as the server saves it",
    )
    build.add_argument("-o", "--output", metavar="FILE", help="write it there; default: print it")
    build.add_argument("-f", "--force", action="store_true", help="replace an existing file")

    what = "show the models of a config.properties or JSON file"
    show_ = add_verb(verbs, "show", what, "when it cannot be read")
    show_.set_defaults(run=_show)
    show_.add_argument("file", metavar="FILE", help="config.properties, a server's own snapshot, or JSON")

    lint = add_verb(verbs, "lint", "say what the server would refuse", "when there is an error")
    lint.set_defaults(run=_lint)
    lint.add_argument(
        "file", metavar="FILE", nargs="?", help="config.properties, a server's own snapshot, or JSON"
    )
    add_choosing(lint)
    lint.add_argument("--model-store", metavar="FOLDER", help="compare with the archives in this folder")
    for verb in (build, show_, lint):
        verb.add_argument("--json", action="store_true", help="print the result as JSON")


def _build(options: argparse.Namespace) -> None:
    paths = list(options.archives)
    if options.model_store is not None:
        paths += archives_in(options.model_store)
    if not paths:
        where = f"{options.model_store!r} holds" if options.model_store else "there is"
        raise MarpackError(f"{where} no archive: name some, or give --model-store FOLDER that holds some")
    settings = {name: getattr(options, name) for name in _NUMBERS if getattr(options, name) is not None}
    snapshot = ModelSnapshot.from_archives(
        paths, default_versions=dict(map(_model_and_version, options.default_version)), **settings
    )
    findings = snapshot.validate()
    if errors := [finding for finding in findings if finding.severity == "error"]:
        raise ConfigError(errors)
    text = snapshot.to_json(options.style)
    if options.output is not None:
        with naming(options.output), replacing_file(options.output, force=options.force) as file:
            file.write(f"{text}\n".encode())
    if options.json:
        document = {"file": options.output, "snapshot": json.loads(text)}
        show(to_json(document | findings_json(findings)))
        return
    count = count_of(snapshot.model_count, "model version")
    if options.output is None:
        show_document(text)
    else:
        show(f"{printable(options.output)}: {count}")
    complain_of(findings)


def _show(options: argparse.Namespace) -> None:
    text, line = _text(options.file)
    try:
        snapshot = ModelSnapshot.from_json(text)
    except SnapshotError as error:
        where = f"{options.file!r}" if line is None else f"{options.file!r}, line {line}: model_snapshot"
        raise MarpackError(
            f"{where}: {error.msg} (line {error.lineno}, column {error.colno} of the JSON)"
        ) from None
    except ConfigError as error:
        raise ConfigError([replace(each, file=options.file, line=line) for each in error.findings]) from None
    if options.json:
        show(to_json({"file": options.file, "snapshot": json_value(redacted("model_snapshot", text))}))
        return
    for name, version, entry in snapshot:
        mark = "  default" if entry.default_version else ""
        show(
            printable(redacted("", f"{name} {version}  {entry.mar_name}"))
            + f"  workers {entry.min_workers}-{entry.max_workers}"
            + f"  batch {entry.batch_size} ({entry.max_batch_delay} ms){mark}"
        )
    show(f"{printable(options.file)}: {count_of(snapshot.model_count, 'model version')}")


def _lint(options: argparse.Namespace) -> int:
    if options.file is None:
        raise UsageError("nothing to check: name a config.properties or a snapshot")
    text, line = _text(options.file)
    store = None if options.model_store is None else look_at_store(options.model_store)
    snapshot = SnapshotText.read(text, store=store, path=options.file, line=line)
    return report(options.file, snapshot_findings(snapshot, **chosen(options)), as_json=options.json)


def _text(path: str) -> tuple[str, int | None]:
    """Return the JSON in a file; and its line, when it is the value of a key in a config.properties."""
    data = read_bytes(path)
    if data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"["):
        try:
            return data.decode("utf-8-sig"), None
        except UnicodeDecodeError as error:
            raise MarpackError(f"{path!r} is not UTF-8 at byte {error.start}: save it as UTF-8") from None
    try:
        elements = codec.parse(data)
    except PropertiesError as error:
        raise error.in_file(path) from None
    found = [each for each in elements if isinstance(each, codec.Entry) and each.key == "model_snapshot"]
    if not found:
        raise MarpackError(f"{path!r} has no model_snapshot: add one (marpack snapshot build)")
    return found[-1].value, found[-1].lineno


def _model_and_version(text: str) -> tuple[Any, ...]:
    model, equals, version = text.partition("=")
    if not equals:
        raise MarpackError(f"--default-version: {text!r} is not MODEL=VERSION")
    return model, version
