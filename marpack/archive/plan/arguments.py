"""The arguments that plans of every kind have: the time of packing, metadata, choices."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from marpack.archive.forms import ArchiveFormat
from marpack.archive.owner import Owner
from marpack.archive.packed_at import PackedAt
from marpack.archive.plan.inputs import Inputs
from marpack.display import brief_repr

# The first moment a zip can hold: what a reproducible archive is dated when no time is given.
_REPRODUCIBLE = PackedAt(315532800)  # 1980-01-01T00:00:00Z


def note_unknown(inputs: Inputs, argument: str, value: object, known: Sequence[str]) -> None:
    """Note a value that is not one of those known."""
    if value not in known:
        message = f"{brief_repr(value, 200)} is not known: choose from {', '.join(known)}"
        inputs.issue("bad-value", argument, message)


def warn_of_dots(inputs: Inputs, name: object) -> None:
    """Warn of a name whose archive is well-formed and not loaded (A1, W2)."""
    if isinstance(name, str) and ".." in name:
        inputs.warnings.append(f"TorchServe finds no archive with '..' in its name, as {name!r} has")


def resolve_timestamp(inputs: Inputs, timestamp: object, *, reproducible: bool) -> PackedAt:
    """Return the time of packing, which is the epoch where there is an issue (A11)."""
    if timestamp is None:
        return _REPRODUCIBLE if reproducible else PackedAt(int(time.time()))
    try:
        return PackedAt.of(timestamp)
    except TypeError as error:
        inputs.issue("bad-type", "timestamp", str(error))
    except ValueError as error:
        inputs.issue("bad-timestamp", "timestamp", str(error))
    return PackedAt(0)


def resolve_owner(
    owner: Owner | None, archive_format: ArchiveFormat, *, reproducible: bool, otherwise: Owner | None = None
) -> Owner:
    """Return whom the members belong to: who packs, if nobody else is known and the form says it."""
    if owner or reproducible:
        return owner or Owner()
    return otherwise or (Owner.current() if archive_format == "tgz" else Owner())


def note_metadata(inputs: Inputs, metadata: object) -> None:
    """Note whatever is not a JSON object (M9)."""
    if metadata is None:
        return
    if not isinstance(metadata, Mapping):
        inputs.issue("bad-metadata", "metadata", f"must be a mapping, not {type(metadata).__name__}")
        return
    try:
        _require_text_keys(metadata)
        json.dumps(dict(metadata), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        inputs.issue("bad-metadata", "metadata", f"is not JSON: {error}")


def _require_text_keys(value: object) -> None:
    """Refuse keys that ``json`` would turn into strings, and so perhaps into equal ones (M9)."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is not a str")
            _require_text_keys(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _require_text_keys(item)
