"""``marpack image``: an OCI image of a model or of a server's models, without a daemon, and into a registry."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from marpack.cli.packing_options import source_date_epoch
from marpack.cli.progress import progress_for
from marpack.cli.reading_options import add_limits, limits_of
from marpack.cli.screen import out
from marpack.cli.stores import place, silent_for, silent_stores
from marpack.cli.terminal import UsageError, count_of, making, naming, show, to_json, warn
from marpack.display import printable
from marpack.errors import PlanError

if TYPE_CHECKING:
    from marpack.images import ImagePlan, ImageResult, PushResult

_SCHEMA = 1


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "image",
        help="write an OCI image of models, as KServe mounts and fetches it",
        description="Write an OCI image layout without a daemon: one layer for each archive, so that a changed "
        "model sends one. The same input makes the same digest, which is printed.",
        epilog="SOURCE_DATE_EPOCH is when the image says that it was made; without it, it does not say.",
    )
    parser.set_defaults(run=_run)
    add = parser.add_argument
    add(
        "source",
        metavar="SOURCE",
        help="a folder that a server starts from, a config.properties, or a model store; one archive, whose "
        "members become files; or a declaration as serve-build reads it, .toml or .json",
    )
    add("-o", "--output", metavar="PATH", required=True, help="a folder; or one file, if it ends in .tar")
    add("-f", "--force", action="store_true", help="replace a layout")
    add("--json", action="store_true", help="print the result as JSON (spec/image.schema.json)")
    add("--model-store", metavar="FOLDER", help="where the archives lie that a config.properties is about")
    _add_image_options(parser)
    _add_pushing(parser)
    add_limits(parser)


def _add_image_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what the image says of itself").add_argument
    add("--tag", metavar="TAG", help="of the layout; default: that of --push, or latest")
    add(
        "--platform",
        metavar="OS/ARCH",
        action="append",
        default=[],
        help="default: linux/amd64; several make an index, whose images share their layers",
    )
    add("--label", metavar="NAME=VALUE", action="append", default=[], help="may be given several times")
    add(
        "--base",
        metavar="LAYOUT",
        help="append to the image in an OCI layout, or in what docker save wrote: for modelcars, one with a shell",
    )
    add("--base-tag", metavar="TAG", help="which of several in there")
    add("--base-name", metavar="NAME", help="what the image says of its base")
    add(
        "--modelpack",
        action="store_true",
        help="write what the CNCF's ModelPack specifies, which registries keep and engines do not mount",
    )


def _add_pushing(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("to a registry (the extra oci)").add_argument
    add(
        "--push",
        metavar="REGISTRY/NAME[:TAG]",
        help="send what is not there yet, and the tag last; credentials are those of docker login",
    )
    add("--plain-http", action="store_true", help="without encryption")
    add("--ca-file", metavar="FILE", help="of the certificates that are trusted")
    add("--docker-config", metavar="FILE", help="in place of ~/.docker/config.json")


def _run(options: argparse.Namespace) -> int | None:
    timestamp, issues = source_date_epoch()
    if issues:
        raise PlanError(issues)
    labels = _labels(options.label)
    tag = options.tag or "latest"
    if options.push is not None:
        from marpack.images.push import require_pushable

        tag = options.tag or require_pushable(options.push).tag or tag
    elif options.plain_http or options.ca_file or options.docker_config:
        raise UsageError("--plain-http, --ca-file and --docker-config are for --push: add that, or leave them out")
    from marpack.images import plan_image, write_image
    from marpack.images.write import require_image_place

    with silent_for(options.source):
        with naming(place(options.source)):
            plan = plan_image(
                options.source,
                base=options.base,
                base_tag=options.base_tag,
                base_name=options.base_name,
                platforms=options.platform,
                labels=labels,
                tag=tag,
                modelpack=options.modelpack,
                model_store=options.model_store,
                timestamp=timestamp,
                limits=limits_of(options),
            )
        require_image_place(options.output, force=options.force)
        with progress_for(_work(plan), quiet=False) as progress, making(options.output, "cannot be made"):
            written = write_image(plan, options.output, force=options.force, progress=progress)
    if not options.json:
        _tell(written)
    pushed = None if options.push is None else _pushed(options, written)
    if options.json:
        show(
            to_json(
                {"schema": _SCHEMA} | written.asdict() | {"pushed": None if pushed is None else pushed.asdict()}
            )
        )
    elif pushed is not None:
        sent = f"{count_of(len(pushed.sent), 'blob')} sent, {count_of(pushed.size, 'byte')}"
        show(f"{printable(pushed.name)}: {pushed.digest}: {sent}, {count_of(len(pushed.kept), 'blob')} were there")
    return None


def _pushed(options: argparse.Namespace, written: ImageResult) -> PushResult:
    from marpack.images import push_image

    with (
        silent_stores(),
        naming(options.docker_config or written.path),
        progress_for(written.size, quiet=False) as progress,
    ):
        return push_image(
            written.path,
            options.push,
            docker_config=options.docker_config,
            plain_http=options.plain_http,
            tls_verify=options.ca_file or True,
            progress=progress,
        )


def _labels(words: list[str]) -> dict[str, str]:
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"--label: {word!r} is no NAME=VALUE")
        found[name] = value
    return found


def _work(plan: ImagePlan) -> int:
    return sum(layer.size or 0 for layer in plan.layers)


def _tell(written: ImageResult) -> None:
    for warning in written.warnings:
        warn(warning)
    for layer in written.layers:
        show(out().wrapped(f"{layer.size:>15,}  {layer.digest}  {printable(layer.title)}"), is_part=True)
    platforms = ", ".join(map(str, written.platforms)) or "ModelPack"
    name = printable(os.fspath(written))
    about = f"{printable(written.tag)}, {platforms}, {count_of(written.size, 'byte')}"
    show(out().wrapped(f"{name}: {written.digest} ({about})"))
