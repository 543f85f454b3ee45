"""The rule on Python files that a Python cannot read."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from marpack.checks.frame.subject import Subject
from marpack.checks.python.source import NEWEST_KNOWN
from marpack.checks.rules.handler_name import KEY, is_python
from marpack.findings import Finding, Severity
from marpack.rule import rule, rules_in


@rule("source-syntax", "error", kind="model")
def find_syntax(subject: Subject) -> Iterator[Finding]:
    """Pack Python files that the server's Python can read.

    A syntax error, a NUL byte, or text that is not in the encoding which the file declares (UTF-8 if none) ends
    the worker in the handler, in the model file, and in every packed file that they import. It is no
    ``ImportError``, so ``except ImportError`` does not catch it [server].

    ``spec/python.md`` lists what the Pythons from 3.8 to 3.15 have learned to read. A file that holds some of it,
    and that marpack's own Python does not read because it is older than the server's, is a note: nothing in it is
    looked into. What is broken without that, too, is an error.
    """
    if not is_python(subject):
        return
    modules, python = subject.modules, subject.settings.python
    servers, own = (".".join(map(str, version)) for version in (python, sys.version_info[:2]))
    for name, step in subject.worker.graph.items():
        module = modules.find(name)
        source = None if module is None else modules.source(module)
        if module is None or source is None or (source.error is None and source.unknown is None):
            continue
        severity: Severity = "error" if step.rank == 0 and python <= NEWEST_KNOWN else "warning"
        message = f"Python {servers} cannot read it"
        fix, effect = "correct it; look at it with: python -m py_compile", source.error or ""
        if source.error is None:
            severity = "note"
            message = (
                f"Python {own}, which marpack runs on, cannot parse it ({source.unknown}), and nothing in it was "
            )
            message += f"looked into: whether Python {servers} reads it is not known"
            fix = f"run marpack with Python {servers}" + (" or newer" if python >= sys.version_info[:2] else "")
        elif source.in_none:
            message += ", nor can any other"
        member, line = module.source, source.line
        yield find_syntax.finding(
            key=KEY, member=member, line=line, severity=severity, message=message, fix=fix, effect=effect
        )


RULES = rules_in(globals())
