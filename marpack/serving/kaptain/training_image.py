"""The image that a trainer runs in (K202): a layout where its base is at hand, else a folder to build it of."""

from __future__ import annotations

import json
import os
import re
import shlex
import tarfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from marpack.archive.formats.checksums import new_sha256
from marpack.archive.sources import CHUNK_SIZE, Source
from marpack.disk.atomic import replacing_folder
from marpack.errors import ImageError, MarpackError, PlanError
from marpack.findings import Issue
from marpack.frozen import frozen
from marpack.oci.documents import LAYOUT_FILE
from marpack.oci.layout_files import open_files
from marpack.serving.kaptain.deploys.arguments import output_folder
from marpack.serving.kaptain.deploys.revision import base_dir_of
from marpack.serving.kaptain.deploys.service_plan import name_of
from marpack.serving.kaptain.training_files import REQUIREMENTS, training_files
from marpack.serving.kaptain.values.described_model import DescribedModel
from marpack.serving.kaptain.values.exceptions import ImageBuildException, ModelPlanError
from marpack.serving.kaptain.values.told import tell
from marpack.signing.layout import image_digest

# K202: where the files lie, and by which label an image tells what is in it.
_FOLDER = "/kaptain"
_CHECKSUM, _CHECKSUM_DIGITS = "checksum", 32
_CONTAINERFILE = "Containerfile"
_CONTEXT = "context"
# What no tag has.
_NO_TAG = re.compile(r"[^A-Za-z0-9]+")


@frozen
class _Described:
    """What an image is to be: ``files`` by their names below ``/kaptain``, each as it was when it was found.

    ``layout`` is where its base lies, if it is here; ``base`` is the base's name, empty where it has but a path.
    """

    name: str
    base: str
    layout: str | None
    main: str
    tag: str
    files: Mapping[str, Source]

    @property
    def needs_builder(self) -> bool:
        """Whether something has to be run for it, or what it is built on is elsewhere."""
        return self.layout is None or REQUIREMENTS in self.files

    @property
    def command(self) -> list[str]:
        """What the image runs."""
        return ["python", "-u", self.main]

    @property
    def full_name(self) -> str:
        """The name with its tag."""
        return self.name if _has_tag(self.name) else f"{self.name}:{self.tag}"


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
    try:
        name = name_of(model, issues)
        folder = output_folder({"output": output}, base_dir_of(model), issues)
        place, context = (os.path.join(folder, f"{name}-{kind}") for kind in ("image", "build"))
        described = _described(model, base_layout, (place, context), issues)
        if push and described.needs_builder:
            message = (
                "needs an image that is complete here: name a layout of the base (base_layout=), which has all"
            )
            issues.append(Issue(code="bad-value", argument="push", message=f"{message} requirements installed"))
        if issues:
            raise ModelPlanError(issues)
        if described.needs_builder:
            _write_folder(described, context)
            return True
        _write_image(described, place)
        if push:
            from marpack.images import push_image

            pushed = push_image(place, described.full_name, plain_http=plain_http)
            tell(f"{pushed.name} has {pushed.digest}; {len(pushed.sent)} blobs of it were sent")
    except PlanError:
        raise
    except (MarpackError, OSError) as error:
        raise ImageBuildException(str(error)) from error
    return True


def _described(
    model: DescribedModel, base_layout: str | os.PathLike[str] | None, own: Collection[str], issues: list[Issue]
) -> _Described:
    told = {key: getattr(model, key) or "" for key in ("image_name", "base_image", "main_file")}
    for key, text in told.items():
        if not text:
            message = "is missing: an image is built of image_name, base_image and main_file"
            issues.append(Issue(code="missing-key", argument=key, message=message))
        elif not text.isprintable() or (" " in text and key != "main_file"):
            issues.append(Issue(code="bad-value", argument=key, message=f"cannot be {text!r}: write it plainly"))
    base = told["base_image"]
    layout = None if base_layout is None else os.fsdecode(base_layout)
    if layout is not None and not os.path.exists(layout):
        message = f"{layout!r} is not there: name an OCI layout (skopeo copy docker://... oci:base writes one)"
        message += ", or what docker save wrote"
        issues.append(Issue(code="unreadable", argument="base_layout", message=message))
    is_path = os.path.isabs(base) or base.startswith(".")
    path = os.path.join(base_dir_of(model), base)
    if layout is None and base and os.path.exists(path) and (is_path or _is_image(path)):
        layout, is_path = path, True
    described = _Described(
        name=told["image_name"],
        base="" if is_path else base,
        layout=layout,
        main=told["main_file"],
        tag=_tag(told["image_name"], model),
        files=training_files(model, own, issues),
    )
    if is_path and described.needs_builder:
        message = f"is the path {base!r}, and a Containerfile begins with a name: give that of the image"
        message += ", and the path as base_layout=" if layout else ""
        issues.append(Issue(code="bad-value", argument="base_image", message=message))
    return described


