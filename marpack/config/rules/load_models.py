"""Rules about ``load_models``: what the server is told to load when it starts (P18)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from marpack.config.rules.document import Document
from marpack.config.rules.near import nearest_key
from marpack.config.rules.references import (
    ARCHIVE_SUFFIXES,
    Reference,
    clean_references,
    is_allowed,
    loaded,
    references,
    taken_by_all,
)
from marpack.config.settings.environment import variables
from marpack.config.settings.redaction import brief
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

_LEFT_OUT = "it leaves the model out"
_NOT_FOUND = f'{_LEFT_OUT}, "Model not found at"'

# Items that somebody meant to separate otherwise than by a comma.
_SEVERAL = re.compile(r"\.(?:mar|tgz|tar\.gz)[\s;:|]+\S")
_WORKFLOW = ".war"

# Suffixes of files that a model folder would hardly be called by: in lower case, whatever the case is.
_OTHER_SUFFIXES = frozenset(
    (
        *("mar", "tgz", "gz", "tar", "zip", "rar", "7z", "bz2", "tbz2", "xz", "txz", "zst", "jar", "whl"),
        *(
            "pt",
            "pth",
            "pt2",
            "ptl",
            "bin",
            "ckpt",
            "onnx",
            "safetensors",
            "pkl",
            "pickle",
            "joblib",
            "h5",
            "hdf5",
        ),
        *("pb", "tflite", "so", "engine", "plan", "npz", "npy", "py", "json", "yaml", "yml", "txt", "bak", "old"),
        *("orig", "tmp", "part", "download", "crdownload"),
    )
)

# Those of other forms than their names say are found when the store is looked at (``archive-unreadable``).
_KNOWN = (".mar", ".tar.gz")

# The first bytes of what the server's two unpackers take.
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"


@rule("load-models-ignored", "warning")
def find_load_models(document: Document) -> Iterator[Finding]:
    """Name all models in ``model_snapshot`` or in ``load_models``, not in both.

    The server restores a snapshot and nothing else (S1).
    """
    if document.properties.get("load_models") and "model_snapshot" in document.properties:
        message, fix = "stands beside model_snapshot", "name all models in one of the two"
        yield find_load_models.finding(message, "load_models", effect="it ignores it", fix=fix)


@rule("load-models-blank", "error")
def find_blanks(document: Document) -> Iterator[Finding]:
    """Separate the items of ``load_models`` by commas alone.

    A blank counts: the server looks for a file of that name (P18).
    """
    for each in references(document):
        if not each.is_clean:
            message = f"{brief('load_models', each.item)!r} has a blank at its edge"
            fix = "remove the blanks after the commas"
            yield find_blanks.finding(message, "load_models", effect="it looks for a file of that name", fix=fix)


@rule("load-models-twice", "error")
def find_twice(document: Document) -> Iterator[Finding]:
    """Name each archive once. The server ends where two have one name and version (P18)."""
    seen = set()
    for each in clean_references(document):
        archive = (each.name, each.text if each.is_url else each.file)
        if archive in seen:
            message, effect = f"{each.shown!r} is named twice", "it ends where name and version are the same"
            yield find_twice.finding(message, "load_models", effect=effect, fix="name it once")
        seen.add(archive)


@rule("load-models-same-version", "error")
def find_same_versions(document: Document) -> Iterator[Finding]:
    """Load no two archives of one name and version. The server ends at the second (P18)."""
    seen: dict[tuple[str, str], str] = {}
    for each in loaded(document) or ():
        if each.name is None or each.version is None:
            continue
        first = seen.setdefault((each.name, each.version), each.file)
        if first != each.file:  # of one file, the rule above says it
            message = f"{first!r} and {each.file!r} are both version {each.version!r} of {each.name!r}"
            effect = f"it ends: Model version {each.version} is already registered for model {each.name}"
            fix = "take one of them out of load_models, or of the store, or pack it with another version"
            yield find_same_versions.finding(message, "load_models", effect=effect, fix=fix)


def _no_name(each: Reference) -> tuple[str, str, str] | None:
    """Return what keeps a reference from being one, what the server does, and what to do; None where it is one."""
    text = each.text
    if ".." in text:
        effect = f"{_LEFT_OUT}: Relative path is not allowed in url"
        return f"{each.shown!r} has '..'", effect, "write the file's name, nothing else"
    if "://" in each.name:
        effect = "it takes what is before the '=' for the model's name, and looks for a file of the rest"
        return "a URL has a '=', and no name before it", effect, "write name=URL"
    if text[:1] in ("'", '"'):
        return f"{each.shown!r} has quotes", _NOT_FOUND, "write the file's name, nothing else"
    if text.endswith(("/", "\\")) and text[:1] != "/":
        effect = "it takes the whole model store for a model without a name"
        return f"{each.shown!r} ends in {text[-1]!r}", effect, "write the folder's name, nothing else"
    if each.is_url:
        return None
    if "*" in text or "?" in text:
        return f"{each.shown!r} is no pattern, but a name", _NOT_FOUND, "name the files, or write load_models=all"
    if text.lower() == "all" and not each.name:
        return f"{text!r} stands beside others", _NOT_FOUND, "write load_models=all, and nothing else"
    if _SEVERAL.search(text):
        return f"{each.shown!r} is one name to the server", _NOT_FOUND, "separate the files by commas"
    return None


@rule("load-models-item", "error")
def find_items(document: Document) -> Iterator[Finding]:
    """Name in ``load_models`` what is in the model store, a folder elsewhere, or a URL.

    Of a path the server takes the last part, and looks for it in the model store; at the path itself it takes a
    folder only. What is not found is left out, with a warning in the log (P18).
    """
    for each in references(document):
        if each.is_clean and not each.text and not variables(each.item):
            message = f"{brief('load_models', each.item)!r} names no archive"
            effect, fix = "it loads nothing for it, without a word", "write the file's name behind the '='"
            yield find_items.finding(message, "load_models", effect=effect, fix=fix)
    for each in clean_references(document):
        if wrong := _no_name(each):
            message, effect, fix = wrong
            yield find_items.finding(message, "load_models", effect=effect, fix=fix)
        elif document.store is None or each.is_url or each.file in document.store.names:
            continue
        elif each.file.lower().endswith(_WORKFLOW):
            continue  # there or not, it is not loaded
        elif each.file.lower() == "none":
            continue  # nothing is loaded, as it is meant
        elif not each.folder or each.file.endswith(ARCHIVE_SUFFIXES):
            near = nearest_key(each.file, sorted(document.store.names), likeness=0.6)
            fix = f"write {near!r}" if near else "put the archive there or correct the name"
            message = f"{brief('load_models', each.file)!r} is not in the model store"
            yield find_items.finding(message, "load_models", effect=_NOT_FOUND, fix=fix)


@rule("load-models-folder", "note")
def find_folders(document: Document) -> Iterator[Finding]:
    """Name an archive by its file's name alone.

    The server does not look into the folder before it, but into the model store (P18).
    """
    store = document.properties.get("model_store", "").rstrip("/")
    for each in clean_references(document):
        if each.is_url or _no_name(each) or not each.file.endswith(ARCHIVE_SUFFIXES):
            continue
        if each.folder and each.folder.rstrip("/") != store:
            message = f"{each.shown!r} has a folder before its name"
            effect = "it looks for the last part in the model store, and nowhere else"
            fix = f"write {brief('load_models', each.file)!r}"
            yield find_folders.finding(message, "load_models", effect=effect, fix=fix)


@rule("load-models-stray", "warning")
def find_strays(document: Document) -> Iterator[Finding]:
    """Keep other folders out of a model store of which all is loaded.

    ``load_models=all`` takes every folder for a model, ``lost+found`` of a volume too. One without a manifest has
    no handler, and its workers die, ModuleNotFoundError, unless there is a ``default_service_handler`` (P18)
    [server].
    """
    if document.store is None or document.properties.get("load_models", "").lower() != "all":
        return
    for name in sorted(document.store.strays) if not document.properties.get("default_service_handler") else ():
        if not name.startswith("."):
            message, effect = (
                f"the folder {name!r} of the store holds no model",
                "it loads it, and its workers die",
            )
            fix = "move it out of the model store, or name the models"
            yield find_strays.finding(message, "load_models", effect=effect, fix=fix)


@rule("load-models-url", "error")
def find_urls(document: Document) -> Iterator[Finding]:
    """Load from URLs that ``allowed_urls`` matches, that Java knows, and whose file is not in the store yet.

    What matches no pattern is refused, and what is there already is not downloaded again:
    FileAlreadyExistsException. Java knows no ``s3://`` and the like: the server then looks for a file of that name
    in the store, and where there is one loads that (a warning) (P18).
    """
    for each in clean_references(document):
        if not each.is_url or _no_name(each):
            continue
        message = effect = ""
        severity: Severity | None = None
        allowed = is_allowed(document, each.text)
        fix = "put the archive into the model store, and name its file"
        if not each.is_reachable:
            scheme = each.text.partition(":")[0]
            message = f"{brief('load_models', f'{scheme}://')} is none of http, https and file"
            effect = "it downloads nothing, and looks for a file of that name in the model store"
            if allowed:
                effect = f"{_LEFT_OUT}: MalformedURLException: unknown protocol: {scheme}"
            elif document.store is not None and each.file in document.store.names:
                effect = f"it downloads nothing, and loads {brief('load_models', each.file)!r} of the model store"
                severity = "warning"
            fix = "give an https:// address, or put the archive into the model store beforehand"
        elif allowed is False:
            message = f"{each.shown!r} matches no pattern of allowed_urls"
            effect = f"{_LEFT_OUT}: Given URL does not match any allowed URL(s)"
            fix = "add a pattern for it to allowed_urls"
        elif _is_there(document, each):
            message = f"{each.shown!r} would be downloaded to {brief('load_models', each.file)!r}, which is there"
            effect = f"{_LEFT_OUT}: FileAlreadyExistsException"
            fix = "name the file itself, or take it out of the store"
        if message:
            yield find_urls.finding(message, "load_models", effect=effect, fix=fix, severity=severity)


def _is_there(document: Document, each: Reference) -> bool:
    """Tell whether the store has the file of a URL: it is known, or the URL is the store's own."""
    store = document.properties.get("model_store", "").rstrip("/")
    place = re.sub("^file://(localhost)?", "", each.folder, flags=re.IGNORECASE).rstrip("/")
    is_own = each.text.lower().startswith("file://") and store.startswith("/") and place == store
    return is_own or (document.store is not None and each.file in document.store.names)


