"""Gather the site's pages: those of docs/, what stands elsewhere in the repository, and those made of the code.

Texts of the repository are read where they stand, with links that hold there. Here a link from one to another
becomes a link between their pages; one to a file that has no page leads nowhere in a site, and its words stay.
"""

from __future__ import annotations

import importlib
import json
import re
from html import escape
from pathlib import Path
from posixpath import dirname, join, normpath, relpath
from typing import TYPE_CHECKING, Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from pymdownx.slugs import slugify  # type: ignore[import-untyped]

from marpack import KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

    from marpack.typing import Key

ROOT = Path(__file__).parents[2]

# The public modules, and what each is for; a test holds the list against that of the architecture.
MODULES = {
    "marpack": "Plan, write, open, check, configure",
    "marpack.typing": "Types for annotations",
    "marpack.checks": "Rules of your own",
    "marpack.properties": "Java properties, read and written",
    "marpack.running": "Run a model",
    "marpack.running.ray": "On Ray Serve",
    "marpack.running.kserve": "On KServe's model server",
    "marpack.export": "Export to other engines",
    "marpack.images": "OCI images",
    "marpack.signing": "Signatures, statements, bills",
    "marpack.serving": "Model stores and KServe's documents",
    "marpack.kaptain": "The Kaptain SDK's names",
    "marpack.compat": "The official packages' names",
}
# Where a module that is public under another name lies, and what cannot be imported without its engine.
HOMES = {"marpack.properties": "marpack.config.text.properties"}
ENGINES = {"marpack.running.ray": ("application",), "marpack.running.kserve": ("MarModel",)}

