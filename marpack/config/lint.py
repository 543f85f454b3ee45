"""What is wrong with a config.properties or a snapshot, for the server and for others who read it (P22, S10)."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace

from marpack.archive.manifest import MANIFEST_NAME, Manifest
from marpack.config.rules import (
    kserve_service,
    limits,
    listeners,
    load_models,
    models_to_load,
    platform,
    text,
    values,
)
from marpack.config.rules.document import TARGETS, ConfigTarget, Document, is_kserve
from marpack.config.rules.models_to_load import find_unreadable
from marpack.config.rules.snapshot_form import FORM_RULES, find_no_json, with_form
from marpack.config.rules.snapshot_text import SnapshotText, Store
from marpack.config.rules.snapshot_values import VALUE_RULES
from marpack.config.rules.values import find_unknown_keys
from marpack.config.settings.environment import resolve, variables
from marpack.config.settings.kserve_names import PROTOCOL_VERSIONS, ProtocolVersion
from marpack.config.settings.releases import release
from marpack.config.store_listing import archives_in, read_manifests
from marpack.config.text import properties as codec
from marpack.errors import ArchiveError, ConfigError, PropertiesError
from marpack.findings import Finding
from marpack.rule import Rule, chosen_rules


def _of_the_snapshot(known: Rule[SnapshotText]) -> Rule[Document]:
    """Ask a rule about snapshots of the one in a config.properties."""

    @functools.wraps(known.function)
    def find(document: Document) -> Iterator[Finding]:
        if document.snapshot is None or variables(document.properties["model_snapshot"]):
            return
        for found in known.findings(document.snapshot):
            if found.reader != "kserve" or document.is_kserve:
                yield replace(found, key=".".join(filter(None, ("model_snapshot", found.key))))

    return Rule(code=known.code, severity=known.severity, function=find)


# Enough of a file to tell a zip from a gzip-compressed tar.
_HEAD = 4

SNAPSHOT_RULES: tuple[Rule[SnapshotText], ...] = (find_unreadable, *FORM_RULES, *VALUE_RULES)
RULES: tuple[Rule[Document], ...] = (
    *text.RULES,
    *values.RULES,
    *limits.RULES,
    *listeners.RULES,
    *platform.RULES,
    *kserve_service.RULES,
    *load_models.RULES,
    *models_to_load.RULES,
    *map(_of_the_snapshot, (*FORM_RULES, *VALUE_RULES)),
)


def lint_config(
    source: str | bytes,
    *,
    file: str | None = None,
    torchserve_version: str | None = None,
    target: ConfigTarget | None = None,
    model_store: str | os.PathLike[str] | None = None,
    archives: Mapping[str, Manifest] | None = None,
    environ: Mapping[str, str] | None = None,
    protocol_version: ProtocolVersion | None = None,
    service_name: str | None = None,
    select: str | Iterable[str] | None = None,
    ignore: str | Iterable[str] = (),
) -> tuple[Finding, ...]:
    """Return everything that is wrong with the text of a config.properties; nothing is raised for it.

    ``file`` is its name for the findings. ``torchserve_version`` is that of the server; without it, what only
    some releases refuse is a warning. ``target="kserve"`` holds it to what KServe's wrapper needs; a store under
    ``/mnt/models`` implies it. ``target="mlflow"`` holds it to what MLflow's plugin needs. ``model_store`` is the
    folder of the archives as seen from here, whose manifests are read and compared; ``archives`` are manifests by
    file name, of archives that need not be there yet.
    ``environ`` resolves variables first. ``protocol_version`` and ``service_name`` are what the InferenceService
    says that KServe serves them by, with which they have to agree. ``select`` and ``ignore`` are codes, or what
    codes begin with, as those of ``check``. What cannot be read is told in any case. Raises ``MarpackError`` for a
    code that no rule has (spec/checks.md), ``ConfigError`` for what is no version, ``ValueError`` for an unknown
    target or protocol.
    """
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    entries: list[codec.Entry] = []
    error = None
    try:
        entries += (each for each in codec.parse(data) if isinstance(each, codec.Entry))
    except PropertiesError as problem:
        error = problem
    properties = {each.key: each.value for each in entries}
    document = Document(
        properties=properties,
        path=file,
        data=data,
        entries=entries,
        error=error,
        protocol_version=protocol_version,
        service_name=service_name,
    )
    return _lint(document, select, ignore, torchserve_version, target, model_store, archives, environ)


def lint_properties(
    properties: Mapping[str, str],
    *,
    torchserve_version: str | None = None,
    target: ConfigTarget | None = None,
    model_store: str | os.PathLike[str] | None = None,
    archives: Mapping[str, Manifest] | None = None,
    environ: Mapping[str, str] | None = None,
    protocol_version: ProtocolVersion | None = None,
    service_name: str | None = None,
    select: str | Iterable[str] | None = None,
    ignore: str | Iterable[str] = (),
) -> tuple[Finding, ...]:
    """Return everything that is wrong with settings, whatever file they come from; see ``lint_config``."""
    document = Document(properties=properties, protocol_version=protocol_version, service_name=service_name)
    return _lint(document, select, ignore, torchserve_version, target, model_store, archives, environ)


def _lint(
    document: Document,
    select: str | Iterable[str] | None,
    ignore: str | Iterable[str],
    torchserve_version: str | None,
    target: ConfigTarget | None,
    model_store: str | os.PathLike[str] | None,
    archives: Mapping[str, Manifest] | None,
    environ: Mapping[str, str] | None,
) -> tuple[Finding, ...]:
    """Return what the rules find in settings, given what is known of the server; see ``lint_config``."""
    if target is not None and target not in TARGETS:
        raise ValueError(f"the target {target!r} is not one of {', '.join(TARGETS)}")
    if document.protocol_version not in (None, *PROTOCOL_VERSIONS):
        protocols = ", ".join(PROTOCOL_VERSIONS)
        raise ValueError(f"the protocol {document.protocol_version!r} is not one of {protocols}")
    properties, unresolved = document.properties, document.unresolved
    if environ is not None:
        try:
            properties = resolve(properties, environ)
        except ConfigError as error:
            unresolved = error.findings
    store = None if archives is None else Store(archives.keys(), archives)
    if model_store is not None:
        there = look_at_store(model_store)
        known = archives or {}
        store = there._replace(names=there.names | known.keys(), manifests={**there.manifests, **known})
    document = replace(
        document,
        properties=properties,
        unresolved=unresolved,
        release=None if torchserve_version is None else release(torchserve_version),
        target=target,
        is_kserve=is_kserve(properties, target),
        store=store,
    )
    rules = chosen_rules(RULES, select=select, ignore=ignore)
    if not document.is_readable:  # nobody who chose other rules may take it for good
        rules = (text.find_syntax, text.find_encoding)
    findings = (found for each in rules for found in each.findings(document))
    return tuple(sorted(findings, key=lambda found: found.line or 0))


def lint_snapshot(
    text: str | bytes,
    archives: Mapping[str, Manifest] | None = None,
    *,
    names: Set[str] | None = None,
    select: str | Iterable[str] | None = None,
    ignore: str | Iterable[str] = (),
) -> tuple[Finding, ...]:
    """Return everything that is wrong with a snapshot's text, bytes in UTF-8; nothing is raised for it (S10).

    ``archives`` are the manifests of the model store by file name, ``names`` all names in it. ``select`` and
    ``ignore`` are codes, or what codes begin with, as those of ``check``; ``MarpackError`` is raised for one that
    no rule has (spec/checks.md). What cannot be read is told in any case.
    """
    store = None if archives is None else Store(archives.keys() | (names or set()), archives)
    return snapshot_findings(SnapshotText.read(text, store=store), select=select, ignore=ignore)


def snapshot_findings(
    snapshot: SnapshotText, *, select: str | Iterable[str] | None = None, ignore: str | Iterable[str] = ()
) -> tuple[Finding, ...]:
    """Return everything that is wrong with a snapshot that has been read; see ``lint_snapshot``."""
    snapshot = with_form(snapshot)
    rules = chosen_rules(SNAPSHOT_RULES, select=select, ignore=ignore)
    if snapshot.error is not None and find_no_json not in rules:
        rules = (find_no_json, *rules)
    return tuple(found for each in rules for found in each.findings(snapshot))


def for_writers(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Keep what whoever writes settings must see: no notes, but that nobody knows a key."""
    return tuple(each for each in findings if each.severity != "note" or each.code == find_unknown_keys.code)


