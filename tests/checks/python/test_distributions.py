"""Lines of requirements, and the modules that they bring."""

from __future__ import annotations

from marpack.checks.python.distributions import Distributions, requirement_lines


def test_the_end_of_a_name_is_taken_off_at_once() -> None:
    assert "numpy" in Distributions(b"numpy-cpu-gpu-cu118-headless").modules
    assert Distributions(b"kit" + b"-cpu" * 1000).modules == frozenset()


def test_requirements_have_one_grammar() -> None:
    text = b"\xef\xbb\xbfNumPy==1.0 --hash=sha256:00  # why\n# c\nscikit_\\\nlearn[x]>=1 ; python_version > '3'\n"
    text += b"git+https://x/y#egg=my-kit\n--index-url https://x\n"
    lines = requirement_lines(text)
    assert [(line.number, line.name) for line in lines] == [
        (1, "numpy"),
        (3, "scikit-learn"),
        (5, None),
        (6, None),
    ]
    found = Distributions(text)
    assert (found.names, found.complete) == ({"numpy", "scikit-learn", "my-kit"}, True)
    for line in ("./kit", "kit-1.0-py3-none-any.whl", "-r more.txt", "${KIT}", "a" * 20_000, "kit = 1", "k\xff"):
        assert not Distributions(line.encode("latin-1")).complete, line
