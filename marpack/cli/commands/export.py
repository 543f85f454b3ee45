"""``marpack export``: a folder by which Ray Serve, SageMaker or KServe serves what TorchServe served.

``--verify`` **runs the code that the archives hold**.
"""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from marpack.cli.progress import progress_for
from marpack.cli.reading_options import add_download, add_limits, limits_of
from marpack.cli.running_inputs import Asked, add_inputs, requests, require_inputs_make_sense
from marpack.cli.screen import out
from marpack.cli.stores import place, silent_for
from marpack.cli.terminal import UsageError, count_of, making, naming, show, to_json
from marpack.cli.words import ENVELOPES, positive
from marpack.display import printable
from marpack.export.targets import TARGETS

if TYPE_CHECKING:
    from marpack.export import Compared, ExportEntry, ExportPlan, ExportResult
    from marpack.running import Response

# Of an answer that is not equal, the bytes that are shown.
_LONGEST = 200


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "export",
        help="write a folder by which Ray Serve, SageMaker or KServe serves a model",
        description="Write a folder by which another engine than TorchServe serves models, their handlers as they "
        "are. EXPORT.md in it says what carries over, and what does not, and why. Nothing of the archives is run, "
        "but with --verify, which ends with status 1 where an answer is not equal.",
    )
    parser.set_defaults(run=_run)
    add = parser.add_argument
    add(
        "sources",
        metavar="SOURCE",
        nargs="+",
        help="paths or URLs of .mar or .tar.gz archives, or paths of models' folders; a model store; or one "
        "config.properties, or a folder with it",
    )
    add("--to", metavar="|".join(TARGETS), required=True, help="the engine")
    add("-o", "--output", metavar="FOLDER", required=True, help="the folder, which must not exist")
    add("-f", "--force", action="store_true", help="replace a folder that holds an export")
    add("--json", action="store_true", help="print what has become of what as JSON (spec/export.schema.json)")
    _add_model_options(parser)
    _add_folder_options(parser)
    _add_verifying(parser)
    add_download(parser)
    add_limits(parser)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what the server was told").add_argument
    add("--model-store", metavar="FOLDER", help="where the archives lie that a config.properties names")
    add("--envelope", choices=ENVELOPES, help="service_envelope; default: what the settings say")
    gpu = parser.add_mutually_exclusive_group()
    gpu.add_argument("--gpu", action="store_true", default=None, help="ask for a GPU for each worker")
    gpu.add_argument("--no-gpu", dest="gpu", action="store_false", help="ask for none, whatever a model says")


def _add_folder_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what the folder holds").add_argument
    add("--service-name", metavar="NAME", help="of KServe's InferenceService; default: made of the model's")
    add("--image", metavar="IMAGE", help="that it names, and the Containerfile is built as")
    add("--with-ts", action="store_true", help="the Python part of TorchServe, in place of a requirement")
    add("--python", metavar="PATH", help="that has TorchServe, for --with-ts and --verify; default: this one")
    add("--without-marpack", action="store_true", help="marpack is a requirement, for whose index has it")
    add("--threads", type=positive, metavar="N", help="how many unpack at once, default: one a core")


