"""Requirements files: what is said is what pip says."""

from __future__ import annotations

import pytest

import marpack
from marpack.checks.python.distributions import Distributions
from marpack.checks.python.markers import MarkerError, holds
from marpack.checks.python.requirement_lines import requirement_lines
from tests.support.pip_lines import READ

HANDLER = {"handler.py": b"def handle(data, context): return data\n"}


def said(text: str | bytes, python: str | None = None) -> dict[str, str]:
    """Return the severity of what is said of requirements, by its code."""
    data = text.encode() if isinstance(text, str) else text
    plan = marpack.plan_archive(model_name="m", handler=HANDLER, requirements_file={"r.txt": data})
    found = marpack.check(plan, select=["requirements"], ignore=["requirements-switch"], python=python)
    return {each.code: each.severity for each in found}


def test_lines_are_read_as_pip_reads_them() -> None:
    """What no pip reads is an error, what all read is none; a warning may be said of what some do not."""
    wrong = []
    for text, read in READ.items():
        severity = said(text.encode("latin-1")).get("requirements-syntax")
        expected = {"error"} if "1" not in read else {None} if "0" not in read else {"warning", None}
        # Words behind an option: pip reads the line, and ignores them.
        if severity not in expected and text not in ("--no-index six\n", "--pre six\n", "  - six\n", "- six\n"):
            wrong.append((text, read, severity))
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("-f wheels\nsix\n", {}),
        ("--no-index\n-f wheels\nsix\n", {"requirements-local": "error"}),
        ("--no-index\n-f wheels\n-f https://x/y\nsix\n", {}),
        ("--no-index\n-f /wheels\nsix\n", {}),
        ("--no-index\n-f wheels\n", {}),
        ("--no-index\n-f wheels\nsix @ https://x/six-1.0-py3-none-any.whl\n", {}),
        ("--no-index\nsix\n", {"requirements-local": "warning"}),
        ("-r more.txt\n", {"requirements-local": "error"}),
        ("./x-1.0-cp311-cp311-win_amd64.whl\n", {"requirements-local": "error"}),
        ('./x-1.0-cp311-cp311-win_amd64.whl ; sys_platform == "win32"\n', {}),
        ("--pre six\n", {"requirements-syntax": "warning"}),
        ('torch; sys_platform == "win32"\n', {}),
        ('torch; sys_platform == "linux"\n', {"requirements-torch": "warning"}),
        ("torch; python_version < '3'\n", {}),
        ("transformers[torch]\n", {"requirements-torch": "warning"}),
        ("transformers[sentencepiece]\n", {}),
        ("Transformers[Torch,sentencepiece]>=4\n", {"requirements-torch": "warning"}),
        # As old as that, they need no torch; skorch leaves it to others.
        ("bitsandbytes==0.42.0\n", {}),
        ("bitsandbytes>=0.39,<0.43\n", {}),
        ("bitsandbytes~=0.41.1\n", {}),
        ("bitsandbytes==0.41.*\n", {}),
        ("bitsandbytes<=0.42\n", {}),
        ("facenet-pytorch===2.2.9\n", {}),
        ("bitsandbytes==0.43.0\n", {"requirements-torch": "warning"}),
        ("bitsandbytes~=0.41\n", {"requirements-torch": "warning"}),
        ("bitsandbytes==0.*\n", {"requirements-torch": "warning"}),
        ("bitsandbytes<0.44\n", {"requirements-torch": "warning"}),
        ("bitsandbytes>0.41,!=0.42\n", {"requirements-torch": "warning"}),
        ("facenet-pytorch===2.5.2\n", {"requirements-torch": "warning"}),
        ("transformers[vision]==4.57.1\n", {}),
        ("transformers[vision,torch]==4.57.1\n", {"requirements-torch": "warning"}),
        ("transformers[vision]>=4\n", {"requirements-torch": "warning"}),
        ("datasets[audio]<4\n", {}),
        ("datasets[audio]==4.0.0\n", {"requirements-torch": "warning"}),
        ("skorch\n", {}),
        ("six==2004d\n", {"requirements-syntax": "warning"}),
        (b"# caf\xe9\nsix\n", {"requirements-syntax": "error"}),
        (b"# coding: latin-1\n# caf\xe9\nsix\n", {}),
        ("six --hash=sha256:0\nseven\n", {"requirements-syntax": "error"}),
        ("six==1.16.0\nseven\nSix==1.17.0\n", {"requirements-syntax": "error"}),
        # One version, or one that may be both; and what is not for Linux.
        ("six==1.17.0\nsix==1.17\nsix==1.17.*\nsix>=1\nsix\n", {}),
        ("six==1.16.0; sys_platform == 'win32'\nsix==1.17.0\n", {}),
        ("six==1.16.0; platform_machine == 'aarch64'\nsix==1.17.0\n", {}),
        ("-e .\n", {"requirements-local": "error"}),
        (".\n", {"requirements-local": "error"}),
    ],
)
def test_what_is_said_of_a_file(text: str | bytes, found: dict[str, str]) -> None:
    assert said(text) == found


