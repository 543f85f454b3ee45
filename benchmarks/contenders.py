"""Who is measured, by which command line.

A contender is written as its program and the options in which it differs from the others of its group:
``marpack --deflate fast``. What it packs is added by :func:`command`.
"""

from __future__ import annotations

import random
import shlex
import sys
import sysconfig
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["changed", "command", "hashed", "imaging", "peak_of", "piped", "reading", "scanning", "turns"]

_SCRIPTS = sysconfig.get_path("scripts")

# What the installed script does, in an environment without the extra "fast" as far as marpack can see.
_WITHOUT_ISAL = """
import sys
sys.modules["isal"] = sys.modules["zlib_ng"] = None
from marpack.__main__ import run
sys.exit(run())
"""

# Packing alone: what the check before it takes is measured by itself.
_ARCHIVERS = {
    "marpack": [f"{_SCRIPTS}/marpack", "pack", "--check", "off"],
    "without-isal": [sys.executable, "-c", _WITHOUT_ISAL, "pack", "--check", "off"],
    "official": [f"{_SCRIPTS}/torch-model-archiver"],
}

# The standard library with nothing around it: one file, or the files of a folder.
_ZIPFILE = """
import os, sys, zipfile
path, archive_format = sys.argv[1:]
method = zipfile.ZIP_STORED if archive_format == "zip-store" else zipfile.ZIP_DEFLATED
with zipfile.ZipFile("m.mar", "w", method) as archive:
    if os.path.isdir(path):
        for name in sorted(os.listdir(path)):
            archive.write(os.path.join(path, name), name)
    else:
        archive.write(path, os.path.basename(path))
"""

# By the same library as marpack has: coreutils has a slower one of its own.
_SHA256 = """
import hashlib, sys
digest = hashlib.sha256()
with open(sys.argv[1], "rb") as file:
    while chunk := file.read(1 << 20):
        digest.update(chunk)
print(digest.hexdigest())
"""

# The floor of verifying: all bytes of a file through a CRC.
_CRC = """
import sys
crc = 0
with open(sys.argv[1], "rb", buffering=0) as file:
    while chunk := file.read(1 << 19):
        crc = crc32(chunk, crc)
"""

# The floor of scanning: the names in each archive, and its manifest.
_MANIFESTS = """
import json, os, sys, zipfile
for name in sorted(os.listdir(sys.argv[1])):
    with zipfile.ZipFile(os.path.join(sys.argv[1], name)) as archive:
        print(json.dumps([archive.namelist(), json.loads(archive.read("MAR-INF/MANIFEST.json"))]))
"""

# A process begins with the peak of the one that started it, so a small one does. Its peak and no other's: wait4.
_PEAK = """
import os, sys
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def command(contender: str, handler: Path, packed: Path, archive_format: str = "default") -> list[str]:
    """Return how a contender packs a handler with a file of weights, or with a folder of extra files."""
    program, *options = contender.split()
    if program in _ARCHIVERS:
        mandatory = ["--model-name", "m", "--version", "1.0", "--handler", str(handler)]
        packed_as = "--extra-files" if packed.is_dir() else "--serialized-file"
        # The last of equal options counts.
        chosen = ["--archive-format", archive_format, *options]
        return [*_ARCHIVERS[program], *mandatory, packed_as, str(packed), *chosen]
    if program == "zipfile":
        return [sys.executable, "-c", _ZIPFILE, str(packed), archive_format]
    if program == "cp":
        # Its own way is to share blocks where the disk can: that would be no measure.
        return ["cp", "-r", "--reflink=never", str(packed), "m.mar"]
    if program == "sha256":
        return [sys.executable, "-c", _SHA256, str(packed)]
    if program == "python":
        return [sys.executable, "-c", "pass"]
    raise ValueError(f"no such contender: {contender!r}")


def reading(contender: str, verb: str, archive: Path) -> list[str]:
    """Return how a contender extracts an archive into the folder ``out``, or verifies it."""
    programs = {
        "marpack": [f"{_SCRIPTS}/marpack", verb, str(archive), *(["out"] if verb == "extract" else [])],
        "unzip": ["unzip", "-q", *([str(archive), "-d", "out"] if verb == "extract" else ["-t", str(archive)])],
        "zipfile": [sys.executable, "-m", "zipfile", "-e", str(archive), "out"],
        "cp": ["cp", "--reflink=never", str(archive), "out"],
        "isal-crc": [sys.executable, "-c", f"from isal.isal_zlib import crc32{_CRC}", str(archive)],
        "zlib-crc": [sys.executable, "-c", f"from zlib import crc32{_CRC}", str(archive)],
        "python": [sys.executable, "-c", "pass"],
    }
    if contender == "without-isal":
        return [sys.executable, "-c", _WITHOUT_ISAL, *programs["marpack"][1:]]
    return programs[contender]


def changed(contender: str, archive: Path) -> list[str]:
    """Return how a contender makes another version of an archive, or copies it."""
    program, *options = contender.split()
    if program == "marpack":
        return [f"{_SCRIPTS}/marpack", "repack", str(archive), "--version", "2.0", "--output", "m.mar", *options]
    return command(contender, archive, archive)


def imaging(contender: str, store: Path) -> list[str]:
    """Return how a contender makes an image of a store with one archive, or does what an image needs of it."""
    if contender.startswith("marpack"):
        output = "image.tar" if "--tar" in contender else "image"
        return [f"{_SCRIPTS}/marpack", "image", str(store), "--output", output]
    return command(contender, store, store / "m.mar")


def scanning(contender: str, folder: Path) -> list[str]:
    """Return how a contender looks at all archives of a folder, and prints a line for each."""
    program, *options = contender.split()
    programs = {
        "marpack": [f"{_SCRIPTS}/marpack", "scan", str(folder), *options],
        "zipfile": [sys.executable, "-c", _MANIFESTS, str(folder)],
        "python": [sys.executable, "-c", "pass"],
    }
    return programs[program]


def hashed(words: list[str]) -> list[str]:
    """Return a command that takes the SHA-256 of the archive after packing."""
    python, script = shlex.quote(sys.executable), shlex.quote(_SHA256)
    return ["sh", "-c", f'"$@" && {python} -c {script} m.mar', "sh", *words]


def piped(words: list[str]) -> list[str]:
    """Return a command that sends the archive through a pipe: as it is made, or once it lies there."""
    if "--output" in words:
        script = 'set -o pipefail; "$@" | cat >/dev/null'
    elif words[0] == "cp":  # the floor: the file itself through the pipe
        return ["sh", "-c", 'cat "$1" | cat >/dev/null', "sh", words[-2]]
    else:
        script = '"$@" && cat m.mar | cat >/dev/null'
    return ["bash", "-c", script, "bash", *words]


def peak_of(words: list[str]) -> list[str]:
    """Return a command that runs another and prints its peak of memory, in KiB."""
    return [sys.executable, "-I", "-S", "-c", _PEAK, *words]


def turns(rounds: Mapping[str, int]) -> pytest.MarkDecorator:
    """Run a test once for each contender and turn, so that a slow spell of the machine hits all.

    The order is another one each turn, yet the same in each run: the next one feels the state in which a contender
    leaves memory and disk. Those that are dear take part in the first turns only.
    """
    contests = []
    for turn in range(max(rounds.values())):
        present = [contender for contender, count in rounds.items() if turn < count]
        if turn:
            random.Random(turn).shuffle(present)
        contests += [pytest.param(turn, contender, id=f"{contender} {turn}") for contender in present]
    return pytest.mark.parametrize(("turn", "contender"), contests)
