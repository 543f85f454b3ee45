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
    "marpack.secrets": set[str](),
    "marpack.errors": {"marpack.secrets"},
    "marpack.disk": set[str](),
    "marpack.archive": {"marpack.disk"},
    "marpack.config": {"marpack.archive", "marpack.disk", "marpack.secrets"},
    "marpack.properties": {"marpack.config"},
    "marpack.checks": {"marpack.archive", "marpack.config"},
    "marpack.packing": {"marpack.archive", "marpack.checks", "marpack.disk"},
    "marpack.compat": {"marpack.archive"},
    "marpack.serving": {"marpack.archive", "marpack.config", "marpack.disk", "marpack.secrets"},
    "marpack.cli": {
        "marpack",
        "marpack.archive",
        "marpack.checks",
        "marpack.config",
        "marpack.disk",
        "marpack.packing",
        "marpack.secrets",
        "marpack.serving",
    },
    "marpack": {
        "marpack.archive",
        "marpack.checks",
        "marpack.config",
        "marpack.packing",
        "marpack.properties",
        "marpack.serving",
    },
    "marpack.__main__": {"marpack.cli"},
}

# Inside these rooms a module may import those before it.
ARCHIVE = [
    "manifest",
    "entry",
    "layout",
    "result",
    "checksum",
    "digest",
    "content",
    "deflate",
    "torch_models",
    "pickles",
    "weights",
    "inputs",
    "arguments",
    "extra_files",
    "plan",
    "planning",
    "workflow_planning",
    "zip_records",
    "copying",
    "sinks",
    "ahead",
    "zip_writer",
    "tar_writer",
    "directory_writer",
    "write",
    "limits",
    "member_names",
    "random_access",
    "inflate",
    "container",
    "block_reader",
    "zip_directory",
    "zip_archive",
    "tar_headers",
    "tar_archive",
    "folder_archive",
    "extract",
    "verify",
    "opened",
    "reader",
    "inspection",
    "difference",
    "repack",
]

CONFIG = [
    "keys",
    "redaction",
    "strict_json",
    "java_hash",
    "properties",
    "archives",
    "environment",
    "snapshot_rules",
    "snapshot",
    "model_config_rules",
    "yaml_text",
    "model_config",
    "readers",
    "releases",
    "server_rules",
    "lint",
    "server_config",
]

SERVING = [
    "names",
    "stores",
    "remote",
    "upload",
    "base_dir",
    "tables",
    "model",
    "serving_config",
    "model_build",
    "deployment",
    "artifact_builder",
    "declaration",
    "model_store",
]
INSIDE = {"marpack.archive": ARCHIVE, "marpack.config": CONFIG, "marpack.serving": SERVING}

PURE = {
    *(
        f"marpack.archive.{name}"
        for name in ("manifest", "layout", "zip_records", "result", "checksum", "deflate")
    ),
    *(
        f"marpack.config.{name}"
        for name in ("redaction", "strict_json", "java_hash", "properties", "environment", "readers")
    ),
}

# Where the manifest, which both rooms know, comes from: config has no other word of archives.
MANIFESTS = {"marpack.archive.manifest", "marpack.archive.reader"}

# Optional packages, and the only modules that ask for them.
EXTRAS = {
    "marpack.archive.checksum": {"isal"},
    "marpack.archive.deflate": {"isal"},
    "marpack.archive.torch_models": {"torch"},
    "marpack.checks.loading": {"torch"},
    "marpack.cli.progress": {"rich"},
    "marpack.config.yaml_text": {"yaml"},
    "marpack.serving.stores": {"aiohttp", "fsspec"},
}
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


@pytest.mark.parametrize(
    ("room", "number"),
    [(room, number) for room, order in INSIDE.items() for number in range(len(order))],
    ids=lambda value: value if isinstance(value, str) else str(value),
)
def test_inside_a_room(room: str, number: int) -> None:
    modules = [f"{room}.{name}" for name in INSIDE[room]]
    ours = {other for other in imports(modules[number]) if other.startswith(f"{room}.")}
    assert ours <= set(modules[:number])


