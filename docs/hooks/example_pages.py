"""Show the sources of an example below its README, each under the heading to which a link to the file leads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]

# By what the name of a file ends with; what ends otherwise was made by whoever ran the example.
LANGUAGES = {".py": "python", ".sh": "bash", ".toml": "toml", ".ini": "ini", ".yaml": "yaml", ".yml": "yaml"}
LANGUAGES |= {".json": "json", ".txt": "text"}


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the sources after what the README says."""
    here = page.file.src_uri
    if not here.startswith("examples/") or here == "examples/index.md":
        return markdown
    folder = ROOT / here.removesuffix(".md")
    parts = [markdown.rstrip(), "", "## Its files", ""]
    for path in sorted(folder.rglob("*"), key=lambda each: (len(each.parts), each)):
        if path.suffix in LANGUAGES and "__pycache__" not in path.parts:
            name = path.relative_to(folder).as_posix()
            parts += [
                f"### `{name}`",
                "",
                f"```{LANGUAGES[path.suffix]}",
                path.read_text("utf-8").rstrip(),
                "```",
                "",
            ]
    return "\n".join(parts)
