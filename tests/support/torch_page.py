"""Write spec/torch.md from the tables of torch's versions: ``python -m tests.support.torch_page``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from marpack.archive.inspection import torch_versions, weights_only
from marpack.archive.inspection.kinds import range_text
from marpack.archive.inspection.torch_versions import version_text
from marpack.checks.frame import servers_torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from marpack.archive.inspection.torch_versions import Version

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parents[2] / "spec" / "torch.md"

_HEAD = """\
# Which torch reads a file

Made from the tables in `marpack/archive/inspection/torch_versions.py` by `python -m tests.support.torch_page`; a
test holds this page against them. `marpack inspect` shows what a file needs, and `marpack check --torch 2.1` says
what that torch does not read (rule `weights-torch`). A version is the first that has something, unless it is said
to be the last.

The tables are read from the sources in torch's released packages, the last patch release of each minor version:
`caffe2/serialize/versions.h`, `c10/core/ScalarType.h`, `torch/_export/serde/schema.py`, `native_functions.yaml`
and the modules of Python. `tests/archive/inspection/test_torch_versions.py` asks torch 2.13 to 2.15 and
Debian's 1.13, where they are installed, for everything in them, and has the old one load what the new one writes.
"""

_NUMPY = f"""\
## numpy

Arrays that numpy 2 pickles import `numpy._core`, which numpy 1 has since {torch_versions.NUMPY_FROM}. torch is
built for numpy 2 since 2.3; the images of TorchServe's releases have numpy 1.24.3
(`requirements/torch_common.txt` of pytorch/serve, from v0.8.1 to v0.12.0).
"""

_EXCEPTIONS = range_text(*map(version_text, weights_only.EXCEPTIONS))
_WEIGHTS_ONLY = f"""\
## What `weights_only=True` allows

The table is read from `torch/_weights_only_unpickler.py` and `torch/storage.py` in torch's released packages, the
last patch release of each minor version (1.13 to 2.15), and from what those of its packages add that
`import torch` imports. Not in it are the classes of tensors and storages that torch 1.13 has, which every version
allows, and Python's own exceptions, which {_EXCEPTIONS} alone allows.
`weights_only` is the default since 2.6. `python -m tests.support.weights_only` holds the table against an
installed torch: seen with 2.13.0, 2.14.1 and 2.15.0. Of opcodes, torch 1.13 does not know `BINFLOAT`, a number
with a fraction; else the list is the same in all: those of protocol 2 that Python 3 writes.
"""

_CONTAINER = """\
## How `torch.load` opens a file

Seen with torch 2.13.0 and 2.14.1; in 2.12.0 there is no code for safetensors.

| what | torch |
| --- | --- |
"""
_OPENING = (
    (
        "A path that ends in `.safetensors`, in lower case, is read by `safetensors.torch.load_file`, whatever is "
        "in it and whatever `weights_only` and `mmap` say; what `open()` gives is not",
        "2.13 and newer",
    ),
    (
        "Without it: RuntimeError: Attempting to load a safetensors file but safetensors is not installed",
        "2.13 and newer",
    ),
    (
        "With a dict or a function as `map_location`: RuntimeError: ... map_location is not supported",
        "2.13 and newer",
    ),
    (
        "The sums (CRC-32) in a zip are not compared, be they all 0, which is what `torch.save` writes after "
        "`torch.serialization.set_crc32_options(False)`, or wrong; nor by `torch.jit.load`. `zipfile` and `unzip` "
        "report them. Each record's was set to 0, and to a wrong number, in its header, the directory, and both",
        "2.13, 2.14",
    ),
    ("A record outside of the folder of the first: RuntimeError: ... is not in a subdirectory", "2.13, 2.14"),
)

# The lines of requirements/torch_linux.txt at each tag.
_PATCHES = {
    "0.7": "1.13.0, and 1.13.1 in 0.7.1",
    "0.8": "2.0.0, and 2.0.1 from 0.8.1 on",
    "0.9": "2.1.0",
    "0.10": "2.2.1",
    "0.11": "2.3.0, in 0.11.1 too",
    "0.12": "2.4.0",
}

_IMAGES = """\
Read at the tags v0.7.0 to v0.12.0 of pytorch/serve: `docker/Dockerfile` runs
`ts_scripts/install_dependencies.py`, which installs `requirements/torch_linux.txt`, and for the GPU's image
`torch_cu121_linux.txt` (`torch_cu117_linux.txt` before 0.9.0), which name the same versions. Up to 0.7.1 the
Dockerfile takes the newest torch of the day, which is the one that the file names. KServe's image,
`pytorch/torchserve-kfs`, is built on it (`kubernetes/kserve/Dockerfile`), and kserve's
`charts/kserve-runtime-configs/values.yaml` has its tag 0.9.0.
"""

_COMPILER = """\
`import torchvision` (0.28.0), `import torch._dynamo` and `torch.compile(...)` import it too: after each of them
torch 2.13.0 loads a state_dict that holds a `Shard`, and refuses it without.
"""


def page() -> str:
    """Return the text of the page."""
    parts = [
        _HEAD,
        _table("The record `version` of torch's zip files", "format version", _formats()),
        _table("Programs of `torch.export`", "schema version, its first number", _schemas()),
        f"Since {version_text(torch_versions.PT2_ARCHIVE)} they have the form pt2, which no older torch reads.\n",
        _names("Dtypes, of pickles and safetensors", torch_versions._DTYPES),
        _names("What pickles import; a name that ends in a dot is a module", torch_versions._NAMES),
        _names("The last version that has a module", torch_versions._GONE),
        _names("Operators that TorchScript calls, `torch.<name>`", torch_versions._OPERATORS),
        _WEIGHTS_ONLY,
        _names("Names that it allows", weights_only._ALLOWED, level=3),
        _names("The last version that allows a name", weights_only._NO_MORE, level=3),
        *(
            _names(f"Names that it allows once `{package}` is imported", table, level=3)
            for package, table in weights_only._BY_IMPORT.items()
        ),
        _COMPILER,
        _CONTAINER + "".join(f"| {what} | {torch} |\n" for what, torch in _OPENING),
        _NUMPY,
        _table("The torch in the images of TorchServe's releases", "TorchServe", _releases()),
        _IMAGES,
    ]
    return "\n".join(parts)


def _formats() -> Iterator[tuple[str, str]]:
    for number, since in torch_versions._FORMATS.items():
        yield str(number), f"{version_text(since)} and newer"


def _schemas() -> Iterator[tuple[str, str]]:
    for number, (since, until) in torch_versions._SCHEMAS.items():
        bounds = (
            f"{version_text(since)} and newer"
            if until is None
            else f"{version_text(since)} to {version_text(until)}"
        )
        yield str(number), version_text(since) or "" if since == until else bounds


def _releases() -> Iterator[tuple[str, str]]:
    for release, torch in servers_torch._OF_RELEASES:
        number = ".".join(map(str, release))
        assert _PATCHES[number].startswith(f"{version_text(torch)}.")
        yield number, _PATCHES[number]


def _names(title: str, table: Mapping[Version, str], *, level: int = 2) -> str:
    rows = (
        (version_text(version) or "", " ".join(f"`{name}`" for name in names.split()))
        for version, names in table.items()
    )
    return _table(title, "torch", rows, second="names", level=level)


def _table(
    title: str, first: str, rows: Iterator[tuple[str, str]], *, second: str = "torch", level: int = 2
) -> str:
    lines = [
        f"{'#' * level} {title}",
        "",
        f"| {first} | {second} |",
        "| --- | --- |",
        *(f"| {one} | {other} |" for one, other in rows),
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
