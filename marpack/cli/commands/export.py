"""``marpack export``: a folder by which Ray Serve, SageMaker or KServe serves what TorchServe served."""

from __future__ import annotations

import argparse
import json

from marpack.cli.progress import progress_for
from marpack.cli.reading_options import add_download, add_limits, limits_of
from marpack.cli.stores import silent_for
from marpack.cli.terminal import UsageError, count_of, making, naming, show, to_json
from marpack.cli.words import positive
from marpack.display import printable
from marpack.export import ExportPlan, ExportResult, plan_export, write_export
from marpack.export.entry import Entry
from marpack.export.plan import MARKER
from marpack.export.targets import TARGETS

_ENVELOPES = ("body", "json", "kserve", "kservev2")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "export",
        help="write a folder by which Ray Serve, SageMaker or KServe serves a model",
        description="Write a folder by which another engine than TorchServe serves models, their handlers as they "
        "are. EXPORT.md in it says what carries over, and what does not, and why. Nothing of the archives is run.",
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
    add("--to", metavar="TARGET", required=True, help=f"the engine: {', '.join(TARGETS)}")
    add("-o", "--output", metavar="FOLDER", required=True, help="the folder, which must not exist")
    add("-f", "--force", action="store_true", help="replace a folder that holds an export")
    add("--json", action="store_true", help="print what has become of what as JSON (spec/export.schema.json)")
    _add_model_options(parser)
    _add_folder_options(parser)
    add_download(parser)
    add_limits(parser)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what the server was told").add_argument
    add("--model-store", metavar="FOLDER", help="where the archives lie that a config.properties names")
    add("--envelope", choices=_ENVELOPES, help="service_envelope; default: what the settings say")
    gpu = parser.add_mutually_exclusive_group()
    gpu.add_argument("--gpu", action="store_true", default=None, help="ask for a GPU for each worker")
    gpu.add_argument("--no-gpu", dest="gpu", action="store_false", help="ask for none, whatever a model says")


def _add_folder_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what the folder holds").add_argument
    add("--service-name", metavar="NAME", help="of KServe's InferenceService; default: made of the model's")
    add("--image", metavar="IMAGE", help="that it names, and the Containerfile is built as")
    add("--with-ts", action="store_true", help="the Python part of TorchServe, in place of a requirement")
    add("--python", metavar="PATH", help="the Python that has the TorchServe of --with-ts; default: this one")
    add("--without-marpack", action="store_true", help="marpack is a requirement, for whose index has it")
    add("--threads", type=positive, metavar="N", help="how many unpack at once, default: one a core")


def _run(options: argparse.Namespace) -> None:
    if options.to not in TARGETS:
        raise UsageError(f"--to: {options.to!r} is not a target: choose from {', '.join(TARGETS)}")
    if "-" in options.sources:
        raise UsageError("an archive is read here and there, which standard input does not allow: name a file")
    with silent_for(*options.sources):
        plan = _planned(options)
        work = sum(member.size for model in plan.models for member in model.archive.members)
        with progress_for(work, quiet=False) as progress, making(options.output, "cannot be made"):
            written = write_export(
                plan, options.output, force=options.force, progress=progress, threads=options.threads
            )
    _tell(plan, written, as_json=options.json)


def _planned(options: argparse.Namespace) -> ExportPlan:
    with naming(options.sources[0]):
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
            python=options.python,
            limits=limits_of(options),
            download=options.download,
        )


def _tell(plan: ExportPlan, written: ExportResult, *, as_json: bool) -> None:
    if as_json:
        show(to_json(json.loads(plan.about[MARKER])))
        return
    sizes = f"{count_of(len(written.files), 'file')}, {count_of(written.size, 'byte')}"
    show(f"{printable(written.folder)}: {sizes}")
    for entry in plan.entries:
        if entry.fate != "carried":
            show(_line(entry))
    show(f"EXPORT.md says what carries over ({_count(plan.entries, 'carried')}), and more of these.")


def _line(entry: Entry) -> str:
    row = entry.asdict()
    became = f"; now {row['becomes']}" if row["becomes"] else ""
    about = f"{row['about']}: " if row["about"] else ""
    return printable(f"{entry.fate}: {about}{row['what']}{became}: {row['why']} ({row['seen']})")


def _count(entries: tuple[Entry, ...], fate: str) -> str:
    return count_of(sum(entry.fate == fate for entry in entries), "thing")
