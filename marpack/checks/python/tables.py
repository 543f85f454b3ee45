"""The tables that lie beside the modules that read them: in a folder, or in a zip that Python imports from."""

from __future__ import annotations

import os
from pkgutil import get_data


def lines_of(table: str) -> list[str]:
    """Return the lines of a table, by its path; raise ``FileNotFoundError`` where it was left behind."""
    data = get_data(__package__, os.path.basename(table))
    if data is None:  # who imports it gives no files
        raise FileNotFoundError(f"{table!r}: {__package__} was packed without its *.txt")
    return data.decode("utf-8").splitlines()
