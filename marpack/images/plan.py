"""From archives and a server's settings to what an image will be: nothing is written, and nothing run."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from marpack.archive.plan.contents import ContentsError, is_path, source_of
from marpack.archive.read.limits import Limits
from marpack.archive.sources import FileSource, Source
from marpack.display import printable
from marpack.errors import MarpackError
from marpack.frozen import frozen
from marpack.images.contents import allowed, image_contents
from marpack.images.layer import ImageFile, PlannedLayer
from marpack.images.open_archives import OpenArchives
from marpack.images.stored import StoredImage, open_image
from marpack.oci.descriptor import Platform

if TYPE_CHECKING:
    from typing import Self

    from marpack.archive.plan.contents import SourceLike

ImageForm: TypeAlias = Literal["image", "modelpack"]

_TITLE = "org.opencontainers.image.title"
_VERSION = "org.opencontainers.image.version"
DEFAULT_PLATFORM = "linux/amd64"
# What the kernel, or a maker, calls what Go, and so every reader of images, calls otherwise.
_OTHER_WORDS = {
    **dict.fromkeys(("x86_64", "x64", "amd_64"), "amd64"),
    **dict.fromkeys(("aarch64", "arm_64", "armv8"), "arm64"),
    **dict.fromkeys(("i386", "i686", "x86"), "386"),
}
# What both a registry and the annotation of a layout take for a tag (I3).
_TAG = re.compile(r"(?=.{1,128}\Z) [A-Za-z0-9]+ (?: (?:[-._]|--) [A-Za-z0-9]+ )*", re.VERBOSE)


@frozen
class ImagePlan:
    """All that an image will be: what it says of itself, and the files of each of its ``layers``.

    ``form`` is ``"image"`` or ``"modelpack"``. ``bases`` are the images that it is appended to, one for each of
    the ``platforms``, or none; ``created`` is a time of RFC 3339, or None. ``annotations`` are the manifest's,
    ``labels`` the configuration's; ``warnings`` are for the user. ``runs`` is what the configuration says of
    running it, where that is not the base's. ``archives`` are those whose members are taken: they are open until
    ``close``, or the end of a ``with`` block, or until nobody knows the plan any more.
    """

    form: ImageForm
    layers: tuple[PlannedLayer, ...]
    platforms: tuple[Platform, ...]
    tag: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    created: str | None = None
    bases: tuple[StoredImage, ...] = ()
    base_name: str | None = None
    model_name: str = ""
    model_version: str = ""
    warnings: tuple[str, ...] = ()
    runs: Mapping[str, Any] = field(default_factory=dict)
    archives: OpenArchives = field(default_factory=OpenArchives, repr=False, compare=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the archives whose members are taken; nothing can be written of them afterwards."""
        self.archives.close()

    @property
    def size(self) -> int | None:
        """The size of all layers in bytes, those of the base too; None while an archive is still to be packed."""
        sizes = [layer.size for layer in self.layers]
        if None in sizes:
            return None
        below = {each.digest: each.size for base in self.bases for each in base.layers}
        return sum(size for size in (*sizes, *below.values()) if size is not None)

    def __str__(self) -> str:
        lines = [f"{self.form}:{self.tag} for {', '.join(map(str, self.platforms)) or 'any platform'}"]
        lines += [f"{printable(base.path)}: {len(base.layers)} layers" for base in dict.fromkeys(self.bases)]
        for layer in self.layers:
            size = "still to be packed" if layer.size is None else f"{layer.size:,} bytes"
            lines.append(f"{printable(layer.title)}: {size}")
            lines += [f"  {printable(file.name)}" for file in layer.files]
        return "\n".join(lines)


