"""Functions and classes that take other arguments than the worker gives, or do not live through its first call."""

from __future__ import annotations

from tests.checks.cases.case import HANDLER, Case
from tests.checks.cases.handlers import CLASS, of_source

CASES: list[Case] = [
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
]
