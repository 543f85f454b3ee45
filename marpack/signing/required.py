"""A signature that is required of what is looked at, unpacked, run or deployed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Literal

from marpack.archive.read.archive import Archive, container_of
from marpack.archive.read.limits import Limits
from marpack.archive.read.open import open_archive
from marpack.archive.sources import open_at_once
from marpack.errors import MarpackError, SignatureError, SignatureFileError
from marpack.frozen import frozen
from marpack.signing.attested import digest_of_image, name_below
from marpack.signing.bundle import LONGEST, Bundle, read_bundle
from marpack.signing.keys import require_paths, require_several
from marpack.signing.layout import image_digest, layout_at, listed_digest
from marpack.signing.library import require_signed
from marpack.signing.resources import folder_files, folder_names, members, whole, whole_file
from marpack.signing.statement import WHOLE, Resource, Statement

if TYPE_CHECKING:
    from marpack.archive.result import Progress

# Of names in a message.
_MOST_NAMED = 5


@frozen
class RequiredSignature:
    """A signature, and by whose key it has to be.

    - ``signature``: the path of its file.
    - ``public_key``: the path of the key that it has to be by, in PEM; or
    - ``roots``: paths of PEM files of the certificates that are trusted: to a root among them, which has signed
      itself, the signer's has to lead, at the time when that began to be valid. Whoever has any certificate below
      it may have signed, and nobody asks whether it was revoked.
    """

    signature: str | os.PathLike[str]
    public_key: str | os.PathLike[str] | None = None
    roots: tuple[str | os.PathLike[str], ...] = ()

    def __post_init__(self) -> None:
        require_paths("signature", self.signature)
        require_paths("public_key", *(() if self.public_key is None else (self.public_key,)))
        require_several("roots", self.roots)
        if self.public_key is None and not self.roots:
            raise ValueError("a signature is by a key or below a root: give public_key or roots")
        if self.public_key is not None and self.roots:
            raise ValueError("a signature is by a key or below a root, not both: give public_key or roots alone")

    def absolute(self) -> RequiredSignature:
        """Return it for another process, in whichever folder that works."""
        return RequiredSignature(
            signature=os.path.abspath(self.signature),
            public_key=None if self.public_key is None else os.path.abspath(self.public_key),
            roots=tuple(map(os.path.abspath, self.roots)),
        )

    def stated(self) -> Statement:
        """Return what the signature says, which the required key has said; nothing is held against it yet.

        Raises ``SignatureError`` and what else ``verify_signature`` raises of the signature and the key.
        """
        bundle = self._read()
        path = os.fspath(self.signature)
        require_signed(bundle, path, lambda: bundle.statement, public_key=self.public_key, roots=self.roots)
        return bundle.statement

    def _read(self) -> Bundle:
        """Read the file, once."""
        path = os.fspath(self.signature)
        bundle = read_bundle(_bytes_of(path), path)
        wanted = "key" if self.public_key is not None else "certificate"
        if bundle.by != wanted:
            raise SignatureError(path, f"is by a {bundle.by}, and one by a {wanted} is required")
        return bundle

    def require(self, archive: Archive, progress: Progress | None = None) -> VerifiedSignature:
        """Raise ``SignatureError`` unless all of an open archive is signed.

        Its bytes are read from what is open, whatever its path now names; of a folder the files are read where
        they lie. Also an error is a file of which the signature says that it is not looked at. A file to which
        somebody does anything between its opening and the end of this is a ``SourceChangedError``, and so it is
        when it is unpacked; but not seen is what is written through a mapping of the file that was written through
        before the file was opened (spec/signature.md, G13). See ``verify_signature`` for what else is raised.
        """
        verified = _verified(self, lambda statement: _archive(archive, statement, self, progress))
        if verified.unsigned:
            named = _named("says nothing of files that are there", verified.unsigned)
            named += ": take them out, or sign them too (git_files=True, --git-files)"
            raise SignatureError(
                os.fspath(self.signature), named, code="signature-mismatch", extra=verified.unsigned
            )
        return verified


@frozen
class VerifiedSignature:
    """A signature that holds.

    ``signed_by`` says what vouches for it, ``statement`` is what it says, and ``unsigned`` are files
    that are there and of which it says that they are not looked at: anybody may have put them there.
    """

    signature: str
    signed_by: Literal["key", "certificate"]
    statement: Statement
    unsigned: tuple[str, ...]


@frozen
class _Found:
    """The resources that are there, and what is there beside them."""

    resources: tuple[Resource, ...]
    unsigned: tuple[str, ...] = ()


def verify_signature(
    source: Archive | str | os.PathLike[str],
    required: RequiredSignature,
    *,
    limits: Limits | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> VerifiedSignature:
    """Hold a signature against what lies there, which is what ``attest`` takes.

    Whether an archive is meant as a file or what is in it is for the signature to say. Links in a folder are
    refused, whatever it says of them, and so is whatever is there and neither signed nor ignored.

    Raises ``SignatureError`` where the key did not sign, or something else was signed; ``SignatureFileError`` for
    a signature that cannot be read; ``MissingExtraError`` without the extra ``sign``; ``MarpackError`` for a key
    that cannot verify; and what opening and reading raise.
    """

    def look(statement: Statement) -> _Found:
        if isinstance(source, Archive):
            return _archive(source, statement, required, progress)
        path = os.fspath(source)
        if digest := digest_of_image(path):
            return _image(statement, digest, required)
        files = layout_at(path) if statement.is_of_one_file else None
        listed = None if files is None else listed_digest(files)
        # A tar may have been signed as the file that it is, as by the format's own tool (G9).
        if files and (os.path.isdir(path) or listed == statement.resources[0].sha256):
            return _image(statement, image_digest(files, progress), required)
        if os.path.isdir(path):
            return _folder(path, statement, required, threads, progress)
        if statement.is_of_one_file and "://" not in path:
            return _file(statement, whole_file(path, progress), required, image=listed)
        with open_archive(path, limits=limits, download=True) as archive:
            return _archive(archive, statement, required, progress)

    return _verified(required, look)


def _verified(required: RequiredSignature, look: Callable[[Statement], _Found]) -> VerifiedSignature:
    """Read the signature once, have the library vouch for it, and only then look at what it is of."""
    if not isinstance(required, RequiredSignature):
        raise TypeError(f"required is a RequiredSignature, not {type(required).__name__}")
    path = os.fspath(required.signature)
    bundle = required._read()
    unsigned: list[str] = []

    def found() -> Statement:
        seen = look(bundle.statement)
        _require_equal(path, bundle.statement.resources, seen.resources)
        unsigned.extend(seen.unsigned)
        return Statement.of(bundle.statement.name, seen.resources, bundle.statement.ignored)

    require_signed(bundle, path, found, public_key=required.public_key, roots=required.roots)
    return VerifiedSignature(
        signature=path, signed_by=bundle.by, statement=bundle.statement, unsigned=tuple(unsigned)
    )


def _bytes_of(path: str) -> bytes:
    with open(path, "rb", opener=open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise SignatureFileError(path, "is not a regular file")
        return file.read(LONGEST + 1)


def _archive(
    archive: Archive, statement: Statement, required: RequiredSignature, progress: Progress | None
) -> _Found:
    if archive.form == "folder":
        return _folder(archive.path, statement, required, None, progress)
    container = container_of(archive)
    if "://" in archive.path and container.file is None:
        raise MarpackError(
            f"{archive.path!r} is read where it lies, and may be something else the next time: open it with "
            "download=True (--download)"
        )
    if statement.is_of_one_file:
        found = _file(statement, whole(archive, progress), required)
    else:
        archive.refuse(case_sensitive=True)
        names = [member.name for member in archive.members]
        unsigned = [name for name in names if statement.ignores(name)]
        _require_names(required, statement, {*names} - {*unsigned})
        read = members(archive, progress)
        found = _Found(
            resources=tuple(each for each in read if not statement.ignores(each.name)), unsigned=tuple(unsigned)
        )
    container.must_stay = True
    container.require_unchanged()
    return found


def _folder(
    folder: str, statement: Statement, required: RequiredSignature, threads: int | None, progress: Progress | None
) -> _Found:
    own = name_below(folder, os.fspath(required.signature))
    stated = {each.name for each in statement.resources}
    names, unsigned = [], []
    for name, is_link in folder_names(folder):
        if statement.ignores(name):
            if name != own:
                unsigned.append(name)
        elif name != own or name in stated:
            names.append(name)
            if is_link:
                raise _mismatch(required, f"is of files, and {name!r} in {folder!r} is a link", changed=[name])
    _require_names(required, statement, {*names})
    return _Found(
        resources=tuple(folder_files(folder, sorted(names), threads=threads, progress=progress)),
        unsigned=tuple(sorted(unsigned)),
    )


def _image(statement: Statement, sha256: str, required: RequiredSignature) -> _Found:
    return _single(statement, Resource(name=WHOLE, sha256=sha256), required, f"the image sha256:{sha256}")


def _file(
    statement: Statement, found: Resource, required: RequiredSignature, *, image: str | None = None
) -> _Found:
    held = "" if image is None else f", in which the image sha256:{image} is"
    return _single(statement, found, required, f"a file with the SHA-256 {found.sha256}{held}")


def _single(statement: Statement, found: Resource, required: RequiredSignature, what: str) -> _Found:
    """Return what is stated as a whole; raise unless it is what was signed, with ``what`` it is instead."""
    if not statement.is_of_one_file:
        raise _mismatch(required, "is of the files of a folder, and not of an image or a single file")
    stated = statement.resources[0].sha256
    if found.sha256 != stated:
        raise _mismatch(required, f"is of sha256:{stated}, and this is {what}", changed=[found.name])
    return _Found(resources=(found,))


def _require_names(required: RequiredSignature, statement: Statement, there: Collection[str]) -> None:
    """Raise for a name that is there and not signed, or the other way round, before anything is read."""
    stated = {each.name for each in statement.resources}
    if statement.is_of_one_file:
        raise _mismatch(required, "is of a single file, and not of a folder")
    _require_none(os.fspath(required.signature), {*there} - stated, stated - {*there}, ())


def _require_equal(path: str, stated: Iterable[Resource], there: Iterable[Resource]) -> None:
    signed, found = ({each.name: each.sha256 for each in some} for some in (stated, there))
    changed = [name for name in signed.keys() & found.keys() if signed[name] != found[name]]
    _require_none(path, found.keys() - signed.keys(), signed.keys() - found.keys(), changed)


def _require_none(path: str, extra: Iterable[str], missing: Iterable[str], changed: Iterable[str]) -> None:
    more, fewer, other = sorted(extra), sorted(missing), sorted(changed)
    kinds = (
        ("what is there is not what was signed", other),
        ("files were added", more),
        ("files are missing", fewer),
    )
    message = "does not fit: " + "; ".join(_named(what, names) for what, names in kinds if names)
    if more or fewer or other:
        raise SignatureError(path, message, code="signature-mismatch", extra=more, missing=fewer, changed=other)


def _named(what: str, names: Collection[str]) -> str:
    listed = [*names]
    rest = f" and {len(listed) - _MOST_NAMED:,} more" if len(listed) > _MOST_NAMED else ""
    return f"{what} ({', '.join(map(repr, listed[:_MOST_NAMED]))}{rest})"


def _mismatch(required: RequiredSignature, message: str, *, changed: Collection[str] = ()) -> SignatureError:
    return SignatureError(
        os.fspath(required.signature), message, code="signature-mismatch", changed=tuple(changed)
    )