@rule("allowed-urls", "error")
def find_allowed(document: Document) -> Iterator[Finding]:
    """Let the patterns of ``allowed_urls`` match URLs, and no name of an archive.

    Whatever matches one is downloaded, also what is in the store: ``allowed_urls=.*`` has every load fail with a
    FileAlreadyExistsException. A blank behind a comma belongs to the pattern, which then matches nothing (a
    warning) (P18).
    """
    text = document.properties.get("allowed_urls")
    if text is None or variables(text):
        return
    listed = [each.text for each in clean_references(document) if not each.is_url and not _no_name(each)]
    if any(is_allowed(document, name) for name in ("m.mar", *listed)):
        message, effect = "matches the name of a file as well", f"{_LEFT_OUT}: FileAlreadyExistsException"
        fix = "let each pattern begin with a scheme, as https://.*"
        yield find_allowed.finding(message, "allowed_urls", effect=effect, fix=fix)
    for pattern in text.split(",")[1:]:
        if pattern[:1].isspace():
            message = f"{brief('allowed_urls', pattern)!r} begins with a blank"
            effect, fix = "it matches no URL", "remove the blanks after the commas"
            yield find_allowed.finding(message, "allowed_urls", effect=effect, fix=fix, severity="warning")


@rule("load-models-war", "error")
def find_workflows(document: Document) -> Iterator[Finding]:
    """Register workflows by the management API, not by ``load_models``.

    The server loads models when it starts, and takes a ``.war`` for a gzip-compressed tar (P18).
    """
    for each in clean_references(document):
        if each.file.lower().endswith(_WORKFLOW) and not _no_name(each):
            message = f"{each.shown!r} is a workflow by its name, and workflows are not loaded at the start"
            effect = f"{_LEFT_OUT}: Input is not in the .gz format"
            fix = "register it when the server runs: POST /workflows?url=..."
            yield find_workflows.finding(message, "load_models", effect=effect, fix=fix)


