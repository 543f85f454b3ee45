"""Names that every part of a deployment takes: TorchServe, KServe and Kubernetes."""

from __future__ import annotations

import re

from marpack.config.settings.kserve_names import LONGEST_LABEL


def sanitize_string(text: str) -> str:
    """Return a name made of ``a-z``, ``0-9`` and ``-``: lower case, and one ``-`` for each run of others.

    ``dev/mnist`` becomes ``dev-mnist``. Raises ``ValueError`` when nothing is left, or more than 63 characters.
    """
    name = re.sub("[^a-z0-9-]+", "-", text.lower()).strip("-")
    if not name:
        raise ValueError(f"{text!r} has no letter or digit that a name could be made of: choose another")
    if len(name) > LONGEST_LABEL:
        raise ValueError(f"{text!r} makes a name of {len(name)} characters: choose one of {LONGEST_LABEL} at most")
    return name
