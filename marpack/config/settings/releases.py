"""The releases of TorchServe in which something changed that settings have to follow."""

from __future__ import annotations

import re

from marpack.config.settings.redaction import redacted
from marpack.errors import ConfigError
from marpack.findings import Finding

# Numbers, and the mark of a nightly build or a release candidate.
_VERSION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})+)(?:[a-z.+-][a-z0-9.+-]*)?")

ENVELOPES_RENAMED = (0, 5, 3)
TOKENS_ASKED = (0, 11, 1)
# From here on the wrapper in the image for KServe opens gRPC on port 8081.
WRAPPER_GRPC = (0, 8, 1)
# From here on it heeds PROTOCOL_VERSION.
WRAPPER_PROTOCOL = (0, 8, 2)
# What the runtime of KServe 0.12 to 0.21 starts, unless a service names another.
KSERVE_STARTS = "0.9.0"

# What the envelopes are called before and after.
OLD_ENVELOPES = {"kfserving": "kserve", "kfservingv2": "kservev2"}


def release(version: object) -> tuple[int, ...]:
    """Return a version of TorchServe as numbers that compare; ``ConfigError`` for what is none."""
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        message, fix = f"{redacted('', repr(version))} is not a version of TorchServe", 'write it like "0.12.0"'
        raise ConfigError([Finding(code="version", key="torchserve_version", message=message, fix=fix)])
    return tuple(map(int, match[1].split(".")))
