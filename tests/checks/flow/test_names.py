"""Names that surely nothing binds, and those that something binds or that may never be read."""

from __future__ import annotations

import pytest

from tests.support.followed_handlers import answer, found, initialize


@pytest.mark.parametrize(
    ("source", "severity"),
    [
        (initialize("device"), "error"),
        (initialize("self.x = [device for name in (1, 2)]"), "error"),
        (initialize("if device: pass"), "error"),
        (initialize("self.f(device)"), "error"),
        (initialize("pass", top="log.info(1)"), "error"),
        (initialize("pass", base="(BaseHandle)"), "error"),
        (initialize("pass", top="@decorated\ndef load(): pass"), "error"),
        (initialize("pass", top="class Own(Module): pass"), "error"),
        (initialize("pass", top="def load(x=np.float32): pass"), "error"),
        (answer("return [np.array(row) for row in data]"), "warning"),
        (initialize("if torch.cuda.is_available(): device"), "note"),
        (answer("return [np.array(row) for row in data if row]"), "note"),
        (answer("for row in self.known: np.array(row)", "return [1]"), "warning"),
    ],
)
def test_a_name_that_nothing_binds(source: str, severity: str) -> None:
    assert found(source).get("handler-undefined") == severity


@pytest.mark.parametrize("top", ["def load(x: List[str]): pass", "def load() -> Optional[int]: pass"])
def test_a_name_in_an_annotation_is_looked_up_until_3_13(top: str) -> None:
    """Newer Pythons look when somebody asks for the annotations (PEP 649)."""
    source = initialize("pass", top=top)
    assert found(source, "3.13").get("handler-undefined") == "error"
    assert "handler-undefined" not in found(source, "3.14")


@pytest.mark.parametrize(
    "source",
    [
        initialize("self.x = [each for each in folder if each]; [x for x in (1, 2)]"),
        initialize("import numpy as np", "np.array(1)"),
        initialize("global device", "device = 1", "device"),
        initialize("later()", top="def later(): return VALUE\nVALUE = 1"),
        initialize("name", top="from elsewhere import *"),
        initialize("name", top="globals()['name'] = 1"),
        initialize("try:", "    device", "except NameError:", "    pass"),
        initialize("self.f = lambda x: undefined"),
        initialize("def inner():", "    return undefined"),
        initialize("pass", top="if __name__ == '__main__': undefined()"),
        initialize("pass", top="from __future__ import annotations\ndef load(x: List[str]): pass"),
        initialize("pass", top="def load(x: 'List[str]'): x: List[str] = x"),
        initialize("__file__, __name__, __doc__, __builtins__"),
        initialize("with open('net.pt') as file, open(file.name) as other: file, other"),
        initialize("match folder:", "    case {'a': a, **rest}: a, rest", "    case [b, *c] as d: b, c, d"),
        initialize("if (size := len(folder)) > 1: size"),
        initialize("for a, (b, *c) in folder: a, b, c", "else: folder"),
        initialize("try: pass", "except Exception as error: error"),
        initialize("x = 1", "def inner():", "    nonlocal x", "    x = 2", "inner()"),
        initialize("class Own:", "    size = 1", "    other = size", "Own().size"),
        initialize("pass", top="try:\n    import numpy as np\nexcept ImportError:\n    np = None\nnp.array"),
        initialize("pass", top="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy as np"),
        answer("return [str(row) for row in data if row]"),
    ],
)
def test_a_name_that_is_bound_or_not_surely_read(source: str) -> None:
    # A future import comes first.
    first, found_future, rest = source.partition("from __future__ import annotations\n")
    assert found(found_future + first + rest) == {}


def test_the_names_of_a_star_import() -> None:
    source = initialize("words, path", top="from words import *")
    assert found(source, words__py=b"__all__ = ['words']\nwords = path = 1\n") == {"handler-undefined": "error"}
    for text in (b"words = path = 1\n", b"__all__ = ['words']\n__all__ += ['path']\nwords = path = 1\n"):
        assert found(source, words__py=text) == {}
