"""Handlers that no worker can use: their names, and what is in their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.checks.cases.case import HANDLER, Archive, Case

if TYPE_CHECKING:
    from typing import Literal

# A class that works, to which a case adds what breaks it.
CLASS = """\
class Handler:
    def initialize(self, context):
        pass

    def handle(self, data, context):
        return [str(row) for row in data]
"""
OK = Archive(files={"handler.py": HANDLER})


def named(handler: object, /, **files: str) -> Archive:
    """Return an archive whose handler is called so; a name's ``__`` stands for ``/``, the file is Python."""
    members = {f"{name.replace('__', '/')}.py": text for name, text in files.items()}
    return Archive(files=members or {"handler.py": HANDLER}, model={"handler": handler})


def of_source(
    code: str,
    title: str,
    source: str,
    repaired: str,
    says: str,
    fails: Literal["worker", "predict", "serves"] = "worker",
    function: str = "",
) -> Case:
    """Return a case whose handler.py is at fault."""
    broken, fixed = (
        Archive(files={"handler.py": text}, model={"handler": f"handler.py{function}"})
        for text in (source, repaired)
    )
    return Case(code=code, title=title, broken=broken, repaired=fixed, fails=fails, says=says, request={})


def of_name(code: str, title: str, broken: Archive, says: str, repaired: Archive = OK) -> Case:
    return Case(code=code, title=title, broken=broken, repaired=repaired, fails="worker", says=says)


NO_HANDLER = r"No module named '.*[0-9a-f]{32}'"
ONE_CLASS = "Expected only one class in custom service code or a function entry point"
SECOND_CLASS = f"class Other:\n    pass\n\n\n{CLASS}"

