"""What one blob of an image will hold: files, with names in the image, or one file as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from marpack.archive.member import ArchiveMember
from marpack.archive.plan.plan import ArchivePlan
from marpack.archive.read.archive import Archive
from marpack.archive.sources import Reader, Source
from marpack.frozen import frozen
from marpack.images import tar_records
from marpack.oci import media_types


@frozen
class ArchivedFile:
    """A member of an open archive, held against its CRC when it is read to its end: a ``Source``."""

    archive: Archive
    member: ArchiveMember

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self.member.size

    def open(self) -> Reader:
        """Read the member from its beginning."""
        return self.archive.open(self.member)


# Where the contents of a file come from; of an archive that is still to be packed the size is not known before.
Contents: TypeAlias = "Source | ArchivePlan"


@frozen
class ImageFile:
    """A file of an image: ``name`` is its path there, without a slash at its beginning (I9).

    ``size`` is in bytes, None for what is still to be packed; ``origin`` says for messages where it comes from.
    """

    name: str
    contents: Contents
    size: int | None
    origin: str


@frozen
class PlannedLayer:
    """A blob that is to be written: the tar of its ``files``, or, if ``is_raw``, the one file as it is.

    ``title`` is what a person calls it; ``folders`` are names of those that may have no file.
    """

    title: str
    files: tuple[ImageFile, ...]
    folders: tuple[str, ...] = ()
    media_type: str = media_types.LAYER

    @property
    def is_raw(self) -> bool:
        """Whether the blob is the file itself, as ModelPack has it."""
        return self.media_type != media_types.LAYER

    @property
    def size(self) -> int | None:
        """The size of the blob in bytes; None while an archive in it is still to be packed."""
        sizes = [each.size for each in self.files]
        if None in sizes:
            return None
        total = sum(size for size in sizes if size is not None)
        if self.is_raw:
            return total
        heads = sum(map(len, self.folder_records()))
        for file in self.files:
            size = file.size or 0
            heads += len(tar_records.file_header(file.name, size)) + -size % tar_records.BLOCK_SIZE
        return total + heads + len(tar_records.END)

    def folder_records(self) -> Iterator[bytes]:
        """Yield the records of the folders above all files, by which the tar begins (I11)."""
        names = [*(file.name for file in self.files), *(f"{name}/" for name in self.folders)]
        yield from map(tar_records.folder_header, tar_records.folders_of(names))
