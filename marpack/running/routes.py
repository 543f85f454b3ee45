"""Which model a request is for, of the paths that the server's inference API knows (J6 to J9). Pure."""

from __future__ import annotations

import re

from marpack.frozen import frozen
from marpack.running.front_end_error import FrontEndError
from marpack.running.percent import EscapeError, decode, query_parameters

# What no value has; after an end of a line it goes on with a blank.
_NO_VALUE = re.compile(r"[\0\v\f]|\r(?![\n\0\v\f])|\r?\n(?![ \t\0\v\f])")


@frozen
class Route:
    """Where a request goes: ``model_name`` is None where the path has none.

    ``added`` are the headers that the front end adds, ``query`` the parameters that come of the query.
    """

    model_name: str | None
    version: str | None = None
    added: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()


def route(method: str, target: str, *, server: tuple[int, ...]) -> Route:
    """Return where a request goes.

    Raises ``FrontEndError`` where the server answers itself, ``ValueError`` where that answer is not restated.
    """
    end = len(target.partition("?")[0].partition("#")[0])
    try:
        segments = _split(decode(target, 0, end, is_path=True), "/")
    except EscapeError as error:
        raise FrontEndError(403, "IllegalArgumentException", str(error)) from None
    if not segments or segments[1:] == ["api-description"]:
        if segments or method == "OPTIONS":
            raise ValueError(f"the server's description of its API is not restated: {method} {target}")
        told = "Requested method is not allowed, please refer to API document."
        raise FrontEndError(405, "MethodNotAllowedException", told)
    # J6: in this order.
    match segments[1:]:
        case ["ping", *_]:
            raise ValueError(f"what the server says of its health is not restated: {method} {target}")
        case ["predictions" | "explanations" as verb, model, *rest]:
            explain = _explain(verb == "explanations")
            if server < (0, 12):
                # One that has more behind it was none.
                return Route(model_name=model, version=rest[0] if len(rest) == 1 else None, added=explain)
            more = "/".join(rest[1:])
            _check_value(more)
            added = (("url_path", more), *explain)
            return Route(model_name=model, version=rest[0] if rest else None, added=added)
        case ["invocations"]:
            query = query_parameters(target, end)
            named = next((value for name, value in query if name == "model_name"), None)
            return Route(model_name=named or None, query=tuple(query))
        case ["predictions" | "explanations" | "invocations", *_]:
            raise _not_found()
        case ["models", model, "invoke"]:
            return Route(model_name=model or None, query=tuple(query_parameters(target, end)))
        case ["models", _, _] | ["models", "predict"]:
            raise _not_found()
        case [model, "predict"]:
            return Route(model_name=model, query=tuple(query_parameters(target, end)))
        case [model, version, "predict"]:
            return Route(model_name=model, version=version, query=tuple(query_parameters(target, end)))
        case ["v1", "models", last] if ":predict" in last or ":explain" in last:
            return Route(model_name=_split(last, ":")[0], added=_explain(":predict" not in last))
        case ["v2", "models", model, "infer" | "explain" as verb]:
            names = _split(model, ":")
            if not names:
                told = "Index 0 out of bounds for length 0"
                raise FrontEndError(500, "ArrayIndexOutOfBoundsException", told)
            return Route(model_name=names[0], added=_explain(verb == "explain"))
        case [first, _, *_] if first.lower() == "wfpredict":
            raise ValueError(f"workflows are not restated: {method} {target}")
    raise _not_found()


def _explain(wanted: bool) -> tuple[tuple[str, str], ...]:
    return (("explain", "True" if wanted else "False"),)


def _check_value(text: str) -> None:
    """Raise ``FrontEndError`` for what Netty takes for no value of a header, in its words."""
    if bad := _NO_VALUE.search(text):
        told = {"\0": "\0", "\v": "\\v", "\f": "\\f"}.get(bad[0])
        if told is not None:
            told = f"a header value contains a prohibited character '{told}': {text}"
        elif bad.end() == len(text):
            told = f"a header value must not end with '\\r' or '\\n':{text}"
        elif bad[0] == "\r":
            told = f"only '\\n' is allowed after '\\r': {text}"
        else:
            told = f"only ' ' and '\\t' are allowed after '\\n': {text}"
        raise FrontEndError(403, "IllegalArgumentException", told)


def _not_found() -> FrontEndError:
    told = "Requested resource is not found, please refer to API document."
    return FrontEndError(404, "ResourceNotFoundException", told)


def _split(text: str, by: str) -> list[str]:
    """Return the pieces of a text as Java splits it: without the empty ones at its end."""
    pieces = text.split(by)
    while len(pieces) > 1 and not pieces[-1]:
        pieces.pop()
    return [] if text and pieces == [""] else pieces
