"""Rules about MANIFEST.json as a file: that it is there, and JSON that both readers take."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from typing import Any

from marpack.checks.frame.subject import Subject
from marpack.display import type_name
from marpack.findings import Finding, Severity
from marpack.rule import Rule, rule, rules_in

PARSE = 'it answers 400, "Failed to parse signature.json.", and means MANIFEST.json'
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NO_NAME = 'it answers 400, "Model name is not defined."'


def manifest_finding(
    found_by: Rule[Subject],
    subject: Subject,
    key: str,
    *,
    message: str,
    fix: str,
    effect: str,
    severity: Severity | None = None,
) -> Finding:
    """Return a finding of a rule on a value of the manifest."""
    name = subject.manifest_name
    return found_by.finding(message=message, fix=fix, effect=effect, key=key, member=name, severity=severity)


@rule("manifest-missing", "error", kind="model")
def find_missing(subject: Subject) -> Iterator[Finding]:
    """Pack the manifest where the server looks for it.

    The server reads ``MAR-INF/MANIFEST.json``, in exactly this case and directly below the root of the model. In a
    ``.mar`` the root is the top of the zip; in a ``.tar.gz`` it is what is left when the first folder of each name
    is taken away. Without a manifest there is no model name and no handler [server].
    """
    if subject.holds(subject.manifest_name):
        return
    likely = [
        name
        for name in subject.names
        if name.replace("\\", "/").lower().rpartition("mar-inf/")[2] == "manifest.json"
    ]
    message = f"there is no {subject.manifest_name}"
    if likely:
        message = f"{message}, only {likely[0]!r}"
    if subject.form == "folder" and any(
        "/" not in name and name.endswith((".mar", ".tar.gz", ".war")) for name in subject.names
    ):
        message = f"{message}: it looks like a model store, which holds archives"
        fix = f"name the archives in it: {posixpath.join(subject.path, '*')}"
    elif not likely:
        fix = "pack the model with marpack pack or torch-model-archiver, which write it"
    elif subject.form == "tgz":
        fix = "put everything below exactly one folder, as in model/MAR-INF/MANIFEST.json"
    else:
        fix = f"move it, and everything beside it, so that it is {subject.manifest_name}"
    yield find_missing.finding(message=message, fix=fix, effect=NO_NAME)


@rule("manifest-empty", "error", kind="model")
def find_empty(subject: Subject) -> Iterator[Finding]:
    """Write a manifest that holds something: not an empty file, and not ``null``.

    The front end follows a null pointer: a registration is answered with 500, and a server that loads the archive
    as it starts ends [server].
    """
    data = subject.manifest_bytes
    text = None if data is None else data.removeprefix(_BYTE_ORDER_MARK).strip()
    if text in (b"", b"null"):
        message, fix = "it is null" if text else "it is empty", 'write {"runtime": "python", "model": {...}}'
        effect = "it ends when it loads this as it starts: NullPointerException"
        yield manifest_finding(find_empty, subject, "", message=message, fix=fix, effect=effect)


@rule("manifest-encoding", "error", kind="model")
def find_encoding(subject: Subject) -> Iterator[Finding]:
    """Save the manifest as UTF-8, without a byte order mark.

    The front end takes both, so the model is registered. The worker reads the same file with Python's ``json``,
    which does not, and dies [server].
    """
    data, line = subject.manifest_bytes or b"", 1
    if data.startswith(_BYTE_ORDER_MARK):
        message, fix = "it begins with a byte order mark", "save it as UTF-8 without one"
        effect = "the worker dies: json.decoder.JSONDecodeError: Unexpected UTF-8 BOM"
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        message, fix, effect = "it is UTF-16", "save it as UTF-8", PARSE
    elif (error := _decoding_error(data)) is not None:
        message, line = f"it is not UTF-8 at byte {error.start}", data.count(b"\n", 0, error.start) + 1
        fix = "save it as UTF-8, or write what is not ASCII as \\uXXXX"
        effect = "the worker dies: UnicodeDecodeError: 'utf-8' codec can't decode byte"
    else:
        return
    yield find_encoding.finding(message=message, fix=fix, effect=effect, member=subject.manifest_name, line=line)


@rule("manifest-syntax", "error", kind="model")
def find_syntax(subject: Subject) -> Iterator[Finding]:
    """Write the manifest as strict JSON.

    The front end reads it with Gson, which takes comments, single quotes and names without quotes, and refuses
    what is cut off, a trailing comma, or text after the end. The worker reads the same file again with Python's
    ``json``, which takes nothing but JSON, and dies of the rest [server].
    """
    data = subject.manifest_bytes or b""
    line: int | None = None
    if not data.strip() or data.startswith(_BYTE_ORDER_MARK) or _decoding_error(data) is not None:
        return
    try:
        document = json.loads(data.decode())
    except json.JSONDecodeError as error:
        message, line = f"it is not JSON: {error.msg}", error.lineno
        fix = "write strict JSON: double quotes, no comments, no comma after the last item"
        effect = f"{PARSE}; or, where it takes it, the worker dies: json.decoder.JSONDecodeError: {error.msg}"
    except (ValueError, RecursionError) as error:
        message, effect = f"it cannot be read: {error}", "the worker dies of the same"
        fix = "write no deeper nesting and no longer numbers than a manifest needs"
    else:
        if document is None or isinstance(document, dict):
            return
        message, line = f"it is {type_name(document)}, not an object", 1
        fix, effect = 'write {"runtime": "python", "model": {...}}', PARSE
    yield find_syntax.finding(message=message, fix=fix, effect=effect, member=subject.manifest_name, line=line)


@rule("manifest-duplicate-key", "warning")
def find_duplicate_keys(subject: Subject) -> Iterator[Finding]:
    """Give each key of the manifest once.

    The server and its workers take the last of several, other readers the first, or refuse the file [server].
    """
    found: list[str] = []
    try:
        json.loads((subject.manifest_bytes or b"").decode(), object_pairs_hook=lambda pairs: _note(pairs, found))
    except (ValueError, RecursionError):
        return
    for key in dict.fromkeys(found):
        message, fix, effect = f"the key {key!r} is given twice", "keep one", "it takes the last one"
        yield manifest_finding(find_duplicate_keys, subject, key, message=message, fix=fix, effect=effect)


@rule("manifest-not-ascii", "note")
def find_not_ascii(subject: Subject) -> Iterator[Finding]:
    r"""Escape what is not ASCII in the manifest.

    The worker opens the file in the encoding of its locale. That is UTF-8 nearly everywhere, and ASCII where
    Python's UTF-8 mode is off in the C locale: there the worker dies. ``\uXXXX`` is safe everywhere [server].
    """
    data = subject.manifest_bytes or b""
    if data.startswith(_BYTE_ORDER_MARK) or data.isascii() or _decoding_error(data) is not None:
        return
    text = data.decode()
    place, found = next((place, each) for place, each in enumerate(text) if not each.isascii())
    message, member = f"it holds {found!r}, which is not ASCII", subject.manifest_name
    fix = f"write \\u{ord(found):04x}" if ord(found) <= 0xFFFF else "write \\uXXXX escapes"
    effect = "a worker in an ASCII locale dies: UnicodeDecodeError: 'ascii' codec can't decode byte"
    line = text.count("\n", 0, place) + 1
    yield find_not_ascii.finding(message=message, fix=fix, effect=effect, member=member, line=line)


def _decoding_error(data: bytes) -> UnicodeDecodeError | None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error
    return None


def _note(pairs: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            twice.append(key)
        found[key] = value
    return found


RULES = rules_in(globals())
