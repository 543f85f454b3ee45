"""From a plan to an image layout, a folder or a tar of it: whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any

from marpack.archive.plan.plan import ArchivePlan
from marpack.archive.result import Progress
from marpack.archive.sources import FileSource, Source
from marpack.archive.write.write import write_archive
from marpack.disk.atomic import (
    replacing_file,
    replacing_folder,
    require_replaceable_file,
    require_replaceable_folder,
)
from marpack.disk.file_names import without_last_separator
from marpack.disk.new_file import hidden_beside
from marpack.errors import TargetError
from marpack.images import tar_records
from marpack.images.blob_writer import BlobWriter
from marpack.images.layer import ImageFile, PlannedLayer
from marpack.images.places import LayoutFolder, LayoutTar, Place
from marpack.images.plan import ImagePlan
from marpack.images.result import ImageResult, WrittenLayer
from marpack.images.stored import StoredImage
from marpack.oci import media_types
from marpack.oci.descriptor import Descriptor, blob_name
from marpack.oci.documents import (
    BASE_DIGEST,
    BASE_NAME,
    FILE_PATH,
    INDEX_FILE,
    LAYOUT,
    LAYOUT_FILE,
    REF_NAME,
    config_of,
    described,
    index_of,
    manifest_of,
    model_config_of,
)
from marpack.oci.layout import is_layout

# By which the one file is known from the folder.
TAR_SUFFIX = ".tar"
# What a layout is not called, but where that was meant.
_OTHER_TAR = re.compile(r"\.(tar|tar\.[a-z0-9]+|tgz)\Z", re.IGNORECASE)


def write_image(
    plan: ImagePlan,
    path: str | os.PathLike[str],
    *,
    force: bool = False,
    progress: Progress | None = None,
    threads: int | None = None,
) -> ImageResult:
    """Write an image layout to a folder, or to one file if ``path`` ends in ``.tar``: whole or not at all.

    Each layer is written once, and hashed meanwhile by another thread. Nothing but the inputs and the plan decides
    a byte. ``force`` replaces a layout, a folder or a file, and nothing else. ``progress`` is called, on this
    thread, with the number of bytes of files just written; ``threads`` is for archives that are to be packed.

    Raises ``ArchiveExistsError`` and ``TargetError`` for a place that cannot be, ``SourceChangedError`` for what
    is not as it was planned, ``ImageError`` for a blob of the base that is not what its descriptor says, what
    reading an archive raises, and ``OSError`` of the disk. After an error nothing is left at the path, and what
    was there is as it was. So it is after a kill, but for a hidden name beside it
    (``.marpack-0123456789abcdef.tmp``) of a folder, or of an archive that was being packed. A plan that is closed
    raises ``ValueError``.
    """
    target = os.fspath(path)
    with ExitStack() as stack:
        place: Place
        require_image_place(target, force=force)
        if target.endswith(TAR_SUFFIX):
            file = stack.enter_context(replacing_file(target, force=force))
            place = LayoutTar(file, progress)
        else:
            target = without_last_separator(target)
            folder = stack.enter_context(
                replacing_folder(target, force=force, marker=LAYOUT_FILE, may_be_empty=True)
            )
            place = LayoutFolder(folder, progress)
        aside = hidden_beside(os.path.abspath(target))
        result = _Writing(plan, place, aside, threads).result(target)
        if target.endswith(TAR_SUFFIX):
            _require_no_other_file(target)  # which somebody may have put there meanwhile
        return result


def write_layer(
    writer: BlobWriter,
    layer: PlannedLayer,
    contents: Callable[[ImageFile], AbstractContextManager[tuple[Source, int]]],
) -> None:
    """Write the tar of a layer; ``contents`` gives those of a file, and their size (I11 to I13)."""
    for record in layer.folder_records():
        writer.write(record)
    for file in layer.files:
        with contents(file) as (source, size):
            writer.write(tar_records.file_header(file.name, size))
            writer.copy(source, size, file.origin)
        writer.write(tar_records.padding(size))
    writer.write(tar_records.END)


def require_image_place(path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Raise what ``write_image`` would raise because of the place, and write nothing."""
    target = os.fspath(path)
    if target.endswith(TAR_SUFFIX):
        require_replaceable_file(target, force=force)
        _require_no_other_file(target)
    elif _OTHER_TAR.search(target):
        raise TargetError(
            target,
            "names no layout: that is a folder, or one file that is not compressed: name one that ends in .tar",
        )
    else:
        require_replaceable_folder(
            without_last_separator(target), force=force, marker=LAYOUT_FILE, may_be_empty=True
        )


def _require_no_other_file(path: str) -> None:
    """Raise ``TargetError`` for a file that is neither empty nor a layout, which nobody takes back."""
    if os.path.exists(path) and os.path.getsize(path) and not is_layout(path):
        problem = f"is a file without {LAYOUT_FILE}, so it is nothing that could be replaced"
        raise TargetError(path, f"{problem}: move it away, or choose another name")


