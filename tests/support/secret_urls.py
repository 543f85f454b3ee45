"""A secret, URLs that hold it, and all that a program could show of an error."""

from __future__ import annotations

import traceback

SECRET = "hunter2"
SECRET_URLS = [
    f"https://user:{SECRET}@host.invalid/m.pt",
    f"https://host.invalid/m.pt?X-Amz-Signature={SECRET}",
    f"https://host.invalid/m.pt?sv=1&sig={SECRET}",
]


def shown(error: BaseException) -> str:
    """Return everything that a program could show of an error."""
    trace = traceback.format_exception(type(error), error, error.__traceback__)
    return "\n".join([str(error), repr(error), repr(error.args), *trace])
