"""What Kubernetes and KServe take for a name, a label, a variable or a number: one generator of issues a kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches

from marpack.config.settings.kserve_names import LABEL, LONGEST_LABEL, LONGEST_SERVICE_NAME, service_name_problem
from marpack.display import SURROGATE, brief_repr
from marpack.findings import Issue

# The widest numbers of the document's fields: Go's int32 and int64.
INT32 = (1 << 31) - 1
INT64 = (1 << 63) - 1

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and .../labels/#syntax-and-character-set
_LONGEST_SUBDOMAIN = 253
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_TEXT = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_MOST_ANNOTATIONS = 256 * 1024

# k8s.io/apimachinery, pkg/util/validation/validation.go, IsEnvVarName.
_VARIABLE = re.compile(r"(?!\.(\.|$))[-._A-Za-z][-._A-Za-z0-9]*")

# KServe, pkg/validation/env_policy.go: the webhook refuses it from 0.18 on.
_REFUSED_VARIABLES = {"PYTHONPATH"}

_SPACE_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f]")


def text_issues(argument: str, value: object, *, empty: bool = False, spaces: bool = True) -> Iterator[Issue]:
    """Yield what keeps a value from being text; ``empty`` and ``spaces`` say what it may be."""
    if not isinstance(value, str):
        yield _issue("bad-type", argument, f"must be text, not {_type(value)}")
    elif not value and not empty:
        yield _issue("bad-value", argument, "is empty: give a text, or leave it out")
    elif SURROGATE.search(value):
        yield _issue("bad-value", argument, f"{brief_repr(value)} holds half of a character: correct it")
    elif not spaces and _SPACE_OR_CONTROL.search(value):
        yield _issue("bad-value", argument, f"{brief_repr(value)} holds a space or a line end: remove it")


def texts_issues(argument: str, values: object) -> Iterator[Issue]:
    """Yield what keeps a value from being a list of texts."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        yield _issue("bad-type", argument, f"must be a list of texts, not {_type(values)}")
        return
    for number, value in enumerate(values):
        yield from text_issues(f"{argument}[{number}]", value, empty=True)


def choice_issues(argument: str, value: object, choices: Iterable[str]) -> Iterator[Issue]:
    """Yield what is wrong with a value that is one of a few words."""
    known = list(choices)
    if not isinstance(value, str):
        yield _issue("bad-type", argument, f"must be text, not {_type(value)}: choose from {', '.join(known)}")
    elif value not in known:
        near = get_close_matches(value.lower(), known, 1)
        hint = f"did you mean {near[0]!r}? They are" if near else "choose from"
        yield _issue("bad-value", argument, f"{brief_repr(value)} is not known: {hint} {', '.join(known)}")