def plan_image(
    source: str | os.PathLike[str],
    *,
    base: str | os.PathLike[str] | None = None,
    base_tag: str | None = None,
    base_name: str | None = None,
    platforms: str | Iterable[str] = (),
    labels: Mapping[str, str] | None = None,
    tag: str = "latest",
    modelpack: bool = False,
    model_store: str | os.PathLike[str] | None = None,
    timestamp: datetime | float | None = None,
    limits: Limits | None = None,
) -> ImagePlan:
    """Plan an OCI image of a model or of a server's models, as KServe mounts and fetches them.

    - ``source``: a folder that a server starts from, a config.properties, or a model store, whose archives become
      ``models/model-store/*.mar`` and whose settings become ``models/config/config.properties`` (a store without
      settings gets those of KServe's preset); a declaration as ``marpack.serving.serve_build`` reads it, ``.toml``
      or ``.json``, whose archives are packed, reproducibly unless ``timestamp`` is given; or one archive, whose
      members become files below ``models/``.
    - ``base``: an OCI layout, or what ``docker save`` wrote, to which the layers are appended: one with a shell,
      for modelcars. ``base_tag`` names one of several in it, ``base_name`` is what the annotation says of it.
    - ``platforms``: ``os/architecture``, by default ``linux/amd64``. Several make an index, of images that share
      their layers.
    - ``labels``: of the configuration; ``tag``: of the layout.
    - ``modelpack``: plan what the CNCF's ModelPack specifies, in place of an image: an artifact that registries
      keep and engines do not mount. It has neither a platform nor a base nor labels.
    - ``model_store``: the archives that a config.properties is about, where they do not lie beside it.
    - ``timestamp``: a ``datetime`` or seconds since the epoch, that the image says it was made; left out by
      default.
    - ``limits``: as for ``open_archive``.

    The same inputs make the same bytes. The plan is a context manager, which closes archives. Raises
    ``MarpackError`` for what is nothing of that, ``ConfigError`` for settings that would not serve the archives,
    ``PlanError`` for a declaration, ``ImageError`` for a base that cannot be used, what reading an archive raises,
    and ``OSError``.
    """
    _require_tag(tag)
    said = dict(labels or {})
    _require_labels(said)
    named = [_platform(each) for each in ([platforms] if isinstance(platforms, str) else platforms)]
    if modelpack and (named or base is not None or said):
        raise MarpackError("ModelPack knows neither platforms nor a base nor labels: leave them out")
    if base is None and (base_tag is not None or base_name is not None):
        raise MarpackError("base_tag and base_name say something of a base, and none is given: give base, too")
    chosen = () if modelpack else tuple(dict.fromkeys(named or [_platform(DEFAULT_PLATFORM)]))
    archives = OpenArchives(limits)
    try:
        contents = image_contents(
            os.fspath(source), model_store=model_store, as_files=modelpack, timestamp=timestamp, archives=archives
        )
        bases = {} if base is None else _bases(os.fspath(base), chosen, base_tag)
        titled = ((_TITLE, contents.model_name), (_VERSION, contents.model_version))
        return ImagePlan(
            form="modelpack" if modelpack else "image",
            layers=contents.layers,
            platforms=tuple(bases) or chosen,
            tag=tag,
            labels=said,
            annotations={key: text for key, text in titled if text},
            created=_rfc3339(timestamp),
            bases=tuple(bases.values()),
            base_name=base_name,
            model_name=contents.model_name,
            model_version=contents.model_version,
            warnings=(*contents.warnings, *_entrypoints(bases.values())),
            archives=archives,
        )
    except BaseException:
        archives.close()
        raise