class _Writing:
    """One image on its way into a place; ``aside`` is a path for an archive while it is packed."""

    def __init__(self, plan: ImagePlan, place: Place, aside: str, threads: int | None) -> None:
        self._plan = plan
        self._place = place
        self._aside = aside
        self._threads = threads
        self._sizes: dict[str, int] = {}

    def result(self, path: str) -> ImageResult:
        """Write all, and tell of it."""
        plan, place = self._plan, self._place
        place.put(LAYOUT_FILE, LAYOUT)
        for base in dict.fromkeys(plan.bases):
            for descriptor in base.layers:
                if descriptor.digest not in self._sizes:
                    self._copy(base, descriptor)
        layers = [self._layer(layer) for layer in plan.layers]
        if plan.form == "modelpack":
            top = self._model_manifest(layers)
        else:
            manifests = [self._manifest(number, layers) for number in range(len(plan.platforms))]
            top = manifests[0] if len(manifests) == 1 else self._document(index_of(manifests), media_types.INDEX)
        named = {**top.annotations, REF_NAME: plan.tag}
        place.put(INDEX_FILE, index_of([replace(top, annotations=named)]))
        place.end()
        own = [
            WrittenLayer(title=title, digest=each.digest, size=each.size, media_type=each.media_type)
            for title, each in zip((layer.title for layer in plan.layers), layers, strict=True)
        ]
        return ImageResult(
            path=path,
            digest=top.digest,
            media_type=top.media_type,
            tag=plan.tag,
            size=sum(self._sizes.values()),
            layers=(*self._base_blobs(), *own),
            platforms=plan.platforms,
            warnings=plan.warnings,
        )

    def _base_blobs(self) -> Iterator[WrittenLayer]:
        found = {each.digest: each for base in self._plan.bases for each in base.layers}
        for each in found.values():
            yield WrittenLayer(
                title="base", digest=each.digest, size=each.size, media_type=each.media_type, is_base=True
            )

    def _copy(self, base: StoredImage, descriptor: Descriptor) -> None:
        """Take a blob of the base over, and hold it against what its descriptor says (I22)."""
        source = base.source(descriptor)
        digest, size = self._place.add(lambda writer: writer.copy(source, descriptor.size, repr(base.path)))
        base.require(descriptor, digest, size)
        self._sizes[digest] = size

    def _layer(self, layer: PlannedLayer) -> Descriptor:
        noted = {FILE_PATH: layer.files[0].name} if layer.is_raw else {}
        digest, size = self._place.add(lambda writer: self._write(writer, layer))
        self._sizes[digest] = size
        return Descriptor(media_type=layer.media_type, digest=digest, size=size, annotations=noted)

    def _write(self, writer: BlobWriter, layer: PlannedLayer) -> None:
        if not layer.is_raw:
            write_layer(writer, layer, self._contents)
            return
        [file] = layer.files
        with self._contents(file) as (source, size):
            writer.copy(source, size, file.origin)

    @contextmanager
    def _contents(self, file: ImageFile) -> Iterator[tuple[Source, int]]:
        """Give a file's contents; an archive that is still to be packed lies beside the layout meanwhile."""
        if not isinstance(file.contents, ArchivePlan):
            yield file.contents, file.size or 0
            return
        try:
            write_archive(file.contents, self._aside, threads=self._threads)
            status = os.stat(self._aside)
            yield FileSource.from_stat(self._aside, status), status.st_size
        finally:
            with suppress(FileNotFoundError):
                os.unlink(self._aside)

    def _manifest(self, number: int, layers: Sequence[Descriptor]) -> Descriptor:
        plan = self._plan
        platform = plan.platforms[number]
        base = plan.bases[number] if plan.bases else None
        titled = [(each.digest, layer.title) for each, layer in zip(layers, plan.layers, strict=True)]
        config = config_of(
            platform,
            titled,
            plan.labels,
            created=plan.created,
            base=None if base is None else base.config,
            runs=plan.runs,
        )
        annotations = dict(plan.annotations)
        if base is not None and base.digest:
            annotations[BASE_DIGEST] = base.digest
        if base is not None and plan.base_name:
            annotations[BASE_NAME] = plan.base_name
        manifest = manifest_of(
            self._document(config, media_types.CONFIG), [*(base.layers if base else ()), *layers], annotations
        )
        return self._document(manifest, media_types.MANIFEST, platform=platform)

    def _model_manifest(self, layers: Sequence[Descriptor]) -> Descriptor:
        plan = self._plan
        config = model_config_of(plan.model_name, plan.model_version, [each.digest for each in layers])
        manifest = manifest_of(
            self._document(config, media_types.MODEL_CONFIG),
            layers,
            plan.annotations,
            artifact_type=media_types.MODEL_MANIFEST,
        )
        return self._document(manifest, media_types.MANIFEST, artifact_type=media_types.MODEL_MANIFEST)

    def _document(self, data: bytes, media_type: str, **more: Any) -> Descriptor:
        descriptor = described(data, media_type, **more)
        self._place.put(blob_name(descriptor.digest), data)
        self._sizes[descriptor.digest] = descriptor.size
        return descriptor
