"""Ways of which nobody knows which is gone, decorators, defaults, and what stands in the place of something."""

from __future__ import annotations

import pytest

from tests.support.followed_handlers import BASE, answer, found, initialize

CUDA = "torch.cuda.is_available()"
KEY = 'manifest["model"]["modelFile"]'


@pytest.mark.parametrize(
    "lines",
    [
        [f"if {CUDA}:", f"    self.file = {KEY}", "else:", f"    self.name = {KEY}"],
        [f"if {CUDA}:", f"    if {CUDA}: {KEY}", f"    else: {KEY}", f"else: {KEY}"],
        [f"self.file = {KEY} if {CUDA} else {KEY} + '.py'"],
        [f"if {CUDA}:", "    self.x = 1", "else:", "    self.x = 2", KEY],
    ],
)
def test_what_happens_on_each_way_is_sure(lines: list[str]) -> None:
    assert found(initialize(*lines)) == {"handler-key": "error"}


@pytest.mark.parametrize(
    "lines",
    [
        [f"if {CUDA}:", f"    self.file = {KEY}", "else:", "    self.file = None"],
        [f"if {CUDA}: {KEY}", f"elif torch.cuda.device_count(): {KEY}"],
        [f"if {CUDA}:", f"    if {CUDA}: {KEY}", f"else: {KEY}"],
        [f"self.file = {KEY} if {CUDA} else None"],
        [f"if {CUDA}:", f"    {KEY}", "else:", f"    if {CUDA}: return", f"    {KEY}"],
        [f"if {CUDA}:", f"    {KEY}", "else:", "    try:", f"        {KEY}", "    except KeyError: pass"],
        [f"if {CUDA}: {KEY}", 'else: manifest["model"]["extensions"]'],
    ],
)
def test_what_happens_on_some_ways_is_not(lines: list[str]) -> None:
    assert found(initialize(*lines)) == {}


WRAPPING = """
import functools
def logged(function):
    @functools.wraps(function)
    def inner(*args, **words):
        return function(*args, **words)
    return inner
def named(text):
    def make(function):
        def inner(self, *args):
            print(text)
            return function(self, *args)
        return inner
    return make
def listed(function):
    def inner(*args):
        return [function(*args)]
    return inner
def safe(function):
    def inner(*args):
        try:
            return function(*args)
        except Exception:
            return None
    return inner
"""


@pytest.mark.parametrize(
    ("decorator", "expected"),
    [("logged", True), ("named('x')", True), ("safe", False), ("json.nothing", False), ("listed", True)],
)
def test_a_decorated_initialize_is_followed(decorator: str, expected: bool) -> None:
    source = initialize(KEY, top=WRAPPING).replace("    def initialize", f"    @{decorator}\n    def initialize")
    assert found(source) == ({"handler-key": "error"} if expected else {})


@pytest.mark.parametrize(
    ("decorator", "expected"), [("logged", True), ("named('x')", True), ("listed", False), ("json.nothing", False)]
)
def test_a_decorated_answer_is_what_the_decorator_returns(decorator: str, expected: bool) -> None:
    source = answer("return {'a': 1}", top=WRAPPING).replace("    def handle", f"    @{decorator}\n    def handle")
    assert found(source) == ({"handler-result": "warning"} if expected else {})


def test_a_decorated_method_reaches_what_base_handler_does() -> None:
    source = f"""{BASE}{WRAPPING}
class Handler(BaseHandler):
    @logged
    def __init__(self):
        super().__init__()
    @logged
    def initialize(self, context):
        self.known = self.mapping
    def handle(self, data, context):
        return [self.known for row in data]
"""
    assert found(source) == {}


