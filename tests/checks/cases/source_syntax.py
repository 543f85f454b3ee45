"""Python files that end the worker since no Python reads them."""

from __future__ import annotations

from tests.checks.cases.case import HANDLER, Archive, Case
from tests.checks.cases.imports import beside, case
from tests.checks.cases.model import MODEL

CASES: list[Case] = [
    case(
        "source-syntax",
        "a handler that is no Python",
        Archive(files={"handler.py": "def handle(data, context)\n    return data\n"}),
        "SyntaxError: expected ':'",
    ),
    case(
        "source-syntax",
        "a handler that does not compile",
        Archive(files={"handler.py": f"return 1\n{HANDLER}"}),
        "SyntaxError: 'return' outside function",
    ),
    case(
        "source-syntax",
        "a NUL byte",
        Archive(files={"handler.py": b"x = 1\x00\n" + HANDLER.encode()}),
        "source code (string )?cannot contain null bytes",
    ),
    case(
        "source-syntax",
        "an encoding that is not declared",
        Archive(files={"handler.py": b"NAME = 'caf\xe9'\n" + HANDLER.encode()}),
        "SyntaxError: .*'utf-8' codec can't decode byte 0xe9",
        Archive(files={"handler.py": b"# coding: latin-1\nNAME = 'caf\xe9'\n" + HANDLER.encode()}),
    ),
    case(
        "source-syntax",
        "an encoding that nobody knows",
        Archive(files={"handler.py": f"# coding: nosuch\n{HANDLER}"}),
        "SyntaxError: (encoding problem|unknown encoding): nosuch",
    ),
    case(
        "source-syntax",
        "in a file that the handler imports, whatever it expects",
        beside("try:\n    import names\nexcept ImportError:\n    names = None", {"names.py": "def (:\n"}),
        "SyntaxError: invalid syntax",
    ),
    case(
        "source-syntax",
        "in the model file",
        Archive(
            files={"model.py": f"{MODEL}\n  x = 1\n"}, model={"handler": "base_handler", "modelFile": "model.py"}
        ),
        "IndentationError: unindent does not match|IndentationError: unexpected indent",
        Archive(files={"model.py": MODEL}, model={"handler": "base_handler", "modelFile": "model.py"}),
    ),
]
