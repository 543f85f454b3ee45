"""One thing that TorchServe was told or did, and what has become of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from marpack.display import showable
from marpack.frozen import frozen

# ``carried``: the same comes of it. ``changed``: something like it does. ``lost``: nothing does. ``differs``: what
# clients and handlers see otherwise.
Fate: TypeAlias = Literal["carried", "changed", "lost", "differs"]


def together(entries: Sequence[ExportEntry]) -> list[ExportEntry]:
    """Return entries with those as one that say the same of several models, ``about`` all of them, for people."""
    models: dict[ExportEntry, list[str]] = {}
    for each in entries:
        models.setdefault(replace(each, about=""), []).append(each.about)
    return [replace(each, about=", ".join(filter(None, about))) for each, about in models.items()]


@frozen
class ExportEntry:
    """A row of ``EXPORT.md``.

    ``about`` is the model and version that it is of, empty for the server as a whole; ``what`` names the thing,
    ``seen`` says where: a key of a file, or a line of a source, by its name in the archive. ``becomes`` is where
    it went, empty where nothing came of it, and ``why`` the reason why it is not the same.
    """

    fate: Fate
    about: str
    what: str
    seen: str
    becomes: str = ""
    why: str = ""

    def asdict(self) -> dict[str, str]:
        """Return JSON values, without secrets."""
        texts = {name: getattr(self, name) for name in ("about", "what", "seen", "becomes", "why")}
        return {"fate": self.fate, **{name: showable(text) for name, text in texts.items()}}
