"""Pictures of commands on a terminal of 80 columns, light and dark: ``python -m tests.support.terminal_pictures``.

What is in them was written to a terminal. docs/terminal.md shows them, and tests/cli/test_terminal_pictures.py
holds them to what the commands write now.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path

from marpack.cli import main
from tests.support.terminals import bare, on_a_terminal

FOLDER = Path(__file__).parents[2] / "docs/terminal"
DIGITS = Path(__file__).parents[1] / "models/digits"
COLUMNS = 80

COMMANDS = {
    "check": "check next.mar",
    "inspect": "inspect digits.mar",
    "diff": "diff digits.mar next.mar",
    "scan": "scan --processes 1 model-store",
}

# Those of the desktops' terminals: ground, letters, and by the numbers of SGR red, green and magenta.
THEMES = {
    "light": ("#ffffff", "#2e3436", {"31": "#cc0000", "32": "#4e9a06", "35": "#75507b"}),
    "dark": ("#1e1e1e", "#d3d7cf", {"31": "#ef2929", "32": "#8ae234", "35": "#ad7fa8"}),
}

# Of a letter, and of the ground around.
_WIDTH, _HEIGHT, _EDGE = 8.4, 18, 14
_FONT = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"


def archives(folder: Path) -> None:
    """Pack the digits, and what somebody made of them next, with faults."""
    handler = (DIGITS / "handler.py").read_text("utf-8")
    (folder / "handler.py").write_text(handler.replace("import torch\n", "import pixel_tools\nimport torch\n", 1))
    (folder / "model-config.yaml").write_text("minWorkers: two\nmaxWorkers: 4\nresponseTimeout: 60\n")
    (folder / "model-store").mkdir()
    common = ["pack", "--model-name", "digits", "--model-file", str(DIGITS / "model.py"), "--reproducible"]
    common += ["--serialized-file", str(DIGITS / "digits.pt"), "--extra-files", str(DIGITS / "index_to_name.json")]
    common += ["--quiet", "--check", "off"]
    first = ["--version", "1.0", "--handler", str(DIGITS / "handler.py"), "--output", str(folder / "digits.mar")]
    then = ["--version", "1.1", "--handler", str(folder / "handler.py"), "--output", str(folder / "next.mar")]
    then += ["--config-file", str(folder / "model-config.yaml")]
    for words in (first, then):
        if main([*common, *words]):
            raise RuntimeError("the archives of the pictures cannot be packed")
    for name in ("digits.mar", "next.mar"):
        (folder / "model-store" / name).write_bytes((folder / name).read_bytes())
    (folder / "model-store/broken.mar").write_bytes((folder / "digits.mar").read_bytes()[:9000])


def screens() -> dict[str, str]:
    """Return what a terminal is shown of each command, with its colours."""
    with tempfile.TemporaryDirectory() as folder, _inside(folder):
        archives(Path(folder))
        return {name: on_a_terminal(command.split(), COLUMNS) for name, command in COMMANDS.items()}


@contextlib.contextmanager
def _inside(folder: str) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def picture(command: str, screen: str, theme: str) -> str:
    """Return a screen as SVG, with the words that led to it above."""
    ground, letters, colours = THEMES[theme]
    shown = f"marpack {command.replace(' --processes 1', '')}"
    rows = [f"\x1b[1m$ {shown}\x1b[0m", *screen.rstrip("\n").split("\n")]
    if any(len(bare(row)) > COLUMNS for row in rows):
        raise ValueError("a row does not fit, and what a terminal makes of that is not for a picture")
    width, height = COLUMNS * _WIDTH + 2 * _EDGE, len(rows) * _HEIGHT + 2 * _EDGE
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" width="{width:g}" role="img">',
        f"<title>{escape(shown)}, on a terminal</title>",
        f'<rect width="{width:g}" height="{height}" rx="6" fill="{ground}" stroke="#808080"/>',
        f'<g font-family="{_FONT}" font-size="14" fill="{letters}">',
    ]
    for number, row in enumerate(rows):
        y = _EDGE + number * _HEIGHT + 13
        for column, text, codes in _runs(row):
            style = "".join(f' fill="{colours[code]}"' for code in codes if code in colours)
            style += ' font-weight="bold"' if "1" in codes else ""
            # Whatever the font, a letter stands in its column.
            where = f'x="{_EDGE + column * _WIDTH:.4g}" y="{y}" textLength="{len(text) * _WIDTH:.4g}"'
            lines.append(f"<text {where}{style}>{escape(text, quote=False)}</text>")
    return "\n".join([*lines, "</g>", "</svg>", ""])


def _runs(row: str) -> Iterator[tuple[int, str, list[str]]]:
    """Yield the parts of a row with one style: where it begins, what it is, and the numbers of the style.

    None has two spaces on end: SVG makes one of them, and how it is told not to is for each viewer another.
    """
    column, codes = 0, [""]
    for part in re.split(r"(\x1b\[[0-9;]*m)", row):
        if part.startswith("\x1b"):
            codes = part[2:-1].split(";")
            continue
        for words in re.finditer(r"\S+(?: \S+)*", part):
            yield column + words.start(), words[0], codes
        column += len(part)


def text_of(svg: str) -> list[str]:
    """Return the words of a picture, without the numbers in them: sizes hang on the machine's zlib."""
    words = re.findall(r"<text [^>]*>([^<]*)</text>", svg)
    return [re.sub("[0-9]+", "0", word) for word in words]


def write() -> None:
    """Write all pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    for name, screen in screens().items():
        for theme in THEMES:
            (FOLDER / f"{name}-{theme}.svg").write_text(picture(COMMANDS[name], screen, theme), "utf-8")


if __name__ == "__main__":
    write()
