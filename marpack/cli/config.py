"""``marpack config``: make, show, check and change a config.properties."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from marpack.cli.terminal import complain, show
from marpack.config import properties as codec
from marpack.config.environment import resolve
from marpack.config.keys import KEYS, parse_value
from marpack.config.lint import lint_config
from marpack.config.secrets import redacted
from marpack.config.server_config import PRESETS, ServerConfig
from marpack.config.snapshot import ModelSnapshot
from marpack.disk.atomic import replacing_file
from marpack.errors import ConfigError, Finding, MarpackError, PropertiesError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["add_parser", "findings_json", "read_bytes", "report"]

_DEFAULT_FILE = "config.properties"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "config",
        help="make, show, check or change a config.properties",
        description="Make, show, check or change a config.properties, which tells a server what to do.",
    )
    verbs = parser.add_subparsers(title="commands", dest="verb", required=True, metavar="COMMAND")

    init = verbs.add_parser("init", help="write a new file from a preset")
    init.set_defaults(run=_init)
    init.add_argument("file", nargs="?", default=_DEFAULT_FILE, help=f"default: {_DEFAULT_FILE}; - prints it")
    init.add_argument("--preset", choices=PRESETS, default="torchserve", help="where it will run")
    init.add_argument("--archives", metavar="FOLDER", help="serve all archives in this folder (model_snapshot)")
    init.add_argument("--torchserve-version", metavar="VERSION", help="adapt it to this release")
    init.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="a setting, once or more")
    init.add_argument("-f", "--force", action="store_true", help="replace an existing file")

    show_ = verbs.add_parser("show", help="show what a file says, and what it leaves to defaults")
    show_.set_defaults(run=_show)
    show_.add_argument("file", help="config.properties")
    show_.add_argument("--all", action="store_true", help="also what is not set")
    show_.add_argument("--resolve", action="store_true", help="with $$NAME$$ and TS_ variables of the environment")

    lint = verbs.add_parser("lint", help="say what the server, or others who read the file, would refuse")
    lint.set_defaults(run=_lint)
    lint.add_argument("file", help="config.properties")
    lint.add_argument("--model-store", metavar="FOLDER", help="compare with the archives in this folder")
    lint.add_argument("--target", choices=("torchserve", "kserve"), help="where it will run")
    lint.add_argument("--torchserve-version", metavar="VERSION", help="default: the newest")
    lint.add_argument("--resolve", action="store_true", help="with $$NAME$$ and TS_ variables of the environment")

    set_ = verbs.add_parser("set", help="change settings, and leave every other byte of the file alone")
    set_.set_defaults(run=_set)
    set_.add_argument("file", help="config.properties")
    set_.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="what to set")
    set_.add_argument("--unset", metavar="KEY", action="append", default=[], help="what to remove, once or more")
    set_.add_argument("-f", "--force", action="store_true", help="also what the server would refuse")
    for verb in (init, show_, lint, set_):
        verb.add_argument("--json", action="store_true", help="print the result as JSON")


def _init(options: argparse.Namespace) -> None:
    texts = dict(map(_key_and_value, options.set))
    settings: dict[str, Any] = {}
    if options.archives is not None:
        settings["model_snapshot"] = ModelSnapshot.from_model_store(options.archives)
        if options.preset == "torchserve":
            settings["model_store"] = os.path.abspath(options.archives)
    config = ServerConfig.preset(options.preset, **settings)
    if options.torchserve_version is not None:
        config = config.for_torchserve(options.torchserve_version)
    config = ServerConfig.from_properties({**config.properties(), **texts})
    text = config.dumps()
    findings = lint_config(
        text,
        file=options.file,
        torchserve_version=options.torchserve_version,
        model_store=options.archives,
    )
    if options.file == "-":
        show(json.dumps(_settings_json(config.properties()), indent=2) if options.json else text.rstrip("\n"))
        _complain_of(findings)
        return
    with replacing_file(options.file, force=options.force) as file:
        file.write(text.encode("ascii"))
    if options.json:
        document = {"file": options.file, "settings": _settings_json(config.properties())}
        show(json.dumps(document | findings_json(findings), indent=2))
    else:
        show(f"{options.file}: {len(config.properties())} settings")
        _complain_of(findings)


def _show(options: argparse.Namespace) -> None:
    properties = _loads(options.file)
    if options.resolve:
        properties = resolve(properties, os.environ)
    unset = [name for name in KEYS if options.all and name not in properties]
    if options.json:
        settings = _settings_json({**properties, **dict.fromkeys(unset)})
        show(json.dumps({"file": options.file, "settings": settings}, indent=2))
        return
    width = max((len(name) for name in [*properties, *unset]), default=0)
    for name, text in properties.items():
        show(f"{name:<{width}}  {redacted(name, text)}")
    for name in unset:
        default = KEYS[name].default
        show(f"{name:<{width}}  {'' if default is None else default}  (default)".rstrip())


def _lint(options: argparse.Namespace) -> int:
    findings = lint_config(
        read_bytes(options.file),
        file=options.file,
        torchserve_version=options.torchserve_version,
        target=options.target,
        model_store=options.model_store,
        environ=os.environ if options.resolve else None,
    )
    return report(options.file, findings, as_json=options.json)


def _set(options: argparse.Namespace) -> None:
    changes: dict[str, str | None] = dict(map(_key_and_value, options.settings))
    changes |= dict.fromkeys(options.unset)
    if not changes:
        raise MarpackError("nothing to change: give KEY=VALUE, or --unset KEY")
    before = read_bytes(options.file)
    known = _loads(options.file)
    if missing := [key for key in options.unset if key not in known]:
        raise MarpackError(f"{options.file!r} does not set {missing[0]!r}")
    after = codec.edit(before, changes)
    findings = [
        finding for finding in lint_config(after, file=options.file) if finding.key.partition(".")[0] in changes
    ]
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors and not options.force:
        raise ConfigError(errors)
    with replacing_file(options.file, force=True) as file:
        file.write(after)
    if options.json:
        document = {"file": options.file, "changes": {key: _shown(key, text) for key, text in changes.items()}}
        show(json.dumps(document | findings_json(findings), indent=2))
    else:
        _complain_of(findings)


def report(file: str, findings: Sequence[Finding], *, as_json: bool) -> int:
    """Show the findings of a file; return the exit status, 1 when there is an error among them."""
    errors = sum(finding.severity == "error" for finding in findings)
    if as_json:
        show(json.dumps({"file": file} | findings_json(findings), indent=2))
    else:
        for finding in findings:
            show(str(finding))
        warnings = sum(finding.severity == "warning" for finding in findings)
        show(f"{file}: {errors} errors, {warnings} warnings")
    return 1 if errors else 0


def findings_json(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return findings as JSON values."""
    return {"findings": [asdict(finding) for finding in findings]}


