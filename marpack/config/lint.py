"""What is wrong with a config.properties: for the server, and for the others who read it (P22)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from marpack.config.rules.listeners import find_addresses, find_ports
from marpack.config.rules.models_to_load import find_load_models, find_models, find_requirements, find_snapshot
from marpack.config.rules.platform import find_envelope, find_kserve_models, find_store, find_tokens
from marpack.config.rules.server import Server, Target, is_kserve
from marpack.config.rules.snapshot import Store
from marpack.config.rules.values import find_keys, find_values, find_variables
from marpack.config.settings.environment import resolve
from marpack.config.settings.releases import release
from marpack.config.store_listing import archives_in, read_manifests
from marpack.config.text import properties as codec
from marpack.config.text.other_readers import OTHER_READERS, READER_NAMES
from marpack.errors import ArchiveError, ConfigError, PropertiesError
from marpack.findings import Finding

if TYPE_CHECKING:
    from marpack.archive.manifest import Manifest
    from marpack.config.rules.server import Server

__all__ = ["RULES", "UTF16_MARKS", "lint_config", "lint_properties", "look_at_store"]

UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def lint_config(
    source: str | bytes,
    *,
    file: str | None = None,
    torchserve_version: str | None = None,
    target: Target | None = None,
    model_store: str | os.PathLike[str] | None = None,
    archives: Mapping[str, Manifest] | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Return everything that is wrong with the text of a config.properties; nothing is raised for it.

    ``file`` is its name for the findings. ``torchserve_version`` is that of the server; without it, what only
    some releases refuse is a warning. ``target="kserve"`` holds it to what KServe's wrapper needs; a store under
    ``/mnt/models`` implies it. ``model_store`` is the folder of the archives as seen from here, whose manifests
    are read and compared; ``archives`` are manifests by file name, of archives that need not be there yet.
    ``environ`` resolves variables first.
    """
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    try:
        elements = codec.parse(data)
    except PropertiesError as error:
        message = f"column {error.colno}: {error.msg}, and the server ends"
        fix = "double the backslash, or write '/'"
        return (Finding.error("syntax", "", message, fix, file=file, line=error.lineno),)
    lines: dict[str, int] = {}
    findings = list(_byte_findings(data))
    if data.startswith(UTF16_MARKS):
        return tuple(replace(finding, file=file) for finding in findings)
    for element in elements:
        if isinstance(element, codec.Entry):
            if element.key in lines:
                message = f"is given twice; the first, in line {lines[element.key]}, does not count"
                findings.append(
                    Finding.warning("duplicate-key", element.key, message, "remove one", line=element.lineno)
                )
            lines[element.key] = element.lineno
    properties = codec.loads(data)
    findings += _reader_findings(data.decode("utf-8", "replace"), properties, is_kserve(properties, target))
    findings += lint_properties(
        properties,
        torchserve_version=torchserve_version,
        target=target,
        model_store=model_store,
        archives=archives,
        environ=environ,
    )
    placed = [
        replace(
            finding,
            file=file,
            line=finding.line or lines.get(finding.key) or lines.get(finding.key.partition(".")[0]),
        )
        for finding in findings
    ]
    return tuple(sorted(placed, key=lambda finding: finding.line or 0))


def lint_properties(
    properties: Mapping[str, str],
    *,
    torchserve_version: str | None = None,
    target: Target | None = None,
    model_store: str | os.PathLike[str] | None = None,
    archives: Mapping[str, Manifest] | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Return everything that is wrong with settings, whatever file they come from; see ``lint_config``."""
    findings: list[Finding] = []
    if environ is not None:
        try:
            properties = resolve(properties, environ)
        except ConfigError as error:
            findings += error.findings
    store = None if archives is None else Store(archives.keys(), archives)
    if model_store is not None:
        there, unreadable = look_at_store(model_store)
        findings += unreadable
        store = Store(there.names | (archives or {}).keys(), {**there.manifests, **(archives or {})})
    server = Server(
        properties=properties,
        release=None if torchserve_version is None else release(torchserve_version),
        is_kserve=is_kserve(properties, target),
        store=store,
    )
    for rule in RULES:
        findings += rule(server)
    return tuple(findings)


def _byte_findings(data: bytes) -> Iterator[Finding]:
    if data.startswith(UTF16_MARKS):
        yield Finding.error(
            "encoding", "", "is UTF-16, and the server finds no setting in it", "save it as ASCII", line=1
        )
        return
    if data.startswith(b"\xef\xbb\xbf"):
        message = "begins with a byte order mark, and the server loses the first setting"
        yield Finding.error("encoding", "", message, "save it without one", line=1)
        data = data[3:]
    for number, line in enumerate(re.split(rb"\r\n|\r|\n", data), 1):
        if line.isascii():
            continue
        is_comment = line.lstrip(b" \t\f")[:1] in (b"#", b"!")
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            message = "is not UTF-8, and the launcher ends"
            yield Finding.error("encoding", "", message, "use ASCII", line=number, reader="launcher")
            continue
        if not is_comment:
            message = "has characters beyond ASCII, and the server takes them for others"
            yield Finding.error("encoding", "", message, "use ASCII, or \\uXXXX", line=number)


def _reader_findings(text: str, properties: Mapping[str, str], kserve: bool) -> Iterator[Finding]:
    """Yield the settings of which another reader makes something else than the server does."""
    for reader, (read, keys) in OTHER_READERS.items():
        seen = read(text)
        for key in keys:
            ours, theirs = properties.get(key), seen.get(key)
            if ours == theirs or (key == "model_snapshot" and _same_json(ours, theirs)):
                continue
            what = "does not find it" if theirs is None else "takes its value otherwise than the server"
            if ours is None:
                what = "finds it where the server does not"
            breaks = reader == "launcher" or (reader == "kserve" and kserve)
            kind = Finding.error if breaks else Finding.warning
            yield kind(
                "read-differently",
                key,
                f"{READER_NAMES[reader]} {what}",
                f"write {key}=value in one line, without blanks around it and without backslashes",
                reader=reader,
            )


def _same_json(ours: str | None, theirs: str | None) -> bool:
    try:
        return ours is not None and theirs is not None and bool(json.loads(ours) == json.loads(theirs))
    except (ValueError, RecursionError):
        return False


def look_at_store(folder: str | os.PathLike[str]) -> tuple[Store, tuple[Finding, ...]]:
    """Return what is in a model store, and what of it cannot be read."""
    manifests: dict[str, Manifest] = {}
    findings = []
    try:
        names, paths = frozenset(os.listdir(folder)), archives_in(folder)
    except OSError as error:
        message = f"{os.fsdecode(folder)!r} cannot be looked at: {error.strerror}"
        found = Finding.error("archive-unreadable", "model_store", message, "name the folder of the archives")
        return Store(frozenset(), {}), (found,)
    for path in paths:
        try:
            manifests |= read_manifests([path])
        except (ArchiveError, OSError) as error:
            message = f"{error}; models after it in a snapshot are left out"
            findings.append(Finding.error("archive-unreadable", "model_store", message, "remove or replace it"))
    return Store(names, manifests), tuple(findings)


RULES: tuple[Callable[[Server], Iterator[Finding]], ...] = (
    find_keys,
    find_values,
    find_variables,
    find_ports,
    find_addresses,
    find_envelope,
    find_tokens,
    find_kserve_models,
    find_store,
    find_load_models,
    find_models,
    find_snapshot,
    find_requirements,
)
