"""The rooms of the library and which may import which."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from graphlib import TopologicalSorter

import pytest

from tests.support.modules import MODULES, PACKAGE, source

# The rooms, and what each may import besides itself, from below to above. A room is a file or a folder; what is
# said of a folder holds for the files in it that lie in no room of their own.
WORDS = {
    f"marpack.{name}" for name in ("display", "findings", "frozen", "issue_codes", "errors", "rule", "strict_json")
}
READING = {"marpack.archive", "marpack.archive.formats", "marpack.archive.read", "marpack.archive.read.open"}
ARCHIVES = {*READING, "marpack.archive.plan", "marpack.archive.inspection", "marpack.archive.write"}
REMOTE = {"marpack.remote", "marpack.remote.urls"}
CONFIG = {"marpack.config", "marpack.config.rules", "marpack.config.settings", "marpack.config.text"}
FRAME = {"marpack.checks.python", "marpack.checks.frame"}
ROOMS: dict[str, set[str]] = {
    "marpack.display": set(),
    "marpack.frozen": set(),
    "marpack.lazy": set(),
    "marpack.findings": {"marpack.display", "marpack.frozen"},
    "marpack.errors": {"marpack.display", "marpack.findings", "marpack.issue_codes"},
    "marpack.rule": {"marpack.findings", "marpack.errors", "marpack.frozen"},
    "marpack.strict_json": set(),
    "marpack.issue_codes": set(),
    "marpack.disk": {"marpack.errors"},
    "marpack.archive": WORDS,
    "marpack.archive.formats": {*WORDS, "marpack.disk", "marpack.archive"},
    "marpack.archive.read": {*WORDS, "marpack.disk", "marpack.archive", "marpack.archive.formats"},
    "marpack.remote.urls": WORDS,
    # Of archives, these know what is read here and there.
    "marpack.remote.parts": {
        *WORDS,
        "marpack.disk",
        "marpack.archive",
        "marpack.archive.read",
        "marpack.remote.urls",
    },
    # From a path, or a URL, to an open archive.
    "marpack.archive.read.open": {
        *WORDS,
        "marpack.archive",
        "marpack.archive.read",
        "marpack.remote.urls",
        "marpack.remote.parts",
    },
    "marpack.archive.plan": {*WORDS, *READING},
    "marpack.archive.inspection": {*WORDS, *READING},
    "marpack.archive.write": {*WORDS, "marpack.disk", *READING, "marpack.archive.plan"},
    "marpack.config.text": WORDS,
    "marpack.config.settings": {*WORDS, "marpack.config.text"},
    # Of archives, config knows the manifest.
    "marpack.config.rules": {*WORDS, "marpack.archive", "marpack.config.settings", "marpack.config.text"},
    "marpack.config": {
        *WORDS,
        "marpack.disk",
        "marpack.archive",
        "marpack.archive.read",
        "marpack.archive.read.open",
        *CONFIG,
    },
    "marpack.remote": {*WORDS, "marpack.disk", *ARCHIVES, "marpack.remote.urls"},
    # Layouts of images, by whichever room they are read; a blob is a source.
    "marpack.oci": {*WORDS, "marpack.archive", "marpack.archive.read"},
    # What is in an archive, and what its requirements file asks for: the room knows the words of both.
    "marpack.signing": {
        "marpack.lazy",
        *WORDS,
        "marpack",
        "marpack.disk",
        *ARCHIVES,
        "marpack.checks.python",
        "marpack.oci",
    },
    # A worker of the server's, driven: it knows archives, and what their settings mean.
    "marpack.running": {
        "marpack.lazy",
        *WORDS,
        "marpack.disk",
        *ARCHIVES,
        *CONFIG,
        "marpack.remote.urls",
        "marpack.signing",
    },
    "marpack.checks.python": {*WORDS, "marpack.archive"},
    "marpack.checks.flow": {"marpack.frozen", "marpack.checks.python"},
    "marpack.checks.frame": {*WORDS, *ARCHIVES, "marpack.checks.python"},
    "marpack.checks.rules": {*WORDS, *ARCHIVES, *CONFIG, *FRAME, "marpack.checks.flow", "marpack.running"},
    "marpack.checks": {*WORDS, *ARCHIVES, *FRAME, "marpack.checks.rules"},
    "marpack.packing": {*WORDS, "marpack.disk", *ARCHIVES, "marpack.checks", "marpack.checks.frame"},
    "marpack.scanning": {*WORDS, *ARCHIVES, *FRAME, "marpack.checks", *REMOTE},
    "marpack.serving.deploy": {
        *WORDS,
        "marpack.disk",
        *ARCHIVES,
        *CONFIG,
        *REMOTE,
        "marpack.checks",
        "marpack.checks.frame",
        "marpack.packing",
    },
    "marpack.serving.kaptain.values": {*WORDS, "marpack.config.settings", *REMOTE, "marpack.serving.deploy"},
    "marpack.serving.kaptain.exports": {
        *WORDS,
        "marpack.disk",
        "marpack.archive",
        *REMOTE,
        "marpack.serving.kaptain.values",
    },
    "marpack.serving.kaptain.artifacts": {
        *WORDS,
        "marpack.archive",
        "marpack.archive.plan",
        "marpack.config",
        "marpack.config.settings",
        "marpack.packing",
        *REMOTE,
        "marpack.serving.deploy",
        "marpack.serving.kaptain.exports",
        "marpack.serving.kaptain.values",
    },
    "marpack.serving.kaptain.deploys": {
        *WORDS,
        "marpack.disk",
        "marpack.archive",
        "marpack.archive.plan",
        "marpack.checks.frame",
        "marpack.config.settings",
        "marpack.config.text",
        "marpack.packing",
        *REMOTE,
        "marpack.serving.deploy",
        "marpack.serving.kserve",
        "marpack.serving.kserve.protocol",
        "marpack.signing",
        *(f"marpack.serving.kaptain.{name}" for name in ("artifacts", "exports", "values")),
    },
    "marpack.serving.kaptain.training_image": {
        *WORDS,
        "marpack.disk",
        "marpack.archive",
        "marpack.archive.formats",
        "marpack.images",
        "marpack.oci",
        "marpack.signing",
        "marpack.serving.kaptain.training_files",
        *(f"marpack.serving.kaptain.{name}" for name in ("deploys", "values")),
    },
    "marpack.serving.kaptain.training_files": {
        *WORDS,
        "marpack.disk",
        "marpack.archive",
        *(f"marpack.serving.kaptain.{name}" for name in ("deploys", "values")),
    },
    "marpack.serving.kaptain": {
        *WORDS,
        *REMOTE,
        "marpack.serving.kaptain.training_image",
        "marpack.serving.kserve",
        *(f"marpack.serving.kaptain.{name}" for name in ("deploys", "exports", "values")),
    },
    "marpack.serving.kserve": {*WORDS, "marpack.disk", "marpack.config.settings", "marpack.config.text"},
    # What these documents say of settings and archives; the documents themselves know neither.
    "marpack.serving.kserve.protocol": {*WORDS, *CONFIG, "marpack.serving.kserve"},
    "marpack.serving.kserve.served": {*WORDS, *READING, *CONFIG, *REMOTE, "marpack.serving.deploy"},
    "marpack.serving.kserve.described": {
        *WORDS,
        *CONFIG,
        "marpack.serving.deploy",
        "marpack.serving.kserve",
        "marpack.serving.kserve.protocol",
        "marpack.serving.kserve.served",
    },
    "marpack.serving": {
        *WORDS,
        "marpack.disk",
        *ARCHIVES,
        *CONFIG,
        *REMOTE,
        "marpack.serving.kserve",
        "marpack.serving.kserve.described",
        "marpack.serving.deploy",
        "marpack.serving.kaptain",
        "marpack.serving.kaptain.artifacts",
    },
    # Names at the paths that a script of Kaptain's has them at, and nothing of its own.
    "marpack.kaptain": {
        "marpack.serving.deploy",
        "marpack.serving.kserve",
        "marpack.serving.kaptain",
        *(f"marpack.serving.kaptain.{name}" for name in ("artifacts", "exports", "values")),
    },
    # Other engines' files, of archives and of what a server was told; KServe's documents are the serving room's.
    "marpack.export": {
        "marpack.lazy",
        *WORDS,
        "marpack",
        "marpack.disk",
        *ARCHIVES,
        *CONFIG,
        "marpack.remote.urls",
        "marpack.checks.python",
        "marpack.running",
        "marpack.serving.deploy",
        "marpack.serving.kserve",
    },
    # Archives and settings as OCI images; what is still to be packed it has planned as serve-build does.
    "marpack.images": {
        "marpack.lazy",
        *WORDS,
        "marpack.disk",
        *ARCHIVES,
        *CONFIG,
        *REMOTE,
        "marpack.oci",
        "marpack.serving.deploy",
    },
    "marpack.archiver_options": {"marpack.archive"},
    "marpack.compat": {*WORDS, *ARCHIVES, "marpack.archiver_options"},
    "marpack.typing": {"marpack.lazy"},
    "marpack": {"marpack.lazy"},
}
# The command line sees them all.
ROOMS["marpack.cli"] = ROOMS["marpack.cli.commands"] = {*ROOMS, "marpack.cli"}
ROOMS["marpack.__main__"] = {"marpack.cli"}

# What touches neither the disk nor anything else of the machine.
PURE = {
    "marpack.display",
    "marpack.findings",
    "marpack.frozen",
    "marpack.issue_codes",
    "marpack.rule",
    "marpack.strict_json",
    "marpack.archive.formats",
    "marpack.config.text",
}
PURE_WORDS = {
    f"marpack.archive.{name}"
    for name in ("git_lfs", "manifest", "names", "forms", "handler", "packed_at", "result", "web_page")
}
PURE_SIGNING = {f"marpack.signing.{name}" for name in ("bundle", "statement")}
# What is restated of the server's front end.
PURE_FRONT_END = {
    f"marpack.running.{name}"
    for name in (
        *(
            "answers",
            "charsets",
            "chosen",
            "differences",
            "form_data",
            "front_end_error",
            "handlers_log",
            "hash_map",
        ),
        *("log", "messages", "without_model"),
        *("multipart", "multipart_head", "parameters", "percent", "registered_manifest", "registration_errors"),
        *("routes", "statuses", "traceback"),
    )
}

# Of images, what is bytes and names alone.
PURE_IMAGES = {f"marpack.images.{name}" for name in ("challenge", "reference", "tar_records")}
PURE_OCI = {f"marpack.oci.{name}" for name in ("descriptor", "documents", "media_types")}

# Optional packages, and the only modules that ask for them.
EXTRAS = {
    "marpack.archive.formats.checksums": {"isal"},
    "marpack.archive.formats.deflate": {"isal"},
    "marpack.archive.formats.inflate": {"zlib_ng"},
    "marpack.archive.plan.torch_models": {"torch"},
    "marpack.checks.rules.load_script": {"torch"},
    "marpack.images.connection": {"requests", "urllib3"},
    "marpack.images.origin": {"urllib3"},
    "marpack.images.push": {"requests"},
    "marpack.running.pytest_plugin": {"pytest"},
    "marpack.running.asgi": {"starlette"},
    "marpack.running.boot": {"torch", "ts"},
    "marpack.signing.key_files": {"cryptography"},
    "marpack.signing.library": {"OpenSSL", "model_signing"},
    "marpack.running.kserve": {"kserve"},
    "marpack.running.ray": {"ray", "starlette"},
    "marpack.cli.commands.completion": {"shtab"},
    "marpack.cli.progress": {"rich"},
    "marpack.config.text.yaml_text": {"yaml"},
    "marpack.remote.urls": {"aiohttp", "fsspec"},
}
DOING_IO = {"os", "io", "shutil", "pathlib", "glob", "time", "tempfile", "subprocess", "socket", "logging"}


def room_of(module: str) -> str:
    return max((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), key=len)


@cache
def said(module: str) -> str:
    """Return a module's code without its texts, which may speak of anything."""
    tree = ast.parse(source(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.unparse(tree)


@cache
def imports(module: str) -> frozenset[str]:
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
    return frozenset(found)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module: str) -> None:
    room = room_of(module)
    ours = {name for name in imports(module) if name.split(".")[0] == "marpack"}
    assert {room_of(name) for name in ours} - {room} <= ROOMS[room]


def test_there_is_no_circle() -> None:
    """Neither of modules, in a room or across rooms, nor in the table."""
    for graph in ({module: imports(module) & set(MODULES) for module in MODULES}, ROOMS):
        TopologicalSorter({one: others - {one} for one, others in graph.items()}).prepare()


def test_every_module_is_in_a_room_and_every_room_has_a_module() -> None:
    assert {room_of(module) for module in MODULES} == set(ROOMS)


@pytest.mark.parametrize("module", MODULES)
def test_no_file_is_a_hall(module: str) -> None:
    assert source(module).count("\n") <= 400


def test_pure_rooms_touch_nothing() -> None:
    single = PURE_WORDS | PURE_FRONT_END | PURE_SIGNING | PURE_IMAGES | PURE_OCI
    pure = [module for module in MODULES if room_of(module) in PURE or module in single]
    assert len(pure) > len(PURE) + len(single)
    for module in pure:
        assert not {other.partition(".")[0] for other in imports(module) - {"os.path"}} & DOING_IO, module


@pytest.mark.parametrize("module", MODULES)
def test_only_the_standard_library_is_needed(module: str) -> None:
    others = {name.partition(".")[0] for name in imports(module)} - {"marpack", *sys.stdlib_module_names}
    assert others <= EXTRAS.get(module, set())


@pytest.mark.parametrize(
    ("name", "pure"),
    [("marpack.running", PURE_FRONT_END), ("marpack.images", PURE_IMAGES), ("marpack.oci", PURE_OCI)],
)
def test_what_says_that_it_is_pure_is(name: str, pure: set[str]) -> None:
    """In the rooms that drive processes and speak to others, where it matters most."""
    room = [module for module in MODULES if room_of(module) == name]
    said_to_be = {module for module in room if "Pure." in (ast.get_docstring(ast.parse(source(module))) or "")}
    assert said_to_be == pure


def test_a_folder_says_in_a_sentence_what_it_is_for() -> None:
    folders = [module for module in MODULES if PACKAGE.joinpath(*module.split(".")[1:]).is_dir()]
    assert len(folders) > 10
    assert all(source(module).startswith('"""') for module in folders)


def test_the_page_tells_of_every_room() -> None:
    """From top to bottom, and of no file that is not there."""
    page = (PACKAGE.parent / "ARCHITECTURE.md").read_text("utf-8").partition("\n## The rooms\n")[2]
    rows = re.findall(r"^\| (`.*?`) \| (.*) \|$", page.partition("\n## ")[0], re.MULTILINE)
    named = {name: text for names, text in rows for name in re.findall(r"`([a-z_/]+)`", names)}
    folders = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("__init__.py")}
    assert {name for name in folders if not name.startswith("kaptain/")} - {"."} <= set(named)
    for name, text in named.items():
        assert (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file(), name
        for file in re.findall(r"`([a-z_*]+)`[,:]", text):
            assert list((PACKAGE / name).glob(f"{file}.py")) or (PACKAGE / f"{file}.py").is_file(), (name, file)
    rooms = [f"marpack.{name.replace('/', '.')}" for name in named]
    for above, room in enumerate(rooms):
        assert not ROOMS.get(room, set()) & set(rooms[:above]), room


AMBIENT = {
    "time.time(": {"marpack.archive.plan.arguments", "marpack.compat"},
    # A training image and a notebook of Kaptain's tell their scripts in variables where things are (K139, K197).
    "os.environ": {
        "marpack.cli.packing_options",
        "marpack.cli.screen",
        "marpack.cli.manifest_options",
        "marpack.cli.commands.config",
        "marpack.cli.commands.image",
        "marpack.serving.kaptain.values.environment",
        # A server's workers inherit what it was started with.
        "marpack.running.environment",
        "marpack.export.engine",
    },
    "sys.argv": {
        *("marpack.checks.rules.load_script", "marpack.cli", "marpack.compat"),
        *("marpack.running.boot", "marpack.running.keeper"),
    },
    "print(": {"marpack.cli.progress", "marpack.cli.terminal"},
    "isatty": {"marpack.cli.screen", "marpack.cli.terminal"},
    # The SDK's calls told what they did, and a notebook has nothing else to look at (K148).
    # What a handler prints belongs into the log that Ray keeps of its replica.
    # What model-signing logs is nobody's who has not asked for it.
    "import logging": {
        *("marpack.cli.stores", "marpack.running.ray", "marpack.serving.kaptain.values.told"),
        "marpack.signing.library",
    },
    **{word: set[str]() for word in ("getcwd", "umask", "datetime.now", "import locale")},
}


@pytest.mark.parametrize("word", AMBIENT)
def test_no_ambience(word: str) -> None:
    """The clock is read where a default needs it; environment, terminal and arguments by the command line."""
    assert {module for module in MODULES if re.search(rf"\b{re.escape(word)}", said(module))} == AMBIENT[word]
