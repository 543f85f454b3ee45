"""Functions and classes that a worker cannot call."""

from __future__ import annotations

from tests.checks.cases.case import HANDLER, Case
from tests.checks.cases.handlers import CLASS, ONE_CLASS, SECOND_CLASS, named, of_name, of_source

CASES: list[Case] = [
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
]
