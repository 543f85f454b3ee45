"""Classes that a worker cannot make an object of, or whose objects lack a method."""

from __future__ import annotations

from tests.checks.cases.case import Case
from tests.checks.cases.handlers import CLASS, named, of_source

CASES: list[Case] = [
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
