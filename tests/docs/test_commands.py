"""docs/commands.md is made of the parsers."""

from __future__ import annotations

from tests.support.commands_page import PAGE, page


def test_the_page_is_that_of_the_parsers() -> None:
    assert PAGE.read_text("utf-8") == page(), "python -m tests.support.commands_page writes it anew"


def test_it_says_nothing_of_the_machine() -> None:
    assert "/home" not in page()
    assert "/tmp" not in page()
