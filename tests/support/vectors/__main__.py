from __future__ import annotations

import sys

from tests.support.vectors.expectations import dump

if __name__ == "__main__":
    if sys.argv[1:] != ["dump"]:
        sys.exit("usage: python -m tests.support.vectors dump")
    sys.exit(dump())
