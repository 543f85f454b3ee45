"""What a worker's process begins with: a script for the server's Python, which knows nothing of marpack.

It runs the script that its arguments name, as that Python would. To import torch is most of what a worker does
until it listens, and a fifth of that is looking for circles among what is imported.
"""

import gc
import os
import runpy
import sys


def main() -> None:
    """Run ``model_service_worker.py``."""
    del sys.argv[0]
    script = sys.argv[0]
    sys.path[0] = os.path.dirname(script)
    gc.disable()
    import torch  # noqa: F401

    gc.freeze()
    gc.enable()
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
