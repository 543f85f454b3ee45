"""The names that others import, and what is loaded when."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys

import pytest

import marpack
from tests.support.modules import MODULES, PACKAGE, STANDARD, source

# What others import from; every other module is private, and lists nothing.
PUBLIC = {
    "marpack",
    "marpack.checks",
    "marpack.compat",
    "marpack.export",
    "marpack.images",
    "marpack.kaptain",
    "marpack.running",
    "marpack.running.kserve",
    "marpack.running.ray",  # that Ray is asked for is seen where it is imported
    "marpack.config.text.properties",  # as marpack.properties
    "marpack.serving",
    "marpack.signing",
    "marpack.typing",
}


def test_public_modules_alone_list_their_names() -> None:
    assert {module for module in MODULES if re.search(r"^__all__", source(module), re.MULTILINE)} == PUBLIC


# Ray warns of what it is going to change itself. What KServe's needs is not beside the tests: they run it in an
# environment of its own.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("module", sorted(PUBLIC - {"marpack.running.kserve"}))
def test_public_names_are_listed_and_sorted(module: str) -> None:
    if module == "marpack.running.ray":
        pytest.importorskip("ray")
    loaded = importlib.import_module(module)
    listed = list(loaded.__all__)
    assert listed
    assert listed == sorted(listed, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(loaded, name) for name in listed)


# Rooms whose names are loaded when they are asked for.
LAZY = ("export", "images", "running", "signing")


def loaded_by(code: str) -> set[str]:
    code = f"import sys; before = set(sys.modules); {code}; print(*set(sys.modules) - before)"
    return set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )


def test_importing_marpack_imports_nothing_of_it_yet() -> None:
    """A tool that embeds marpack waits for what it uses, when it uses it."""
    loaded = {name for name in loaded_by("import marpack") if name.startswith("marpack")}
    assert loaded == {"marpack", "marpack.lazy"}


@pytest.mark.parametrize("room", LAZY)
def test_a_face_loads_nothing_of_its_room_yet(room: str) -> None:
    """The command line and pytest have a look at these at every start."""
    code = f"import marpack.{room} as face; assert set(face.__all__) <= set(dir(face))"
    loaded = {name for name in loaded_by(code) if name.startswith("marpack")}
    assert loaded == {"marpack", "marpack.lazy", f"marpack.{room}"}


@pytest.mark.parametrize("room", LAZY)
def test_a_face_tells_type_checkers_what_it_loads(room: str) -> None:
    face = importlib.import_module(f"marpack.{room}")
    declared = {
        alias.name: str(node.module)
        for node in ast.walk(ast.parse(source(f"marpack.{room}")))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"marpack.{room}.")
        for alias in node.names
    }
    assert set(declared) == set(face.__all__)
    for name, home in declared.items():
        assert getattr(face, name) is getattr(sys.modules[home], name)


def test_every_public_name_is_there_when_asked_for() -> None:
    loaded = {name.partition(".")[0] for name in loaded_by("from marpack import *")} - STANDARD
    assert loaded == {"isal", "marpack"}  # isal where it is installed
    assert set(marpack.__all__) <= set(dir(marpack))
    for name in marpack.__all__:
        assert getattr(marpack, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'plan'"):
        marpack.plan  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("module", ["marpack", "marpack.typing"])
def test_the_stub_names_what_is_loaded(module: str) -> None:
    loaded = importlib.import_module(module)
    stub = PACKAGE.joinpath(*module.split(".")[1:], "__init__.pyi" if module == "marpack" else "").with_suffix(
        ".pyi"
    )
    tree = ast.parse(stub.read_text())
    declared = {
        alias.name: f"{node.module}.{alias.name}" if alias.name == "properties" else str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("marpack.")
        for alias in node.names
    }
    assert set(declared) == set(loaded.__all__)
    for name, home in declared.items():
        value = getattr(loaded, name)
        assert value is (
            importlib.import_module(home) if name == "properties" else getattr(sys.modules[home], name)
        )
    [listed] = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    assert ast.literal_eval(listed) == loaded.__all__


def test_the_version_loads_no_command() -> None:
    loaded = loaded_by("from marpack.cli import main; main(['--version'])")
    assert not {name for name in loaded if name.startswith("marpack.cli.commands.")}


def test_packing_loads_no_other_command() -> None:
    loaded = loaded_by("from marpack.cli import main; main(['pack', '--help'])")
    assert not {name for name in loaded if name.startswith(("marpack.config", "marpack.serving"))}
