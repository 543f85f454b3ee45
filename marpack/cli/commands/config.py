"""``marpack config``: make, show, check and change a config.properties."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from marpack.cli.findings import add_choosing, chosen, complain_of, findings_json, json_value, read_bytes, report
from marpack.cli.terminal import UsageError, count_of, naming, show, to_json
from marpack.cli.words import add_verb, options_first
from marpack.config.lint import for_writers, lint_config
from marpack.config.presets import PRESETS
from marpack.config.rules.document import TARGETS, UTF16_MARKS
from marpack.config.server_config import ServerConfig
from marpack.config.settings.environment import resolve
from marpack.config.settings.keys import KEYS, Key, parse_value
from marpack.config.settings.redaction import redacted
from marpack.config.snapshot import ModelSnapshot
from marpack.config.store_listing import archives_in
from marpack.config.text import properties as codec
from marpack.disk.atomic import replacing_file
from marpack.display import printable
from marpack.errors import ConfigError, MarpackError, PropertiesError

_DEFAULT_FILE = "config.properties"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "config",
        help="make, show, check or change a config.properties",
        description="Make, show, check or change a config.properties, which tells a server what to do.",
    )
    verbs = parser.add_subparsers(title="commands", dest="verb", required=True, metavar="COMMAND")

    init = add_verb(verbs, "init", "write a new file from a preset", "when the server would refuse it")
    init.set_defaults(run=_init)
    add = init.add_argument
    add("file", metavar="FILE", nargs="?", default=_DEFAULT_FILE, help=f"default: {_DEFAULT_FILE}; - prints it")
    add("--preset", choices=PRESETS, default="torchserve", help="where it will run; default: torchserve")
    add("--archives", metavar="FOLDER", help="serve all archives in this folder (model_snapshot)")
    add("--torchserve-version", metavar="VERSION", help="adapt it to this release, as 0.12.0")
    add("--set", metavar="KEY=VALUE", action="append", default=[], help="a setting, once or more")
    add("-f", "--force", action="store_true", help="replace an existing file")

    what = "show what a file says, and what it leaves to defaults"
    show_ = add_verb(verbs, "show", what, "when it cannot be read")
    show_.set_defaults(run=_show)
    show_.add_argument("file", metavar="FILE", help="config.properties")
    show_.add_argument("--all", action="store_true", help="also what is not set")
    show_.add_argument("--resolve", action="store_true", help="with $$NAME$$ and TS_ variables of the environment")

    what = "say what the server, or others who read the file, would refuse"
    lint = add_verb(verbs, "lint", what, "when there is an error")
    lint.set_defaults(run=_lint)
    lint.add_argument("file", metavar="FILE", nargs="?", help="config.properties")
    lint.add_argument("--model-store", metavar="FOLDER", help="compare with the archives in this folder")
    lint.add_argument("--target", choices=TARGETS, help="where it will run")
    lint.add_argument(
        "--torchserve-version",
        metavar="VERSION",
        help="as 0.12.0; without it, what only some releases refuse is a warning",
    )
    add_choosing(lint)
    lint.add_argument("--resolve", action="store_true", help="with $$NAME$$ and TS_ variables of the environment")

    what = "change settings, and leave every other byte of the file alone"
    set_ = add_verb(verbs, "set", what, "when the server would refuse it")
    set_.set_defaults(run=_set)
    set_.add_argument("file", metavar="FILE", help="config.properties")
    set_.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="what to set")
    set_.add_argument("--unset", metavar="KEY", action="append", default=[], help="what to remove, once or more")
    set_.add_argument("-f", "--force", action="store_true", help="also what the server would refuse")
    for verb in (init, show_, lint, set_):
        verb.add_argument("--json", action="store_true", help="print the result as JSON")


def prepare(words: Sequence[str]) -> Sequence[str]:
    """Sort the words of ``set``: settings may stand before and behind options."""
    if words[:1] != ["set"] or {"-h", "--help"}.intersection(words):
        return words
    return ["set", *options_first(words[1:], "--unset")]


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
    server = ServerConfig.from_properties({**config.properties(), **texts})
    properties = server.properties()
    text = codec.dumps(properties)
    findings = lint_config(
        text, file=options.file, torchserve_version=options.torchserve_version, model_store=options.archives
    )
    if errors := [finding for finding in findings if finding.severity == "error"]:
        raise ConfigError(errors)
    if options.archives is not None:
        from marpack.serving.deploy.planned import undecoded_json  # which needs the rules of check

        findings += tuple(each for path in archives_in(options.archives) for each in undecoded_json(path, server))
    if options.file != "-":
        with naming(options.file), replacing_file(options.file, force=options.force) as file:
            file.write(text.encode("ascii"))
    if options.json:
        document = {"file": options.file, "settings": _settings_json(properties)}
        show(to_json(document | findings_json(findings)))
        return
    show(text.rstrip("\n") if options.file == "-" else f"{printable(options.file)}: {len(properties)} settings")
    complain_of(for_writers(findings))


def _show(options: argparse.Namespace) -> None:
    properties = _settings(options.file, read_bytes(options.file))
    if options.resolve:
        try:
            properties = resolve(properties, os.environ)
        except ConfigError as error:
            raise ConfigError([replace(finding, file=options.file) for finding in error.findings]) from None
    unset = [name for name in KEYS if options.all and name not in properties]
    if options.json:
        settings = _settings_json({**properties, **dict.fromkeys(unset)})
        show(to_json({"file": options.file, "settings": settings}))
        return
    width = max((len(printable(name)) for name in [*properties, *unset]), default=0)
    for name, text in properties.items():
        show(f"{printable(name):<{width}}  {printable(redacted(name, text))}")
    for name in unset:
        default = KEYS[name].default
        show(f"{name:<{width}}  {'' if default is None else default}  (default)".rstrip())


def _settings(path: str, data: bytes) -> dict[str, str]:
    """Return the settings in what was read from a file, as text."""
    try:
        return codec.loads(data)
    except PropertiesError as error:
        raise error.in_file(path) from None


def _lint(options: argparse.Namespace) -> int:
    if options.file is None:
        raise UsageError("nothing to check: name a config.properties")
    findings = lint_config(
        read_bytes(options.file),
        file=options.file,
        torchserve_version=options.torchserve_version,
        target=options.target,
        model_store=options.model_store,
        environ=os.environ if options.resolve else None,
        **chosen(options),
    )
    return report(options.file, findings, as_json=options.json)


def _set(options: argparse.Namespace) -> None:
    # Two at one time would each write without the other's changes.
    with naming(options.file), _locked(os.path.dirname(os.path.realpath(options.file))):
        _set_alone(options)


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Keep other processes that ask for the same out of a folder, where the system has such locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _set_alone(options: argparse.Namespace) -> None:
    changes: dict[str, str | None] = dict(map(_key_and_value, options.settings))
    if twice := changes.keys() & set(options.unset):
        raise MarpackError(f"{min(twice)!r} is to be set and removed: decide")
    changes |= dict.fromkeys(options.unset)
    if not changes:
        raise MarpackError("nothing to change: give KEY=VALUE, or --unset KEY")
    before = read_bytes(options.file)
    known = _settings(options.file, before)
    if before.startswith(UTF16_MARKS):
        raise MarpackError(f"{options.file!r} is UTF-16, and the server finds no setting in it: save it as ASCII")
    if missing := [key for key in options.unset if key not in known]:
        raise MarpackError(f"{options.file!r} does not set {missing[0]!r}")
    after = codec.edit(before, changes)
    # Only what is new: that a file has other mistakes is for lint to say.
    old = {replace(finding, line=None) for finding in lint_config(before, file=options.file)}
    findings = [each for each in lint_config(after, file=options.file) if replace(each, line=None) not in old]
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors and not options.force:
        raise ConfigError(errors)
    with replacing_file(options.file, force=True) as file:
        file.write(after)
    if options.json:
        shown = {key: None if text is None else redacted(key, text) for key, text in changes.items()}
        show(to_json({"file": options.file, "changes": shown} | findings_json(findings)))
    else:
        # At least one where the bytes differ: a line may be written otherwise.
        count = sum(known.get(key) != text for key, text in changes.items()) or int(after != before)
        show(f"{printable(options.file)}: {count_of(count, 'change')}")
        complain_of(for_writers(findings))


def _key_and_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        # No more of it: what follows may be a secret.
        word = re.match(r"[\w.-]*", text)
        raise MarpackError(f"the setting that begins with {word[0] if word else ''!r} is not KEY=VALUE")
    return key.strip(), value.strip()


def _settings_json(properties: Mapping[str, str | None]) -> list[dict[str, Any]]:
    return [_setting_json(name, text) for name, text in properties.items()]


def _setting_json(name: str, text: str | None) -> dict[str, Any]:
    key = KEYS.get(name) or Key(name=name, attribute="", kind="str", doc="")
    return {
        "key": name,
        "value": None if text is None else _value(key, redacted(name, text)),
        "known": name in KEYS,
        "type": key.kind,
        "default": key.default,
        "unit": key.unit,
        "variable": key.variable,
        "doc": key.doc,
    }


def _value(key: Key, text: str) -> Any:
    """Return a value as JSON has it, or the text when it is not of its type."""
    if key.kind == "json":
        return json_value(text)
    try:
        value = parse_value(key.kind, text)
    except ValueError:
        return text
    return text if isinstance(value, float) and not math.isfinite(value) else value
