"""The tables that lie beside the modules that read them: in a folder, or in a zip that Python imports from."""

from __future__ import annotations


def lines_of(table: str) -> list[str]:
    """Return the lines of a table, by its path; raise ``OSError`` where it was left behind.

    By what has imported this module, which need not be a file.
    """
    give = getattr(__spec__.loader, "get_data", None)
    if give is None:
        raise FileNotFoundError(f"{table!r}: what imports marpack here gives no files")
    data: bytes = give(table)
    return data.decode("utf-8").splitlines()
