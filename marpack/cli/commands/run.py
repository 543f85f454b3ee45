"""``marpack run``: what a server would answer, from the server's own worker and without Java."""

from __future__ import annotations

import argparse
import math
import os
import signal
import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from marpack.cli.reading_options import add_download, add_limits, limits_of, size
from marpack.cli.running_answers import Answered, Report, ShownReport, answer_files, require_answer_files
from marpack.cli.running_figures import Figures
from marpack.cli.running_inputs import (
    STANDARD_INPUT,
    Asked,
    add_inputs,
    files_sent,
    requests,
    require_inputs_make_sense,
)
from marpack.cli.running_json import JsonReport
from marpack.cli.signature_options import add_required, required_signature, silent_for_signature
from marpack.cli.stores import is_url, place, silent_for
from marpack.cli.terminal import UsageError, complain, complain_of_error, naming, told_by_the_disk, warn
from marpack.cli.watching import changed
from marpack.cli.words import ENVELOPES, positive
from marpack.disk.file_states import states
from marpack.display import printable
from marpack.errors import MarpackError, NotServedError

if TYPE_CHECKING:
    from marpack.running import Worker

_INTERRUPTED = 128 + signal.SIGINT
# A server is told no larger number.
_MOST = 2**31 - 1
# Debugging is done by a person, at a terminal that shows nothing else meanwhile.
_NOT_WITH_PDB = ("json", "watch", "repeat")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "run",
        help="run an archive's code, and show what a server would answer",
        description="Run the code that an archive holds: load its model by TorchServe's own worker (extra run; "
        "without Java), and print what a server would answer. The body goes to standard output; the status, and "
        "of a failure the handler's traceback and what it wrote, to standard error. Ends with status 1 when an "
        "answer has a status of 400 or more, or the model is not served.",
    )
    parser.set_defaults(run=_run, stray_words="--input names a file that is sent, --form a field of a form")
    add = parser.add_argument
    add("archive", metavar="ARCHIVE", help="path or URL of a .mar or a .tar.gz, or path of a model's folder")
    add_inputs(parser, "what is sent; without any of it, the model is only loaded")
    _add_model_options(parser)
    _add_shown_options(parser)
    add_required(parser)
    add_download(parser)
    add_limits(parser)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how the model is run").add_argument
    add("--batch", type=_batch, metavar="N", help="batch size: give the handler N requests at once")
    add("--envelope", choices=ENVELOPES, help="what the server is told as service_envelope")
    add(
        "--gpu", type=_gpu, nargs="?", const=0, metavar="ID", help="the GPU that the handler is told, 0 by default"
    )
    add("--python", metavar="PATH", help="the Python that runs the worker; default: this one")
    add(
        "--requirements",
        action="store_true",
        help="install what the archive asks for, into a folder that goes again (takes pip)",
    )
    add("--timeout", type=_seconds, metavar="SECONDS", help="for an answer; default: the model's, or 120")
    add("--startup-timeout", type=_seconds, metavar="SECONDS", help="for loading; default: the model's, or 120")
    for option in ("--max-request-size", "--max-response-size"):
        add(option, type=_size, metavar="BYTES", help="as the server's; default: 6553500")


def _add_shown_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is shown").add_argument
    add("-i", "--include", action="store_true", help="status line and headers before the body, as curl -i")
    add(
        "-o",
        "--output",
        metavar="FILE",
        help="the body into a file; of several answers FILE gets numbers: answer-1.json, ...",
    )
    add("-f", "--force", action="store_true", help="replace files that are there")
    add("--log", action="store_true", help="what the handler printed and logged, also where all is well")
    add("--json", action="store_true", help="print all of it as JSON (spec/run.schema.json)")
    add("--repeat", type=positive, metavar="N", help="send it N times: latency, requests a second, memory")
    add("--watch", action="store_true", help="run again when a file changes, until Ctrl-C")
    add("--pdb", action="store_true", help="stop in a debugger where the handler begins to answer, or raises")


def _run(options: argparse.Namespace) -> int:
    _require_sense(options)
    if options.watch:
        return _watch(options)
    return _once(options, requests(options))


def _require_sense(options: argparse.Namespace) -> None:
    """Raise ``UsageError`` where options do not go together."""
    if options.archive == "-":
        raise UsageError("an archive is read here and there, which standard input does not allow: name a file")
    require_inputs_make_sense(options)
    required_signature(options)
    asks = bool(options.input or options.form)
    for option in ("include", "output", "repeat"):
        if getattr(options, option) and not asks:
            raise UsageError(
                f"--{option}: nothing is sent; name a body (--input FILE) or a form (--form NAME=VALUE)"
            )
    if options.json and (options.include or options.output or options.log):
        option = "include" if options.include else "output" if options.output else "log"
        raise UsageError(
            f"--json and --{option}: the JSON has all of it, on standard output; leave one of them out"
        )
    if options.output is not None and options.include:
        raise UsageError("--include and --output: the file gets the body alone; leave one of them out")
    if options.force and options.output is None:
        raise UsageError("--force: nothing is written; name a file (--output FILE)")
    if options.pdb:
        for option in _NOT_WITH_PDB:
            if getattr(options, option):
                raise UsageError(f"--pdb and --{option}: somebody who debugs is asked once; leave one of them out")
        if STANDARD_INPUT in files_sent(options):
            raise UsageError("--pdb: the debugger reads standard input; send a file")
        if options.timeout is not None or options.startup_timeout is not None:
            raise UsageError("--pdb and --timeout: there are no time limits while somebody debugs")
    if options.watch:
        if options.json:
            raise UsageError(
                "--watch and --json: one document is printed, and then all is done; leave one of them out"
            )
        if options.output is not None and not options.force:
            raise UsageError("--watch and --output: the file is written again and again; add --force")
        if is_url(options.archive):
            raise UsageError("--watch: nobody says when what is behind a URL changes; name a file or a folder")


