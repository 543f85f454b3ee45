"""What marpack makes of items of load_models and of allowed_urls is what the server's own classes make of them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marpack.config.rules.document import Document
from marpack.config.rules.references import Reference, is_allowed
from tests.support.java import Java, JavaError, server_classes, units

if TYPE_CHECKING:
    from collections.abc import Iterator

oracle = settings(derandomize=True, deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Java]:
    with server_classes(tmp_path_factory, pytestconfig) as running:
        yield running


pattern_pieces = st.sampled_from(
    [
        *[
            ".*",
            "https://",
            "http(s)?://",
            "file://",
            "s3://",
            "HTTPS://",
            "h",
            r"\.",
            ".",
            ".+",
            "[a-z]+",
            "[^/]*",
            "(a|b)",
        ],
        *[
            "a",
            "b",
            "/",
            r"\w",
            r"\d",
            r"\/",
            "$",
            "^",
            "?",
            "*",
            "+",
            "{2}",
            "(",
            ")",
            "[",
            "]",
            "|",
            " ",
            "(?i)",
            "(?=a)",
        ],
        *[
            r"\Q",
            r"\E",
            "[[a]b]",
            "[a&&b]",
            "++",
            "*+",
            r"\1",
            r"\z",
            r"\h",
            "-",
            "[a-",
            "\u00df",
            "\u0131",
            "m.mar",
        ],
    ]
)
patterns = st.lists(st.lists(pattern_pieces, min_size=1, max_size=5).map("".join), min_size=1, max_size=3).map(
    ",".join
)
url_pieces = st.sampled_from(
    [
        *[
            "https://",
            "http://",
            "file://",
            "file:///",
            "s3://",
            "HTTPS://",
            "fil://",
            "gs:",
            "ftp://",
            "jar:",
            "a",
            "b",
        ],
        *[
            "/",
            "//",
            "h.example",
            "h:80",
            "a/b",
            "m.mar",
            "m.zip",
            "?a",
            "#a",
            "?x=/y.mar",
            "#/z",
            "\\",
            " ",
            "%20",
            "\u212a",
            "\u017f",
        ],
    ]
)
urls = st.lists(url_pieces, min_size=1, max_size=5).map("".join)


def test_patterns_match_what_they_match_for_java(server: Java) -> None:
    outcomes: Counter[bool | None] = Counter()

    @oracle
    @given(allowed=patterns, url=urls)
    def check(allowed: str, url: str) -> None:
        mine = is_allowed(Document(properties={"allowed_urls": allowed}), url)
        outcomes[mine] += 1
        if mine is None:
            return
        try:
            answer = server.ask_text("allowed", units(allowed), units(url))
        except JavaError:
            answer = "no pattern"  # the server ends; there is a rule of its own for it
        assert mine == (answer == "true") or answer == "no pattern", (allowed, url, answer)

    check()
    assert min(outcomes[answer] for answer in (True, False, None)) > 16, outcomes


def test_a_file_has_the_name_that_the_server_gives_it(server: Java) -> None:
    # What stands where a port would be is none, or no URL to Java.
    @oracle
    @given(url=urls.filter(lambda url: url == url.strip() and not re.search("//[^/]*:(?!80)|:.*:", url)))
    def check(url: str) -> None:
        assert Reference(url, "", url).file == server.ask_text("file-name", units(url)), url

    check()


def test_a_download_is_what_the_server_refuses_where_no_pattern_matches(server: Java) -> None:
    @oracle
    @given(url=urls)
    def check(url: str) -> None:
        refused = server.ask_text("allowed", units("nothing"), units(url)) == "refused"
        assert Reference(url, "", url).is_download == refused, url

    check()