@pytest.mark.parametrize("room", INSIDE)
def test_every_module_of_a_room_has_its_place(room: str) -> None:
    assert {f"{room}.{name}" for name in INSIDE[room]} | {room} == {
        module for module in MODULES if room_of(module) == room
    }


@pytest.mark.parametrize("name", INSIDE["marpack.config"])
def test_config_and_archive_meet_in_the_manifest(name: str) -> None:
    assert {
        other for other in imports(f"marpack.config.{name}") if other.startswith("marpack.archive")
    } <= MANIFESTS


@pytest.mark.parametrize("name", sorted(PURE))
def test_pure_modules_touch_nothing(name: str) -> None:
    assert not {other.partition(".")[0] for other in imports(name) - {"os.path"}} & DOING_IO


@pytest.mark.parametrize("module", MODULES)
def test_only_the_standard_library_is_needed(module: str) -> None:
    others = {name.partition(".")[0] for name in imports(module)} - {"marpack", *sys.stdlib_module_names}
    # typing_extensions is for type checkers alone, which bring it; see the test below.
    assert others <= EXTRAS.get(module, set()) | {"typing_extensions"}


@pytest.mark.parametrize("module", [name for name in MODULES if not name.endswith("__main__")])
def test_public_names_are_listed_and_sorted(module: str) -> None:
    loaded = importlib.import_module(module)
    if module in ("marpack.archive", "marpack.config", "marpack.disk"):
        return
    listed = list(loaded.__all__)
    assert listed
    assert listed == sorted(listed, key=lambda name: (not name.isupper(), name)) or listed == sorted(listed)
    assert all(hasattr(loaded, name) for name in listed)


def loaded_by(code: str) -> set[str]:
    code = f"import sys; before = set(sys.modules); {code}; print(*set(sys.modules) - before)"
    return set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )


def test_importing_marpack_imports_nothing_of_it_yet() -> None:
    """A tool that embeds marpack waits for what it uses, when it uses it."""
    assert {name for name in loaded_by("import marpack") if name.startswith("marpack")} == {"marpack"}


def test_every_public_name_is_there_when_asked_for() -> None:
    assert {name.partition(".")[0] for name in loaded_by("from marpack import *")} - sys.stdlib_module_names == {
        "isal",  # where it is installed
        "marpack",
    }
    assert set(marpack.__all__) <= set(dir(marpack))
    for name in marpack.__all__:
        assert getattr(marpack, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'plan'"):
        marpack.plan  # type: ignore[attr-defined]  # noqa: B018


def test_the_names_for_type_checkers_are_those_that_are_loaded() -> None:
    declared = {
        alias.name: node.module
        for node in ast.walk(ast.parse(source("marpack")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("marpack")
        for alias in node.names
    }
    assert declared.pop("properties") == "marpack"
    assert declared == marpack._HOME_OF
    assert {*declared, "properties"} == set(marpack.__all__)


def test_packing_loads_no_other_command() -> None:
    loaded = loaded_by("from marpack.cli import main; main(['pack', '--help'])")
    assert not {name for name in loaded if name.startswith(("marpack.config", "marpack.serving"))}


AMBIENT = {
    "time.time(": {"marpack.archive.arguments", "marpack.compat"},
    "os.environ": {"marpack.cli.archiving", "marpack.cli.config"},
    "sys.argv": {"marpack.checks.loading", "marpack.cli"},
    "print(": {"marpack.cli.progress", "marpack.cli.terminal"},
    "isatty": {"marpack.cli.progress", "marpack.cli.terminal"},
    "import logging": {"marpack.cli.output"},
    **{word: set[str]() for word in ("getcwd", "umask", "datetime.now", "import locale")},
}


@pytest.mark.parametrize("word", AMBIENT)
def test_no_ambience(word: str) -> None:
    """The clock is read where a default needs it; environment, terminal and arguments by the command line."""
    assert {module for module in MODULES if re.search(rf"\b{re.escape(word)}", source(module))} == AMBIENT[word]