def read_bytes(path: str) -> bytes:
    """Read a file whole."""
    with open(path, "rb") as file:
        return file.read()


def _loads(path: str) -> dict[str, str]:
    """Read the settings of a file, as text."""
    try:
        return codec.loads(read_bytes(path))
    except PropertiesError as error:
        raise PropertiesError(error.msg, error.doc, error.pos, path) from None


def _key_and_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise MarpackError(f"{redacted('', text)!r} is not KEY=VALUE")
    return key.strip(), value.strip()


def _shown(key: str, text: str | None) -> str | None:
    return None if text is None else redacted(key, text)


def _settings_json(properties: dict[str, Any]) -> list[dict[str, Any]]:
    return [_setting_json(name, text) for name, text in properties.items()]


def _setting_json(name: str, text: str | None) -> dict[str, Any]:
    key = KEYS.get(name)
    document: dict[str, Any] = {"key": name, "value": _shown(name, text)}
    if key is None:
        return document | {"known": False}
    if text is not None and not key.secret:
        document["value"] = _typed(name, text)
    facts = {"type": key.kind, "default": key.default, "unit": key.unit, "variable": key.variable, "doc": key.doc}
    return document | {"known": True} | facts


def _typed(name: str, text: str) -> Any:
    key = KEYS[name]
    try:
        if key.kind == "json":
            return json.loads(text)
        value = parse_value(key.kind, text)
    except (ValueError, RecursionError):
        return redacted(name, text)
    return redacted(name, value) if isinstance(value, str) else value


def _complain_of(findings: Iterable[Finding]) -> None:
    for finding in findings:
        if finding.severity != "note":
            complain(f"marpack: {finding}")