@pytest.mark.parametrize(
    ("top", "line", "expected"),
    [
        ("def read(name, folder='data'): return open(os.path.join(folder, name))", "read('a.txt')", True),
        (
            "ROOT = os.path.dirname(__file__)\ndef read(name, root=ROOT): return open(root + '/' + name)",
            "read('a.txt')",
            True,
        ),
        ("def read(name, root=None): return open(name) if root else None", "read('a.txt')", False),
        ("def read(*names): return [open(name) for name in names]", "read('handler.py', 'a.txt')", True),
        ("def read(*names): return [open(name) for name in names]", "read(*os.sys.argv)", False),
        ("def read(**names): return open(names['words'])", "read(words='a.txt')", True),
        ("def read(seen=[]):\n    for each in seen: open('a.txt')", "read()", False),
        ("from functools import partial", "partial(open, 'a.txt')()", True),
        ("from functools import partial", "partial(open, mode='w')('a.txt')", False),
        ("from functools import partial", "open(**{'file': 'a.txt', 'mode': 'w'})", False),
        ("import builtins\nopen = print", "open('a.txt')", False),
    ],
)
def test_parameters_and_what_is_called_in_part(top: str, line: str, expected: bool) -> None:
    assert found(initialize(line, top=top)) == ({"handler-file-missing": "warning"} if expected else {})


SERVICE = b"""
from dataclasses import dataclass, field
class Service:
    made = None
    @classmethod
    def get(cls, root):
        if cls.made is None:
            cls.made = cls(root)
        return cls.made
    def __init__(self, root):
        self.root = root
    def run(self):
        return self.labels
    def words(self):
        return open(self.root + "/a.txt")
@dataclass
class Files:
    root: str
    words: str = "a.txt"
    names: list = field(default_factory=list)
    def load(self):
        return open(self.root + "/" + self.words)
@dataclass
class More(Files):
    size: int = 3
    def __post_init__(self):
        self.twice = 2 * self.size
"""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Service(folder).run()"], {"handler-attribute": "error"}),
        (["Service.get(folder).words()"], {"handler-file-missing": "warning"}),
        (["Service.get(folder).root.upper(); Service.get(folder).root.lower()"], {}),
        (["service = Service(folder); service.labels = 3; service.run()"], {}),
        (["Files(folder).load()"], {"handler-file-missing": "warning"}),
        (["Files(folder, words='handler.py').load()"], {}),
        (["Files(folder).names.append(1)"], {}),
        (["Files(folder).label"], {"handler-attribute": "error"}),
        (["more = More(folder); (more.twice, more.words, more.size, more.anything)"], {}),
    ],
)
def test_services_and_dataclasses_of_other_files(lines: list[str], expected: dict[str, str]) -> None:
    assert found(initialize(*lines, top="from service import *"), service__py=SERVICE) == expected


@pytest.mark.parametrize(
    "source",
    [
        initialize("x = name", "name = 3"),
        initialize("if True: x = name", "name = 3"),
        initialize("x = 1", top="value = make()\ndef make(): return 1"),
        initialize("x = 1", top="class Of(Base): pass\nclass Base: pass\ndel Of, Base"),
    ],
)
def test_a_name_that_is_bound_later(source: str) -> None:
    assert found(source) == {"handler-undefined": "error"}


@pytest.mark.parametrize(
    "source",
    [
        initialize("for number in range(3):", "    if number: print(name)", "    name = 3"),
        initialize("if torch.cuda.is_available(): print(name)", "name = 3"),
        initialize("try: print(name)", "except NameError: pass", "name = 3"),
        initialize("def later(): return name", "name = 3", "later()"),
        initialize("[name := each for each in (1, 2)]; print(name)"),
        initialize("def inner():", "    name = 2", "    return name", "print(name)", top="name = 3"),
        initialize("def inner():", "    nonlocal name", "    name = 2", "name = 1", "inner()", "print(name)"),
        initialize("import os.path", "print(os.path)"),
        initialize("x = 1", top="def make(): return VALUE\nVALUE = 3\nx = make()"),
        initialize("x = 1", top="for x in (1, 2):\n    if x > 1: print(y)\n    y = x"),
        initialize("x = 1", top="def fill():\n    global VALUE\n    VALUE = 3\nfill()\nprint(VALUE)\nVALUE = 4"),
    ],
)
def test_a_name_that_may_be_bound_by_then(source: str) -> None:
    assert found(source) == {}