def test_a_folder_that_is_packed_has_to_be_a_project() -> None:
    files = {**HANDLER, "kit/kit.py": b"", "kit/setup.py": b"", "other/other.py": b""}
    for line, expected in (
        ("./kit", []),
        ("-e kit", []),
        ("./other", ["requirements-local"]),
        ("-e .", ["requirements-local"]),
    ):
        plan = marpack.plan_archive(
            model_name="m",
            handler={"handler.py": HANDLER["handler.py"]},
            extra_files={name: data for name, data in files.items() if name != "handler.py"},
            requirements_file={"r.txt": f"{line}\n".encode()},
        )
        found = marpack.check(plan, select=["requirements"], ignore=["requirements-switch"])
        assert [each.code for each in found] == expected


def test_markers_of_versions_are_worked_out_where_the_servers_is_told() -> None:
    text = 'torch; python_version < "3.9"\n'
    assert said(text) == {}
    assert said(text, python="3.8") == {"requirements-torch": "warning"}
    assert said(text, python="3.9") == {}


@pytest.mark.parametrize(
    ("marker", "answer"),
    [
        ("sys_platform == 'linux'", True),
        ("'linux' in sys_platform", True),
        ("os_name != 'nt' and platform_system == \"Linux\"", True),
        ("sys_platform == 'win32' or python_version >= '3.8'", True),
        ("sys_platform == 'win32' and nothing == 'x'", MarkerError),
        ("python_version >= '3.10'", True),
        ("python_version < '3.9'", False),
        ("python_version == '3.*'", True),
        ("python_version ~= '3.8'", True),
        ("python_version in '3.9 3.10'", False),
        ("python_version not in '3.9, 3.11'", False),
        ("python_full_version >= '3.11.4'", None),
        ("python_full_version < '3.12'", True),
        ("platform_machine == 'x86_64'", None),
        ("platform_machine == 'x86_64' and os_name == 'nt'", False),
        ("(os_name == 'nt' or extra == 'x')", False),
        ("python_version > 3", MarkerError),
        ("(os_name == 'nt'", MarkerError),
        ("(" * 99, MarkerError),
    ],
)
def test_markers(marker: str, answer: bool | type[MarkerError] | None) -> None:
    if answer is MarkerError:
        with pytest.raises(MarkerError):
            holds(marker, (3, 11))
    else:
        assert holds(marker, (3, 11)) is answer


def test_what_is_not_for_the_server_brings_nothing() -> None:
    text = b"kit-of-ours; sys_platform == 'win32'\ngrpcio; python_version < '3.9'\n"
    assert Distributions(text).brings("kit_of_ours") is False
    assert Distributions(text).brings("grpc") is True
    assert Distributions(text, python=(3, 9)).brings("grpc") is False


@pytest.mark.parametrize(
    "line",
    [
        "six" + ">=1," * 500 + "(",
        "six (" + "===1," * 500 + "(",
        "six" + ">= , " * 500 + "(",
        "six" + "==1 , " * 500 + "]",
    ],
)
def test_what_is_wrong_at_the_end_of_a_line_is_found_at_once(line: str) -> None:
    assert said(f"{line}\n") == {"requirements-syntax": "error"}


def test_signs_are_read_whole() -> None:
    assert [each.clauses for each in requirement_lines(b"a===1\na >=1 , <= 2,!=1.*\na(==1,<2)\na~=1.0,\n")] == [
        "===1",
        ">=1 , <= 2,!=1.*",
        "==1,<2",
        "~=1.0,",
    ]


def test_a_marker_with_a_number_of_thousands_of_digits_is_not_known() -> None:
    for text in (f"python_version >= '{'1' * 5000}'", f"python_version in '3.{'9' * 5000}'"):
        assert holds(text, (3, 11)) is None
        assert said(f"six; {text}\n") == {}


def test_a_marker_that_is_nested_deeply_is_not_known() -> None:
    assert holds("(" * 25 + "os_name == 'nt'" + ")" * 25, (3, 11)) is None


@pytest.mark.parametrize("end", ["\r", "\x0b", "\u2028", "\x85"])
def test_lines_that_end_otherwise_are_counted_too(end: str) -> None:
    data = f"torch{end}".encode() * 20_000
    plan = marpack.plan_archive(model_name="m", handler=HANDLER, requirements_file={"r.txt": data})
    found = marpack.check(plan, ignore=["requirements-switch"])
    assert [(each.code, each.member) for each in found if "requirements" in each.code or each.member] == [
        ("container-unread", "r.txt")
    ]