def _add_verifying(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("whether it answers as the archives do").add_argument
    add("--verify", action="store_true", help="start it, and send what follows to it and to TorchServe's worker")
    add("--engine-python", metavar="PATH", help="the Python that has the engine and torch; default: this one")
    add("--timeout", type=positive, default=300, metavar="SECONDS", help="for it to start; default: 300")
    add_inputs(parser, "what is sent with --verify")
    parser.set_defaults(max_request_size=None)


def _run(options: argparse.Namespace) -> int:
    if options.to not in TARGETS:
        raise UsageError(f"--to: {options.to!r} is not a target: choose from {', '.join(TARGETS)}")
    if "-" in options.sources:
        raise UsageError("an archive is read here and there, which standard input does not allow: name a file")
    asked = _asked(options)
    from marpack.export import write_export
    from marpack.export.plan import MARKER

    with silent_for(*options.sources):
        plan = _planned(options)
        if options.verify:
            from marpack.export.verify import require_pythons

            require_pythons(plan, python=options.python, engine_python=options.engine_python)
        work = sum(member.size for model in plan.models for member in model.archive.members)
        with progress_for(work, quiet=False) as progress, making(options.output, "cannot be made"):
            written = write_export(
                plan, options.output, force=options.force, progress=progress, threads=options.threads
            )
    if not options.json:
        _tell(plan, written)
    compared = _compared(options, plan, asked) if options.verify else None
    if options.json:
        told = None if compared is None else [_json_of(each, asked) for each in compared]
        show(to_json(json.loads(plan.about[MARKER]) | {"verified": told}))
    return 1 if compared is not None and not all(each.is_equal for each in compared) else 0


def _asked(options: argparse.Namespace) -> list[Asked]:
    """Return what is to be sent; raise ``UsageError`` where options do not go together."""
    require_inputs_make_sense(options)
    asked = requests(options) if options.input or options.form else []
    if options.verify and not asked:
        raise UsageError("--verify: nothing is sent; name a body (--input FILE) or a form (--form NAME=VALUE)")
    if asked and not options.verify:
        raise UsageError("--input and --form: they are sent with --verify; add that, or leave them out")
    if options.python is not None and not (options.with_ts or options.verify):
        raise UsageError("--python: it is for --with-ts and --verify; add one of them, or leave it out")
    return asked


def _compared(options: argparse.Namespace, plan: ExportPlan, asked: list[Asked]) -> tuple[Compared, ...]:
    from marpack.export import verify_export

    compared = verify_export(
        plan,
        options.output,
        [each.request for each in asked],
        python=options.python,
        engine_python=options.engine_python,
        timeout=options.timeout,
    )
    if not options.json:
        for each in compared:
            _tell_compared(each, asked)
        _tell_known(plan, {each.model for each in compared if not each.is_equal})
    return compared


def _tell_known(plan: ExportPlan, unequal: Collection[str]) -> None:
    """Say what is known to differ of models whose answers are not equal."""
    for entry in plan.entries if unequal else ():
        if entry.fate == "differs" and (not entry.about or entry.about in unequal):
            show(out().wrapped(printable(f"known: {entry.about}{': ' if entry.about else ''}{entry.what}")))


def _tell_compared(compared: Compared, asked: list[Asked]) -> None:
    """Say whether two answers are equal."""
    name = asked[compared.request].name or "the form"
    of = f"{name} to {compared.model}"
    own, exported = compared.own, compared.exported
    screen = out()
    if compared.is_equal:
        equal, of = screen.painted("good", "equal"), printable(of)
        show(screen.wrapped(f"{equal}: {of}: {own.status}, {count_of(len(own.body), 'byte')}"))
        return
    unequal = screen.painted("error", "NOT EQUAL")
    show(screen.wrapped(f"{unequal}: {printable(of)}: TorchServe's worker says {printable(_brief(own))}"))
    show(screen.wrapped(f"  and the export {printable(_brief(exported))}"))


def _brief(response: Response) -> str:
    end = "" if response.complete else ", and breaks off"
    return f"{response.status} {response.body[:_LONGEST]!r}{end}"


def _json_of(compared: Compared, asked: list[Asked]) -> dict[str, object]:
    answers = {"own": compared.own, "exported": compared.exported}
    return {
        "input": asked[compared.request].name or None,
        "model": compared.model,
        "equal": compared.is_equal,
        **{
            name: {
                "status": each.status,
                "body_base64": base64.b64encode(each.body).decode(),
                "complete": each.complete,
            }
            for name, each in answers.items()
        },
    }


def _planned(options: argparse.Namespace) -> ExportPlan:
    from marpack.export import plan_export

    with naming(place(options.sources[0])):
        return plan_export(
            *options.sources,
            to=options.to,
            model_store=options.model_store,
            envelope=options.envelope,
            gpu=options.gpu,
            service_name=options.service_name,
            image=options.image,
            with_marpack=not options.without_marpack,
            with_ts=options.with_ts,
            python=options.python if options.with_ts else None,
            limits=limits_of(options),
            download=options.download,
        )


def _tell(plan: ExportPlan, written: ExportResult) -> None:
    sizes = f"{count_of(len(written.files), 'file')}, {count_of(written.size, 'byte')}"
    screen = out()
    show(screen.wrapped(f"{screen.painted('strong', printable(written.folder))}: {sizes}"))
    from marpack.export.entry import together

    for entry in together(plan.entries):
        # What holds of every export for a target stands in its page.
        if entry.fate in ("changed", "lost") or (entry.fate == "differs" and entry.about):
            for line in _lines(entry):
                label, colon, rest = printable(line).partition(":")
                show(screen.wrapped(f"{screen.painted('strong', label)}{colon}{rest}"))
    show(
        screen.wrapped(
            "EXPORT.md in it says what to do next, and has all of this, what carries over, and how all answers "
            "differ.",
            0,
        )
    )


def _lines(entry: ExportEntry) -> Iterator[str]:
    row = entry.asdict()
    yield f"{entry.fate}: {row['about']}{': ' if row['about'] else ''}{row['what']}"
    yield f"  seen: {row['seen']}"
    if row["becomes"]:
        yield f"  now: {row['becomes']}"
    yield f"  why: {row['why']}"
