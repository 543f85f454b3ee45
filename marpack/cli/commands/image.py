"""``marpack image``: an OCI image of a model or of a server's models, without a daemon, and into a registry."""

from __future__ import annotations

import argparse
import os
import shlex
from contextlib import ExitStack
from typing import TYPE_CHECKING

from marpack.cli.packing_options import source_date_epoch
from marpack.cli.progress import progress_for
from marpack.cli.reading_options import add_limits, limits_of
from marpack.cli.screen import out
from marpack.cli.stores import place, silent_for, silent_stores
from marpack.cli.terminal import UsageError, count_of, making, naming, show, to_json, warn
from marpack.display import printable
from marpack.errors import ImageError, MarpackError, PlanError

if TYPE_CHECKING:
    from marpack.images import ImagePlan, ImageResult, PushResult

_SCHEMA = 1
# What says how a layout is written, which one that is there has been.
_OF_WRITING = ("force", "model_store", "platform", "label", "base", "base_tag", "base_name", "modelpack")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "image",
        help="write an OCI image of models, as KServe mounts and fetches it",
        description="Write an OCI image layout without a daemon: one layer for each archive, so that a changed "
        "model sends one. The same input makes the same digest, which is printed.",
        epilog="SOURCE_DATE_EPOCH is when the image says that it was made; without it, it does not say. "
        "DOCKER_CONFIG is the folder of docker's configuration, as docker has it.",
    )
    parser.set_defaults(run=_run)
    add = parser.add_argument
    add(
        "source",
        metavar="SOURCE",
        help="a folder that a server starts from, a config.properties, or a model store; one archive, whose "
        "members become files; or a declaration as serve-build reads it, .toml or .json. With --push and without "
        "--output: a layout that is there, which is sent as it is",
    )
    add("-o", "--output", metavar="PATH", help="the layout: a folder; or one file, if it ends in .tar")
    add("-f", "--force", action="store_true", help="replace a layout")
    add("--json", action="store_true", help="print the result as JSON (spec/image.schema.json)")
    add("--model-store", metavar="FOLDER", help="where the archives lie that a config.properties is about")
    _add_image_options(parser)
    _add_pushing(parser)
    add_limits(parser)


def _add_image_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what the image says of itself").add_argument
    add(
        "--tag",
        metavar="TAG",
        help="of the layout; default: that of --push, or latest. Of one that is sent as it is: which of several",
    )
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
    add(
        "--docker-config",
        metavar="FILE",
        help="in place of config.json in the folder that DOCKER_CONFIG names, or in ~/.docker",
    )


