"""The Pythons of this machine, by version: what they are asked, they answer."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

_VERSIONS = [(3, minor) for minor in range(8, 16)]


def _found() -> dict[tuple[int, int], str]:
    found = {sys.version_info[:2]: sys.executable}
    # Beside those of the path: pyenv's, which are there without being on it.
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for path in sorted(root.glob("3.*/bin/python")):
        if match := re.match(r"3\.(\d+)", path.parts[-3]):
            found.setdefault((3, int(match[1])), str(path))
    for version in _VERSIONS:
        if version not in found and (name := shutil.which("python{}.{}".format(*version))):
            found[version] = name
    return {version: found[version] for version in _VERSIONS if version in found}


PYTHONS = _found()
