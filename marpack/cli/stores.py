"""What commands do with words that may be URLs: of files on the web, or in a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from marpack.display import hidden_url


def is_url(word: str) -> bool:
    """Tell a URL from a path."""
    if "://" not in word:  # or none of this need be loaded
        return False
    from marpack.remote import urls

    return urls.is_url(word)


def place(word: str) -> str:
    """Return what may be shown of a path or a URL."""
    return hidden_url(word) if is_url(word) else word


def silent_for(*words: str) -> AbstractContextManager[None]:
    """Have nothing printed by the libraries of stores, where one of the words is a URL."""
    return silent_stores() if any(map(is_url, words)) else nullcontext()


@contextmanager
def silent_stores() -> Iterator[None]:
    """Have nothing printed by the libraries of stores.

    What goes wrong is an exception. They log it as well, with whole tracebacks, and where nobody has set up
    logging, those would be printed.
    """
    import logging

    silence = logging.NullHandler()
    logging.getLogger().addHandler(silence)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(silence)
