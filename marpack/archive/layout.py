"""What an archive looks like inside: names, order, exclusions, handler forms (spec/archive.md). Pure."""

from __future__ import annotations

import os.path
import re
from typing import Literal, get_args

from marpack.archive.entry import Compression
from marpack.archive.manifest import MANIFEST_NAME, Runtime
from marpack.errors import printable

__all__ = [
    "ARCHIVE_FORMATS",
    "BUILTIN_HANDLERS",
    "DEFLATES",
    "SUFFIXES",
    "WORKFLOW_SUFFIX",
    "ArchiveFormat",
    "Deflate",
    "check_member_name",
    "check_model_name",
    "check_workflow_name",
    "compression_for",
    "deflates",
    "handler_file",
    "handler_reference",
    "is_excluded_folder",
    "is_pattern",
    "member_order",
    "parents",
    "printable",
]

ArchiveFormat = Literal["default", "zip-store", "tgz", "no-archive", "auto"]
ARCHIVE_FORMATS: tuple[ArchiveFormat, ...] = get_args(ArchiveFormat)

# Z1, Z8: who deflates, and so what the bytes are.
Deflate = Literal["zlib", "parallel", "fast"]
DEFLATES: tuple[Deflate, ...] = get_args(Deflate)

# A3: the server reads a lower-case .mar as zip and every other file name as gzip'd tar.
SUFFIXES = {"default": ".mar", "zip-store": ".mar", "tgz": ".tar.gz", "no-archive": "", "auto": ".mar"}

# W1: the same for workflows.
WORKFLOW_SUFFIX = ".war"

# A6: known to the server by name, so no file is packed.
_PYTHON_HANDLERS = frozenset(
    {
        "base_handler",
        "dali_image_classifier",
        "image_classifier",
        "image_segmenter",
        "object_detector",
        "text_classifier",
        "trt_llm_handler",
        "vllm_handler",
    }
)
_OTHER_HANDLERS = frozenset({"dali_handler", "densenet_handler", "text_handler", "vision_handler"})
BUILTIN_HANDLERS: dict[Runtime, frozenset[str]] = {
    "python": _PYTHON_HANDLERS,
    "python3": _PYTHON_HANDLERS,
    "LSP": frozenset({"BaseHandler", "TorchScriptHandler"}),
}

# What a file system and the server's unpacker take (255 and 4,095 bytes).
MAX_COMPONENT = 255
MAX_NAME = 4095

_ARCHIVE_NAME = re.compile(r"[A-Za-z0-9] [A-Za-z0-9_.-]*", re.VERBOSE)

# No more than most names are, so that the rules need not be gone through one by one for thousands of files.
_PLAIN_NAME = re.compile(
    r"(?! [mw]ar-inf (/|$) ) \w [\w.-]* (/ \w [\w.-]*)*", re.VERBOSE | re.ASCII | re.IGNORECASE
)

# Weights are noise to deflate; the others are compressed already.
_STORED_SUFFIXES = frozenset(
    """
    .bin .ckpt .engine .gguf .h5 .model .npy .npz .onnx .pb .plan .pt .pt2 .pte .pth .safetensors .so .tflite
    .7z .bz2 .gz .jar .lz4 .mar .tgz .war .whl .xz .zip .zst
    .avif .flac .gif .jpeg .jpg .m4a .mkv .mov .mp3 .mp4 .ogg .pdf .png .webm .webp
    .parquet .orc
    """.split()  # noqa: SIM905 - forty quotes would hide the words
)


def check_model_name(name: str, archive_format: ArchiveFormat) -> str | None:
    """Return what is wrong with a model name (A1), or None."""
    return _check_archive_name("model", name, SUFFIXES[archive_format])


def check_workflow_name(name: str) -> str | None:
    """Return what is wrong with the name of a workflow (W2), or None."""
    return _check_archive_name("workflow", name, WORKFLOW_SUFFIX)


