"""What a file in ELF is: whole, and a library that torch compiled; without running it."""

from __future__ import annotations

from typing import Final

from marpack.archive.inspection.block_reader import Window
from marpack.archive.inspection.kinds import Weights

ELF: Final = b"\x7fELF"
_SHARED, _LOAD, _STRINGS, _ALLOCATED = 3, 1, 3, 2  # ET_DYN, PT_LOAD, SHT_STRTAB, SHF_ALLOC
_64_BITS, _BIG = 2, 2  # EI_CLASS, EI_DATA
_MOST_HEADERS = 1 << 20
_LONGEST_NAMES = 4 << 20
# What torch/csrc/inductor/aoti_runner/model_container_runner.cpp looks for in the library.
_NEEDED: Final = b"AOTInductorModelContainerCreate"


def describe_elf(window: Window) -> Weights:
    """Return what a file is that begins as one of ELF does.

    ELF's gABI: where the tables of its segments and sections lie, and which of these are strings. Judged are files
    for 64 bits; of others, and of odd ones, it is said that they are libraries.
    """
    head = window.at(0, 64)
    order = "big" if head[5:6] == bytes([_BIG]) else "little"

    def number(data: bytes, place: int, size: int) -> int:
        return int.from_bytes(data[place : place + size], order)  # type: ignore[arg-type]

    if number(head, 16, 2) != _SHARED:
        return Weights(kind="unknown", detail="an ELF file that is no shared library")
    library = Weights(kind="aot-library", detail="a shared library (ELF)")
    if head[4:5] != bytes([_64_BITS]) or len(head) < 64:
        return library
    for segment in _table(window, number(head, 32, 8), number(head, 54, 2), number(head, 56, 2)):
        if number(segment, 0, 4) == _LOAD and number(segment, 8, 8) + number(segment, 32, 8) > window.size:
            return Weights(kind="unknown", detail="a shared library (ELF) that is cut off")
    names = b""
    for section in _table(window, number(head, 40, 8), number(head, 58, 2), number(head, 60, 2)):
        if number(section, 4, 4) == _STRINGS and number(section, 8, 8) & _ALLOCATED:
            start, size = number(section, 24, 8), number(section, 32, 8)
            if start + size > window.size or len(names) + size > _LONGEST_NAMES:
                return library
            names += window.at(start, size)
    if names and _NEEDED not in names:
        return Weights(kind="unknown", detail="a shared library (ELF) that is no model of torch's AOTInductor")
    return library


def _table(window: Window, start: int, size: int, count: int) -> list[bytes]:
    """Return the entries of a table, none of one that is not there whole."""
    whole = size * count
    if not 0 < whole <= _MOST_HEADERS or start + whole > window.size or size < 56:
        return []
    data = window.at(start, whole)
    return [data[place : place + size] for place in range(0, whole, size)]
