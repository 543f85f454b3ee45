"""What a worker holds of the system: folders, a guard, a process. All is given back, whatever happens."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping

from marpack.running.guard import Guard
from marpack.running.kept_log import KeptLog
from marpack.running.scratch import Scratch
from marpack.running.server_python import ServerPython
from marpack.running.worker_process import WorkerProcess

# Seconds that a worker has to end in good order: what its handler has printed is written then, too.
GRACE = 2


class Held:
    """Folders and a guard, and one process after another. It belongs to the process that has made it."""

    def __init__(self, log: KeptLog) -> None:
        self._owner = os.getpid()
        self._log = log
        self._process: WorkerProcess | None = None
        self._number = 0
        self.scratch = Scratch()
        try:
            self._guard = Guard(self.scratch.folders)
        except BaseException:
            self.scratch.remove()
            raise

    @property
    def is_ours(self) -> bool:
        """Whether this process has made it, and is no copy of that."""
        return os.getpid() == self._owner

    @property
    def process(self) -> WorkerProcess | None:
        """The process that was begun last, unless it was ended."""
        return self._process

    def begin(
        self,
        python: ServerPython,
        *,
        folder: str,
        environment: Mapping[str, str],
        asynchronous: bool,
        debugger: tuple[int, int] | None,
    ) -> WorkerProcess:
        """Start a process for the model in ``folder``."""
        self._number += 1
        self._process = WorkerProcess(
            python,
            model_folder=folder,
            scratch=self.scratch.folder,
            environment=environment,
            asynchronous=asynchronous,
            sockets=self.scratch.sockets,
            number=self._number,
            log=self._log,
            guard=self._guard,
            debugger=debugger,
        )
        return self._process

    def interrupt(self) -> None:
        """Kill the process, from any thread."""
        if (process := self._process) is not None:
            process.kill()

    def drop(self, *, grace: float = 0) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close(grace=grace)
            self._process = None

    def close(self, *, grace: float = GRACE) -> None:
        """Give all back; what is not done when this is broken off, the guard does.

        Of what cannot be removed a ``RuntimeWarning`` tells: it is the user's disk.
        """
        if not self.is_ours:
            return
        done = False
        try:
            self.drop(grace=grace)
            done = self.scratch.remove()
        finally:
            self._guard.close(done=done)
        if not done:
            left = ", ".join(repr(folder) for folder in self.scratch.folders if os.path.lexists(folder))
            warnings.warn(f"{left} cannot be removed: see what is in it", RuntimeWarning, stacklevel=2)
