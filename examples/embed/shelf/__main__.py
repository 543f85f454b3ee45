"""Publish a model: python -m shelf MODEL_DIR SHELF."""

import sys
from pathlib import Path

from shelf import PublishError, publish

if len(sys.argv) != 3:
    sys.exit("usage: python -m shelf MODEL_DIR SHELF")
try:
    print(publish(Path(sys.argv[1]), Path(sys.argv[2])))
except PublishError as error:
    sys.exit(f"not published:\n{error}")
