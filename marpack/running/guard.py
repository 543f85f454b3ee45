"""What a worker leaves when nobody can end it any more: a guard that does, and the processes that it began.

A program that is killed cleans nothing up. Its guard is a shell that waits for the end of a pipe from it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

# Its arguments are folders to remove; the first is named in the environment of the worker and of what it begins.
# What it reads: the process group to end, "-" when there is none, "done" when all has been ended in good order.
# The leader of the group is the worker's keeper, which ends all by itself, and is given the time for it.
# It is no child of this process: a program may end all its children as it ends itself, which Ray's replicas do.
_SCRIPT = r"""
exec 3<&0
trap '' INT TERM HUP QUIT
{
group=-
while read -r said; do
  if [ "$said" = done ]; then exit 0; fi
  group=$said
done
if [ "$group" != - ]; then
  for each in 1 2 3 4 5 6 7 8 9 10; do
    if kill -0 "$group"; then sleep 0.2; fi
  done
  # Not -KILL: some shells know no -- behind that.
  kill -s KILL -- "-$group" || kill -s KILL "$group"
fi
for each in /proc/[0-9]*/environ; do
  if grep -q -F -e "$1" -- "$each"; then
    process=${each#/proc/}
    kill -KILL "${process%/environ}"
  fi
done
rm -rf -- "$@"
sleep 1
rm -rf -- "$@"
} <&3 3<&- &
"""
_ROUNDS = 500
_PAUSE = 0.01


class Guard:
    """A process that ends a worker and removes its folders if this process ends without having done so."""

    def __init__(self, folders: Sequence[str]) -> None:
        reader, self._writer = os.pipe()
        # At its end when the guard has ended.
        self._ended, ended = os.pipe()
        try:
            subprocess.run(
                ["/bin/sh", "-c", _SCRIPT, "marpack-guard", *folders],
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C"},
                stdin=reader,
                stdout=ended,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                check=False,
            )
        except FileNotFoundError:  # a system without a shell: then there is no guard
            pass
        except BaseException:
            self.forget()
            raise
        finally:
            os.close(reader)
            os.close(ended)

    def forget(self) -> None:
        """Be a copy's: the guard watches the process that this is a copy of, by that one's end of the pipe."""
        if self._writer >= 0:
            os.close(self._writer)
            os.close(self._ended)
            self._writer = -1

    def watch(self, group: int | None) -> None:
        """Tell which process group is to be ended; None where there is none: its number may become another's."""
        self._tell("-" if group is None else str(group))

    def close(self, *, done: bool) -> None:
        """End the guard; unless all is ``done``, it acts now, and nobody waits for it."""
        if self._writer < 0:
            return
        if done:
            self._tell("done")
            while os.read(self._ended, 1):
                pass
        self.forget()

    def _tell(self, what: str) -> None:
        if self._writer < 0:
            return
        with contextlib.suppress(BrokenPipeError):  # somebody has killed it
            os.write(self._writer, f"{what}\n".encode())


def end_marked(mark: str) -> None:
    """End the processes in whose environment ``mark`` is, where the system shows that: whoever left the group."""
    for _ in range(_ROUNDS):
        found = [*_marked(os.fsencode(mark))]
        if not found:
            return
        for process in found:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        time.sleep(_PAUSE)


def _marked(mark: bytes) -> Iterator[int]:
    if not sys.platform.startswith("linux"):
        return
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    own = os.getpid()
    for name in names:
        if not name.isdigit() or int(name) == own:
            continue
        # Whoever has ended meanwhile, or is another's, is none of ours.
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
            if mark in file.read():
                yield int(name)
