"""The image that a trainer runs in (K202): a layout where its base is at hand, else a folder to build it of."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from marpack.archive.formats.checksums import new_sha256
from marpack.archive.sources import BytesSource, FileSource
from marpack.disk.atomic import replacing_folder
from marpack.errors import ImageError, MarpackError, PlanError
from marpack.findings import Issue
from marpack.frozen import frozen
from marpack.serving.kaptain.deploys.arguments import output_folder
from marpack.serving.kaptain.deploys.revision import base_dir_of
from marpack.serving.kaptain.deploys.service_plan import name_of
from marpack.serving.kaptain.values.described_model import DescribedModel
from marpack.serving.kaptain.values.exceptions import ImageBuildException, ModelPlanError
from marpack.serving.kaptain.values.told import tell

if TYPE_CHECKING:
    from marpack.images import ImagePlan
    from marpack.images.stored import StoredImage
    from marpack.oci.descriptor import Platform

# K202: where the files lie, and by which label an image tells what is in it.
_FOLDER = "/kaptain"
_CHECKSUM, _CHECKSUM_DIGITS = "checksum", 32
_REQUIREMENTS = "requirements.txt"
_CONTAINERFILE = "Containerfile"
_CONTEXT = "context"
_CHUNK_SIZE = 1 << 20
# What no tag has.
_NO_TAG = re.compile(r"[^A-Za-z0-9]+")


@frozen
class _Described:
    """What an image is to be: ``files`` are paths, or contents, by their names below ``/kaptain``."""

    name: str
    base: str
    main: str
    tag: str
    files: Mapping[str, str | bytes]


def build(
    model: DescribedModel,
    *,
    output: str | os.PathLike[str] | None,
    base_layout: str | os.PathLike[str] | None,
    push: bool,
    plain_http: bool,
) -> bool:
    """Do ``Model.build``, which says how."""
    issues: list[Issue] = []
    name = name_of(model, issues)
    folder = output_folder({"output": output}, base_dir_of(model), issues)
    layout = _layout(model, base_layout)
    described = _described(model, issues)
    if push and (layout is None or _REQUIREMENTS in (described.files if described else {})):
        message = "needs an image that is complete here: name a layout of the base (base_layout=), which has all"
        issues.append(Issue(code="bad-value", argument="push", message=f"{message} requirements installed"))
    if issues or described is None:
        raise ModelPlanError(issues)
    try:
        if layout is None or _REQUIREMENTS in described.files:
            _write_folder(described, os.path.join(folder, f"{name}-build"))
            return True
        place = os.path.join(folder, f"{name}-image")
        _write_image(described, layout, place)
        if push:
            from marpack.images import push_image

            pushed = push_image(place, described.name, plain_http=plain_http)
            tell(f"{pushed.name} has {pushed.digest}; {len(pushed.sent)} blobs of it were sent")
    except PlanError:
        raise
    except (MarpackError, OSError) as error:
        raise ImageBuildException(str(error)) from error
    return True


def _layout(model: DescribedModel, given: str | os.PathLike[str] | None) -> str | None:
    """Return where the base lies: what is given, or ``base_image`` where that is a path."""
    if given is not None:
        return os.fsdecode(given)
    named = model.base_image or ""
    path = os.path.join(base_dir_of(model), named)
    return path if named and os.path.exists(path) else None


def _described(model: DescribedModel, issues: list[Issue]) -> _Described | None:
    told = {key: getattr(model, key) or "" for key in ("image_name", "base_image", "main_file")}
    for key, text in told.items():
        if not text:
            message = "is missing: an image is built of image_name, base_image and main_file"
            issues.append(Issue(code="missing-key", argument=key, message=message))
        elif not text.isprintable() or (" " in text and key != "main_file"):
            issues.append(Issue(code="bad-value", argument=key, message=f"cannot be {text!r}: write it plainly"))
    files = _files(model, issues)
    if issues:
        return None
    return _Described(
        name=told["image_name"],
        base=told["base_image"],
        main=told["main_file"],
        tag=_tag(told["image_name"], model),
        files=files,
    )


def _tag(image_name: str, model: DescribedModel) -> str:
    """Return the tag of a name, or one of what the model is, where it has none (K200)."""
    _, colon, tag = image_name.rpartition("/")[2].partition(":")
    if colon:
        return tag
    framework = model.framework.value if model.framework else ""
    parts = (model.id, framework, model.framework_version or "")
    return "-".join(filter(None, (_NO_TAG.sub("-", part).strip("-") for part in parts)))


def _files(model: DescribedModel, issues: list[Issue]) -> dict[str, str | bytes]:
    """Return what lies below ``/kaptain``: each file under its own relative path (K203)."""
    base = base_dir_of(model)
    found: dict[str, str | bytes] = {}
    for argument, path in [
        ("main_file", model.main_file),
        *(("extra_files", each) for each in model.extra_files or ()),
    ]:
        if not path:
            continue
        name = os.path.normpath(path).replace(os.sep, "/")
        if os.path.isabs(path) or name.split("/")[0] == "..":
            message = f"{path!r} lies elsewhere, and an image has what lies below {base!r}: name it from there"
            issues.append(Issue(code="bad-value", argument=argument, message=message))
            continue
        files = dict(_below(os.path.join(base, path), name))
        if not files:
            message = f"{path!r} is no file, and no folder with files: correct the path"
            issues.append(Issue(code="unreadable", argument=argument, message=message))
        found |= files
    if isinstance(model.requirements, str):
        path = os.path.join(base, model.requirements)
        if os.path.isfile(path):
            found[_REQUIREMENTS] = path
        else:
            message = f"{model.requirements!r} is no file: correct the path"
            issues.append(Issue(code="unreadable", argument="requirements", message=message))
    elif model.requirements:
        found[_REQUIREMENTS] = "".join(f"{line}\n" for line in model.requirements).encode()
    return dict(sorted(found.items()))


def _below(path: str, name: str) -> Iterator[tuple[str, str]]:
    if os.path.isfile(path):
        yield name, path
    for folder, below, names in os.walk(path):
        below[:] = [each for each in below if each != "__pycache__"]
        for each in names:
            if os.path.isfile(file := os.path.join(folder, each)):
                inside = os.path.relpath(file, path).replace(os.sep, "/")
                yield (inside if name == "." else f"{name}/{inside}"), file


def _checksum(described: _Described, below: Sequence[str]) -> str:
    """Return what stands for the contents: equal for equal names, bytes and settings (K205).

    ``below`` are the digests of the base's layers, where they are known.
    """
    whole = new_sha256()
    whole.update(json.dumps([described.base, described.main, *below]).encode())
    for name, contents in described.files.items():
        each = new_sha256()
        if isinstance(contents, bytes):
            each.update(contents)
        else:
            with open(contents, "rb") as file:
                while data := file.read(_CHUNK_SIZE):
                    each.update(data)
        whole.update(json.dumps([name, each.hexdigest()]).encode())
    return whole.hexdigest()[:_CHECKSUM_DIGITS]


def _write_image(described: _Described, layout: str, place: str) -> None:
    from marpack.images import write_image
    from marpack.images.plan import DEFAULT_PLATFORM
    from marpack.images.stored import open_image
    from marpack.oci.descriptor import Platform

    platform = Platform.parse(DEFAULT_PLATFORM)
    assert platform is not None
    base = open_image(layout, platform)
    checksum = _checksum(described, base.config["rootfs"]["diff_ids"])
    if os.path.isdir(place):
        try:
            there = open_image(place, platform).config.get("config") or {}
        except ImageError:
            there = {}
        if (there.get("Labels") or {}).get(_CHECKSUM) == checksum:
            tell(f"{place!r} has the checksum {checksum} already: {described.name} is not built again")
            return
    written = write_image(_plan(described, base, platform, checksum), place, force=True)
    tell(f"{described.name} is built: {place!r}, {written.digest}")


def _plan(described: _Described, base: StoredImage, platform: Platform, checksum: str) -> ImagePlan:
    from marpack.images.layer import ImageFile, PlannedLayer
    from marpack.images.plan import ImagePlan

    def file_of(name: str, contents: str | bytes) -> ImageFile:
        source: FileSource | BytesSource
        if isinstance(contents, bytes):
            source = BytesSource(data=contents)
        else:
            source = FileSource.from_stat(contents, os.stat(contents))
        return ImageFile(name=f"{_FOLDER.strip('/')}/{name}", contents=source, size=source.size, origin=repr(name))

    files = tuple(file_of(name, contents) for name, contents in described.files.items())
    return ImagePlan(
        form="image",
        layers=(PlannedLayer(title=_FOLDER, files=files),),
        platforms=(platform,),
        tag=described.tag,
        labels={_CHECKSUM: checksum},
        annotations={},
        created=None,
        bases=(base,),
        base_name=described.base,
        model_name="",
        model_version="",
        warnings=(),
        runs={"WorkingDir": _FOLDER, "Entrypoint": _command(described), "Cmd": None},
    )


def _write_folder(described: _Described, place: str) -> None:
    """Write what ``docker build`` makes the image of: its files, and a Containerfile."""
    checksum = _checksum(described, ())
    lines = [
        f"FROM {described.base}",
        f"WORKDIR {_FOLDER}",
        f"COPY {_CONTEXT}/ {_FOLDER}/",
        *([f"RUN pip install --no-cache-dir -r {_REQUIREMENTS}"] if _REQUIREMENTS in described.files else []),
        f"ENTRYPOINT {json.dumps(_command(described))}",
        f"LABEL {_CHECKSUM}={checksum}",
    ]
    text = "".join(f"{line}\n" for line in lines)
    how = f"docker build -f {place}/{_CONTAINERFILE} -t {described.name} {place}"
    there = os.path.join(place, _CONTAINERFILE)
    if os.path.isfile(there):
        with open(there, encoding="utf-8", errors="replace") as file:
            if file.read() == text:
                tell(f"{there!r} has the checksum {checksum} already, and stays; {how}")
                return
    with replacing_folder(os.path.abspath(place), force=True, marker=_CONTAINERFILE, may_be_empty=True) as folder:
        for name, contents in described.files.items():
            path = os.path.join(folder, _CONTEXT, *name.split("/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if isinstance(contents, bytes):
                with open(path, "xb") as new:
                    new.write(contents)
            else:
                shutil.copyfile(contents, path)
        with open(os.path.join(folder, _CONTAINERFILE), "x", encoding="utf-8", newline="\n") as out:
            out.write(text)
    tell(f"no layout of {described.base} is here: {there!r} is written. Build and push it: {how}")


def _command(described: _Described) -> list[str]:
    return ["python", "-u", described.main]
