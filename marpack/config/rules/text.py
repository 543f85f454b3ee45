"""Rules about config.properties as a text, for the server and for the others who read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from marpack.config.rules.document import UTF16_MARKS, Document
from marpack.config.settings.environment import variables
from marpack.config.text.other_readers import OTHER_READERS
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in


@rule("syntax", "error")
def find_syntax(document: Document) -> Iterator[Finding]:
    r"""Write four hexadecimal digits behind ``\\u``, or no backslash at all.

    Java's reader takes nothing else, and the server ends (P8).
    """
    if (error := document.error) is not None:
        message, fix = f"column {error.colno}: {error.msg}", "double the backslash, or write '/'"
        yield find_syntax.finding(message, effect="it ends", fix=fix, line=error.lineno)


@rule("encoding", "error")
def find_encoding(document: Document) -> Iterator[Finding]:
    r"""Save the file as ASCII, without a byte order mark.

    The server reads each byte as a character of ISO-8859-1: it finds no setting in UTF-16, loses the first one
    behind a byte order mark, and takes other characters for other ones. The launcher reads UTF-8, and ends at what
    is none, also in comments (P1, P9).
    """
    data = document.data or b""
    if document.error is not None:
        return
    if data.startswith(UTF16_MARKS):
        effect = "it finds no setting in it"
        yield find_encoding.finding("is UTF-16", effect=effect, fix="save it as ASCII", line=1)
        return
    if data.startswith(b"\xef\xbb\xbf"):
        message, effect = "begins with a byte order mark", "it loses the first setting"
        yield find_encoding.finding(message, effect=effect, fix="save it without one", line=1)
        data = data[3:]
    for number, line in enumerate(re.split(rb"\r\n|\r|\n", data), 1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            yield find_encoding.finding(
                "is not UTF-8", effect="it ends", fix="use ASCII", line=number, reader="launcher"
            )
        else:
            if line.lstrip(b" \t\f")[:1] not in (b"#", b"!"):
                message, effect = "has characters beyond ASCII", "it takes them for others"
                yield find_encoding.finding(message, effect=effect, fix="use ASCII, or \\uXXXX", line=number)


@rule("duplicate-key", "warning")
def find_duplicates(document: Document) -> Iterator[Finding]:
    """Give each setting once. Of several the last counts, and nobody says so (P7)."""
    first: dict[str, int] = {}
    for entry in document.entries:
        if entry.key in first and entry.key not in document.stray:
            message, effect = f"is given twice, in line {first[entry.key]} too", "the last one counts"
            yield find_duplicates.finding(message, entry.key, effect=effect, fix="remove one", line=entry.lineno)
        first[entry.key] = entry.lineno


@rule("read-differently", "warning")
def find_other_readings(document: Document) -> Iterator[Finding]:
    """Write settings that others read too as ``key=value``, in one line, without blanks and backslashes.

    The launcher, KServe's wrapper and MLflow's plugin split lines in their own ways, and know no escapes (P9). It
    is an error for the launcher, and for the wrapper where it reads.
    """
    if document.data is None:
        return
    ours = {entry.key: entry.value for entry in document.entries}
    text = document.data.decode("utf-8", "replace")
    for reader, (read, keys) in OTHER_READERS.items():
        theirs = read(text)
        for key in keys:
            one, other = ours.get(key), theirs.get(key)
            if one == other or (key == "model_snapshot" and _same_json(one, other)) or key in document.broken_off:
                continue
            effect = "it does not find it" if other is None else "it takes its value otherwise than the server"
            if one is None:
                effect = "it finds it where the server does not"
            message = "is read otherwise by another"
            fix = f"write {key}=value in one line, without blanks around it and without backslashes"
            breaks = reader == "launcher" or (reader == "kserve" and document.is_kserve)
            severity: Severity = "error" if breaks else "warning"
            yield find_other_readings.finding(
                message, key, effect=effect, fix=fix, severity=severity, reader=reader
            )


def _same_json(ours: str | None, theirs: str | None) -> bool:
    try:
        return ours is not None and theirs is not None and bool(json.loads(ours) == json.loads(theirs))
    except (ValueError, RecursionError):
        return False


@rule("variable", "error")
def find_unset_variables(document: Document) -> Iterator[Finding]:
    """Set the variables that settings mention as ``$$NAME$$``, to what the server can put in.

    It ends at one that is not there, and at backslashes and dollars that mean nothing to Java (P20).
    """
    yield from document.unresolved


@rule("variable-elsewhere", "warning")
def find_variables(document: Document) -> Iterator[Finding]:
    """Use no ``$$NAME$$`` in settings that others read too.

    Only the server replaces it; the launcher, KServe's wrapper and MLflow's plugin take it as it stands (P20).
    """
    for reader, (_, keys) in OTHER_READERS.items():
        for key in keys:
            if variables(document.properties.get(key, "")) and (reader != "kserve" or document.is_kserve):
                message = "has a $$NAME$$, which only the server replaces"
                yield find_variables.finding(
                    message, key, effect="it takes it as it stands", fix="write the value itself", reader=reader
                )


RULES = rules_in(globals())
