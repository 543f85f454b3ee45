"""Raw deflate streams of every kind, right and wrong, made from a seed (RFC 1951).

Some are written code by code, with what no compressor writes: incomplete and over-subscribed codes, symbols that
do not exist, distances that reach too far back, lengths that do not agree. Others are zlib's, and changed at
random.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from itertools import groupby
from typing import TypeAlias

# The codes of symbols: the bits, and how many.
Codes: TypeAlias = dict[int, tuple[int, int]]

END_OF_BLOCK = 256
LENGTH_BASES = (
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    13,
    15,
    17,
    19,
    23,
    27,
    31,
    35,
    43,
    51,
    59,
    67,
    83,
    99,
    115,
    131,
    163,
    195,
)
LENGTHS = [(base, 0 if at < 8 else at // 4 - 1) for at, base in enumerate((*LENGTH_BASES, 227))] + [(258, 0)]
DISTANCES = [(1 + at, 0) for at in range(4)] + [
    ((2 + at % 2 << bits) + 1, bits) for at in range(4, 30) for bits in [at // 2 - 1]
]
# In which order a dynamic block tells the lengths of the codes by which it tells lengths.
ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
COPY, ZEROS, MANY_ZEROS = 16, 17, 18
FIXED = [8] * 144 + [9] * 112 + [7] * 24 + [8] * 8


def stream(seed: int) -> bytes:
    """Make a stream: a third of them is whole, half are broken, the others are cut off."""
    noise = random.Random(seed)
    kind = noise.random()
    made = _Stream(noise).made() if kind < 0.65 else _compressed(noise)
    return _changed(noise, made) if 0.5 < kind < 0.95 else made


def blocks(seed: int) -> tuple[bytes, list[int]]:
    """Make a stream without faults, which may be cut off; return the bits at which a block begins or ends."""
    made = _Stream(random.Random(seed), is_faulty=False)
    return made.made(), [0, *made.borders]


class _Stream:
    """A stream that is written bit by bit."""

    def __init__(self, noise: random.Random, *, is_faulty: bool | None = None) -> None:
        self.borders: list[int] = []
        self._noise = noise
        self._is_faulty = noise.random() < 0.6 if is_faulty is None else is_faulty
        self._bits = 0
        self._count = 0
        # Bytes that come out of what has been written, about.
        self._size = 0

    def made(self) -> bytes:
        blocks = self._noise.choice([1, 1, 2, 3, 8])
        for block in range(blocks):
            is_last = block == blocks - 1
            self._put(is_last ^ self._fault(0.03), 1)
            size = self._noise.choice([0, 1, 5, 20, 100, 400])
            kind = self._noise.random()
            if self._fault(0.01):
                self._put(3, 2)
            elif kind < 0.15:
                self._stored(self._noise.randbytes(size))
            elif kind < 0.4:
                self._put(1, 2)
                self._symbols(codes(FIXED), codes([5] * 32), size)
            else:
                self._put(2, 2)
                self._dynamic(size)
            self.borders.append(self._count)
        data = self._bits.to_bytes((self._count + 7) // 8, "little")
        behind = self._noise.choice(
            [b"", b"", b"", b"", bytes(9), self._noise.randbytes(self._noise.randint(1, 40))]
        )
        return data + behind if self._noise.random() < 0.9 else data[: self._noise.randint(0, len(data))]

    def _fault(self, chance: float) -> bool:
        return self._is_faulty and self._noise.random() < chance

    def _put(self, value: int, count: int) -> None:
        self._bits |= value << self._count
        self._count += count

    def _code(self, code: tuple[int, int]) -> None:
        """Write a code, whose highest bit comes first."""
        bits, count = code
        for at in reversed(range(count)):
            self._put(bits >> at & 1, 1)

    def _stored(self, data: bytes) -> None:
        self._put(0, 2)
        self._put(0, -self._count % 8)
        length = self._noise.randrange(1 << 16) if self._fault(0.1) else len(data)
        self._put(length, 16)
        self._put(length ^ 0xFFFF ^ (1 << self._noise.randrange(16) if self._fault(0.2) else 0), 16)
        self._put(int.from_bytes(data, "little"), 8 * len(data))
        self._size += len(data)

    def _symbols(self, literals: Codes, distances: Codes, count: int) -> None:
        for _ in range(count):
            symbol = self._noise.choice(list(literals))
            if symbol < END_OF_BLOCK:
                self._code(literals[symbol])
                self._size += 1
            elif symbol > END_OF_BLOCK:
                self._match(symbol, literals, distances)
        if END_OF_BLOCK in literals and not self._fault(0.05):
            self._code(literals[END_OF_BLOCK])

    def _match(self, symbol: int, literals: Codes, distances: Codes) -> None:
        reach = 1 << 15 if self._fault(0.03) else self._size
        within = [one for one in distances if one < 30 and DISTANCES[one][0] <= reach]
        within += [one for one in distances if one >= 30 and self._fault(0.03)]
        if not within or (symbol > 285 and not self._fault(0.1)):
            return
        self._code(literals[symbol])
        length, bits = LENGTHS[symbol - 257] if symbol < 286 else (0, 0)
        self._put(self._noise.getrandbits(bits) if bits else 0, bits)
        distance = self._noise.choice(within)
        self._code(distances[distance])
        base, bits = DISTANCES[distance] if distance < 30 else (0, 0)
        more = min((1 << bits) - 1, reach - base) if bits else 0
        self._put(self._noise.choice([more, self._noise.randint(0, more)]), bits)
        self._size += length

    def _dynamic(self, size: int) -> None:
        noise = self._noise
        sizes = [noise.choice([257, 258, noise.randint(257, 286)]), noise.choice([1, 2, noise.randint(1, 30)])]
        if self._fault(0.08):
            sizes[noise.randrange(2)] += 31
        literals = {END_OF_BLOCK, *noise.sample(range(sizes[0]), noise.choice([1, 3, 10, sizes[0]]))}
        chosen = noise.sample(range(sizes[1]), min(sizes[1], noise.choice([0, 1, 2, 30])))
        tables = [self._lengths(sorted(literals), 15), self._lengths(sorted(chosen), 15)]
        for table, count in zip(tables, sizes, strict=True):
            self._spoil(table, count, 15)
        told = [
            table.get(symbol, 0) for table, count in zip(tables, sizes, strict=True) for symbol in range(count)
        ]
        self._tell(told, sizes)
        self._symbols(codes(told[: sizes[0]]), codes(told[sizes[0] :]), size)

    def _lengths(self, symbols: Sequence[int], longest: int) -> dict[int, int]:
        """Make lengths of codes that use every place, but that a single symbol has the length 1."""
        leaves = [0] if len(symbols) > 1 else [1] * len(symbols)
        is_deep = self._noise.random() < 0.5
        at = 0
        while len(leaves) < len(symbols):
            while not is_deep or leaves[at] == longest:
                at = self._noise.randrange(len(leaves))
                if leaves[at] < longest:
                    break
            leaves[at : at + 1] = [leaves[at] + 1] * 2
        self._noise.shuffle(leaves)
        return dict(zip(symbols, leaves, strict=True))

    def _spoil(self, table: dict[int, int], count: int, longest: int) -> None:
        """Leave places of a code unused, or use some twice."""
        if self._fault(0.08) and table:
            del table[self._noise.choice(list(table))]
        if self._fault(0.08) and table:
            symbol = self._noise.choice(list(table))
            table[symbol] = min(longest, max(1, table[symbol] + self._noise.choice([-1, 1])))
        if self._fault(0.05):
            table[self._noise.randrange(count)] = self._noise.randint(1, longest)

    def _tell(self, lengths: Sequence[int], sizes: Sequence[int]) -> None:
        """Write the lengths of the codes of a block, themselves by codes, and repeated by counts."""
        told: list[tuple[int, int, int]] = []
        for length, run in groupby(lengths):
            count = left = len([*run])
            while left:
                ways = [(length, 1, 0)] + [(ZEROS, 3, 3), (MANY_ZEROS, 11, 7)] * (0 if length else 9)
                symbol, least, bits = self._noise.choice([*ways, (COPY, 3, 2)] if left < count else ways)
                if left >= least:
                    more = min(left - least, (1 << bits) - 1)
                    told.append((symbol, more, bits))
                    left -= least + more
        if self._fault(0.05):
            told.insert(
                self._noise.choice([0, len(told)]), self._noise.choice([(COPY, 3, 2), (MANY_ZEROS, 100, 7)])
            )
        used = sorted({symbol for symbol, _, _ in told})
        table = self._lengths(used if len(used) > 1 or self._fault(0.3) else [*used, (used[0] + 1) % 19], 7)
        self._spoil(table, 19, 7)
        count = max(4, 1 + max((at for at, symbol in enumerate(ORDER) if symbol in table), default=0))
        for value, bits in ((sizes[0] - 257, 5), (sizes[1] - 1, 5), (count - 4, 4)):
            self._put(value & (1 << bits) - 1, bits)
        for symbol in ORDER[:count]:
            self._put(table.get(symbol, 0), 3)
        made = codes([table.get(symbol, 0) for symbol in range(19)])
        for symbol, more, bits in told:
            self._code(made.get(symbol, (0, 0)))
            self._put(more, bits)


def codes(lengths: Sequence[int]) -> Codes:
    """Return the code of each symbol that has a length; of too many, some are the same."""
    found: Codes = {}
    code = 0
    for count in range(1, 16):
        code <<= 1
        for symbol in (symbol for symbol, length in enumerate(lengths) if length == count):
            found[symbol] = code & (1 << count) - 1, count
            code += 1
    return found


def _compressed(noise: random.Random) -> bytes:
    """Compress something by zlib, in any way that it knows."""
    size = noise.choice([0, 1, 100, 5000, noise.randint(0, 70_000)])
    letters = noise.choice([b"a", b"abcd", bytes(range(256))])
    data = bytes(noise.choices(letters, k=size)) if len(letters) < 256 else noise.randbytes(size // 8)
    compressor = zlib.compressobj(
        noise.randint(0, 9), zlib.DEFLATED, -noise.randint(9, 15), noise.randint(1, 9), noise.randrange(5)
    )
    half = compressor.compress(data[: size // 2])
    if noise.random() < 0.3:
        half += compressor.flush(noise.choice([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH]))
    return half + compressor.compress(data[size // 2 :]) + compressor.flush()


def _changed(noise: random.Random, data: bytes) -> bytes:
    """Change bits and bytes, most of them near the beginning, where the lengths of codes are."""
    changed = bytearray(data)
    for _ in range(noise.choice([1, 1, 2, 8])):
        at = noise.randrange(min(len(changed), noise.choice([100, 1 << 20])) + 1)
        match noise.randrange(5):
            case 0:
                changed[at:at] = noise.randbytes(2)
            case 1:
                del changed[at : at + noise.choice([1, 10, 1 << 20])]
            case _ if at < len(changed):
                changed[at] ^= 1 << noise.randrange(8)
    return bytes(changed)