def plan_files(
    files: Mapping[str, SourceLike],
    base: str | os.PathLike[str],
    *,
    title: str,
    base_tag: str | None = None,
    base_name: str | None = None,
    labels: Mapping[str, str] | None = None,
    tag: str = "latest",
    runs: Mapping[str, Any] | None = None,
) -> ImagePlan:
    """Plan an image of any files, in one layer on top of a base.

    ``files`` are by their names in the image, without a slash at the beginning: paths, bytes, open files, or what
    else ``marpack.pack`` takes for a file. ``title`` is what a person calls them. ``runs`` are keys of the
    configuration's ``config`` (``Entrypoint``, ``WorkingDir``) that take the place of the base's; None takes one
    away. The rest is as for ``plan_image``. Raises ``MarpackError`` for names that no image has and contents that
    cannot be read, ``TypeError`` for what is no contents, ``ImageError`` for a base that cannot be used, and
    ``OSError``.
    """
    _require_tag(tag)
    said = dict(labels or {})
    _require_labels(said)
    sources = {allowed(name): _source(name, given) for name, given in sorted(files.items())}
    bases = _bases(os.fspath(base), (_platform(DEFAULT_PLATFORM),), base_tag)
    planned = (
        ImageFile(name=name, contents=source, size=source.size, origin=repr(name))
        for name, source in sources.items()
    )
    return ImagePlan(
        form="image",
        layers=(PlannedLayer(title=title, files=tuple(planned)),),
        platforms=tuple(bases),
        tag=tag,
        labels=said,
        bases=tuple(bases.values()),
        base_name=base_name,
        runs=dict(runs or {}),
    )


def _source(name: str, given: SourceLike) -> Source:
    if is_path(given):
        path = os.fsdecode(given)
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise MarpackError(f"{name!r} cannot be {path!r}, which is no regular file: name one")
        return FileSource.from_stat(path, status)
    try:
        return source_of(given, name)
    except ContentsError as error:
        kind = TypeError if error.code == "bad-type" else MarpackError
        raise kind(f"{name!r}: {error}") from None


def _bases(path: str, platforms: Iterable[Platform], tag: str | None) -> dict[Platform, StoredImage]:
    """Return the image below for each platform, by the platform that there is then (I8)."""
    found: dict[Platform, StoredImage] = {}
    for platform in platforms:
        image = open_image(path, platform, tag=tag)
        found.setdefault(platform if platform.variant else Platform.of(image.config) or platform, image)
    return found


def _require_labels(labels: Mapping[str, str]) -> None:
    checked: list[tuple[object, object]] = [*labels.items()]
    for key, value in checked:
        if not (isinstance(key, str) and key and isinstance(value, str)) or not f"{key}{value}".isprintable():
            raise MarpackError(f"the label {key!r} cannot be {value!r}: give a name, and a text of one line")


def is_layout_tag(text: str) -> bool:
    """Tell whether a layout may have a tag (I3): some that registries take are none."""
    return _TAG.fullmatch(text) is not None


def _require_tag(tag: str) -> None:
    if not is_layout_tag(tag):
        raise MarpackError(
            f"{tag!r} is no tag: letters and digits, with single '.', '_' and '-' between them, 128 at most"
        )


def _platform(text: str) -> Platform:
    found = Platform.parse(text)
    if found is None:
        raise MarpackError(f"{text!r} is no platform: write os/architecture, as {DEFAULT_PLATFORM}")
    if known := _OTHER_WORDS.get(found.architecture):
        raise MarpackError(
            f"{text!r} is no platform of images, whose words are Go's (amd64, arm64): write {found.os}/{known}"
        )
    return found


def _rfc3339(timestamp: datetime | float | None) -> str | None:
    if timestamp is None:
        return None
    seconds = timestamp.timestamp() if isinstance(timestamp, datetime) else timestamp
    try:
        return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        raise MarpackError(f"{timestamp!r} is no time of which RFC 3339 has a text") from None


def _entrypoints(bases: Iterable[StoredImage]) -> list[str]:
    """Say what keeps a modelcar from starting: it is given arguments alone, which an entry point takes (I21)."""
    found = {
        f"the base has the entry point {inner['Entrypoint']!r}, which takes what KServe's modelcar is to run as "
        "its own arguments: for that, give a base without one"
        for base in bases
        if (inner := base.config.get("config") or {}).get("Entrypoint")
    }
    return sorted(found)
