"""The traceback of a handler's trouble, found in what its worker logged, without the server's own part. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from marpack.frozen import frozen

_HEAD = "Traceback (most recent call last):"
# What stands between the tracebacks of an error and of the one that came of it.
_CHAINED = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
# What a worker logs next, and is none of the error's text.
_NEXT = re.compile(
    r"Backend (received inference at: |worker process died\.)|Frontend disconnected\.|(INFO > )?\[METRICS]"
)
_FRAME = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+)(, in .*)?')
# Between whoever calls and a handler: the package of the server but for its handlers, and what imports.
_BETWEEN = re.compile(
    r"<frozen (importlib|runpy)"
    r"|.*[/\\](ts[/\\](?!torch_handler[/\\](?!request_envelope[/\\]base\.py$))|importlib[/\\]__init__\.py$|running[/\\]boot\.py$)"
)
# The loader tries the server's own handlers after any ImportError, also one that the archive's handler raises.
_FALLBACK = re.compile(r"ModuleNotFoundError: No module named '?ts\.torch_handler\.")


@frozen
class _Block:
    """A traceback: frames, each the line of its place and those below it, and what was raised."""

    frames: tuple[tuple[str, ...], ...]
    raised: tuple[str, ...]


def traceback_of(lines: Iterable[str], *, places: Sequence[tuple[str, str]] = ()) -> str:
    """Return the last traceback among a worker's log lines, ``""`` where there is none; it ends without a newline.

    It is the last that the handler has part in, if there is one: a worker also tells what it ended of then. The
    frames of the server's before the handler's first are left out, and where the server looked among its own
    handlers in vain, what it says of that. ``places`` are pairs: a folder, and what is shown instead of it at the
    beginning of a file's path. Of an error that came of another both are shown, as Python does.
    """
    chains = _chains([*lines])
    folders = [folder for folder, _ in places]
    for chain in chains:
        if len(chain) > 1 and chain[-1][1].raised and _FALLBACK.match(chain[-1][1].raised[0]):
            del chain[-1]
    handlers = [chain for chain in chains if any(_handlers_own(block.frames, folders) for _, block in chain)]
    told: list[str] = []
    for between, block in (handlers or chains or [[]])[-1]:
        if told:
            told += ["", between, ""]
        told.append(_HEAD)
        for place, *below in _handlers_own(block.frames, folders):
            told += [_shown(place, places), *below]
        told += block.raised
    return "\n".join(told)


def without_tracebacks(lines: Sequence[str]) -> list[str]:
    """Return the lines of a log that belong to no traceback, nor stand between two of one error."""
    others: list[str] = []
    number = 0
    while number < len(lines):
        if lines[number] == _HEAD:
            if others[-2:-1] and others[-2] in _CHAINED and not others[-1]:
                del others[-3 if others[-3:-2] == [""] else -2 :]
            _, number = _block(lines, number + 1)
        else:
            others.append(lines[number])
            number += 1
    return others


def last_line(traceback: str) -> str:
    """Return the last line of a traceback's text that says something."""
    return next((line.strip() for line in reversed(traceback.splitlines()) if line.strip()), "")


def frames_of(traceback: str) -> list[tuple[str, int]]:
    """Return the files and lines of a traceback's text, in its order."""
    found = map(_FRAME.fullmatch, traceback.splitlines())
    return [(each["file"], int(each["line"])) for each in found if each]


def raised_by(traceback: str) -> str:
    """Return what a traceback's text says was raised, in all its lines."""
    lines = traceback.splitlines()
    last = max((number for number, line in enumerate(lines) if _FRAME.fullmatch(line)), default=-1)
    rest = [line for line in lines[last + 1 :] if line != _HEAD]
    # Behind the last frame's line of source, and a SyntaxError's place in that.
    start = next((number for number, line in enumerate(rest) if line[:1].strip()), len(rest))
    return "\n".join(rest[start:])


def _handlers_own(frames: Sequence[tuple[str, ...]], folders: Sequence[str]) -> Sequence[tuple[str, ...]]:
    files = [found["file"] if (found := _FRAME.fullmatch(frame[0])) else "" for frame in frames]
    for number, file in enumerate(files):
        if any(file.startswith(f"{folder}/") for folder in folders):
            return frames[number:]
    # None of the archive's: a handler of the server's, or what is imported in vain.
    for number, file in enumerate(files):
        if not _BETWEEN.match(file):
            return frames[number:]
    return []


def _shown(place: str, places: Sequence[tuple[str, str]]) -> str:
    for folder, shown in places:
        if place.startswith(f'  File "{folder}/'):
            return place.replace(folder, shown, 1)
    return place


def _chains(lines: Sequence[str]) -> list[list[tuple[str, _Block]]]:
    """Return the tracebacks, those together that belong so, each with what stands before it."""
    chains: list[list[tuple[str, _Block]]] = []
    number = 0
    while number < len(lines):
        if lines[number] != _HEAD:
            number += 1
            continue
        between = lines[number - 2] if number >= 2 and not lines[number - 1] else ""
        block, number = _block(lines, number + 1)
        if between not in _CHAINED or not chains:
            chains.append([])
        chains[-1].append((between, block))
    return chains


def _block(lines: Sequence[str], number: int) -> tuple[_Block, int]:
    frames: list[tuple[str, ...]] = []
    while number < len(lines) and lines[number].startswith(" "):
        start = number
        number += 1
        while number < len(lines) and lines[number].startswith(" ") and not _FRAME.fullmatch(lines[number]):
            number += 1
        frames.append(tuple(lines[start:number]))
    raised = tuple(_raised(lines[number:]))
    return _Block(frames=tuple(frames), raised=raised), number + len(raised)


def _raised(lines: Sequence[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        is_chained = not line and lines[number + 1 : number + 2] and lines[number + 1] in _CHAINED
        if is_chained or line == _HEAD or _NEXT.match(line):
            return
        yield line
