"""Have KServe's model server listen on the loopback, for which it has no option: on all interfaces, as it is.

For a Python that has KServe, and need have nothing else of what the tests take.
"""

from __future__ import annotations

import functools


def listen_on_loopback() -> None:
    """Do so from now on, with whatever of this process is served by uvicorn."""
    import uvicorn

    anywhere = uvicorn.Config.__init__

    @functools.wraps(anywhere)
    def on_loopback(*arguments: object, **options: object) -> None:
        anywhere(*arguments, **{**options, "host": "127.0.0.1"})  # type: ignore[arg-type]

    uvicorn.Config.__init__ = on_loopback  # type: ignore[method-assign]
