"""How the table of distributions is made."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from marpack.checks.python.distribution_names import parse, table
from tests.support import distribution_names
from tests.support.distribution_names import Facts, read


def test_the_table_holds_what_is_written_by_hand() -> None:
    text = Path(distribution_names.__file__).with_suffix(".txt").read_text(encoding="utf-8")
    by_hand = parse(text.splitlines())
    assert len(by_hand) == sum(bool(line) and line[0] != "#" for line in text.splitlines()), "a name stands twice"
    for name, said in by_hand.items():
        known = table()[name]
        assert {*(said.modules or ())} <= {*(known.modules or ())}, name
        assert {*(said.needs or ())} <= {*(known.needs or ())}, "run tests.support.distribution_names again"


def wheel(path: Path, name: str, needs: str, files: str) -> None:
    stem = f"{name.replace('-', '_')}-1.0"
    with zipfile.ZipFile(path / f"{stem}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{stem}.dist-info/METADATA", f"Name: {name}\n{needs}\n\nRequires-Dist: no-header\n")
        for file in files.split():
            archive.writestr(file, "")


UV = """\
[[package]]
name = "kit"
dependencies = [
    { name = "Inner.Kit", marker = "python_version < '4'" },
    { name = "jsfetch", marker = "sys_platform == 'emscripten'" },
]

[package.optional-dependencies]
more = [
    { name = "extra" },
]

[[package]]
name = "inner-kit"
"""
POETRY = """\
[[package]]
name = "kit"
[package.dependencies]
"Inner.Kit" = ">=1"
extra = {version = "*", optional = true}

[package.extras]
more = ["extra"]

[[package]]
name = "inner-kit"
"""
COMPILED = """\
inner.kit==1.0 \\
    --hash=sha256:00
    # via
    #   kit
    #   other (setup.py)
kit[more]==1.0
    # via -r requirements.in
inmost==1
    # via inner-kit
"""


@pytest.mark.parametrize(
    ("name", "text", "needs"),
    [
        ("uv.lock", UV, {"kit": {"inner-kit"}, "inner-kit": set()}),
        ("poetry.lock", POETRY, {"kit": {"inner-kit"}, "inner-kit": set()}),
        ("requirements.txt", COMPILED, {"kit": {"inner-kit"}, "inner-kit": {"inmost"}, "inmost": set()}),
    ],
)
def test_lock_files_say_what_needs_what(name: str, text: str, needs: dict[str, set[str]], tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    facts = Facts()
    read(facts, tmp_path / name)
    assert (dict(facts.needs), dict(facts.modules)) == (needs, {})


def test_wheels_say_which_modules_lie_in_them(tmp_path: Path) -> None:
    files = "Kit/__init__.py one.py fast.cpython-311-x86_64-linux-gnu.so kit_1.0.data/purelib/pure/a.py tests/a.py"
    needs = "Requires-Dist: Inner.Kit[x] (>=1) ; python_version < '4'\nRequires-Dist: no ; extra == 'more'"
    wheel(tmp_path, "The.Kit", needs, f"{files} kit.libs/lib.so data/x.txt kit_1.0.data/scripts/run.py")
    facts = Facts()
    read(facts, tmp_path)
    assert dict(facts.modules) == {"the-kit": {"Kit", "one", "fast", "pure"}}
    assert dict(facts.needs) == {"the-kit": {"inner-kit"}}


def test_the_table_is_made_of_all_of_them(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "kit", "Requires-Dist: inner-kit", "kit/a.py _kit/a.py")
    wheel(wheels, "types-kit", "", "kit-stubs/a.pyi")
    wheel(wheels, "rare", "", "rare/a.py")
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "kit"\ndependencies = [\n{ name = "nowhere" },\n]\n')
    (tmp_path / "gazelle_python.yaml").write_text("manifest:\n  modules_mapping:\n    InnerKit.a: inner_kit\n")
    (tmp_path / "mapping").write_text("wrong:inner-kit\npeople:said-by\nsaid_so:said-so\n")
    facts = Facts()
    for source in (wheels, tmp_path / "uv.lock", tmp_path / "gazelle_python.yaml", tmp_path / "mapping"):
        read(facts, source)
    facts.needs["nowhere"] |= set()
    names = [
        name
        for name in distribution_names.wanted(facts, {"kit", "types-kit", "said-by", "said-so"})
        if name not in table() or name == "kit"
    ]
    assert list(distribution_names.table(facts, names)) == [
        "inner-kit = InnerKit",
        "kit: inner-kit nowhere",
        "nowhere = ?:",
        "said-by = people",
        "types-kit = -:",
    ]
