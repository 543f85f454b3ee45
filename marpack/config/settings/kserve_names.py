"""The names that KServe takes: Kubernetes' own, and those of files in a model store."""

from __future__ import annotations

import re

# RFC 1123, which Kubernetes holds the names of services to.
LONGEST_LABEL = 63
LABEL = re.compile(rf"[a-z0-9]([a-z0-9-]{{0,{LONGEST_LABEL - 2}}}[a-z0-9])?")


def is_kserve_file(name: str) -> bool:
    """Tell whether KServe's wrapper takes a file for a model: its only suffix, as pathlib counts them, is .mar."""
    return name.lstrip(".").split(".")[1:] == ["mar"]
