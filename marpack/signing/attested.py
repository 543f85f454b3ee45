"""From what lies there to a statement of it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from marpack.archive.read.archive import Archive
from marpack.archive.read.limits import Limits
from marpack.archive.read.open import file_name_of, open_archive
from marpack.disk.file_names import relative_name
from marpack.errors import MarpackError
from marpack.oci.layout import layout_at
from marpack.signing.layout import image_digest
from marpack.signing.resources import folder_files, folder_names, members, whole, whole_file
from marpack.signing.statement import GIT_NAMES, WHOLE, Resource, Statement

if TYPE_CHECKING:
    from marpack.archive.result import Progress

_SHA256 = "sha256:"
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


def attest(
    source: Archive | str | os.PathLike[str],
    *,
    contents: bool = False,
    git_files: bool = False,
    ignore: Sequence[str | os.PathLike[str]] = (),
    limits: Limits | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Statement:
    """Return what is to be stated, and signed, of something; all of it is read.

    - ``source``: an archive, open or by its path or URL, or any other file; a folder, such as a model's or a model
      store; an OCI image layout, in a folder or a ``.tar``; or the digest of an image, ``sha256:`` and 64 digits:
      also where a file has that name, which is ``./sha256:...``.
    - ``contents``: of an archive, its members as the files that they are unpacked to, instead of the file as a
      whole. What is stated then is the same for the archive in any form and for the folder that it is unpacked to.
    - ``git_files``: state also files and folders at the top that are git's own (``.git``, ``.gitignore`` and two
      more), which are ignored otherwise, as by the format's own tool.
    - ``ignore``: files of a folder that are not stated, such as its signature; others of the same name are.
    - ``limits`` are for opening an archive, ``threads`` is how many files of a folder are read at once, and
      ``progress`` is called with numbers of bytes just read.

    A statement of a layout is that of its image's digest, once all of it has been held against that. Raises what
    opening and reading raise, and ``MarpackError`` for a link in a folder, which a statement cannot tell of, and
    for what holds no file, or none that is not ignored: nothing is stated of nothing.
    """
    ignored = () if git_files else GIT_NAMES
    if isinstance(source, Archive) and source.form != "folder":
        return _of_archive(source, ignored, contents=contents, progress=progress)
    # One that is open is its files, whatever its path would mean as a word, and whatever else lies in it.
    is_open = isinstance(source, Archive)
    path = source.path if isinstance(source, Archive) else os.fspath(source)
    if not is_open and (digest := digest_of_image(path)):
        return Statement.of(path, [Resource(name=WHOLE, sha256=digest)])
    if not is_open and (files := layout_at(path)):
        digest = image_digest(files, progress)
        return Statement.of(f"sha256:{digest}", [Resource(name=WHOLE, sha256=digest)])
    if is_open or os.path.isdir(path):
        more = [name_below(path, os.fspath(each)) for each in ignore]
        found = of_folder(path, (*ignored, *(each for each in more if each)), threads=threads, progress=progress)
        return _of_something(found, path)
    if contents or "://" in path:
        with open_archive(path, limits=limits, download=True) as archive:
            return _of_archive(archive, ignored, contents=contents, progress=progress)
    return Statement.of(os.path.basename(os.path.abspath(path)), [whole_file(path, progress)])


def digest_of_image(word: str) -> str | None:
    """Return the digits of an image's digest, None for anything else.

    Raises ``MarpackError`` for what is meant as one, is none, and is no file either.
    """
    if found := _DIGEST.fullmatch(word):
        return found[1]
    before, marked, digits = word.rpartition(_SHA256)
    if marked and (not before or before.endswith("@")) and not os.path.lexists(word):
        if before and _DIGEST.fullmatch(marked + digits):
            message = "names an image in a registry, which is not asked: give its digest alone"
            raise MarpackError(f"{word!r} {message}, {marked + digits}")
        raise MarpackError(f"{word!r} is no digest of an image: that has 64 digits, 0 to 9 and a to f")
    return None


def of_folder(
    folder: str, ignored: Sequence[str], *, threads: int | None = None, progress: Progress | None = None
) -> Statement:
    """Return the statement of a folder's files but for the ignored; raise ``MarpackError`` for a link."""
    name = os.path.basename(os.path.realpath(folder))
    unread = Statement.of(name, [], ignored)
    names = []
    for each, is_link in folder_names(folder):
        if unread.ignores(each):
            continue
        if is_link:
            raise MarpackError(
                f"{folder!r}: {each!r} is a link, and what it leads to lies elsewhere: put a copy in its place"
            )
        names.append(each)
    return Statement.of(name, [*folder_files(folder, names, threads=threads, progress=progress)], ignored)


def _of_archive(
    archive: Archive, ignored: Sequence[str], *, contents: bool, progress: Progress | None
) -> Statement:
    name = file_name_of(archive)
    if not contents:
        return Statement.of(name, [whole(archive, progress)])
    unread = Statement.of(name, [], ignored)
    found = [each for each in members(archive, progress) if not unread.ignores(each.name)]
    return _of_something(Statement.of(name, found, ignored), archive.path)


def _of_something(statement: Statement, path: str) -> Statement:
    """Return a statement that states a file; raise ``MarpackError`` for one of no file."""
    if not statement.resources:
        ignored = f" but what is ignored ({', '.join(map(repr, statement.ignored))})" if statement.ignored else ""
        raise MarpackError(f"{path!r} holds no file{ignored}: there is nothing to state, or to sign")
    return statement


def name_below(folder: str, path: str) -> str | None:
    """Return the name of a file that lies below a folder, None for one elsewhere."""
    where = os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path))
    try:
        name = relative_name(where, os.path.realpath(folder))
    except ValueError:  # on another drive
        return None
    if name == os.curdir or name.split("/")[0] == os.pardir:
        return None
    try:
        name.encode()
    except UnicodeEncodeError:
        raise MarpackError(f"{path!r} has a name that is no text, as a signature has them: rename it") from None
    return name