def _check_archive_name(kind: str, name: str, suffix: str) -> str | None:
    if not _ARCHIVE_NAME.fullmatch(name):
        return (
            f"the {kind} name {name!r} is not allowed: "
            "begin with an ASCII letter or digit and go on with letters, digits, '_', '-' or '.'"
        )
    longest = MAX_COMPONENT - len(suffix)
    if len(name) > longest:
        return f"the {kind} name is {len(name)} characters long: the name of its archive has room for {longest}"
    return None


def check_member_name(name: str, manifest_name: str = MANIFEST_NAME) -> str | None:
    """Return what is wrong with the name of a member (A8, W6), or None; the manifest has its folder to itself."""
    if len(name) <= MAX_COMPONENT and _PLAIN_NAME.fullmatch(name):
        return None
    parts = name.split("/")
    problem = None
    reserved = manifest_name.partition("/")[0]
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return f"the name {name!r} is not valid Unicode: rename the file"
    if "\0" in name:
        problem = "holds a NUL character"
    elif "\\" in name:
        problem = "holds a backslash: separate folders with '/'"
    elif name.startswith("/"):
        problem = "is absolute: make it relative to the archive's root"
    elif not name:
        problem = "is empty"
    elif not all(parts) or "." in parts or ".." in parts:
        problem = "has an empty, '.' or '..' part: write it plainly"
    elif parts[0].upper() == reserved:
        problem = f"lies in {reserved}, which is kept for the manifest ({manifest_name}): move it elsewhere"
    elif len(encoded) > MAX_NAME or any(len(part.encode()) > MAX_COMPONENT for part in parts):
        problem = f"is too long: at most {MAX_COMPONENT} bytes a part and {MAX_NAME} in all"
    return f"the name {name!r} in the archive {problem}" if problem else None


def is_excluded_folder(name: str) -> bool:
    """Tell whether a sub-folder of this name is left out when a folder is packed (A5)."""
    return name.startswith(".") or name in {"__MACOSX", "__pycache__"}


def is_pattern(item: str) -> bool:
    """Tell whether an extra-files item is a wildcard (A4)."""
    return "*" in item or "?" in item or ("[" in item and "]" in item)


def member_order(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key: the files of a folder by name, then its sub-folders by name (A9)."""
    *folders, file = name.split("/")
    return (*((1, folder) for folder in folders), (0, file))


def parents(name: str) -> list[str]:
    """Return the folders that hold a member, outermost first."""
    return [name[:end] for end, character in enumerate(name) if character == "/"] if "/" in name else []


def handler_file(value: str, runtime: Runtime) -> str | None:
    """Return the path of the file that a handler value names, or None when the server has it built in (A6)."""
    if not value or value in BUILTIN_HANDLERS[runtime]:
        return None
    folder, last = os.path.split(value)
    stem = last.partition(":")[0]
    if runtime == "LSP":
        file = stem if stem.endswith((".so", ".dylib")) else f"{stem}.so"
    else:
        file = stem if stem.endswith(".py") else f"{stem}.py"
    return os.path.join(folder, file)


def handler_reference(value: str, runtime: str) -> str | None:
    """Return the file that a manifest's handler names for sure: none for what the server may have itself (R10).

    The server has more modules of handlers than the archiver knows by name, and a dotted name may be a package's.
    """
    before = value.partition(":")[0]
    if runtime not in ("python", "python3") or not before or before in _PYTHON_HANDLERS | _OTHER_HANDLERS:
        return None
    stem = before.removesuffix(".py")
    return None if "." in os.path.basename(stem) else f"{stem}.py"


def deflates(archive_format: ArchiveFormat) -> bool:
    """Tell whether anything is deflated in this form (A7)."""
    return archive_format not in ("zip-store", "no-archive")


def compression_for(name: str, archive_format: ArchiveFormat, *, weights: bool) -> Compression:
    """Choose a member's method (A7). ``auto`` stores the weights and what is known not to compress."""
    if archive_format == "zip-store":
        return Compression.STORED
    if archive_format == "auto" and (weights or os.path.splitext(name)[1].lower() in _STORED_SUFFIXES):
        return Compression.STORED
    return Compression.DEFLATED
