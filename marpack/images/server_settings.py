"""What whoever makes an image of a server's settings has to see: of KServe, of another machine, of secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from marpack.archive.manifest import Manifest
from marpack.config.lint import lint_config
from marpack.config.settings.keys import KEYS
from marpack.config.settings.redaction import redacted
from marpack.config.snapshot import ModelSnapshot
from marpack.config.text import properties as codec
from marpack.display import is_secret_name, printable
from marpack.errors import ConfigError, SnapshotError
from marpack.findings import Finding

_MOUNT = "/mnt/models"
_STORE = f"{_MOUNT}/model-store"
# What only a server that is told no store misses: KServe's is.
_OF_OTHERS = ("no-store",)


def settings_warnings(
    data: bytes, *, file: str | None = None, archives: Mapping[str, Manifest] | None = None
) -> tuple[str, ...]:
    """Return what is to be told of settings that are good enough to be in an image, each cause once.

    What KServe's wrapper refuses is a warning, since an image may be for another runtime. ``file`` and
    ``archives`` are as for ``lint_config``. Raises ``ConfigError`` for settings that would not serve the archives.
    """
    found = lint_config(data, file=file, archives=archives, ignore=_OF_OTHERS)
    if errors := [each for each in found if each.severity == "error"]:
        raise ConfigError(errors)
    told = [each for each in found if each.severity == "warning"]
    known = {(each.code, each.key) for each in told}
    for_kserve = lint_config(data, file=file, archives=archives, target="kserve", ignore=_OF_OTHERS)
    told += [each for each in for_kserve if _ends_kserve(each) and (each.code, each.key) not in known]
    told.sort(key=lambda each: each.line or 0)
    return (*(_with_place(each) for each in told), *_told_of_entries(data, file, archives or {}))


def _ends_kserve(finding: Finding) -> bool:
    return finding.severity == "error" or (finding.severity == "warning" and finding.reader == "kserve")


def _with_place(finding: Finding) -> str:
    return f"{finding.place}: {finding.sentence}" if finding.file else finding.sentence


def _told_of_entries(data: bytes, file: str | None, archives: Mapping[str, Manifest]) -> Iterator[str]:
    """Say what is in the image beside what serves (I10): a path of this machine, idle archives, secrets."""
    entries = _entries(data)
    for key, (line, value) in entries.items():
        known = KEYS.get(key)
        if value and (known.secret if known else is_secret_name(key)):
            told = "has a value, which whoever may pull the image can read"
        elif key == "model_store" and value.startswith("/") and not f"{value}/".startswith(f"{_MOUNT}/"):
            told = (
                f"{redacted(key, value)!r} is in the image as it stands: KServe's runtime names its own store, "
                f"and any other server looks for that folder: write {_STORE}, or leave it out"
            )
        elif key == "model_snapshot" and "load_models" not in entries and (idle := _idle(value, archives)):
            told = (
                f"does not name {idle}, which will be in the image and not be served: add it (marpack snapshot "
                "build), or take it out of the store"
            )
        else:
            continue
        place = "config.properties" if file is None else f"{printable(file)}:{line}"
        yield f"{place}: {printable(key)}: {told}"


def _idle(snapshot: str, archives: Mapping[str, Manifest]) -> str:
    try:
        named = {entry.mar_name for _, _, entry in ModelSnapshot.from_json(snapshot)}
    except (SnapshotError, ConfigError):
        return ""
    return ", ".join(printable(each) for each in sorted(archives.keys() - named))


def _entries(data: bytes) -> dict[str, tuple[int, str]]:
    """Return the settings as the server has them, with their lines: of one given twice the last."""
    entries = (each for each in codec.parse(data) if isinstance(each, codec.Entry))
    return {each.key: (each.lineno, each.value) for each in entries}
