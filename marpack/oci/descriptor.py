"""What says of a blob which it is: a descriptor, by its type, digest and size; and what a platform is. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypeGuard

from marpack.frozen import frozen, frozen_in_order

ALGORITHM = "sha256"
# The one algorithm that every registry and every reader has (I2): nothing in it leads out of a folder.
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PLATFORM = re.compile(r"([a-z0-9_]+)/([a-z0-9_]+)(?:/([a-z0-9_.]+))?")
# What no file is as large as, by which a size that lies is known without a disk.
_MOST_BYTES = 1 << 62


class DescriptorError(ValueError):
    """A value of JSON is no descriptor; the text says why."""


@frozen_in_order
class Platform:
    """What runs an image, in the words of Go: ``linux`` and ``amd64``, with a variant where there is one."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform | None:
        """Return what ``linux/amd64`` or ``linux/arm/v7`` names; None for any other text."""
        found = _PLATFORM.fullmatch(text)
        return None if found is None else cls(found[1], found[2], found[3] or "")

    @classmethod
    def of(cls, value: Any) -> Platform | None:
        """Return what an index, or a configuration, says in JSON; None where it says nothing of the kind."""
        if not isinstance(value, Mapping):
            return None
        told = [value.get(key) or "" for key in ("os", "architecture", "variant")]
        return cls(*told) if all(isinstance(each, str) for each in told) and all(told[:2]) else None

    def runs(self, other: Platform) -> bool:
        """Tell whether an image for ``other`` fits; a variant that only one of them has does not count (I8)."""
        same = (self.os, self.architecture) == (other.os, other.architecture)
        return same and (not self.variant or not other.variant or self.variant == other.variant)

    def asdict(self) -> dict[str, str]:
        """Return what an index and a configuration say of it."""
        return {"architecture": self.architecture, "os": self.os} | (
            {"variant": self.variant} if self.variant else {}
        )

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


@frozen
class Descriptor:
    """Which blob is meant: ``size`` is in bytes, ``digest`` is ``sha256:`` and 64 hexadecimal digits."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None
    artifact_type: str = ""

    @classmethod
    def of(cls, value: Any) -> Descriptor:
        """Return what a value of JSON says; raise ``DescriptorError`` for what is none, or names no blob."""
        if not isinstance(value, Mapping):
            raise DescriptorError("a descriptor is no table")
        digest, size, media_type = value.get("digest"), value.get("size"), value.get("mediaType")
        if not is_digest(digest):
            raise DescriptorError(f"the digest {_short(digest)} is not sha256: and 64 hexadecimal digits")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < _MOST_BYTES:
            raise DescriptorError(f"the size {_short(size)} of {digest} is none")
        if not isinstance(media_type, str) or not media_type:
            raise DescriptorError(f"{digest} has no mediaType")
        noted = value.get("annotations") or {}
        if not isinstance(noted, Mapping) or not all(isinstance(each, str) for each in noted.values()):
            raise DescriptorError(f"the annotations of {digest} are no texts")
        return cls(
            media_type=media_type,
            digest=digest,
            size=size,
            annotations=dict(noted),
            platform=Platform.of(value.get("platform")),
            artifact_type=str(value.get("artifactType") or ""),
        )

    def asdict(self) -> dict[str, Any]:
        """Return the values of JSON, without those that say nothing."""
        said: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.annotations:
            said["annotations"] = dict(self.annotations)
        if self.platform:
            said["platform"] = self.platform.asdict()
        if self.artifact_type:
            said["artifactType"] = self.artifact_type
        return said


def is_digest(value: object) -> TypeGuard[str]:
    """Tell a digest that marpack reads and writes from anything else."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def blob_name(digest: str) -> str:
    """Return the name of a blob below the folder of a layout (I1)."""
    algorithm, _, hexadecimal = digest.partition(":")
    return f"blobs/{algorithm}/{hexadecimal}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."