CASES: list[Case] = [
    # ------------------------------------------------------------------------------------------------- the name
    of_name("handler-missing", "no handler", named(...), NO_HANDLER),
    of_name("handler-missing", "an empty handler", named(""), NO_HANDLER),
    of_name("handler-file", "not packed", named("nosuch.py"), r"No module named 'ts\.torch_handler\.nosuch'"),
    of_name(
        "handler-file",
        "another case",
        named("Handler.py"),
        r"No module named 'ts\.torch_handler\.Handler'",
    ),
    of_name(
        "handler-file",
        "not packed, and of a package",
        named("absent.handler"),
        r"No module named 'ts\.torch_handler\.absent'",
        named("absent.handler", absent__handler=HANDLER),
    ),
    of_name(
        "handler-file",
        "a module that Python has loaded",
        named("time.py", time=HANDLER),
        r"structseq\(\) missing required argument",
        named("times.py", times=HANDLER),
    ),
    of_name(
        "handler-folder",
        "a folder without a function",
        named("pkg/h.py", pkg__h=HANDLER),
        r"No module named 'ts\.torch_handler\.pkg/h'",
        named("pkg/h.py:handle", pkg__h=HANDLER),
    ),
    of_name(
        "handler-folder",
        "a folder, dotted",
        named("pkg/sub/h", pkg__sub__h=HANDLER),
        r"No module named 'ts\.torch_handler\.pkg/sub/h'",
        named("pkg.sub.h", pkg__sub__h=HANDLER),
    ),
    of_name("handler-name", "an ending in capitals", named("handler.PY"), "'handler' is not a package"),
    of_name("handler-name", "a compiled file", named("handler.pyc"), "'handler' is not a package"),
    of_name(
        "handler-name", "a blank at the end", named("handler.py "), r"No module named 'ts\.torch_handler\.handler"
    ),
    of_name(
        "handler-name",
        "a backslash",
        named("pkg\\h.py", pkg__h=HANDLER),
        r"No module named 'ts\.torch_handler\.pkg",
        named("pkg.h", pkg__h=HANDLER),
    ),
    of_name("handler-name", "nothing before the colon", named(":handle"), "Empty module name"),
    of_name("handler-name", "a relative name", named(".handler"), "required to perform a relative import"),
    of_name(
        "handler-name",
        "a built-in handler's with .py",
        named("base_handler.py"),
        r"'ts\.torch_handler\.base_handler' is not a package",
    ),
    of_name(
        "handler-name",
        "a built-in handler's with a function",
        named("base_handler:handle"),
        r"No module named 'ts\.torch_handler\.base_handler:handle'",
    ),
    Case(
        code="handler-hides-built-in",
        title="a file called as a built-in handler",
        broken=named("base_handler", base_handler=HANDLER.replace("return", "print('MINE')\n    return")),
        repaired=OK,
        fails="serves",
        says="MINE",
        request={},
    ),
    Case(
        code="handler-packages",
        title="a built-in handler without its packages",
        broken=Archive(files={"m.pt": b""}, model={"handler": "image_classifier", "serializedFile": "m.pt"}),
        repaired=OK,
        fails="worker",
        says="No module named '(torchvision|captum)'",
    ),
    # ------------------------------------------------------------------------------------------ the entry point
    of_source(
        "handler-function",
        "a function that does not exist",
        HANDLER,
        HANDLER.replace("handle", "nosuch"),
        rf"{ONE_CLASS} \[\]",
        function=":nosuch",
    ),
    of_name("handler-function", "a second colon", named("handler:handle:more"), rf"{ONE_CLASS} \[\]"),
    Case(
        code="handler-function",
        title="a function that does not exist, and a class",
        broken=named("handler:nosuch", handler=CLASS.replace("pass", "print('THE CLASS')")),
        repaired=named("handler", handler=CLASS),
        fails="serves",
        says="THE CLASS",
        request={},
    ),
    of_source("handler-classes", "no class", "x = 1\n", CLASS, rf"{ONE_CLASS} \[\]"),
    of_source(
        "handler-classes",
        "two classes",
        SECOND_CLASS,
        CLASS,
        rf"{ONE_CLASS} \[<class 'handler\.Handler'>, <class 'handler\.Other'>\]",
    ),
    of_source(
        "handler-classes",
        "two names for one class",
        f"{CLASS}\n\nService = Handler\n",
        f"{CLASS}\n\nService = Handler\ndel Service\n",
        ONE_CLASS,
    ),
    of_source(
        "handler-classes",
        "an exception and an enumeration",
        f"import enum\n\n\nclass Bad(Exception):\n    pass\n\n\nColor = enum.Enum('Color', 'RED')\n{CLASS}",
        f"import enum\n\n\n{CLASS}",
        r"handler\.Bad.*handler\.Handler",
    ),
    of_source(
        "handler-classes",
        "a named tuple",
        f"from collections import namedtuple\n\nPoint = namedtuple('Point', 'x y')\n\n\n{CLASS}",
        f"from collections import namedtuple\n\n\n{CLASS}",
        r"handler\.Handler.*handler\.Point",
    ),
    of_source(
        "handler-classes",
        "a class made by type()",
        f"Other = type('Other', (), {{}})\n\n\n{CLASS}",
        CLASS,
        r"handler\.Handler.*handler\.Other",
    ),
    of_source(
        "handler-classes",
        "a data class beside it",
        f"from dataclasses import dataclass\n\n\n@dataclass\nclass Row:\n    x: int\n\n\n{CLASS}",
        f"from dataclasses import dataclass\n\n\n{CLASS}",
        r"handler\.Handler.*handler\.Row",
    ),
    of_name(
        "handler-classes",
        "a folder without __init__.py",
        named("pkg", pkg__h=HANDLER),
        rf"{ONE_CLASS} \[\]",
        named("pkg.h", pkg__h=HANDLER),
    ),
    of_source(
        "handler-not-callable", "bound to None", "handle = None\n", HANDLER, "'NoneType' object is not callable"
    ),
    of_source(
        "handler-not-callable",
        "a class as the function",
        CLASS,
        HANDLER.replace("handle", "Handler"),
        r"Handler\(\) takes no arguments",
        function=":Handler",
    ),
    of_source(
        "handler-parameters",
        "a function with one parameter",
        "def handle(data):\n    return data\n",
        HANDLER,
        r"handle\(\) takes 1 positional argument but 2 were given",
    ),
    of_source(
        "handler-parameters",
        "a function with three parameters",
        "def handle(data, context, more):\n    return data\n",
        HANDLER,
        r"handle\(\) missing 1 required positional argument: 'more'",
    ),
    of_source(
        "handler-parameters",
        "initialize without a context",
        CLASS.replace("(self, context)", "(self)", 1),
        CLASS,
        r"initialize\(\) takes 1 positional argument but 2 were given",
    ),
    of_source(
        "handler-parameters",
        "handle without a context",
        CLASS.replace("(self, data, context)", "(self, data)"),
        CLASS,
        r"handle\(\) takes 2 positional arguments but 3 were given",
        "predict",
    ),
    of_source(
        "handler-first-call",
        "a loop over no data",
        "def handle(data, context):\n    return [str(row) for row in data]\n",
        HANDLER,
        "'NoneType' object is not iterable",
    ),
    of_source(
        "handler-first-call",
        "the first of no data",
        "def handle(data, context):\n    row = data[0].get('body')\n    return [row]\n",
        HANDLER,
        "'NoneType' object is not subscriptable",
    ),
    of_source(
        "handler-coroutine",
        "an async function",
        "async def handle(data, context):\n    return [str(row) for row in data or []]\n",
        HANDLER,
        "coroutine",
        "predict",
    ),
    of_source(
        "handler-coroutine",
        "an async handle",
        CLASS.replace("def handle", "async def handle"),
        CLASS,
        "coroutine",
        "predict",
    ),
    of_source(
        "handler-methods",
        "a class without handle",
        CLASS.replace("handle", "predict"),
        CLASS,
        r"Expect handle method in class <class 'handler\.Handler'>",
    ),
    of_source(
        "handler-methods",
        "a class without initialize",
        CLASS.replace("initialize", "setup"),
        CLASS,
        "'Handler' object has no attribute 'initialize'",
    ),
    Case(
        code="handler-methods",
        title="a base class in another file without them",
        broken=named(
            "handler", handler="from base import B\n\n\nclass H(B):\n    pass\n", base="class B:\n    x = 1\n"
        ),
        repaired=named(
            "handler", handler="from base import Handler\n\n\nclass H(Handler):\n    pass\n", base=CLASS
        ),
        fails="worker",
        says=r"Expect handle method in class <class 'handler\.H'>",
    ),
    of_source(
        "handler-constructor",
        "a constructor with an argument",
        CLASS.replace("initialize(self, context):", "__init__(self, size):"),
        CLASS,
        r"__init__\(\) missing 1 required positional argument: 'size'",
    ),
    of_source(
        "handler-constructor",
        "an abstract method",
        "from abc import abstractmethod\n\nfrom ts.torch_handler.base_handler import BaseHandler\n\n\n"
        "class Handler(BaseHandler):\n    def initialize(self, context):\n        pass\n\n"
        "    @abstractmethod\n    def preprocess(self, data):\n        pass\n",
        CLASS,
        "Can't instantiate abstract class Handler",
    ),
]