def _run(options: argparse.Namespace) -> int | None:
    if options.output == "-":
        raise UsageError("--output -: a layout is a folder, or a file that ends in .tar: name one")
    if options.output is None:
        _push_alone(options)
        return None
    timestamp, issues = source_date_epoch()
    if issues:
        raise PlanError(issues)
    labels = _labels(options.label)
    if options.base is None and (options.base_tag or options.base_name):
        raise UsageError("--base-tag and --base-name: of which base? Name its layout, too (--base LAYOUT)")
    tag = options.tag or _tag_of_push(options) or "latest"
    from marpack.images import plan_image, write_image
    from marpack.images.write import require_image_place

    with silent_for(options.source), ExitStack() as opened:
        with naming(place(options.source)):
            plan = opened.enter_context(
                plan_image(
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
            )
        require_image_place(options.output, force=options.force)
        with progress_for(_work(plan), quiet=False) as progress, making(options.output, "cannot be made"):
            written = write_image(plan, options.output, force=options.force, progress=progress)
    if not options.json:
        _tell(written)
    try:
        pushed = None if options.push is None else _pushed(options, written.path, written.size)
    except MarpackError as error:
        raise MarpackError(f"{error}; the layout is written, {written.digest}: {_again(options)}") from error
    if options.json:
        document = {"schema": _SCHEMA} | written.asdict()
        show(to_json(document | {"pushed": None if pushed is None else pushed.asdict()}))
    elif pushed is not None:
        _tell_pushed(pushed)
    return None


def _docker_config(options: argparse.Namespace) -> str | None:
    """Return where docker's configuration is, if anybody says so: a file, or the folder of one."""
    given: str | None = options.docker_config
    return given if given is not None else os.environ.get("DOCKER_CONFIG") or None


def _again(options: argparse.Namespace) -> str:
    """Return the command that sends what has been written."""
    words = ["marpack", "image", options.output, "--push", options.push]
    words += ["--plain-http"] if options.plain_http else []
    for name in ("--ca-file", "--docker-config"):
        value = getattr(options, name[2:].replace("-", "_"))
        words += [name, value] if value else []
    return f"send it by {shlex.join(words)}"


def _tag_of_push(options: argparse.Namespace) -> str:
    """Return the tag that ``--push`` names, once what it says can be done as far as that is seen before."""
    if options.push is None:
        if options.plain_http or options.ca_file or options.docker_config:
            message = "--plain-http, --ca-file and --docker-config are for --push: add that, or leave them out"
            raise UsageError(message)
        return ""
    from marpack.images.plan import is_layout_tag
    from marpack.images.push import require_pushable

    with naming(options.ca_file or _docker_config(options) or options.source):
        pushable = require_pushable(
            options.push, docker_config=_docker_config(options), tls_verify=options.ca_file or True
        )
    if pushable.tag and not options.tag and not is_layout_tag(pushable.tag):
        raise UsageError(
            f"--push: {pushable.tag!r} is a tag that registries take and layouts do not: "
            "name one for the layout (--tag latest)"
        )
    return pushable.tag


def _push_alone(options: argparse.Namespace) -> None:
    """Send a layout that is there, of which nothing is written."""
    if options.push is None:
        raise UsageError("--output (-o) is missing: say where the layout is to be written")
    given = [name for name in _OF_WRITING if getattr(options, name)]
    if given:
        words = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"{words}: for a layout that is written, and without --output none is: leave that out")
    try:
        pushed = _pushed(options, options.source, _size_of(options.source), tag=options.tag)
    except ImageError as error:
        if error.code != "not-image":
            raise
        message = f"--output (-o) is missing, and {options.source!r} is no layout that could be sent as it is"
        raise UsageError(f"{message}: say where its layout is to be written") from None
    if options.json:
        from marpack.images.described import described_image

        with naming(options.source):
            found = described_image(options.source, tag=options.tag)
        more = {"tag": found.tag or None, "warnings": None, "pushed": pushed.asdict()}
        show(to_json({"schema": _SCHEMA} | found.asdict() | more))
    else:
        _tell_pushed(pushed)


def _size_of(layout: str) -> int:
    """Return about how many bytes the blobs of a layout have, for who waits."""
    blobs = os.path.join(layout, "blobs", "sha256")
    if not os.path.isdir(blobs):
        return os.path.getsize(layout) if os.path.isfile(layout) else 0
    with os.scandir(blobs) as found:
        return sum(each.stat(follow_symlinks=False).st_size for each in found)


def _tell_pushed(pushed: PushResult) -> None:
    sent = f"{count_of(len(pushed.sent), 'blob')} sent, {count_of(pushed.size, 'byte')}"
    show(f"{printable(pushed.name)}: {pushed.digest}: {sent}, {count_of(len(pushed.kept), 'blob')} were there")


def _pushed(options: argparse.Namespace, layout: str, size: int, *, tag: str | None = None) -> PushResult:
    from marpack.images import push_image

    with silent_stores(), naming(layout), progress_for(size, quiet=False) as progress:
        return push_image(
            layout,
            options.push,
            tag=tag,
            docker_config=_docker_config(options),
            plain_http=options.plain_http,
            tls_verify=options.ca_file or True,
            progress=progress,
        )


def _labels(words: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"--label: {word!r} is no NAME=VALUE")
        if name in found:
            raise UsageError(f"--label: {name!r} is given twice: give it once")
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
