"""The tables that lie beside the modules that read them: in a folder, or in a zip that Python imports from."""

from __future__ import annotations

import os


def lines_of(table: str) -> list[str]:
    """Return the lines of a table, by its path; raise ``FileNotFoundError`` where it was left behind."""
    get_data = getattr(getattr(__spec__, "loader", None), "get_data", None)
    if get_data is None:  # who imports it gives no files
        raise FileNotFoundError(f"{table!r}: {__package__} was packed without its *.txt")
    # With the separator that every system reads.
    data: bytes = get_data(f"{os.path.dirname(__file__)}/{os.path.basename(table)}")
    return data.decode("utf-8").splitlines()
