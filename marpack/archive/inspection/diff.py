"""How two archives differ: in their manifests, in their members, and in how they are packed."""

from __future__ import annotations

import json
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import zip_longest
from typing import Any, Literal, TypeAlias

from marpack.archive.inspection.inspect import manifest_values, method_name, sha256_of
from marpack.archive.member import ArchiveMember
from marpack.archive.read.archive import Archive
from marpack.archive.read.limits import LIMIT_CODES
from marpack.archive.read.open import ArchiveSource, opened
from marpack.archive.result import Progress
from marpack.archive.sources import CHUNK_SIZE
from marpack.errors import ArchiveError, LimitError
from marpack.frozen import frozen
from marpack.strict_json import spelled

Change: TypeAlias = Literal["added", "removed", "changed"]
PackingMatter: TypeAlias = Literal["form", "manifest-text", "folders", "order", "compression", "mode"]

# Of the JSON (spec/diff.schema.json): it grows with changes that a reader of the old one would trip over.
SCHEMA_VERSION = 1


@frozen
class ManifestChange:
    """One value of the manifest: ``key`` is the path to it. ``old`` or ``new`` is None where there is none."""

    change: Change
    key: tuple[str, ...]
    old: Any = None
    new: Any = None


@frozen
class MemberChange:
    """One member whose contents are not those of the other archive; sizes are None where there is none."""

    change: Change
    name: str
    old_size: int | None = None
    new_size: int | None = None


@frozen
class PackingChange:
    """One thing that is packed otherwise, with the same contents; ``member`` is empty where it is about all."""

    matter: PackingMatter
    member: str
    old: str
    new: str


@frozen
class Difference:
    """What ``diff_archives`` finds: from the ``old`` archive (its path) to the ``new`` one.

    True where they differ. ``packing`` is empty unless it was asked for. Names, keys and values are as in the
    archives, not escaped.
    """

    old: str
    new: str
    manifest: tuple[ManifestChange, ...]
    members: tuple[MemberChange, ...]
    packing: tuple[PackingChange, ...]

    def __bool__(self) -> bool:
        return bool(self.manifest or self.members or self.packing)

    def asdict(self) -> dict[str, Any]:
        """Return JSON values, of the schema spec/diff.schema.json."""
        return {
            "schema": SCHEMA_VERSION,
            "different": bool(self),
            "old": self.old,
            "new": self.new,
            "manifest": [asdict(change) | {"key": list(change.key)} for change in self.manifest],
            "members": [asdict(change) for change in self.members],
            "packing": [asdict(change) for change in self.packing],
        }

    def to_json(self) -> str:
        """Return the JSON of spec/diff.schema.json, in ASCII."""
        return json.dumps(self.asdict(), indent=2, allow_nan=False)


def diff_archives(
    old: ArchiveSource,
    new: ArchiveSource,
    *,
    packing: bool = False,
    contents: bool = False,
    progress: Progress | None = None,
) -> Difference:
    """Return how one archive differs from another, of any forms.

    Both are open, or a path, a URL or an open binary file, as ``open_archive`` takes them.

    Manifests are compared by their values. Members of two zips are compared by the sizes and CRCs that they state;
    other forms state no CRCs, and their contents are read, as are all with ``contents``. Of several members of one
    name all count. With ``packing`` the result also has what is packed otherwise with the same contents: form,
    order, compression, permissions. ``progress`` is called with numbers of bytes read.

    Raises ``ArchiveError`` for contents that cannot be read, and what ``refuse`` raises for archives that hold too
    much; a manifest that is none is compared as any member is.
    """
    with opened(old) as first, opened(new) as second:
        return _diff(first, second, packing=packing, contents=contents, progress=progress)


def _diff(old: Archive, new: Archive, *, packing: bool, contents: bool, progress: Progress | None) -> Difference:
    for archive in (old, new):
        for issue in archive.issues:
            if issue.code in LIMIT_CODES:
                raise LimitError(archive.path, issue.message, code=issue.code)
    values = _values(old), _values(new)
    manifest = () if None in values else tuple(_manifest_changes((), *values))
    # Manifests that can be read are compared by their values alone.
    apart = {old.manifest_name} if None not in values and old.manifest_name == new.manifest_name else set()
    members, same = _member_changes(old, new, apart, contents=contents, progress=progress)
    return Difference(
        old=old.path,
        new=new.path,
        manifest=manifest,
        members=tuple(sorted(members, key=lambda change: change.name)),
        packing=tuple(_packing(old, new, {*same, *apart}, by_value=not manifest)) if packing else (),
    )


