"""Imports: the standard library is that of the server's Python."""

from __future__ import annotations

import sys

import pytest

import marpack
from marpack.checks.python.standard_library import is_standard
from tests.support.checking import codes, handler


@pytest.mark.parametrize(
    ("module", "since", "until"),
    [
        ("json", 8, 99),
        ("graphlib", 9, 99),
        ("zoneinfo", 9, 99),
        ("tomllib", 11, 99),
        ("compression", 14, 99),
        ("annotationlib", 14, 99),
        ("parser", 8, 10),
        ("binhex", 8, 11),
        ("distutils", 8, 12),
        ("imp", 8, 12),
        ("asyncore", 8, 12),
        ("smtpd", 8, 12),
        ("cgi", 8, 13),
        ("telnetlib", 8, 13),
        ("lib2to3", 8, 13),
    ],
)
def test_the_standard_library_is_that_of_the_servers_python(module: str, since: int, until: int) -> None:
    plan = handler(f"import {module}\ndef handle(data, context): return data\n")
    for minor in range(8, 15):
        there = since <= minor < until
        assert is_standard(module, (3, minor)) == there
        found = codes(plan, python=f"3.{minor}").get("import-missing")
        # setuptools brings a distutils of its own.
        assert found == (None if there else "note" if module == "distutils" else "warning")


HANDLE = "def handle(data, context): return data\n"


def missing(imports: str, requirements: str | None, **files: bytes) -> dict[str, str]:
    """Return the severity with which modules are reported, by the last word of the import."""
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": f"{imports}\n{HANDLE}".encode()},
        extra_files={f"{name}.py": data for name, data in files.items()},
        requirements_file=None if requirements is None else {"requirements.txt": requirements.encode()},
    )
    found = marpack.check(plan, select=["import-missing"])
    return {finding.message.split("'")[3]: finding.severity for finding in found}


def test_what_listed_distributions_bring_is_not_missing() -> None:
    imports = (
        "import grpc, lru, pyannote.audio, whisper\nfrom langchain_core.documents import Document\nimport sklearn"
    )
    listed = "grpcio\nlru-dict\npyannote.audio\nopenai-whisper\nlangchain\nshap\n"
    assert missing(imports, listed) == {}
    assert missing(imports, None) == dict.fromkeys(
        ("grpc", "lru", "pyannote", "whisper", "langchain_core", "sklearn"), "warning"
    )


def test_a_module_that_may_come_with_what_nobody_knows_is_a_note() -> None:
    assert missing("import cv2", "numpy\npandas") == {"cv2": "warning"}
    assert missing("import cv2", "numpy\nour-kit") == {"cv2": "note"}
    assert missing("import cv2", "uvicorn[of-ours]") == {"cv2": "note"}
    assert missing("import cv2", "our-kit\nopencv-python") == {}
    assert missing("import our_kit", "our-kit") == {}
    # A note stays one where the import is not certain.
    assert missing("if __name__:\n    import cv2", "our-kit") == {"cv2": "note"}
    assert missing("if __name__:\n    import cv2", "numpy") == {"cv2": "warning"}
    assert missing("if __name__:\n    import tqdm", None) == {"tqdm": "note"}
    # What is packed, or guarded, is nothing.
    assert missing("import cv2", "our-kit", cv2=b"") == {}
    assert missing("try:\n    import cv2\nexcept ImportError:\n    cv2 = None", "our-kit") == {}


def test_the_finding_says_whose_dependencies_are_not_known_and_what_to_list() -> None:
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": f"import cv2\n{HANDLE}".encode()},
        requirements_file={"requirements.txt": b"kit-d\nkit-b\nkit-a\nkit-c\n"},
    )
    [finding] = marpack.check(plan, select=["import-missing"])
    assert "finds no module 'cv2', unless it comes with kit-a, kit-b, kit-c or others" in finding.message
    assert "name its distribution (opencv-python) in the requirements file" in (finding.fix or "")


def test_a_module_that_is_gone_is_not_hidden() -> None:
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": b"def handle(data, context): return data\n"},
        extra_files={"imp.py": b""},
    )
    assert [codes(plan, python=f"3.{minor}").get("module-shadowed") for minor in (11, 12)] == ["warning", None]


def test_this_pythons_standard_library() -> None:
    assert all(is_standard(name, sys.version_info[:2]) for name in sys.stdlib_module_names)


@pytest.mark.parametrize(
    "module", ["input_reader", "my_text_utils", "utils", "models", "nets.small", "preprocessing"]
)
def test_a_file_of_the_authors_own_is_missing_whatever_a_listed_distribution_may_bring(module: str) -> None:
    top = module.partition(".")[0]
    assert missing(f"import kit_of_ours\nfrom {module} import x", "kit-of-ours\n") == {top: "warning"}
    assert missing(f"import {module}", "kit-of-ours\ngrpcio\n") == {top: "warning"}


@pytest.mark.parametrize("module", ["kit_utils", "ours_core", "tokenizers", "geventhttpclient", "nobodys"])
def test_what_a_listed_distribution_may_bring_is_a_note(module: str) -> None:
    assert missing(f"import {module}", "kit-of-ours\n") == {module: "note"}


def test_a_file_beside_others_that_are_packed_is_missing() -> None:
    imports = "from here import x\nfrom nobodys import y"
    assert missing(imports, "kit-of-ours\n", here=b"x = 1\n") == {"nobodys": "warning"}
    # What the others import is looked at too, and what is called as a distribution of the table still is a note.
    imports = "from here import x"
    assert missing(imports, "kit-of-ours\n", here=b"from constants import x\n") == {"constants": "warning"}
    assert missing(imports, "kit-of-ours\n", here=b"from tokenizers import x\n") == {"tokenizers": "note"}
