"""What a worker's process begins with: a script for the server's Python, which knows nothing of marpack.

It runs the script that its arguments name, as that Python would. To import torch is most of what a worker does
until it listens, and a fifth of that is looking for circles among what is imported. Where a first argument names
two descriptors, a debugger that reads the one and writes the other stops in the handler.
"""

import gc
import os
import sys

DEBUGGER = "--debugger="


def main():  # type: ignore[no-untyped-def]  # any Python that TorchServe runs on may read this
    """Run ``model_service_worker.py``."""
    del sys.argv[0]
    debugged = sys.argv[0].startswith(DEBUGGER) and sys.argv.pop(0)
    script = sys.argv[0]
    # Before anything else is imported: beside this file lie modules that are called like others.
    sys.path[0] = os.path.dirname(script)
    import runpy

    gc.disable()
    import torch  # noqa: F401

    gc.freeze()
    gc.enable()
    if debugged:
        debug(*map(int, debugged[len(DEBUGGER) :].split(",")))  # type: ignore[no-untyped-call]
    runpy.run_path(script, run_name="__main__")


def debug(reader, writer):  # type: ignore[no-untyped-def]
    """Have handlers stop at the first line of what answers, and where they raise."""
    import functools
    import pdb

    from ts.model_loader import TsModelLoader  # type: ignore[import-not-found]

    told, telling = os.fdopen(reader, "r"), os.fdopen(writer, "w")

    class Debugger(pdb.Pdb):
        """One on these streams."""

        def __init__(self):  # type: ignore[no-untyped-def]
            super().__init__(stdin=told, stdout=telling)
            self.prompt = "(Pdb) "

        def after(self, error):  # type: ignore[no-untyped-def]
            """Look at what was raised, where it was raised."""
            self.message(f"{type(error).__name__}: {error}")
            self.reset()
            self.interaction(None, error.__traceback__)

    def stopping(function):  # type: ignore[no-untyped-def]
        @functools.wraps(function)
        def stopped(*arguments):  # type: ignore[no-untyped-def]
            try:
                return Debugger().runcall(function, *arguments)  # type: ignore[no-untyped-call]
            except Exception as error:
                Debugger().after(error)  # type: ignore[no-untyped-call]
                raise

        return stopped

    def of_entry_point(found):  # type: ignore[no-untyped-def]
        def finding(*arguments):  # type: ignore[no-untyped-def]
            answers, initializes = found(*arguments)
            return stopping(answers), initializes  # type: ignore[no-untyped-call]

        return finding

    def of_load(load):  # type: ignore[no-untyped-def]
        def loading(*arguments):  # type: ignore[no-untyped-def]
            try:
                return load(*arguments)
            except Exception as error:
                Debugger().after(error)  # type: ignore[no-untyped-call]
                raise

        return loading

    for name in ("_get_function_entry_point", "_get_class_entry_point"):
        setattr(TsModelLoader, name, of_entry_point(getattr(TsModelLoader, name)))  # type: ignore[no-untyped-call]
    TsModelLoader.load = of_load(TsModelLoader.load)  # type: ignore[no-untyped-call]
    sys.breakpointhook = lambda *_, **__: Debugger().set_trace(sys._getframe(1))  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()  # type: ignore[no-untyped-call]