@rule("load-models-suffix", "warning")
def find_suffixes(document: Document) -> Iterator[Finding]:
    """Let the names of archives end in ``.mar``, and those of gzip-compressed tars in ``.tar.gz``.

    The server goes by the name: what ends in ``.mar`` it reads as a zip, all else as a gzip-compressed tar;
    folders may have any name. Where the file is there and is no such tar, it is an error (P18).
    """
    heads = document.store.heads if document.store else {}
    folders = document.store.folders if document.store else frozenset()
    named = [each for each in clean_references(document) if not _no_name(each)]
    files = [(each.file, each.is_url) for each in named if each.is_url or each.file not in folders]
    if document.store is not None and document.properties.get("load_models", "").lower() == "all":
        files = [(name, False) for name in taken_by_all(document.store) if name not in folders]
    for file, is_url in files:
        if file.lower().endswith(_WORKFLOW) or file.endswith(_KNOWN):
            continue
        shown, head = brief("load_models", file), None if is_url else heads.get(file)
        if head is not None and not head.startswith(_GZIP):
            what, fix = "no gzip-compressed tar", "use the suffix .mar for a zip, .tar.gz for such a tar"
            if head.startswith(_ZIP):
                what, fix = "a zip", "name it .mar"
            effect = f"{_LEFT_OUT}: Input is not in the .gz format"
            message = f"{shown!r} is {what}"
            yield find_suffixes.finding(message, "load_models", effect=effect, fix=fix, severity="error")
        elif head is None and not file.endswith(ARCHIVE_SUFFIXES) and (is_url or _is_a_files(file)):
            message, effect = f"{shown!r} has no archive's suffix", "it reads it as a gzip-compressed tar"
            yield find_suffixes.finding(message, "load_models", effect=effect, fix="use the suffix .mar")


def _is_a_files(name: str) -> bool:
    """Tell whether a name has the suffix of a file, which no folder would have."""
    return "." in name and name.rpartition(".")[2].lower() in _OTHER_SUFFIXES


RULES = rules_in(globals())