def _member_changes(
    old: Archive, new: Archive, apart: Collection[str], *, contents: bool, progress: Progress | None
) -> tuple[list[MemberChange], list[str]]:
    """Return what differs in the members, but for those ``apart``, and the names of those that are the same."""
    ours, theirs = _by_name(old), _by_name(new)
    changes, same, doubtful = [], [], []
    for name in dict.fromkeys([*ours, *theirs]):
        if name in apart:
            continue
        if name not in theirs:
            changes.append(MemberChange(change="removed", name=name, old_size=ours[name][-1].size))
        elif name not in ours:
            changes.append(MemberChange(change="added", name=name, new_size=theirs[name][-1].size))
        elif [member.size for member in ours[name]] != [member.size for member in theirs[name]]:
            changes.append(_changed(ours[name], theirs[name]))
        elif contents or not old.form == new.form == "zip":
            doubtful.append(name)
        elif [member.crc32 for member in ours[name]] == [member.crc32 for member in theirs[name]]:
            same.append(name)
        else:
            changes.append(_changed(ours[name], theirs[name]))
    sums = [_digests(archive, set(doubtful), progress) for archive in (old, new)] if doubtful else []
    for name in doubtful:
        equal = sums[0][name] == sums[1][name]
        same.append(name) if equal else changes.append(_changed(ours[name], theirs[name]))
    return changes, same


def _by_name(archive: Archive) -> dict[str, list[ArchiveMember]]:
    found: dict[str, list[ArchiveMember]] = {}
    for member in archive.members:
        found.setdefault(member.name, []).append(member)
    return found


def _changed(old: Sequence[ArchiveMember], new: Sequence[ArchiveMember]) -> MemberChange:
    return MemberChange(change="changed", name=old[-1].name, old_size=old[-1].size, new_size=new[-1].size)


def _digests(archive: Archive, names: Collection[str], progress: Progress | None) -> dict[str, list[str]]:
    """Return the SHA-256 of all members of the names."""
    found: dict[str, list[str]] = {name: [] for name in names}
    wanted = frozenset(member for member in archive.members if member.name in names)
    for member, reader in archive.contents(wanted):
        found[member.name].append(sha256_of(iter(partial(reader.read, CHUNK_SIZE), b""), progress))
    return found


def _values(archive: Archive) -> dict[str, Any] | None:
    try:
        return manifest_values(archive)
    except ArchiveError:
        return None


def _manifest_changes(key: tuple[str, ...], old: Any, new: Any) -> Iterator[ManifestChange]:
    """Yield what differs, object by object; anything but an object is one value."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        if spelled(old, sort_keys=True) != spelled(new, sort_keys=True):  # 1, 1.0 and true are equal in Python
            yield ManifestChange(change="changed", key=key, old=old, new=new)
        return
    for name in dict.fromkeys([*old, *new]):
        here = (*key, name)
        if name not in new:
            yield ManifestChange(change="removed", key=here, old=old[name])
        elif name not in old:
            yield ManifestChange(change="added", key=here, new=new[name])
        else:
            yield from _manifest_changes(here, old[name], new[name])


def _packing(old: Archive, new: Archive, same: Collection[str], *, by_value: bool) -> Iterator[PackingChange]:
    """Yield what is packed otherwise, of the members that are the same; manifests may be so ``by_value`` only."""
    for matter, member, one, other in _packed(old, new, same, by_value=by_value):
        if one != other:
            yield PackingChange(matter=matter, member=member, old=one, new=other)


def _packed(
    old: Archive, new: Archive, same: Collection[str], *, by_value: bool
) -> Iterator[tuple[PackingMatter, str, str, str]]:
    """Yield what is known of how both are packed, equal or not."""
    yield "form", "", old.form, new.form
    if by_value and old.manifest_name == new.manifest_name and old.manifest_name in same:
        texts = [archive.manifest_text.splitlines(keepends=True) for archive in (old, new)]
        yield "manifest-text", old.manifest_name, *_first_difference(*texts)
    if "folder" not in (old.form, new.form):  # on a disk all folders have an entry, and members no order
        for name in sorted({*old.folders} ^ {*new.folders}):
            yield "folders", name, "entry" if name in old.folders else "", "entry" if name in new.folders else ""
        ours = [member.name for member in old.members if member.name in new]
        theirs = [member.name for member in new.members if member.name in old]
        yield "order", "", *_first_difference(ours, theirs)
    for name in sorted(same):
        before, after = old[name], new[name]
        if old.form == new.form == "zip":
            yield "compression", name, method_name(before.compression) or "", method_name(after.compression) or ""
        if before.mode is not None and after.mode is not None:
            yield "mode", name, f"{stat.S_IMODE(before.mode):04o}", f"{stat.S_IMODE(after.mode):04o}"


def _first_difference(ours: Sequence[str], theirs: Sequence[str]) -> tuple[str, str]:
    """Return the first two that differ, two empty ones where none do."""
    pairs = zip_longest(ours, theirs, fillvalue="")
    return next(((one, other) for one, other in pairs if one != other), ("", ""))
