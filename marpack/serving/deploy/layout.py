"""Where the files of a declared model lie: beside the declaration, or in the folder called like the model."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from marpack.archive.handler import HandlerName
from marpack.archive.names import model_name_problem
from marpack.archive.plan.extra_files import Patterns
from marpack.findings import Issue
from marpack.remote.urls import is_url

_PATHS = ("handler", "model_file", "serialized_file", "config_file", "requirements", "requirements_file")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Named:
    """A relative path that a key of a model holds, and the file that it means: a handler may leave out ".py"."""

    key: str
    text: str
    file: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The two places of a model's files: the declaration's folder, and the one in it that is called like it.

    KServe's generator of archives knows the second one only. A model whose files all lie beside the declaration is
    taken from there. Of any other, each file is taken from the model's own folder, if it is there.
    """

    folder: str
    own: str | None
    own_first: bool
    named: tuple[_Named, ...]

    @classmethod
    def of(cls, model: Mapping[str, Any], model_name: object, folder: str, runtime: str) -> Layout:
        """Look for the files that a model names."""
        named = tuple(_named(model, runtime))
        is_name = isinstance(model_name, str) and model_name_problem(model_name, "default") is None
        own_first = not all(_exists(folder, each.file) for each in named)
        return cls(folder=folder, own=str(model_name) if is_name else None, own_first=own_first, named=named)

    def settled(self, model: Mapping[str, Any]) -> dict[str, Any]:
        """Return the model with each path relative to the declaration's folder."""
        places = {(each.key, each.text): self._place(each) for each in self.named}
        found = {key: places.get((key, str(_text(value))), value) for key, value in model.items()}
        if places and (extra := model.get("extra_files")):
            items = [_stripped(item) for item in _items(extra)]
            if all(isinstance(item, str) for item in items):
                found["extra_files"] = [places.get(("extra_files", str(item)), item) for item in items]
        return found

    def _place(self, named: _Named) -> str:
        if self.own is None or not _exists(self.folder, os.path.join(self.own, named.file)):
            return named.text
        if not self.own_first and _exists(self.folder, named.file):
            return named.text
        return os.path.join(self.own, named.text)

    @property
    def warnings(self) -> Iterator[str]:
        """Say which of two files that one path may mean is packed."""
        for each in self.named if self.own else ():
            beside, own = self._beside(each), self._own(each)
            if self._differ(each):
                taken, other = (own, beside) if self.own_first else (beside, own)
                yield (
                    f"{taken!r} is packed and {other!r} is not, which is another file of that name: remove one of "
                    f"them (KServe's own generator of archives takes {own!r})"
                )

    def _beside(self, named: _Named) -> str:
        return os.path.join(self.folder, named.file)

    def _own(self, named: _Named) -> str:
        return os.path.join(self.folder, self.own or "", named.file)

    def _differ(self, named: _Named) -> bool:
        """Tell whether there is something in both places, and not the same."""
        if not (
            _exists(self.folder, named.file) and _exists(self.folder, os.path.join(self.own or "", named.file))
        ):
            return False
        beside, own = self._beside(named), self._own(named)
        try:
            if os.path.isfile(beside) and os.path.isfile(own):
                return not filecmp.cmp(beside, own, shallow=False)
            return not os.path.samefile(beside, own)
        except OSError:  # of a wildcard, too
            return True

    def explained(self, issue: Issue) -> Issue:
        """Name the other place too where a file that is missing was looked for."""
        for each in self.named if self.own and issue.code == "missing-file" else ():
            if repr(self._beside(each)) in issue.message:
                also = f"nor does {self._own(each)!r}, in the folder that is called like the model"
                return replace(issue, message=f"{issue.message}; {also}")
        return issue


def _named(model: Mapping[str, Any], runtime: str) -> Iterator[_Named]:
    """Yield the relative paths that a model names."""
    for key in _PATHS:
        text = _text(model.get(key))
        file = HandlerName.parse(text, runtime).file if text and key == "handler" else text
        if text and file and _is_relative(text):
            yield _Named(key=key, text=text, file=file)
    for item in map(_stripped, _items(model.get("extra_files"))):
        if item and _is_relative(item):
            yield _Named(key="extra_files", text=item, file=item)


def _items(value: Any) -> Sequence[Any]:
    if isinstance(value, str):
        return value.split(",")
    return value if isinstance(value, (list, tuple)) else [value]


def _text(value: Any) -> str | None:
    return os.fsdecode(value) if isinstance(value, (str, os.PathLike)) else None


def _stripped(value: Any) -> str | None:
    text = _text(value)
    return None if text is None else text.strip()


def _is_relative(text: str) -> bool:
    return not os.path.isabs(text) and not is_url(text)


def _exists(folder: str, item: str) -> bool:
    """Tell whether there is something of this name, or that a wildcard matches."""
    try:
        return any(map(os.path.lexists, Patterns((item,), folder).paths(item)))
    except (ValueError, RecursionError):
        return False