# The parts of the specification, by names that fit a column; checks.md is the reference's.
SPECIFICATION = {
    "archive": "Archives",
    "manifest": "Manifests",
    "properties": "config.properties",
    "snapshot": "Snapshots",
    "worker": "A server's worker",
    "image": "OCI images",
    "signature": "Signatures",
    "kserve": "KServe's documents",
    "kaptain": "The Kaptain SDK",
    "weights": "Weights",
    "torch": "Versions of torch",
    "python": "Versions of Python",
    "requirements": "Requirements",
    "yaml": "YAML",
    "divergences": "Divergences",
}
# Of the repository, what becomes which page. Of spec/, all does.
PAGES = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks.md",
    "examples/README.md": "examples/index.md",
    "spec/README.md": "spec/index.md",
    "tests/README.md": "tests.md",
}
COPIED = (
    *("LICENSE", "benchmarks/*.svg", "findings/*.sh", "spec/*.json", "spec/vectors/**/*.json"),
    "tests/models/digits/sample.json",
)
# What a text is searched for: code, in which nothing is meant, links, and a word in brackets, which says in this
# repository where something was seen; next to another it would be taken for a link.
_TOKEN = re.compile(
    r"^(?P<fence>```|~~~).*?^(?P=fence)[ \t]*$"
    r"|(?P<code>`+)(?!`).*?(?<!`)(?P=code)(?!`)"
    r"|(?<!\\)\[(?P<words>(?:`[^`\n]*`|[^\[\]`])*)\]\((?P<target>[^()\s]+)\)"
    r"|(?<!\\)\[(?P<mark>[^\[\]`\n]*)\](?!\()",
    re.MULTILINE | re.DOTALL,
)
_ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_NAMED = re.compile(r"(?<![\w/\"#.-])(?:spec|docs)/[\w.-]+\.(?:md|json)\b")
_COMMENT = re.compile(r"^<!-- .*? -->\n", re.MULTILINE)
_CLAUSE = re.compile(r"^#+ (?P<heading>(?P<clause>[A-Z]\d+)\. .+)$", re.MULTILINE)
_EXAMPLE = re.compile(r"(?P<folder>examples/[\w-]+)/(?P<file>.+\.\w+)")
# Who searches for a word wants to be told how it is done, or what a rule of that code says; not these pages.
_LOOKED_UP = ("changelog.md", "commands.md", "tests.md")
_BOOST = 4
# A folder that has a page.
_FOLDERS = {"spec/vectors": "spec/vectors.md"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the parts of the navigation that are lists of files, which are empty in mkdocs.yml."""
    parts = [{title: f"spec/{name}.md"} for name, title in SPECIFICATION.items()]
    filled: dict[str, list[Any]] = {
        "Python": [{name: _reference(name)} for name in MODULES],
        "Examples": ["examples/index.md", *sorted(_examples().values())],
        "Specification": ["spec/index.md", *parts, {"Vectors": "spec/vectors.md"}],
    }
    _fill(config["nav"], filled)
    assert not filled, "of which mkdocs.yml has no place"
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that do not stand in docs/."""
    for source, page in _gathered().items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    for source in _copied():
        files.append(File.generated(config, source, abs_src_path=str(ROOT / source)))
    for name, title in MODULES.items():
        files.append(File.generated(config, _reference(name), content=_module_page(name, title)))
    files.append(File.generated(config, "reference/index.md", content=_reference_index()))
    files.append(File.generated(config, "reference/settings.md", content=_settings_page()))
    files.append(File.generated(config, "spec/vectors.md", content=_vectors_page()))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links of the repository lead to pages, and leave out what is said to tests in comments."""
    here = page.file.src_uri
    if here.startswith("reference/") or here == "spec/vectors.md":  # made for the site alone
        return markdown
    if here == "spec/checks.md" or ("/" not in here and here not in _LOOKED_UP):
        page.meta["search"] = {"boost": _BOOST}
    sources = {page: source for source, page in _gathered().items()}
    source = sources.get(here, f"docs/{here}")
    known = {each.src_uri for each in files}
    # A bar in a table's code is escaped for other readers of Markdown.
    markdown = _ROW.sub(lambda row: _CODE.sub(_with_bars, row[0]), _COMMENT.sub("", markdown))
    return _TOKEN.sub(lambda found: _shown(found, source, here, known), markdown)


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let what the code's own texts name of spec/ and docs/ be links, in the reference."""
    if not page.file.src_uri.startswith(("reference/marpack", "commands.")):
        return html

    def linked(named: re.Match[str]) -> str:
        meant = _gathered().get(named[0]) or named[0].removeprefix("docs/")
        file = files.get_file_from_path(meant)
        return f'<a href="{file.url_relative_to(page.file)}">{named[0]}</a>' if file else named[0]

    return _NAMED.sub(linked, html)


def _with_bars(code: re.Match[str]) -> str:
    return code[0].replace("\\|", "|")


def _fill(entries: list[Any], filled: dict[str, list[Any]]) -> None:
    for entry in entries:
        if isinstance(entry, dict):
            [(title, below)] = entry.items()
            if below == []:
                entry[title] = filled.pop(title)
            elif isinstance(below, list):
                _fill(below, filled)


def _spec_pages() -> dict[str, str]:
    return {f"spec/{path.name}": f"spec/{path.name}" for path in (ROOT / "spec").glob("*.md")}


def _gathered() -> dict[str, str]:
    """Return the page of each text that stands elsewhere, by its place in the repository."""
    return _spec_pages() | PAGES | _examples()


def _examples() -> dict[str, str]:
    sources = (path.relative_to(ROOT).as_posix() for path in ROOT.glob("examples/*/README.md"))
    return {source: f"{dirname(source)}.md" for source in sources}


def _copied() -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for pattern in COPIED for path in ROOT.glob(pattern))


def _shown(found: re.Match[str], source: str, here: str, known: set[str]) -> str:
    """Return what was found in the file ``source`` as the page ``here`` has it."""
    if found["mark"] is not None:
        return f"\\[{found['mark']}\\]"
    target, mark, anchor = (found["target"] or "").partition("#")
    if not target or ":" in target:
        return found[0]
    meant = normpath(join(dirname(source), target))
    page = _gathered().get(meant) or _FOLDERS.get(meant) or meant.removeprefix("docs/")
    if (example := _EXAMPLE.match(meant)) and example["file"] != "README.md":  # which its page shows
        page, mark, anchor = f"{example['folder']}.md", "#", _anchor(example["file"])
    if page in known:
        return f"[{found['words']}]({relpath(page, dirname(here) or '.')}{mark}{anchor})"
    if (ROOT / meant).exists():
        return found["words"]
    raise PluginError(f"{source}: there is no {meant!r}, to which it links")


def _reference(name: str) -> str:
    return f"reference/{name}.md"


def public_names(name: str) -> list[str]:
    """Return what a public module lists."""
    if name in ENGINES:  # which may not be there
        return list(ENGINES[name])
    return list(importlib.import_module(HOMES.get(name, name)).__all__)


def _module_page(name: str, title: str) -> str:
    home = HOMES.get(name, name)
    parts = [f"# {name}\n\n*{title}.*\n\n::: {home}\n    options:\n      show_root_heading: false"]
    parts.append("      members: false\n")
    for public in public_names(name):
        parts.append(f'::: {home}.{public}\n    options:\n      heading: "{public}"\n      toc_label: "{public}"')
        if f"{name}.{public}" in MODULES:  # which has a page of its own
            parts.append(f"      members: false\n\n[All of it]({name}.{public}.md).")
        parts.append("")
    return "\n".join(parts)


