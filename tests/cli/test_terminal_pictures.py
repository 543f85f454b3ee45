"""The pictures of docs/terminal.md are of what the commands write."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.terminal_pictures import COMMANDS, FOLDER, THEMES, picture, screens, text_of

PAGE = Path(__file__).parents[2] / "docs/terminal.md"


def test_pictures_are_of_what_is_written() -> None:
    """Else ``python -m tests.support.terminal_pictures`` writes them anew."""
    for name, screen in screens().items():
        for theme in THEMES:
            kept = (FOLDER / f"{name}-{theme}.svg").read_text("utf-8")
            assert text_of(kept) == text_of(picture(COMMANDS[name], screen, theme)), name
            assert "  " not in kept, name  # of which a browser shows one, and pulls the rest apart
            assert len(kept) < 40_000


def test_the_page_shows_all_of_them() -> None:
    shown = set(re.findall(r"terminal/([a-z-]+\.svg)", PAGE.read_text("utf-8")))
    assert shown == {path.name for path in FOLDER.iterdir()}
    assert shown == {f"{name}-{theme}.svg" for name in COMMANDS for theme in THEMES}
