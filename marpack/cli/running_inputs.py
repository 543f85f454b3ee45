"""From options of a command to the requests that are sent, before anything is started."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from marpack.cli.terminal import UsageError, naming
from marpack.errors import MarpackError
from marpack.frozen import frozen

if TYPE_CHECKING:
    from marpack.running import Part, Request

STANDARD_INPUT = "-"
UNKNOWN_TYPE = "application/octet-stream"
# What may follow the contents of a form's field, as curl has it.
_MORE = re.compile(r";\s*(type|filename)=")


@frozen
class Asked:
    """A request, and what a person calls it: the file that is sent, empty for a form."""

    name: str
    request: Request


def add_inputs(parser: argparse.ArgumentParser, title: str) -> None:
    """Add the options that say what is sent, below a title."""
    add = parser.add_argument_group(title).add_argument
    add(
        "--input",
        action="append",
        default=[],
        metavar="FILE",
        help="a request whose body is this file, - for standard input; may be given again",
    )
    add(
        "--form",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a field of a form, or with NAME=@FILE a file of it, as of curl -F: also ;type=TYPE behind it. All "
        "fields are one request; may be given again",
    )
    add("--content-type", metavar="TYPE", help="of each --input; default: guessed from the file's name")
    add(
        "--header",
        action="append",
        default=[],
        type=_header,
        metavar="'NAME: VALUE'",
        help="one more header; may be given again",
    )
    add("--explain", action="store_true", help="ask for an explanation instead of a prediction")
    add("--path", type=_path, metavar="/PATH", help="ask at another path, as /v2/models/NAME/infer")


def files_sent(options: argparse.Namespace) -> list[str]:
    """Return the files that the options name, standard input as ``STANDARD_INPUT``."""
    fields = [_field(word) for word in options.form]
    return [*options.input, *(source for _, source, is_file, _ in fields if is_file)]


def require_inputs_make_sense(options: argparse.Namespace) -> None:
    """Raise ``UsageError`` where options do not go together, without reading anything."""
    asks = bool(options.input or options.form)
    if options.input and options.form:
        raise UsageError("--input and --form: a request is either a file or a form; run twice for both")
    if options.content_type is not None and options.form:
        raise UsageError(
            "--content-type: a form is multipart/form-data; the type of a field follows it, as in "
            "--form image=@kitten;type=image/jpeg"
        )
    if options.content_type is not None and any(name.lower() == "content-type" for name, _ in options.header):
        raise UsageError("--content-type and --header: the content type is given twice")
    if options.form and any(name.lower() == "content-type" for name, _ in options.header):
        raise UsageError("--header: a form has its own content type, with its boundary; leave it out")
    if options.path is not None and options.explain:
        raise UsageError("--explain and --path: the path says what is asked for; leave one of them out")
    if files_sent(options).count(STANDARD_INPUT) > 1:
        raise UsageError("standard input is named twice, and can be read once")
    for option in ("header", "content_type", "path", "explain"):
        if getattr(options, option) and not asks:
            word = option.replace("_", "-")
            raise UsageError(
                f"--{word}: nothing is sent; name a body (--input FILE) or a form (--form NAME=VALUE)"
            )


def requests(options: argparse.Namespace) -> list[Asked]:
    """Read the files, and return what is sent; raise ``UsageError`` for what no client could send."""
    if options.path is not None:
        _require_restated(options.path)
    try:
        return _requests(options)
    except ValueError as error:
        if isinstance(error, MarpackError):
            raise
        raise UsageError(str(error)) from None


def _requests(options: argparse.Namespace) -> list[Asked]:
    from marpack.running import Request
    from marpack.running.model_settings import LARGEST

    # A byte more than the server takes is refused as all of it would be.
    most = (options.max_request_size or LARGEST) + 1
    if options.form:
        fields = [(name, part) for word in options.form for name, part in _part(word, most)]
        form = Request.form(fields, headers=options.header, path=options.path, explain=options.explain)
        return [Asked(name="", request=form)]
    asked = []
    for name in options.input:
        if name.lstrip()[:1] in {"{", "["} and not os.path.exists(name):
            raise UsageError(
                "--input: a file is named, - for standard input: echo '{...}' | marpack run ... --input -"
            )
        request = Request.binary(
            _contents(name, most),
            content_type=options.content_type or _guessed(name),
            headers=options.header,
            path=options.path,
            explain=options.explain,
        )
        asked.append(Asked(name="standard input" if name == STANDARD_INPUT else name, request=request))
    return asked


def _require_restated(path: str) -> None:
    from marpack.running.front_end_error import FrontEndError
    from marpack.running.routes import route
    from marpack.running.server_python import NEWEST

    try:
        route("POST", path, server=NEWEST)
    except FrontEndError:  # which is an answer
        pass
    except ValueError as error:
        raise UsageError(f"--path: {error}") from None


def _part(word: str, most: int) -> Iterator[tuple[str, Part]]:
    """Yield a field's name and contents."""
    from marpack.running import Part

    name, source, is_file, more = _field(word)
    if not is_file:
        part = Part(data=source.encode(), file_name=more.get("filename"), content_type=more.get("type"))
    elif word.partition("=")[2].startswith("<"):  # what is in the file, as if it had been written here
        part = Part(data=_contents(source, most), file_name=more.get("filename"), content_type=more.get("type"))
    else:
        part = Part(
            data=_contents(source, most),
            file_name=more.get("filename", os.path.basename(source)),
            content_type=more.get("type") or _guessed(source),
        )
    yield name, part


def _field(word: str) -> tuple[str, str, bool, dict[str, str]]:
    """Return a field's name, its value or file, whether it is a file, and what is said behind it."""
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise UsageError(f"--form: {word!r} is no field: write NAME=VALUE, or NAME=@FILE for a file")
    value, *more = _MORE.split(value)
    is_file = value.startswith(("@", "<"))
    if is_file and value[1:] == "":
        raise UsageError(f"--form: {word!r} names no file behind the {value[0]}")
    return name, value[1:] if is_file else value, is_file, dict(zip(more[::2], more[1::2], strict=True))


def _contents(name: str, most: int) -> bytes:
    """Return what is in a file, or its beginning."""
    if name != STANDARD_INPUT:
        with naming(name), open(name, "rb") as file:
            return file.read(most)
    if sys.stdin is None:
        raise MarpackError("standard input is closed")
    return sys.stdin.buffer.read(most)


def _guessed(name: str) -> str:
    from mimetypes import guess_type  # reads the system's tables

    content_type, encoding = guess_type(name.replace("\\", "/"), strict=False)
    return content_type if content_type and not encoding else UNKNOWN_TYPE


def _header(text: str) -> tuple[str, str]:
    from marpack.running.request import is_header

    name, colon, value = text.partition(":")
    value = value.strip(" \t")
    if not colon or not is_header(name, value):
        raise argparse.ArgumentTypeError(f"must be a name, a colon and a value, as 'X-Mode: fast', not {text!r}")
    return name, value


def _path(text: str) -> str:
    from marpack.running.request import is_path

    if not is_path(text):
        raise argparse.ArgumentTypeError(
            f"must begin with a / and be %-encoded, as /v2/models/NAME/infer, not {text!r}"
        )
    return text