def _is_image(path: str) -> bool:
    """Tell a layout, or what ``docker save`` wrote, from a folder or a file that has the name of a base."""
    return os.path.isfile(os.path.join(path, LAYOUT_FILE)) or (os.path.isfile(path) and tarfile.is_tarfile(path))


def _has_tag(image_name: str) -> bool:
    return ":" in image_name.rpartition("/")[2]


def _tag(image_name: str, model: DescribedModel) -> str:
    """Return the tag of a name, or one of what the model is, where it has none (K200)."""
    _, colon, tag = image_name.rpartition("/")[2].partition(":")
    if colon:
        return tag
    framework = model.framework.value if model.framework else ""
    parts = (model.id, framework, model.framework_version or "")
    return "-".join(filter(None, (_NO_TAG.sub("-", part).strip("-") for part in parts)))


def _chunks(source: Source) -> Iterator[bytes]:
    """Read contents to their end, where a file is held against what it was when it was found."""
    with closing(source.open()) as reader:
        while data := reader.read(CHUNK_SIZE):
            yield data


def _checksum(described: _Described, base: Mapping[str, Any] | None) -> str:
    """Return what stands for the contents: equal for equal names, bytes and settings (K205).

    ``base`` is the base's configuration, which has the digests of its layers, where it is known.
    """
    whole = new_sha256()
    whole.update(json.dumps([described.base, described.main, base], sort_keys=True).encode())
    for name, source in described.files.items():
        each = new_sha256()
        for data in _chunks(source):
            each.update(data)
        whole.update(json.dumps([name, each.hexdigest()]).encode())
    return whole.hexdigest()[:_CHECKSUM_DIGITS]


def _write_image(described: _Described, place: str) -> None:
    from marpack.images import plan_files, write_image

    assert described.layout is not None
    plan = plan_files(
        {f"{_FOLDER.strip('/')}/{name}": source for name, source in described.files.items()},
        described.layout,
        title=_FOLDER,
        base_name=described.base or None,
        tag=described.tag,
        runs={"WorkingDir": _FOLDER, "Entrypoint": described.command, "Cmd": None},
    )
    checksum = _checksum(described, plan.bases[0].config)
    if _checksum_in(place, described.tag) == checksum and _is_whole(place):
        tell(f"{place!r} has the checksum {checksum} already: {described.full_name} is not built again")
        return
    written = write_image(replace(plan, labels={_CHECKSUM: checksum}), place, force=True)
    tell(f"{described.full_name} is built: {place!r}, {written.digest}")


def _checksum_in(place: str, tag: str) -> str | None:
    """Return what an image that is there, of this tag, says of its contents; None where there is none."""
    from marpack.images.plan import DEFAULT_PLATFORM
    from marpack.images.stored import open_image
    from marpack.oci.descriptor import Platform

    platform = Platform.parse(DEFAULT_PLATFORM)
    if platform is None or not os.path.isdir(place):
        return None
    try:
        config = open_image(place, platform, tag=tag).config
    except ImageError:
        return None
    found: Any = config
    for key in ("config", "Labels", _CHECKSUM):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else None


def _is_whole(place: str) -> bool:
    """Tell whether every blob of an image is what it says; of one that is damaged each push would fail."""
    try:
        image_digest(open_files(place))
    except ImageError:
        return False
    return True


def _write_folder(described: _Described, place: str) -> None:
    """Write what ``docker build`` makes the image of: its files, and a Containerfile."""
    checksum = _checksum(described, None)
    installs = REQUIREMENTS in described.files
    lines = [
        f"FROM {described.base}",
        f"WORKDIR {_FOLDER}",
        f"COPY {_CONTEXT}/ {_FOLDER}/",
        *([f"RUN pip install --no-cache-dir -r {REQUIREMENTS}"] if installs else []),
        f"ENTRYPOINT {json.dumps(described.command)}",
        f"LABEL {_CHECKSUM}={checksum}",
    ]
    text = "".join(f"{line}\n" for line in lines)
    there = os.path.join(place, _CONTAINERFILE)
    how = shlex.join(["docker", "build", "-f", there, "-t", described.full_name, place])
    if os.path.isfile(there):
        with open(there, encoding="utf-8", errors="replace") as file:
            if file.read() == text:
                tell(f"{there!r} has the checksum {checksum} already, and stays; {how}")
                return
    with replacing_folder(os.path.abspath(place), force=True, marker=_CONTAINERFILE, may_be_empty=True) as folder:
        for name, source in described.files.items():
            path = os.path.join(folder, _CONTEXT, *name.split("/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "xb") as new:
                new.writelines(_chunks(source))
        with open(os.path.join(folder, _CONTAINERFILE), "x", encoding="utf-8", newline="\n") as out:
            out.write(text)
    needed = [
        *([] if described.layout else [f"no layout of {described.base} is here"]),
        *(["requirements have to be installed"] if installs else []),
    ]
    tell(f"{' and '.join(needed)}: {there!r} is written. Build and push it: {how}")
