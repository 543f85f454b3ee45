"""The manifests of a model on the disk: where they lie, whose they are, and how they come back after an error."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from marpack.disk.atomic import kept_aside, require_creatable_folder, require_replaceable_file
from marpack.disk.file_names import lies_below, relative_name
from marpack.disk.folders import new_folders
from marpack.errors import MarpackError, TargetError
from marpack.serving.kaptain.values.told import tell
from marpack.serving.kserve.manifest import ServingManifest
from marpack.serving.kserve.secret_file import difference, secret_path

# In each document that deploy writes: whose it is.
MODEL_ID = "marpack/model-id"

_LONGEST = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestFiles:
    """Where a model's manifests go: ``<folder>/<name>.yaml``, and the Secret's beside it."""

    path: str

    @classmethod
    def in_folder(cls, folder: str, name: str) -> ManifestFiles:
        """Name the files of a service of this name; ``""`` and ``.`` are the current folder."""
        file = f"{name}.yaml"
        return cls(path=file if folder in ("", os.curdir) else os.path.join(folder, file))

    @classmethod
    def recorded(cls, manifest: str, base_dir: str, name: str) -> ManifestFiles:
        """Name the files where a record says that they went, if that is below ``base_dir``, or they are there.

        The record may be another machine's, or somebody else's: it is no reason to write elsewhere.
        """
        folder = os.path.dirname(manifest)
        is_here = base_dir in ("", os.curdir)
        there = cls.in_folder(folder if is_here else os.path.join(base_dir, folder) if folder else base_dir, name)
        return there if lies_below(folder) or os.path.isfile(there.path) else cls.in_folder(base_dir, name)

    def for_record(self, base_dir: str) -> str:
        """Return the path as a record keeps it: no machine's own where it lies below ``base_dir``."""
        path = os.path.abspath(self.path)
        try:
            relative = relative_name(path, os.path.abspath(base_dir))
        except ValueError:  # on another drive
            return path
        return path if relative.startswith(os.pardir) else relative

    @property
    def secret_path(self) -> str:
        """The path of the Secret's manifest."""
        return secret_path(self.path)

    def require_ours(self, manifest: ServingManifest) -> None:
        """Raise ``TargetError`` for a folder that takes no files, and for a file that this model did not make."""
        require_creatable_folder(os.path.dirname(self.path))
        for path, text in ((self.path, manifest.to_yaml()), (self.secret_path, manifest.secret_yaml())):
            if text is None or not os.path.lexists(path):
                continue
            require_replaceable_file(path, force=True)
            if not _lines_of(text, MODEL_ID) & _lines_of(_read(path), MODEL_ID):
                raise TargetError(
                    path, "is not what marpack wrote for this model: move it away, or give another output="
                )

    def keeps_secret(self, manifest: ServingManifest, *, with_credentials: bool) -> bool:
        """Tell whether a Secret's manifest is there and stays: the user may have put keys into it."""
        return manifest.secret is not None and not with_credentials and os.path.exists(self.secret_path)

    def secret_warning(self, manifest: ServingManifest) -> str | None:
        """Return where a Secret that stays says otherwise how the store is reached, None where it does not."""
        text = manifest.secret_yaml()
        return None if text is None else difference(self.secret_path, text)

    def write(self, manifest: ServingManifest) -> tuple[str, ...]:
        """Write the manifests and return their paths; a Secret that is kept is not in ``manifest``."""
        try:
            return manifest.write(self.path, force=True)
        except MarpackError:
            raise
        except OSError as error:
            raise TargetError(self.path, f"cannot be written: {error.strerror or error}") from error

    @contextlib.contextmanager
    def replaced(
        self, manifest: ServingManifest, written_before: str | None, *, must_stay: Callable[[], bool]
    ) -> Iterator[None]:
        """Hold the files of a manifest while they are replaced, and put them back unless they must stay.

        They are put back after an error, and where they hold the new ``manifest`` yet: what another call has
        written meanwhile is that one's. ``written_before`` is the text that marpack wrote last, as far as that is
        known: a manifest that has another was edited, and is kept beside the new one.
        """
        texts = {self.path: manifest.to_yaml(), self.secret_path: manifest.secret_yaml()}
        new = {os.path.realpath(path): text for path, text in texts.items() if text is not None}
        with new_folders(os.path.dirname(self.path)):
            before: dict[str, str | None] = {}
            try:
                before.update((path, kept_aside(path)) for path in new)
                yield
            except BaseException:
                if not must_stay():
                    _put_back(before, new)
                _let_go(before)
                raise
            _keep_edited(before, os.path.realpath(self.path), written_before)
            _let_go(before)


def _put_back(before: dict[str, str | None], new: dict[str, str]) -> None:
    for path, held in before.items():
        with contextlib.suppress(FileNotFoundError):
            if _read(path) != new[path][:_LONGEST]:
                continue
            if held is None:
                os.unlink(path)
            else:
                os.replace(held, path)


def _let_go(before: dict[str, str | None]) -> None:
    for held in before.values():
        if held is not None:
            with contextlib.suppress(OSError):  # what was to be done is done
                os.unlink(held)


def _keep_edited(before: dict[str, str | None], path: str, written_before: str | None) -> None:
    """Give what somebody wrote into the manifest a name that can be seen."""
    held = before[path]
    if held is None or written_before is None or _read(held) in (written_before, _read(path)):
        return
    names = (f"{path}.edited{'' if number == 1 else f'-{number}'}" for number in itertools.count(1))
    copy = next(name for name in names if not os.path.lexists(name))
    with contextlib.suppress(OSError):
        os.rename(held, copy)
        tell(f"{path!r} had been changed since marpack wrote it: what was there is now {copy!r}", "warning")


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(_LONGEST)


def _lines_of(text: str, word: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if line.strip().startswith(f"{word}:")}