@pytest.mark.parametrize(
    "lines",
    [
        ["text = ''", "for row in data: text += 'a'", "return text"],
        ["text = ''", "for row in data:", "    text += f'{row}'", "return text + 'x'"],
        ["import io; held = io.BytesIO(); held.write(b'x'); return held.getvalue()"],
        ["import torch; return torch.softmax(data, dim=1)"],
        ["return Result(1)"],
    ],
)
def test_an_answer_that_is_made_step_by_step(lines: list[str]) -> None:
    result = b"class Result:\n    def __init__(self, value): self.value = value\n"
    assert found(answer(*lines, top="from made import Result"), made__py=result) == {"handler-result": "warning"}


@pytest.mark.parametrize(
    "lines",
    [
        ["out = ''", "for row in data: out += self.one(row)", "return out"],
        ["out = ''", "for row in data:", "    out += 'a'", "    out = [out]", "return out"],
        ["import torch; return torch.softmax(data, dim=1).tolist()"],
        ["return Result()"],
        ["rows = {1: 'a'}; return list(rows.values())"],
        ["return list(zip('ab', 'cd'))"],
    ],
)
def test_an_answer_that_may_be_a_list_in_the_end(lines: list[str]) -> None:
    result = b"class Result(list):\n    pass\n"
    source = answer(*lines, top="from made import Result").replace(
        "    def handle", "    def one(self, row): return row\n    def handle"
    )
    assert found(source, made__py=result) == {}


STATEFUL = b"""
class Service:
    def load(self, name="x"):
        self.last = name
        return name
    def steps(self):
        self.step = 1
        yield 1
    async def wait(self):
        self.waited = True
    def __enter__(self):
        self.entered = True
        return self
    def __exit__(self, *error):
        return False
    def __iter__(self):
        self.iterated = True
        return iter([1])
    def __getitem__(self, key):
        self.asked = key
class Made:
    def __new__(cls):
        made = super().__new__(cls)
        made.by_new = True
        return made
class Registered:
    def __init_subclass__(cls, **words):
        cls.registered = True
class Child(Registered):
    pass
class Named:
    def __set_name__(self, owner, name):
        owner.named = name
class Holder:
    part = Named()
"""


@pytest.mark.parametrize(
    "line",
    [
        "list(map(one.load, ['a'])); one.last",
        "sorted([2, 1], key=one.load); one.last",
        "list(map(lambda name: one.load(name), ['a'])); one.last",
        "any(one.load(name) for name in ['a']); one.last",
        "box = {}; box['one'] = one; box['one'].load(); one.last",
        "box = []; box.append(one); [each.load() for each in box]; one.last",
        "box = [one, two]; box[len(manifest)].load(); one.last",
        "box = {'a': one.load}; box['a'](); one.last",
        "third = one if torch.cuda.is_available() else two; third.load(); two.last",
        "import threading; threading.Thread(target=one.load).start(); one.last",
        "import asyncio; asyncio.run(one.wait()); one.waited",
        "[step for step in one.steps()]; one.step",
        "next(one.steps()); one.step",
        "[each for each in one]; one.iterated",
        "one['a']; one.asked",
        "exec('one.load()'); context.keep(one); one.last",
        "Made().by_new",
        "Child().registered",
        "Holder().named",
    ],
)
def test_an_object_that_something_else_may_have_changed(line: str) -> None:
    lines = ["one, two = Service(), Service()", *line.split("; ")]
    assert found(initialize(*lines, top="from service import *"), service__py=STATEFUL) == {}
    lines = ["with Service() as one: print(one.entered)", "two = Service()", "with two: pass", "two.entered"]
    assert found(initialize(*lines, top="from service import *"), service__py=STATEFUL) == {}


@pytest.mark.parametrize(
    "line", ["one.last", "print(one); one.last", "box = [one]; one.last", "isinstance(one, str); one.last"]
)
def test_an_object_that_nothing_else_has_changed(line: str) -> None:
    lines = ["one, two = Service(), Service()", *line.split("; ")]
    told = found(initialize(*lines, top="from service import *"), service__py=STATEFUL)
    assert told == {"handler-attribute": "error"}