def count_issues(argument: str, value: object, low: int, high: int) -> Iterator[Issue]:
    """Yield what is wrong with a whole number from ``low`` to ``high``; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int):
        what = f"the text {brief_repr(value)}" if isinstance(value, str) else _type(value)
        yield _issue("bad-type", argument, f"must be a whole number, not {what}")
    elif not low <= value <= high:
        yield _issue("bad-value", argument, f"{brief_repr(value)} is out of range: choose from {low} to {high}")


def service_name_issues(argument: str, name: object) -> Iterator[Issue]:
    """Yield what is wrong with the name of an InferenceService (K321)."""
    if not isinstance(name, str):
        yield _issue("bad-type", argument, f"must be text, not {_type(name)}")
        return
    if problem := service_name_problem(name):
        fix = f"use a-z, 0-9 and -, at most {LONGEST_SERVICE_NAME}, a letter first, and no - last"
        yield _issue("bad-value", argument, f"{brief_repr(name)} {problem}: {fix}")


def namespace_issues(argument: str, name: object) -> Iterator[Issue]:
    """Yield what is wrong with the name of a namespace: a label of DNS."""
    if not isinstance(name, str):
        yield _issue("bad-type", argument, f"must be text, not {_type(name)}")
    elif not LABEL.fullmatch(name):
        what = f"is no namespace: 1 to {LONGEST_LABEL} of a-z, 0-9 and -, with - neither first nor last"
        yield _issue("bad-value", argument, f"{brief_repr(name)} {what}")


def object_name_issues(argument: str, name: object) -> Iterator[Issue]:
    """Yield what is wrong with the name of a Secret, a ConfigMap, a ServiceAccount or a runtime."""
    if not isinstance(name, str):
        yield _issue("bad-type", argument, f"must be text, not {_type(name)}")
    elif len(name) > _LONGEST_SUBDOMAIN or not _SUBDOMAIN.fullmatch(name):
        what = f"is no name in Kubernetes: 1 to {_LONGEST_SUBDOMAIN} of a-z, 0-9, - and ."
        yield _issue("bad-value", argument, f"{brief_repr(name)} {what}, with a letter or digit at both ends")


def label_issues(argument: str, labels: object) -> Iterator[Issue]:
    """Yield what is wrong with labels: their keys, and values of 63 characters at most."""
    if not isinstance(labels, Mapping):
        yield _issue("bad-type", argument, f"must be a mapping of texts, not {_type(labels)}")
        return
    for key, value in labels.items():
        yield from _key_issues(argument, key)
        place = f"{argument}[{brief_repr(key)}]"
        if not isinstance(value, str):
            yield _issue("bad-type", place, f"must be text, not {_type(value)}")
        elif value and (len(value) > LONGEST_LABEL or not _LABEL_TEXT.fullmatch(value)):
            what = f"is no value of a label: at most {LONGEST_LABEL} of A-Z, a-z, 0-9, -, _ and ."
            hint = "with a letter or digit at both ends; an annotation may hold any text"
            yield _issue("bad-value", place, f"{brief_repr(value)} {what}, {hint}")


def annotation_issues(argument: str, annotations: object) -> Iterator[Issue]:
    """Yield what is wrong with annotations: their keys, and more than 256 KiB in all."""
    if not isinstance(annotations, Mapping):
        yield _issue("bad-type", argument, f"must be a mapping of texts, not {_type(annotations)}")
        return
    size = 0
    for key, value in annotations.items():
        # Kubernetes compares their keys in lower case.
        yield from _key_issues(argument, key.lower() if isinstance(key, str) else key)
        wrong = list(text_issues(f"{argument}[{brief_repr(key)}]", value, empty=True))
        yield from wrong
        if not wrong and isinstance(key, str) and isinstance(value, str):
            size += len(key.encode("utf-8", "replace")) + len(value.encode())
    if size > _MOST_ANNOTATIONS:
        what = f"have {size} bytes in all, and Kubernetes takes {_MOST_ANNOTATIONS}: shorten them"
        yield _issue("bad-value", argument, what)


def _key_issues(argument: str, key: object) -> Iterator[Issue]:
    if not isinstance(key, str):
        yield _issue("bad-type", argument, f"has the key {brief_repr(key)}: keys are text")
        return
    prefix, slash, name = key.rpartition("/")
    is_prefix = not slash or (len(prefix) <= _LONGEST_SUBDOMAIN and _SUBDOMAIN.fullmatch(prefix))
    if not is_prefix or len(name) > LONGEST_LABEL or not _LABEL_TEXT.fullmatch(name):
        what = (
            f"a name of at most {LONGEST_LABEL} of A-Z, a-z, 0-9, -, _ and ., with a letter or digit at both ends"
        )
        hint = "before which a domain and / may stand, as in example.com/owner"
        yield _issue("bad-value", argument, f"has the key {brief_repr(key)}: write {what}, {hint}")


def variables_issues(argument: str, variables: object) -> Iterator[Issue]:
    """Yield what is wrong with variables of an environment; their values, which may be secret, are not shown."""
    if not isinstance(variables, Mapping):
        yield _issue("bad-type", argument, f"must be a mapping of texts, not {_type(variables)}")
        return
    for name, value in variables.items():
        place = f"{argument}[{brief_repr(name)}]"
        if not isinstance(name, str):
            yield _issue("bad-type", argument, f"has the name {brief_repr(name)}: names are text")
        elif not _VARIABLE.fullmatch(name):
            what = "letters, digits, _, - and ., of which no digit is first, and not a path"
            yield _issue("bad-value", argument, f"has the name {brief_repr(name)}: write {what}")
        elif name in _REFUSED_VARIABLES:
            yield _issue(
                "bad-value", place, "is refused by KServe: put modules into the archive, or into an image"
            )
        if not isinstance(value, str):
            yield _issue("bad-type", place, f"must be text, not {_type(value)}: quote it")
        elif SURROGATE.search(value):
            yield _issue("bad-value", place, "holds half of a character: correct it")


def keys_issues(argument: str, table: object, needed: Sequence[str], what: str) -> Iterator[Issue]:
    """Yield what is wrong with the keys of a table that has all of ``needed`` and no other."""
    if not isinstance(table, Mapping):
        yield _issue(
            "bad-type", argument, f"must be a mapping, not {_type(table)}: its keys are {', '.join(needed)}"
        )
        return
    for key in table:
        if key not in needed:
            near = get_close_matches(str(key), needed, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"its keys are {', '.join(needed)}"
            yield _issue("unknown-key", argument, f"{brief_repr(key)} is not a key of {what}: {hint}")
    for key in needed:
        if key not in table:
            yield _issue("missing-key", argument, f"has no {key!r}: the keys of {what} are {', '.join(needed)}")


def _type(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _issue(code: str, argument: str, message: str) -> Issue:
    return Issue(code=code, argument=argument, message=message)
