"""Names of handlers that no worker finds, or another one."""

from __future__ import annotations

from tests.checks.cases.case import HANDLER, Archive, Case
from tests.checks.cases.handlers import NO_HANDLER, OK, named, of_name

CASES: list[Case] = [
    of_name("handler-missing", "no handler", named(...), NO_HANDLER),
    of_name("handler-missing", "an empty handler", named(""), NO_HANDLER),
    of_name("handler-file", "not packed", named("nosuch.py"), r"No module named 'ts\.torch_handler\.nosuch'"),
    of_name("handler-file", "another case", named("Handler.py"), r"No module named 'ts\.torch_handler\.Handler'"),
    of_name(
        "handler-file", "a number", named(7), r"No module named 'ts\.torch_handler\.7'", named(7, **{"7": HANDLER})
    ),
    of_name("handler-file", "a truth value", named(True), r"No module named 'ts\.torch_handler\.true'"),
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
]
