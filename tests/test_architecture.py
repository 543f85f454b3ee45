"""The rooms of the library and which may import which."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import marpack

PACKAGE = Path(marpack.__file__).parent
MODULES = sorted(
    ".".join(["marpack", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)

# What a room may import besides itself, errors and the standard library.
ROOMS = {
    "marpack.errors": set[str](),
    "marpack.archive": set[str](),
    "marpack.packing": {"marpack.archive"},
    "marpack.compat": {"marpack.archive"},
    "marpack.cli": {"marpack", "marpack.archive", "marpack.packing"},
    "marpack": {"marpack.archive", "marpack.packing"},
    "marpack.__main__": {"marpack.cli"},
}

# Inside the archive room: each module and what it may import, lowest first.
ARCHIVE = [
    "manifest",
    "entry",
    "layout",
    "result",
    "content",
    "deflate",
    "inputs",
    "extra_files",
    "plan",
    "planning",
    "zip_records",
    "zip_writer",
    "tar_writer",
    "directory_writer",
    "folders",
    "atomic",
    "write",
]
PURE = {"manifest", "layout", "zip_records", "result"}
DOING_IO = {"os", "io", "shutil", "pathlib", "glob", "time", "tempfile", "subprocess", "socket", "logging"}


def room_of(module: str) -> str:
    return max((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), key=len)


def source(module: str) -> str:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()


def imports(module: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source(module))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            assert node.module is not None
            # "from marpack.cli import pack" imports the module marpack.cli.pack
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if name in MODULES else node.module)
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module: str) -> None:
    room = room_of(module)
    allowed = ROOMS[room] | {room, "marpack.errors"}
    ours = {name for name in imports(module) if name.split(".")[0] == "marpack"}
    assert {room_of(name) for name in ours} <= allowed


@pytest.mark.parametrize("name", ARCHIVE)
def test_inside_the_archive_room(name: str) -> None:
    below = {f"marpack.archive.{lower}" for lower in ARCHIVE[: ARCHIVE.index(name)]}
    ours = {other for other in imports(f"marpack.archive.{name}") if other.startswith("marpack.archive")}
    assert ours <= below


def test_every_module_of_the_archive_room_has_its_place() -> None:
    assert {f"marpack.archive.{name}" for name in ARCHIVE} | {"marpack.archive"} == {
        module for module in MODULES if room_of(module) == "marpack.archive"
    }


@pytest.mark.parametrize("name", sorted(PURE))
def test_pure_modules_touch_nothing(name: str) -> None:
    assert not {other.partition(".")[0] for other in imports(f"marpack.archive.{name}") - {"os.path"}} & DOING_IO


@pytest.mark.parametrize("module", MODULES)
def test_only_the_standard_library_is_needed(module: str) -> None:
    others = {name.partition(".")[0] for name in imports(module)} - {"marpack", *sys.stdlib_module_names}
    assert others <= ({"rich"} if room_of(module) == "marpack.cli" else set())


@pytest.mark.parametrize("module", [name for name in MODULES if not name.endswith("__main__")])
def test_public_names_are_listed_and_sorted(module: str) -> None:
    loaded = importlib.import_module(module)
    if module == "marpack.archive":
        return
    listed = list(loaded.__all__)
    assert listed
    assert listed == sorted(listed, key=lambda name: (not name.isupper(), name)) or listed == sorted(listed)
    assert all(hasattr(loaded, name) for name in listed)


def test_importing_marpack_imports_no_third_party() -> None:
    code = (
        "import sys; before = set(sys.modules); import marpack; "
        "print('\\n'.join({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(printed.split()) - {"marpack", *sys.stdlib_module_names} == set()


AMBIENT = {
    "time.time(": {"marpack.archive.planning", "marpack.compat"},
    "os.environ": {"marpack.cli.pack"},
    "sys.argv": {"marpack.cli"},
    "print(": {"marpack.cli.progress", "marpack.cli.terminal"},
    "isatty": {"marpack.cli.progress"},
    **{word: set[str]() for word in ("getcwd", "umask", "datetime.now", "import logging", "import locale")},
}


@pytest.mark.parametrize("word", AMBIENT)
def test_no_ambience(word: str) -> None:
    """The clock is read where a default needs it; environment, terminal and arguments by the command line."""
    assert {module for module in MODULES if re.search(rf"\b{re.escape(word)}", source(module))} == AMBIENT[word]
