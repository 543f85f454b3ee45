"""The documentation as a site: it is built without a network, has every public name, and is read in a browser."""

from __future__ import annotations

import ast
import contextlib
import html
import http.server
import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
import zlib
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest

import marpack
from tests.support import checks_page
from tests.support.browser import READ, TOO_WIDE, chromium, new_page
from tests.support.documents import ROOT
from tests.test_public_names import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

# One process builds it, for all.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("site")]

# mkdocs in a process that reaches nothing.
BUILD = """\
import socket

def refuse(*_):
    raise OSError("the documentation is built without a network")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from mkdocs.__main__ import cli
cli()
"""
CODE = "weights-state-dict"
# Of what the screenshots are taken: a guide, a table, signatures, options, a plot.
SHOWN = ("index", "checking", "commands", "reference/marpack", "spec/checks", "benchmarks")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    # Not --quiet: with it, warnings are none to --strict.
    words = ["build", "--strict", "--config-file", str(ROOT / "mkdocs.yml"), "--site-dir", str(folder)]
    done = subprocess.run(
        [sys.executable, "-c", BUILD, *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def gathered() -> ModuleType:
    """Return the hook that says which pages there are."""
    spec = importlib.util.spec_from_file_location("gathered", ROOT / "docs" / "hooks" / "gathered.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def browser(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(pytestconfig.cache.mkdir("chromium"), tmp_path_factory.mktemp("home")) as found:
        yield found


def test_every_public_name_has_its_place(site: Path, gathered: ModuleType) -> None:
    homes = {name: gathered.HOMES.get(name, name) for name in gathered.MODULES}
    assert set(homes.values()) == PUBLIC
    inventory = zlib.decompress((site / "objects.inv").read_bytes().split(b"\n", 4)[4]).decode("utf-8")
    places = {line.split()[0]: line.split()[3] for line in inventory.splitlines()}
    for module, home in homes.items():
        for name in listed(home):
            page, anchor = places[f"{home}.{name}"].split("#")
            assert page == f"reference/{module}.html", name
            assert anchor in {"$", f"{home}.{name}"}
        said = described((site / "reference" / f"{module}.html").read_text("utf-8"))
        assert {f"{home}.{name}" for name in listed(home)} <= said, "without a docstring"


def described(page: str) -> set[str]:
    """Return the names on a page of the reference below which a sentence follows."""
    _, *sections = re.split(r'<h\d id="([^"]+)" class="doc doc-heading">', page)
    return {name for name, text in zip(sections[::2], sections[1::2], strict=True) if "<p>" in text}


def test_a_class_is_shown_as_its_users_know_it(site: Path) -> None:
    """With the fields of marpack.frozen, without its private bases, and what it names of spec/ is a link."""
    page = (site / "reference" / "marpack.html").read_text("utf-8")
    text = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert re.search(r"\bFinding\(\s*\*,\s*code: str,", text)
    assert re.search(r"\bLimits\(\s*\*,\s*members: int = ", text)
    assert not re.search(r"Bases:\s*(?:\w+, )*_\w", text)
    assert re.search(r'<a href="\.\./spec/properties\.html">spec/properties\.md</a>', page)
    commands = (site / "commands.html").read_text("utf-8")
    assert re.search(r'<a href="spec/[\w.]+">spec/[\w.]+</a>', commands)


def test_every_setting_is_described(site: Path) -> None:
    """With its unit, its limits and its default, as the server has them."""
    page = (site / "reference" / "settings.html").read_text("utf-8")
    rows = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in page.split("<tr>")[2:]]
    shown = [[html.unescape(re.sub(r"</?code>|<wbr ?/?>", "", cell)) for cell in row] for row in rows]
    assert [row[0] for row in shown] == [*marpack.KEYS]
    assert [row[1] for row in shown] == [key.doc for key in marpack.KEYS.values()]
    assert [row[3] for row in shown] == [key.default or "" for key in marpack.KEYS.values()]
    by_name = {name: kind for name, _, kind, _ in shown}
    assert by_name["default_response_timeout"] == "int (seconds), from 1"
    assert by_name["metrics_mode"] == "one of log, prometheus, legacy"


def test_the_vectors_are_there(site: Path) -> None:
    """Each with the clauses that it shows, which are links; that these lead somewhere is seen below."""
    page = (site / "spec" / "vectors.html").read_text("utf-8")
    vectors = sorted((ROOT / "spec").glob("vectors/**/*.json"))
    assert len(vectors) > 200
    for path in vectors:
        place = path.relative_to(ROOT / "spec").as_posix()
        assert (site / "spec" / place).read_bytes() == path.read_bytes()
        [row] = re.findall(rf'<a href="{place}">.*?</tr>', page, re.DOTALL)
        clauses = json.loads(path.read_text("ascii"))["clauses"]
        assert re.findall(r'<a href="\w+\.html#[\w-]+">(\w+)</a>', row) == clauses


def listed(module: str) -> list[str]:
    """Return ``__all__``, also of what imports an engine."""
    if module in {"marpack.running.kserve", "marpack.running.ray"}:
        tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8"))
        assigned = (each for each in tree.body if isinstance(each, ast.Assign))
        [names] = [each.value for each in assigned if ast.unparse(each.targets[0]) == "__all__"]
        return list(ast.literal_eval(names))
    return list(importlib.import_module(module).__all__)


def test_links_of_the_repository_become_those_of_pages(gathered: ModuleType) -> None:
    """What they lead to without a page leaves its words; what is not there at all ends the build."""
    files = [SimpleNamespace(src_uri=uri) for uri in ("packing.md", "spec/archive.md", "examples/embed.md")]

    def shown(text: str) -> str:
        page = SimpleNamespace(file=files[0], meta={})
        return str(gathered.on_page_markdown(text, page=page, config=None, files=files))

    assert (
        shown("[a `b`](../spec/archive.md#a1-x), [c](../tests/conftest.py)") == "[a `b`](spec/archive.md#a1-x), c"
    )
    assert shown("[a](../examples/embed/README.md) [b](https://c.example) [c](#d)") == (
        "[a](examples/embed.md) [b](https://c.example) [c](#d)"
    )
    assert shown("it ends [server] as `[x](gone.md)` does") == "it ends \\[server\\] as `[x](gone.md)` does"
    assert shown("<!-- not run: why -->\n```sh\n[a](gone.md)\n```\n") == "```sh\n[a](gone.md)\n```\n"
    assert shown("| `a\\|b` | c \\| d |\n") == "| `a|b` | c \\| d |\n"
    with pytest.raises(gathered.PluginError, match=r"docs/packing\.md: there is no 'docs/gone\.md'"):
        shown("[a](gone.md)")


def test_the_search_knows_every_rule(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    places = {each["location"] for each in index["docs"]}
    codes = re.findall(r"^## (\S+)$", checks_page.page(), re.MULTILINE)
    assert {CODE, "handler-methods", "load-models-ignored", "model-config-worker-pair"} <= set(codes)
    assert {f"spec/checks.html#{code}" for code in codes} <= places


@pytest.mark.server
def test_every_link_leads_somewhere(site: Path, browser: Any) -> None:
    """From the disk: each page is opened, wide and as a phone, and asks for nothing that is not beside it."""
    ids: dict[Path, set[str]] = {}
    links: dict[str, Path] = {}
    said: list[str] = []
    page = new_page(browser, viewport={"width": 1280, "height": 900})
    page.on("request", lambda request: said.append(request.url) if not is_here(request.url, site) else None)
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    paths = sorted(
        path for path in site.rglob("*.html") if path.name != "404.html"
    )  # which a server shows anywhere
    assert len(paths) >= 60
    for path in paths:
        page.goto(path.as_uri())
        found = page.evaluate(READ)
        ids[path] = set(found["ids"])
        links |= dict.fromkeys(found["links"], path)
        assert not page.evaluate(TOO_WIDE), path
        page.set_viewport_size({"width": 390, "height": 844})
        assert not page.evaluate(TOO_WIDE), f"{path}, as a phone"
        page.set_viewport_size({"width": 1280, "height": 900})
    page.close()
    assert said == []
    for link, source in links.items():
        parts = urlsplit(link)
        if parts.scheme in {"http", "https"}:
            continue
        target = Path(unquote(parts.path))
        assert target.is_file(), f"{source} leads to {link}"
        if parts.fragment and target.suffix == ".html" and parts.fragment not in {"__skip", "__toc"}:
            assert unquote(parts.fragment) in ids[target], f"{source} leads to {link}"


def is_here(url: str, site: Path) -> bool:
    return url.startswith((site.as_uri(), "about:", "data:", "blob:"))


@pytest.mark.server
@pytest.mark.parametrize("served", [False, True], ids=["from the disk", "from a server"])
def test_the_search_finds_a_rule(served: bool, site: Path, browser: Any) -> None:
    with serving(site) if served else contextlib.nullcontext(site.as_uri()) as root:
        page = new_page(browser, viewport={"width": 1280, "height": 900})
        page.goto(f"{root}/index.html")
        look_for(page, CODE, "spec/checks.html")
        page.keyboard.press("Enter")
        page.wait_for_url("**/spec/checks.html**")
        heading = page.locator(f"h2#{CODE}")
        assert heading.inner_text().startswith(CODE)
        page.wait_for_function(
            "each => Math.abs(each.getBoundingClientRect().top) < innerHeight", arg=heading.element_handle()
        )
        page.close()


@pytest.mark.server
@pytest.mark.parametrize(
    ("words", "place"),
    [
        *((code, "spec/checks.html") for code in ("handler-methods", "load-models-ignored", "model-config-key")),
        ("sign", "signing.html"),
        ("pack", "packing.html"),
        ("default_response_timeout", "reference/settings.html"),
    ],
)
def test_the_search_knows_what_is_meant(words: str, place: str, site: Path, browser: Any) -> None:
    page = new_page(browser, viewport={"width": 1280, "height": 900})
    page.goto(f"{site.as_uri()}/index.html")
    look_for(page, words, place)
    page.close()


def look_for(page: Any, words: str, place: str) -> None:
    """Search for words, and wait until a page is on top of what is found."""
    page.click(".md-search__input")
    # At once, or what is found of the first letters would be waited for, and soon be replaced.
    page.fill(".md-search__input", words)
    page.keyboard.press("End")
    first = "document.querySelector('.md-search-result__link')?.pathname"
    page.wait_for_function(f"place => ({first} ?? '').endsWith(place)", arg=f"/{place}")


@contextlib.contextmanager
def serving(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.server
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_it_is_shown(
    scheme: str, width: int, height: int, site: Path, browser: Any, pytestconfig: pytest.Config
) -> None:
    """Take screenshots, for whoever changes it to look at: they lie in pytest's cache, in ``d/screenshots``."""
    folder = pytestconfig.cache.mkdir("screenshots")
    page = new_page(browser, color_scheme=scheme, viewport={"width": width, "height": height})
    for name in SHOWN:
        page.goto((site / f"{name}.html").as_uri())
        page.evaluate("document.fonts.ready")
        taken = folder / f"{name.replace('/', '-')}-{scheme}-{width}.png"
        taken.unlink(missing_ok=True)
        page.screenshot(path=taken)
        assert taken.stat().st_size > 10_000
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        lightness = sum(map(int, background.removeprefix("rgb(").rstrip(")").split(",")[:3])) / 3
        assert (lightness > 128) == (scheme == "light"), name
    page.close()
