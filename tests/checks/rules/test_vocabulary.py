"""What is said of vocabularies, and what is not."""

from __future__ import annotations

import dataclasses

from tests.checks.cases.case import Archive
from tests.checks.cases.vocabulary import COUNTED, DEFAULTS, DERIVED, WORDS, of
from tests.checks.cases.weights import SCRIPT, WEIGHT, saved
from tests.support.checking import found

EMPTY = saved(b"ccollections\ndefaultdict\ncbuiltins\nint\n\x85R")
VOCAB = saved(b"ctorchtext.vocab\nVocab\n)R")


def said(archive: Archive, **options: str) -> list[str]:
    every = found(archive, **options)
    return [f"{each.code} {each.severity}" for each in every if "vocabulary" in each.code]


def test_what_torch_load_refuses() -> None:
    for vocabulary in (DEFAULTS, VOCAB):
        assert said(of(vocabulary)) == ["vocabulary-unreadable warning"]
        assert said(of(vocabulary), torch="2.6") == ["vocabulary-unreadable error"]
        assert said(of(vocabulary), torch="2.5") == []
    for vocabulary in (b"", b'{"good": 1}', b"\x80\2}."):
        assert said(of(vocabulary)) == ["vocabulary-unreadable error"]
    assert said(of(SCRIPT), torch="2.13") == ["vocabulary-unreadable error"]


def test_what_has_no_words() -> None:
    for pickled in (b"]", WEIGHT, b"K\3", b"X\1\0\0\0a", b"N", b")"):
        assert said(of(saved(pickled))) == ["vocabulary-unreadable error"]
    for vocabulary in (WORDS, COUNTED, saved(b"ccollections\nOrderedDict\n)R")):
        assert said(of(vocabulary)) == []


def test_handlers_that_derive() -> None:
    assert said(of(None, DERIVED)) == ["model-vocabulary error"]
    assert said(of(saved(b"]"), DERIVED)) == ["vocabulary-unreadable error"]
    elsewhere = DERIVED + "    def get_source_vocab_path(self, context):\n        return 'words.pt'\n"
    own = DERIVED + "    def initialize(self, context):\n        self.source_vocab = {}\n"
    allowed = (
        "import torch, collections\ntorch.serialization.add_safe_globals([collections.defaultdict])\n" + DERIVED
    )
    classes = allowed.replace("collections.defaultdict", "Vocab")
    every = "import os\nos.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'\n" + DERIVED
    quiet = (
        (elsewhere, None),
        (own, None),
        (own, DEFAULTS),
        (classes, VOCAB),
        (allowed, EMPTY),
        (every, DEFAULTS),
    )
    for handler, vocabulary in quiet:
        assert said(of(vocabulary, handler)) == []
    assert said(of(DEFAULTS, allowed)) == ["vocabulary-unreadable warning"]
    assert said(of(DEFAULTS, allowed), torch="2.13") == ["vocabulary-unreadable error"]


def test_a_vocabulary_that_the_manifest_names() -> None:
    archive = of(None)
    named = dataclasses.replace(
        archive,
        files={**archive.files, "words.pt": saved(b"]")},
        model={**archive.model, "sourceVocab": "words.pt"},
    )
    assert said(named) == ["vocabulary-unreadable error"]
    assert said(dataclasses.replace(named, files=archive.files)) == []
