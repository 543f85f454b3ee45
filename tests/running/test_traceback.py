"""The handler's traceback, found in what a worker logged."""

from __future__ import annotations

import pytest

from marpack.running.traceback import frames_of, last_line, raised_by, traceback_of

SITE = "/usr/lib/python3.11/site-packages"
PLACES = [("/tmp/run/model", "m.mar")]
HEAD = "Traceback (most recent call last):"
SERVICE = [
    f'  File "{SITE}/ts/service.py", line 134, in predict',
    "    ret = self._entry_point(input_batch, self.context)",
]
BASE = [
    f'  File "{SITE}/ts/torch_handler/base_handler.py", line 300, in handle',
    "    data = self.preprocess(data)",
]
AROUND = [f'  File "{SITE}/ts/torch_handler/request_envelope/base.py", line 24, in handle', "    data = ..."]
ENVELOPE = [f'  File "{SITE}/ts/torch_handler/request_envelope/json.py", line 41, in _from_json', "    rows = ..."]
OWN = [
    '  File "/tmp/run/model/handler.py", line 3, in handle',
    "    return other.work(data)",
    "           ^^^^^^^^^^^^^^^^",
]
OTHER = [f'  File "{SITE}/other.py", line 9, in work', "    raise ValueError('no')"]
SHOWN = [OWN[0].replace("/tmp/run/model", "m.mar"), *OWN[1:]]
LOADER = [
    f'  File "{SITE}/ts/model_service_worker.py", line 301, in <module>',
    "    worker.run_server()",
    f'  File "{SITE}/ts/model_loader.py", line 108, in load',
    "    module, function_name = self._load_handler_file(handler)",
    '  File "/usr/lib/python3.11/importlib/__init__.py", line 126, in import_module',
    "    return _bootstrap._gcd_import(name[level:], package, level)",
    '  File "<frozen importlib._bootstrap>", line 1204, in _gcd_import',
]
IN_VAIN = "ModuleNotFoundError: No module named 'ts.torch_handler.handler'"
DURING = ["", "During handling of the above exception, another exception occurred:", ""]
CAUSE = ["", "The above exception was the direct cause of the following exception:", ""]


@pytest.mark.parametrize(
    ("logged", "found"),
    [
        ([], []),
        (["Backend received inference at: 1"], []),
        (
            ["Invoking custom service failed.", HEAD, *SERVICE, *OWN, *OTHER, "ValueError: no", "", "more of it"],
            [HEAD, *SHOWN, *OTHER, "ValueError: no", "", "more of it"],
        ),
        # What is logged next is none of it.
        ([HEAD, *OWN, "E: x", "Backend received inference at: 1"], [HEAD, *SHOWN, "E: x"]),
        ([HEAD, *SERVICE, *BASE, *OWN, "E: x"], [HEAD, *SHOWN, "E: x"]),
        # The server's own handler, and none of the archive's files.
        ([HEAD, *SERVICE, *BASE, *OTHER, "E: x"], [HEAD, *BASE, *OTHER, "E: x"]),
        ([HEAD, *SERVICE, *AROUND, *BASE, *OTHER, "E: x"], [HEAD, *BASE, *OTHER, "E: x"]),
        # An envelope that cannot take what was sent.
        ([HEAD, *SERVICE, *AROUND, *ENVELOPE, "E: x"], [HEAD, *ENVELOPE, "E: x"]),
        # The loader looked among the server's handlers, too.
        (
            [HEAD, *LOADER, *OWN, "ImportError: y", *DURING, HEAD, *LOADER, IN_VAIN],
            [HEAD, *SHOWN, "ImportError: y"],
        ),
        (
            [HEAD, *LOADER, "ModuleNotFoundError: h", *DURING, HEAD, *LOADER, IN_VAIN],
            [HEAD, "ModuleNotFoundError: h"],
        ),
        # One that came of another, in the handler itself.
        (
            [HEAD, *OWN, "KeyError: 1", *CAUSE, HEAD, *SERVICE, *OWN, "ValueError: 2"],
            [HEAD, *SHOWN, "KeyError: 1", *CAUSE, HEAD, *SHOWN, "ValueError: 2"],
        ),
        # The last that the handler has part in: what the worker then ended of tells nothing.
        (
            [
                HEAD,
                *OWN,
                "E: old",
                "printed",
                HEAD,
                *LOADER,
                *OWN,
                "RuntimeError: no",
                "Backend worker process died.",
                HEAD,
                *LOADER,
                "RuntimeError: 500 - Unknown exception",
            ],
            [HEAD, *SHOWN, "RuntimeError: no"],
        ),
        # Where text is no Python: the place of it is the last.
        (
            [
                HEAD,
                *LOADER,
                '  File "/tmp/run/model/handler.py", line 1',
                "    def f(:",
                "          ^",
                "SyntaxError: z",
            ],
            [HEAD, '  File "m.mar/handler.py", line 1', "    def f(:", "          ^", "SyntaxError: z"],
        ),
    ],
)
def test_the_handlers_own_part(logged: list[str], found: list[str]) -> None:
    assert traceback_of(logged, places=PLACES).split("\n") == (found or [""])


def test_frames_and_what_was_raised() -> None:
    text = "\n".join(
        [HEAD, *OTHER, "ValueError: no", "", "", HEAD, '  File "b".py", line 23', "KeyError: 1", "  y"]
    )
    assert frames_of(text) == [(f"{SITE}/other.py", 9), ('b".py', 23)]
    assert raised_by(text) == "KeyError: 1\n  y"
    wrong = "\n".join([HEAD, '  File "c.py", line 4', "    def f(:", "          ^", "SyntaxError: z"])
    assert (frames_of(wrong), raised_by(wrong)) == ([("c.py", 4)], "SyntaxError: z")
    assert (frames_of(""), raised_by("")) == ([], "")


def test_the_last_line_is_one_that_says_something() -> None:
    assert last_line("Traceback\nRuntimeError: a\n\tb\n\n ") == "b"
    assert last_line("") == ""
