"""What is packed: made up anew for each run, the same each time."""

from __future__ import annotations

import itertools
import random
import sysconfig
from functools import cache
from pathlib import Path

import marpack

__all__ = [
    "DIGITS",
    "pack_digits",
    "pack_handler",
    "write_code",
    "write_models",
    "write_small_files",
    "write_weights",
]

MIB = 1 << 20
_PIECE = 4 * MIB
DIGITS = Path(__file__).parents[1] / "tests" / "models" / "digits"


@cache
def _floats() -> bytes:
    """Three noisy bytes and one of little variety, as in the exponents of float32 weights."""
    noise = random.Random(0)
    piece = bytearray(noise.randbytes(_PIECE))
    piece[3::4] = noise.choices(b"\x3b\x3c\x3d\xbb\xbc\xbd", k=_PIECE // 4)
    return bytes(piece)


def write_weights(path: Path, mebibytes: int) -> None:
    """Write a file of floats; deflate does not see that it repeats, for it looks back 32 KiB."""
    with path.open("wb") as file:
        for _ in range(mebibytes * MIB // _PIECE):
            file.write(_floats())


def write_code(path: Path, mebibytes: int) -> None:
    """Write Python's own standard library, as often as it takes; each copy of a file begins with another line."""
    library = Path(sysconfig.get_path("stdlib"))
    files = [file for file in sorted(library.rglob("*.py")) if "site-packages" not in file.parts]
    left = mebibytes * MIB
    with path.open("wb") as out:
        for copy in itertools.count():
            for file in files:
                text = b"# copy %d\n" % copy + file.read_bytes()
                left -= out.write(text[:left])
                if not left:
                    return


def write_small_files(folder: Path, count: int) -> None:
    """Write text files of half a kibibyte."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.txt").write_text(f"line {number}\n" * 40)


def write_models(folder: Path, count: int) -> None:
    """Pack the digit classifier of the tests so many times, each with sources of its own."""
    folder.mkdir()
    handler, model = (DIGITS / name for name in ("handler.py", "model.py"))
    for number in range(count):
        note = f"\n# {number}\n".encode()
        marpack.pack(
            model_name=f"m{number}",
            version="1.0",
            handler={handler.name: handler.read_bytes() + note},
            model_file={model.name: model.read_bytes() + note},
            serialized_file=DIGITS / "digits.pt",
            extra_files=DIGITS / "index_to_name.json",
            export_path=folder,
        )


def pack_digits(folder: Path) -> Path:
    """Pack the digit classifier of the tests, as the README does."""
    return _path_of(
        marpack.pack(
            model_name="digits",
            version="1.0",
            handler=str(DIGITS / "handler.py"),
            model_file=str(DIGITS / "model.py"),
            serialized_file=str(DIGITS / "digits.pt"),
            extra_files=str(DIGITS / "index_to_name.json"),
            export_path=folder,
        )
    )


def pack_handler(folder: Path, name: str, source: str, *, config: str = "") -> Path:
    """Pack a model that is a handler and no more, but for a configuration."""
    packed = marpack.pack(
        model_name=name,
        version="1.0",
        handler={"handler.py": source.encode()},
        config_file={"model-config.yaml": config.encode()} if config else None,
        export_path=folder,
    )
    return _path_of(packed)


def _path_of(packed: marpack.WriteResult) -> Path:
    assert packed.path is not None
    return Path(packed.path)