def _once(options: argparse.Namespace, asked: Sequence[Asked]) -> int:
    """Load the model, send what there is to send, and tell; return the exit status."""
    from marpack.running import Worker

    report = _report(options, asked)
    with ExitStack() as stack:
        # As of a folder that cannot be removed again.
        stack.enter_context(warnings.catch_warnings())
        warnings.showwarning = lambda message, *_: warn(str(message))
        signature = required_signature(options)
        with silent_for(options.archive), silent_for_signature(signature), naming(place(options.archive)):
            worker = Worker(
                options.archive,
                **_worker_options(options),
                signature=signature,
                debugger=_debugger(options, stack),
            )
            began = time.monotonic()
            try:
                worker.start()
            except NotServedError as error:
                report.not_served(error)
                return 1
        stack.callback(worker.close)
        report.loaded(worker, time.monotonic() - began)
        figures = _ask(worker, asked, report, options.repeat or 1) if asked else None
        report.ended(worker, figures if options.repeat else None)
    return 1 if figures and figures.failed else 0


def _report(options: argparse.Namespace, asked: Sequence[Asked]) -> Report:
    if options.json:
        return JsonReport(place(options.archive))
    to_files = options.output not in (None, "-")
    files = answer_files(options.output, len(asked)) if to_files else []
    require_answer_files(files, force=options.force)  # before anything runs
    return ShownReport(
        place(options.archive),
        asks=bool(asked),
        include=options.include,
        log=options.log,
        files=files,
        force=options.force,
    )


def _ask(worker: Worker, asked: Sequence[Asked], report: Report, times: int) -> Figures:
    """Send requests in batches, so many times; tell the first answers to each, and the first later failure."""
    from marpack.running.handlers_log import lines_after

    at_once = worker.batch_size
    batches = [asked[start : start + at_once] for start in range(0, len(asked), at_once)]
    seconds, sizes, failed = [], [], 0
    for number in range(times):
        for batch in batches:
            told = number == 0 or not failed
            before = worker.log if told else ()
            began = time.perf_counter()
            responses = worker.predict([each.request for each in batch])
            seconds.append(time.perf_counter() - began)
            sizes.append(len(batch))
            wrong = sum(not response.ok for response in responses)
            if number == 0 or (wrong and not failed):
                log = lines_after(worker.log, before)
                answers = [
                    Answered(name=each.name if len(asked) > 1 else "", response=response)
                    for each, response in zip(batch, responses, strict=True)
                ]
                report.answered(answers, seconds[-1], worker.traceback if wrong else "", log)
            failed += wrong
    return Figures(seconds=tuple(seconds), sizes=tuple(sizes), failed=failed, peak_memory=worker.peak_memory)


def _watch(options: argparse.Namespace) -> int:
    """Run again and again, whatever becomes of it, until Ctrl-C."""
    watched = [options.archive, *(name for name in files_sent(options) if name != STANDARD_INPUT)]
    before = states(watched)
    while True:
        try:
            _once(options, requests(options))
        except BrokenPipeError:
            raise
        except (MarpackError, OSError) as error:
            complain_of_error(told_by_the_disk(error) if isinstance(error, OSError) else str(error))
        try:
            complain("marpack: waiting for a change, until Ctrl-C")
            paths = changed(watched, before)
        except KeyboardInterrupt:
            return _INTERRUPTED
        before = states(watched)
        more = f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""
        complain(f"marpack: {printable(paths[0])}{more} changed")


def _debugger(options: argparse.Namespace, stack: ExitStack) -> tuple[int, int] | None:
    """Return what a debugger reads and writes: this process's own streams, open until the stack ends.

    They are copies: by their own numbers a worker has other streams.
    """
    if not options.pdb:
        return None
    try:
        streams = os.dup(0), os.dup(1)
    except OSError as error:
        raise MarpackError("--pdb: standard input or output is closed") from error
    for stream in streams:
        stack.callback(os.close, stream)
    return streams


def _worker_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of ``Worker`` that the options are."""
    given = {
        "batch_size": options.batch,
        "envelope": options.envelope,
        "gpu": options.gpu,
        "python": options.python,
        "requirements": options.requirements,
        "response_timeout": options.timeout,
        "startup_timeout": options.startup_timeout,
        "max_request_size": options.max_request_size,
        "max_response_size": options.max_response_size,
    }
    return {
        **{name: value for name, value in given.items() if value is not None},
        "limits": limits_of(options),
        "download": options.download,
    }


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, not {text!r}")
    return seconds


def _batch(text: str) -> int:
    return _fitting(positive(text), text)


def _size(text: str) -> int:
    number = size(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 byte or more, not {text!r}")
    return _fitting(number, text)


def _fitting(number: int, text: str) -> int:
    if number > _MOST:
        raise argparse.ArgumentTypeError(f"must be at most {_MOST}, not {text!r}")
    return number


def _gpu(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f"must be the number of a GPU, from 0 on, not {text!r} (the archive comes before --gpu)"
        )
    return _fitting(int(text), text)