def look_at_store(folder: str | os.PathLike[str]) -> Store:
    """Return what is in a model store, and what of it cannot be read."""
    manifests: dict[str, Manifest] = {}
    unreadable = []
    try:
        names, paths = frozenset(os.listdir(folder)), archives_in(folder)
    except OSError as error:
        message = f"{os.fsdecode(folder)!r} cannot be looked at: {error.strerror}"
        fix = "name the folder of the archives"
        return Store(frozenset(), {}, [find_unreadable.finding(message, "model_store", fix=fix)])
    for path in paths:
        try:
            manifests |= read_manifests([path])
        except (ArchiveError, OSError) as error:
            effect, fix = "models after it in a snapshot are left out", "remove or replace it"
            unreadable.append(find_unreadable.finding(str(error), "model_store", effect=effect, fix=fix))
    folders = frozenset(name for name in names if os.path.isdir(os.path.join(folder, name)))
    heads = dict(_heads(os.fsdecode(folder), names - folders))
    strays = frozenset(name for name in folders if not _holds_model(os.path.join(folder, name)))
    return Store(names, manifests, unreadable, folders, heads, strays)


def _holds_model(folder: str) -> bool:
    """Tell whether a folder has a manifest, itself or in the only folder in it, which the server takes for it."""
    try:
        inside = os.listdir(folder)
    except OSError:
        return True  # nothing is known of it
    folders = [folder, *(os.path.join(folder, name) for name in inside if len(inside) == 1)]
    return any(os.path.isfile(os.path.join(each, MANIFEST_NAME)) for each in folders)


def _heads(folder: str, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the first bytes of the files, as far as they can be read: others are told of elsewhere."""
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with contextlib.suppress(OSError), open(path, "rb") as file:
                yield name, file.read(_HEAD)
