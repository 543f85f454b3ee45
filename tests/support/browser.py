"""A headless Chromium, of this machine or of Debian's packages, and what its pages say of themselves."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Any

from tests.conftest import require
from tests.support.debian import unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "google-chrome")
# And a font, where the machine has none.
PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core")
# No verdict: however slow the machine, it is there long before.
SECONDS = 120

# What a page has: the places in it, and where its links lead; whether it is wider than its window.
READ = """() => ({
  ids: [...document.querySelectorAll("[id]")].map(each => each.id),
  links: [...document.querySelectorAll("a[href]")].map(each => each.href),
})"""
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@contextlib.contextmanager
def chromium(cache: Path, home: Path) -> Iterator[Any]:
    """Run one until the block is left; it is a browser of playwright's."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        require(False, "playwright")
    program, variables = _program(cache)
    with sync_playwright() as playwright:
        # As root it has no sandbox; what it is shown is ours.
        browser = playwright.chromium.launch(
            executable_path=program,
            env={"PATH": os.defpath, "HOME": str(home), **variables},
            args=["--no-sandbox"],
            timeout=SECONDS * 1000,
        )
        try:
            yield browser
        finally:
            browser.close()


def new_page(browser: Any, **options: Any) -> Any:
    """Return a page of a browser in a window of its own; who closes it closes that."""
    page = browser.new_page(**options)
    page.set_default_timeout(SECONDS * 1000)
    return page


def _program(cache: Path) -> tuple[str, dict[str, str]]:
    """Return where it is, and the variables by which it finds its libraries and fonts."""
    for found in filter(None, map(shutil.which, NAMES)):
        return found, {}
    folder = unpacked(cache / "chromium", PACKAGES, needed=True)
    of_libraries = [*folder.glob("usr/lib/*-linux-gnu*"), *folder.glob("usr/lib/*-linux-gnu*/*/")]
    variables = {
        "LD_LIBRARY_PATH": ":".join(map(str, of_libraries)),
        "XDG_DATA_HOME": str(folder / "usr" / "share"),  # where fontconfig looks for fonts, too
    }
    fonts = folder / "etc" / "fonts" / "fonts.conf"
    if fonts.exists():
        variables["FONTCONFIG_FILE"] = str(fonts)
    return str(folder / "usr" / "lib" / "chromium" / NAMES[0]), variables
