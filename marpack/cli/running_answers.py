"""How ``marpack run`` tells people what a model answers, and why it does not."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from marpack.cli.running_figures import Figures
from marpack.cli.terminal import complain, complain_of_error, count_of, naming, show, show_body, shown_lines
from marpack.disk.atomic import replacing_file, require_replaceable_file
from marpack.display import printable
from marpack.frozen import frozen

if TYPE_CHECKING:
    from marpack.errors import NotServedError
    from marpack.running import LogLine, Response, Worker

# Before what the handler wrote.
_LOGGED = "  | "
# What the server says whatever a worker ended by.
_DIED = "500 InternalServerException: Worker died."


@frozen
class Answered:
    """A response, and what a person calls its request, empty where there is but one."""

    name: str
    response: Response


class Report(ABC):
    """Who is told what a run comes to, as it happens."""

    @abstractmethod
    def loaded(self, worker: Worker, seconds: float) -> None:
        """Tell that the model is loaded."""

    @abstractmethod
    def answered(
        self, answers: Sequence[Answered], seconds: float, traceback: str, log: Sequence[LogLine]
    ) -> None:
        """Tell the answers to a batch, how long they took, and what was written meanwhile."""

    @abstractmethod
    def not_served(self, error: NotServedError) -> None:
        """Tell that the model cannot be loaded, and why."""

    @abstractmethod
    def ended(self, worker: Worker, figures: Figures | None) -> None:
        """Tell what is known at the end."""


class ShownReport(Report):
    """Bodies on standard output, or in files; all else on standard error."""

    def __init__(
        self, path: str, *, asks: bool, include: bool, log: bool, files: Sequence[str], force: bool
    ) -> None:
        self._path = path
        self._asks = asks
        self._include = include
        self._log = log
        self._files = iter(files)
        self._force = force

    def loaded(self, worker: Worker, seconds: float) -> None:
        """Tell it as the result, where nothing is asked."""
        if self._log:
            tell_log(line.text for line in worker.log)
        if not self._asks:
            server = worker.torchserve_version
            what = printable(f"{worker.model_name} {worker.version}")
            show(f"{printable(self._path)}: {what} is loaded, in {seconds:,.1f} s, by TorchServe {server}")

    def answered(
        self, answers: Sequence[Answered], seconds: float, traceback: str, log: Sequence[LogLine]
    ) -> None:
        """Tell one after the other; what the handler wrote is of the batch."""
        for each in answers:
            self._tell(each)
        if any(status_line(each.response) == _DIED for each in answers):
            complain(
                f"the worker ended {seconds:,.1f} s after it was asked: it died, took longer than --timeout, "
                "or said more than --max-response-size"
            )
        failed = any(not each.response.ok for each in answers)
        if failed and traceback:
            complain(shown_lines(traceback.rstrip("\n")))
        if failed or self._log:
            tell_log(line.text for line in log)

    def not_served(self, error: NotServedError) -> None:
        """Tell the traceback and the log first: the error is what is read last."""
        if error.traceback:
            complain(shown_lines(error.traceback.rstrip("\n")))
        tell_log(error.log)
        complain_of_error(str(error))

    def ended(self, worker: Worker, figures: Figures | None) -> None:
        """Tell the figures."""
        for line in figures.lines() if figures else ():
            complain(line)

    def _tell(self, answered: Answered) -> None:
        name, response = answered.name, answered.response
        before = f"{printable(name)}: " if name else ""
        complain(f"{before}{status_line(response)}")
        file = next(self._files, None)
        if file is not None:
            _write(file, response.body, force=self._force)
            complain(f"{printable(file)}: {count_of(len(response.body), 'byte')}")
            return
        if self._include:
            show_body(head_of(response), "")
        show_body(response.body, response.header("content-type") or "")


def status_line(response: Response) -> str:
    """Return the status in a line: of an error of the server's own with its kind and message."""
    said: Any = None
    if not response.ok and response.header("content-type") == "application/json":
        try:
            said = response.json()
        except (ValueError, RecursionError):
            said = None
    if isinstance(said, dict) and isinstance(said.get("type"), str) and isinstance(said.get("message"), str):
        return printable(f"{response.status} {said['type']}: {said['message']}")
    return printable(f"{response.status} {response.reason}".rstrip())


def head_of(response: Response) -> bytes:
    """Return the status line and the headers as HTTP writes them, with the empty line."""
    lines = [
        f"HTTP/1.1 {response.status} {response.reason}",
        *(f"{name}: {text}" for name, text in response.headers),
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("utf-8", "surrogateescape")


def answer_files(path: str, count: int) -> list[str]:
    """Return where so many answers go: into files with numbers, where there are several; a device takes all."""
    if count == 1 or _is_device(path):
        return [path] * count
    start, suffix = os.path.splitext(path)
    return [f"{start}-{number}{suffix}" for number in range(1, count + 1)]


def require_answer_files(files: Sequence[str], *, force: bool) -> None:
    """Raise what keeps the files from being written, as far as it is known beforehand."""
    for file in files:
        if not _is_device(file):
            require_replaceable_file(file, force=force)


def _is_device(path: str) -> bool:
    """Tell what is written to as it is, as /dev/null or a pipe with a name, from a file that is made."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _write(path: str, data: bytes, *, force: bool) -> None:
    with naming(path), open(path, "wb") if _is_device(path) else replacing_file(path, force=force) as file:
        file.write(data)


def tell_log(log: Iterable[str]) -> None:
    """Print what the handler wrote: tracebacks are told apart, and what every worker writes of itself is not."""
    from marpack.running.handlers_log import handlers_lines

    for line in handlers_lines(log):
        complain(f"{_LOGGED}{shown_lines(line)}")
