"""Pickles, read without unpickling: what they would import, and the shape of what they would make.

Nothing is imported, called or looked up. What is reported is what the opcodes say, no judgement of what they would
do: a pickle reaches further than it imports by calling what it imports (``builtins.getattr`` gives anything).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from marpack.archive.inspection.pickle_machine import End, EndError, Global, PickleMachine

MAX_BYTES = 64 << 20
# Each takes a hundred bytes of memory at most, and less than a microsecond or two.
_MAX_OPCODES = 2_000_000
# So many bytes that are read count as one opcode.
_BYTES_AN_OPCODE = 64


class Budget:
    """What all the pickles of an archive may cost together: ``opcodes`` that are left."""

    def __init__(self, opcodes: int = 2 * _MAX_OPCODES) -> None:
        self.opcodes = opcodes


# torch.serialization.MAGIC_NUMBER: the first pickle of a file in torch's format from before 1.6. Four more follow
# (protocol version, system, the object, the keys of its storages), then the storages, which are no pickles.
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PICKLES = 5


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Walked:
    """The pickles of a stream: what each would make, of the whole ones, and what they import.

    ``imports`` are the names as Python 3 imports them. ``computed`` says that there are others, which the bytes do
    not state: a name made while the pickle is loaded, or a number of the extension registry. ``opcodes`` are the
    bytes that are used as such, ``size`` the bytes of the whole pickles. ``end`` says how the reading ended before
    the stream did: its bytes are ``"cut"`` off, ``"broken"``, or more than the ``"limit"``; ``problem`` says where
    and why. What follows is not listed. Names are as in the file, not escaped.
    """

    values: tuple[object, ...] = field(repr=False)
    imports: frozenset[Global]
    computed: bool
    opcodes: frozenset[int]
    size: int
    end: End | None
    problem: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The imports, sorted, each ``"module.name"``."""
        return tuple(sorted({str(each) for each in self.imports}))

    @property
    def complete(self) -> bool:
        """Whether ``names`` are all that the opcodes import."""
        return not self.computed and self.end is None


def walk(
    data: bytes, *, max_opcodes: int = _MAX_OPCODES, max_pickles: int | None = None, budget: Budget | None = None
) -> Walked:
    """Return what the pickles of a stream would make, as plain values, ``Global``, ``Made`` and ``UNKNOWN``.

    Follows the opcodes as CPython's unpickler does, and calls nothing. All numbers but small integers, and bytes,
    are ``UNKNOWN``. A legacy file of torch is read up to its storages. Never raises, whatever the bytes are; time
    and memory grow with the opcodes alone, which are taken from the ``budget``.
    """
    length = min(len(data), MAX_BYTES)
    budget = budget or Budget()
    budget.opcodes = max(0, budget.opcodes - length // _BYTES_AN_OPCODE)
    max_opcodes = min(max_opcodes, budget.opcodes)
    machine = PickleMachine(data, length, max_opcodes)
    values: list[object] = []
    end: End | None = None
    problem = None
    size = 0
    try:
        while not values or (size < len(data) and len(values) != max_pickles):
            values.append(machine.pickle())
            size = machine.pos
            if len(values) == 1 and values[0] == LEGACY_MAGIC:
                max_pickles = _LEGACY_PICKLES
    except EndError as error:
        end = "limit" if error.end == "cut" and machine.end < len(data) else error.end
        what = f"longer than {machine.end:,} bytes, which is all that is read" if error.end != end else str(error)
        problem = f"at byte {machine.pos:,} of pickle {len(values) + 1}: {what}"
    budget.opcodes -= max_opcodes - max(0, machine.opcodes_left)
    return Walked(
        values=tuple(values),
        imports=frozenset(machine.imports),
        computed=machine.computed,
        opcodes=frozenset(machine.used),
        size=size,
        end=end,
        problem=problem,
    )
