"""What a worker is a child of: with the worker it ends all that the worker has begun, however that hides.

A script for the server's Python, which knows nothing of marpack. Its arguments are the worker's command, and it
ends with the worker's status. When its standard input ends, as it does with the program that has started it, it
ends the worker. On Linux, whoever loses his parent below it becomes its child: all that is left is.
"""

import contextlib
import os
import select
import signal
import sys
import time

_SUBREAPER = 36
# Seconds for the system to take away what was killed.
_PATIENCE = 2
_PAUSE = 0.002
# What is sent to all processes of a terminal, or of a group, is not sent to end this one.
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# What Python ignores, and other programs do not.
_PYTHONS_OWN = (signal.SIGPIPE, signal.SIGXFSZ)


def main():  # type: ignore[no-untyped-def]  # any Python that TorchServe runs on may read this
    """Start the worker, wait for its end or the end of the input, and end what is left."""
    adopt()  # type: ignore[no-untyped-call]
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _IGNORED}
    before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    worker = os.fork()
    if not worker:
        begin(sys.argv[1:], before)  # type: ignore[no-untyped-call]
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(null, stream)
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(woken, select.POLLIN)
    status = None
    while status is None and not any(place == 0 for place, _ in poll.poll()):
        with contextlib.suppress(BlockingIOError):
            os.read(woken, 4096)
        status, _ = take_away(worker)  # type: ignore[no-untyped-call]
    deadline = time.monotonic() + _PATIENCE
    others = True
    while others and time.monotonic() < deadline:
        for process in {*children(), *([worker] if status is None else [])}:  # type: ignore[no-untyped-call]
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        found, others = take_away(worker)  # type: ignore[no-untyped-call]
        status = status if found is None else found
        time.sleep(_PAUSE if others else 0)
    os._exit(128 + signal.SIGKILL if status is None else status)


def adopt():  # type: ignore[no-untyped-def]
    """Become the parent of those below who lose theirs."""
    if sys.platform.startswith("linux"):
        try:
            import ctypes

            ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
        except (ImportError, OSError, AttributeError):  # then they get away, as on other systems
            pass


def begin(command, signals):  # type: ignore[no-untyped-def]
    """Become the worker, as if this process had not been between: with these signals' handlers, and no input."""
    try:
        signal.set_wakeup_fd(-1)
        for number, handler in {**signals, **dict.fromkeys(_PYTHONS_OWN, signal.SIG_DFL)}.items():
            signal.signal(number, signal.SIG_DFL if callable(handler) else handler)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def take_away(worker):  # type: ignore[no-untyped-def]
    """Take away children that have ended; return the worker's status, if it is one, and whether any is left."""
    found = None
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found, False
        if not process:
            return found, True
        if process == worker:
            found = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def children():  # type: ignore[no-untyped-def]
    """Return the processes whose parent this is; none where the system does not show them."""
    found = set()  # type: ignore[var-annotated]
    try:
        names = os.listdir("/proc")
    except OSError:
        return found
    own = str(os.getpid()).encode()
    for name in filter(str.isdigit, names):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                # What stands before the last parenthesis is the process's to choose.
                if file.read().rpartition(b")")[2].split()[1] == own:
                    found.add(int(name))
        except (OSError, IndexError):  # it has ended
            continue
    return found


if __name__ == "__main__":
    main()  # type: ignore[no-untyped-call]
