"""``python -m marpack`` is ``marpack``."""

import sys

from marpack.cli import main

sys.exit(main())
