"""Rules on what the built-in handlers for text read beside the model: source_vocab.pt."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final

from marpack.archive.inspection.kinds import Weights
from marpack.checks.flow.events import Load
from marpack.checks.frame.subject import Subject
from marpack.checks.frame.weights import describe, may_be_read
from marpack.checks.python.classes import ClassOf
from marpack.checks.python.torch_handlers import torch_handler
from marpack.checks.rules.handler_name import KEY, entry_of
from marpack.checks.rules.manifest_file import manifest_finding
from marpack.checks.rules.weights_calls import problem_of
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in

VOCABULARY: Final = "source_vocab.pt"
_SAVE: Final = "save a dict of words and numbers, or a collections.Counter, by torch.save"
# What no word can be looked up in.
_NO_MAPPINGS: Final = ("a tensor", "a plain value", "'builtins.list'", "'builtins.set'", "'builtins.bytearray'")


def _reads_vocabulary(subject: Subject) -> bool:
    """Tell whether the handler surely loads a vocabulary as ``TextHandler`` does."""
    entry = entry_of(subject)
    if entry is None or entry.built_in is not None or entry.cls is None:
        return entry is not None and entry.built_in is not None and entry.built_in.needs_vocabulary
    cls = entry.cls
    # The class from outside whose initialize is called, by the worker or by a class of the archive.
    lineage = cls.lineage
    first = next((item for item in lineage if not isinstance(item, ClassOf)), None)
    handler = None if first is None else torch_handler(first)
    own_way = cls.attribute("get_source_vocab_path").has is not False
    return subject.worker.loads_model is True and handler is not None and handler.needs_vocabulary and not own_way


@rule("model-vocabulary", "error", kind="model")
def find_no_vocabulary(subject: Subject) -> Iterator[Finding]:
    """Pack ``source_vocab.pt`` with the handlers ``text_classifier`` and ``text_handler``.

    They, and what derives from them, read the vocabulary from the root of the archive, and do not start without
    [server].
    """
    if _reads_vocabulary(subject) and not subject.model.get("sourceVocab") and not subject.holds(VOCABULARY):
        message = f"the handler {subject.role('handler')!r} needs a vocabulary, and no {VOCABULARY} is packed"
        fix = f"pack {VOCABULARY} as an extra file"
        error = "Missing the source_vocab file. Refer default handler documentation for details on using"
        effect = f"Exception: {error} text_handler."
        yield manifest_finding(find_no_vocabulary, subject, KEY, message=message, fix=fix, effect=effect)


@rule("vocabulary-unreadable", "error", kind="model")
def find_unreadable(subject: Subject) -> Iterator[Finding]:
    """Save the vocabulary as what ``torch.load`` takes, and words can be looked up in.

    The handlers for text give ``source_vocab.pt`` to ``torch.load``, which since torch 2.6 imports nothing but
    tensors and what belongs to them: a ``defaultdict``, a ``Vocab`` of torchtext or a class of one's own ends the
    worker, and so does TorchScript, a plain pickle or JSON; a ``defaultdict`` with words does so though the
    sources allow its class, for torch puts entries into no other dict than its own. A ``dict`` and a ``Counter``
    are loaded; each word of a request is looked up in it, so a list or a number makes that fail. Where the
    server's torch is not told, what only some versions refuse is a warning [server].
    """
    if not _reads_vocabulary(subject) or not may_be_read(subject):
        return
    named = subject.role("sourceVocab")
    name = VOCABULARY if named is None else posixpath.normpath(named)
    if name not in subject.names:
        return
    weights = describe(subject, name)
    load = Load(member="", line=0, phase="initialize", path=name, call="torch.load")
    problem = problem_of(subject, load, weights)
    severity: Severity | None = None
    if problem is not None:
        message, effect = (
            f"the vocabulary cannot be loaded: {problem.message}",
            f"the worker dies: {problem.effect}",
        )
        severity = None if problem.certain else "warning"
    elif _is_no_mapping(weights):
        message = f"no word can be looked up in the vocabulary: it is {weights.detail}"
        effect = "each request is answered 503: TypeError or IndexError"
    else:
        return
    yield find_unreadable.finding(message=message, fix=_SAVE, effect=effect, member=name, severity=severity)


def _is_no_mapping(weights: Weights) -> bool:
    known = weights.kind == "pickle" and weights.weights_only_refuses is False
    return known and weights.detail.endswith(_NO_MAPPINGS)


RULES = rules_in(globals())