def _reference_index() -> str:
    lines = [
        "# Reference",
        "",
        "Find every command, option, rule and public name. What is not here is private, whatever it is called.",
        "",
        "- [Commands](../commands.md), each with its options.",
        "- [Rules](../spec/checks.md) of `check`, the two `lint`s and `ModelConfig`, by their codes.",
        "- [Settings](settings.md) of a server, and [those of a model](marpack.md#marpack.ModelConfig).",
        "- [The specification](../spec/index.md): what the bytes are, and what other programs do with them.",
        "",
        "| module | what it is for |",
        "| --- | --- |",
        *(f"| [`{name}`]({name}.md) | {title} |" for name, title in MODULES.items()),
        "",
        "JSON that commands print has a schema:",
        "",
        *(f"- [{each.name}](../spec/{each.name})" for each in sorted((ROOT / "spec").glob("*.schema.json"))),
    ]
    return "\n".join(lines) + "\n"


def _settings_page() -> str:
    """Return a page that lists what a server's config.properties may say, as ``marpack.KEYS`` has it."""
    lines = [
        "# Settings of a server",
        "",
        "Find what TorchServe 0.12.0 reads of `config.properties`: the fields of",
        "[`ServerConfig`](marpack.md#marpack.ServerConfig), which `marpack.KEYS` describes to programs.",
        "[The specification](../spec/properties.md) says how their texts are read, and by whom.",
        "",
        "| key | what it is | kind, limits | default |",
        "| --- | --- | --- | --- |",
    ]
    for name, key in KEYS.items():
        # It is broken between its words, where it has no room.
        shown = _code(name).replace("&#95;", "&#95;<wbr>")
        lines.append(f"| {shown} | {_cell(key.doc)} | {_kind(key)} | {_code(key.default)} |")
    return "\n".join(lines) + "\n"


def _kind(key: Key) -> str:
    if key.choices:
        return f"one of {', '.join(map(_code, key.choices))}"
    limits = [f"from {key.minimum}"] if key.minimum is not None else []
    limits += [f"to {key.maximum:,}"] if key.maximum is not None else []
    return ", ".join([f"{key.kind} ({key.unit})" if key.unit else key.kind, *limits])


def _code(text: str | None) -> str:
    return "" if text is None else f"<code>{_cell(text)}</code>"


def _cell(text: str) -> str:
    """Return a text as a cell of a table has it, which Markdown takes for nothing else."""
    return "".join(f"&#{ord(letter)};" if letter in "|*_[]`<>&" else letter for letter in text)


def _vectors_page() -> str:
    """Return a page that lists the vectors by folder: the title of each, and the clauses that it shows."""
    lines = [
        "# Vectors",
        "",
        "Try an implementation of your own on these: inputs, and the bytes, values or errors that come of them.",
        "They are the files of `spec/vectors/` in the repository; [how to read them](index.md#the-vectors).",
    ]
    folder = ROOT / "spec" / "vectors"
    clauses = _clauses()
    by_folder: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.json")):
        by_folder.setdefault(path.parent.relative_to(folder).as_posix(), []).append(path)
    for name, paths in by_folder.items():
        rows = [_vector_row(path, clauses) for path in paths]
        lines += ["", f"## {name}", "", "| file | what it shows | clauses |", "| --- | --- | --- |", *rows]
    return "\n".join(lines) + "\n"


def _vector_row(path: Path, clauses: Mapping[str, str]) -> str:
    vector = json.loads(path.read_text(encoding="ascii"))
    title = escape(str(vector.get("title", ""))).replace("|", "&#124;")
    shown = " ".join(f"[{clause}]({clauses[clause]})" for clause in vector.get("clauses", ()))
    return f"| [`{path.name}`]({path.relative_to(ROOT / 'spec').as_posix()}) | {title} | {shown} |"


def _clauses() -> dict[str, str]:
    """Return where each clause of the specification stands, beside its pages."""
    return {
        found["clause"]: f"{path.name}#{_anchor(found['heading'].replace('`', ''))}"
        for path in (ROOT / "spec").glob("*.md")
        for found in _CLAUSE.finditer(path.read_text(encoding="utf-8"))
    }


def _anchor(heading: str) -> str:
    return str(slugify(case="lower")(heading, "-"))
