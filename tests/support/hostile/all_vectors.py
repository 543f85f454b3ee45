"""The vectors of hostile archives, by the names of their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.hostile.bombs import bombs
from tests.support.hostile.case import Json
from tests.support.hostile.contents import contents
from tests.support.hostile.kinds import folders, kinds
from tests.support.hostile.names import names, side_by_side
from tests.support.hostile.tgz_headers import tars
from tests.support.hostile.zip_directory import directories
from tests.support.hostile.zip_headers import headers

if TYPE_CHECKING:
    from collections.abc import Callable

VECTORS = {
    "names": names,
    "names-together": side_by_side,
    "kinds": kinds,
    "zip-headers": headers,
    "zip-directory": directories,
    "bombs": bombs,
    "contents": contents,
    "tgz": tars,
    "folders": folders,
}


def vectors(before: Callable[[str], Json | None]) -> dict[str, Json]:
    """Return the data of all vectors; what the server does with each is kept from what was there ``before``."""
    found = {}
    for name, make in VECTORS.items():
        data = make()
        known = {case["title"]: case for case in (before(name) or {"cases": []})["cases"]}
        for made in data["cases"]:
            answers = known.get(made["title"], {})
            made |= {key: answers[key] for key in ("server", "beside") if key in answers}
        found[name] = data
    return found
