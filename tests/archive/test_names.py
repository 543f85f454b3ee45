from __future__ import annotations

import pytest

from marpack.archive.names import (
    is_excluded_folder,
    is_pattern,
    member_name_problem,
    member_order,
    model_name_problem,
)


@pytest.mark.parametrize("name", ["m", "1", "a..b", "Resnet-18_v1.0", "a" * 251])
def test_model_names(name: str) -> None:
    assert model_name_problem(name, "default") is None


@pytest.mark.parametrize("name", ["", "-m", ".m", "_m", "a b", "a/b", "é", "m\n", "m!", "a\0", "a" * 252])
def test_bad_model_names(name: str) -> None:
    assert model_name_problem(name, "default")


@pytest.mark.parametrize(
    "name", ["a", "a/b", ".env", "ü/ß", "a b", "C:/x", "é" * 127, "x" * 255, "MAR", "a/MAR-INF/x"]
)
def test_member_names(name: str) -> None:
    assert member_name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"),
        ("/etc/passwd", "is absolute"),
        ("../x", "'.' or '..'"),
        ("a/../x", "'.' or '..'"),
        ("a/./x", "'.' or '..'"),
        ("a//x", "an empty"),
        ("a/", "an empty"),
        ("a\\b", "backslash"),
        ("a\0b", "NUL"),
        ("MAR-INF/MANIFEST.json", "kept for the manifest"),
        ("MAR-INF/x", "kept for the manifest"),
        ("mar-inf/x", "kept for the manifest"),
        ("MAR-INF", "kept for the manifest"),
        ("x" * 256, "too long"),
        ("é" * 128, "too long"),
        ("/".join(["x" * 200] * 21), "too long"),
        ("\udcff", "not valid Unicode"),
    ],
)
def test_bad_member_names(name: str, why: str) -> None:
    problem = member_name_problem(name)
    assert problem
    assert why in problem


def test_order_is_files_then_folders() -> None:
    names = ["b/z", "b/a/x", "b.txt", "a", "b/b", "Z", "b/B/y", "a0/x", "é"]
    assert sorted(names, key=member_order) == ["Z", "a", "b.txt", "é", "a0/x", "b/b", "b/z", "b/B/y", "b/a/x"]


def test_excluded_folders() -> None:
    excluded = [
        name for name in ("a", ".git", "__pycache__", "__MACOSX", "_x", "__pycache") if is_excluded_folder(name)
    ]
    assert excluded == [".git", "__pycache__", "__MACOSX"]


def test_patterns() -> None:
    assert [item for item in ("a", "a*", "a?", "[a", "a]", "[a]", "]a[") if is_pattern(item)] == [
        "a*",
        "a?",
        "[a]",
        "]a[",
    ]
