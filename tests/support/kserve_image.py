"""What KServe's image for TorchServe has beside it, and this machine has not, as far as a request here meets it.

Both packages need the torchvision that was built for one torch. TorchServe's ``image_classifier`` imports them
whatever it is asked, and calls nothing of them for a list of numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MODULES = {
    "captum/__init__.py": "",
    "captum/attr.py": "class IntegratedGradients:\n    def __init__(self, *given):\n        pass\n",
    "PIL.py": "Image = None\n",
    "torchvision.py": """
class transforms:
    def _nothing(*given, **named):
        return None

    CenterCrop = Compose = Normalize = Resize = ToTensor = staticmethod(_nothing)
""",
}


def write(folder: Path) -> dict[str, str]:
    """Write the modules, and return the variables that let a server's workers find them."""
    for name, text in MODULES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return {"PYTHONPATH": str(folder)}
