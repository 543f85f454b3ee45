"""The frameworks that a model may be of (K101, K113, K116)."""

from __future__ import annotations

from enum import Enum

from marpack.display import brief_repr
from marpack.findings import Issue
from marpack.serving.kaptain.values.exceptions import UnsupportedModelFrameworkException


class ModelFramework(str, Enum):
    """A framework; it equals its name as text, which older scripts compare with."""

    PYTORCH = "pytorch"
    TENSORFLOW = "tensorflow"
    SKLEARN = "sklearn"
    XGBOOST = "xgboost"
    LIGHTGBM = "lightgbm"
    MXNET = "mxnet"
    ONNX = "onnx"

    def __str__(self) -> str:
        return self.value

    @staticmethod
    def of(framework: str | None) -> ModelFramework | None:
        """Return the framework that a text names, in any case, as its member or as its value; None for None.

        Raises ``UnsupportedModelFrameworkException`` for any other.
        """
        if framework is None or isinstance(framework, ModelFramework):
            return framework
        found = known_framework(framework)
        if found is None:
            raise UnsupportedModelFrameworkException([unknown_framework(framework)])
        return found


# What else scripts and people write: 0.3's "tf" (K112), and the name that scikit-learn has itself.
_ALSO = {"tf": ModelFramework.TENSORFLOW, "scikit-learn": ModelFramework.SKLEARN, "torch": ModelFramework.PYTORCH}


def known_framework(value: object) -> ModelFramework | None:
    """Return the framework that a value names, None where it names none."""
    if not isinstance(value, str):
        return None
    name = str(value).strip().lower()
    return _ALSO.get(name) or next((each for each in ModelFramework if each.value == name), None)


def unknown_framework(value: object) -> Issue:
    """Say that a value names no framework, and which there are."""
    known = ", ".join(each.value for each in ModelFramework)
    message = f"{brief_repr(value)} is no framework that is known: give ModelFramework.PYTORCH, or one of {known}"
    return Issue(code="bad-value", argument="framework", message=message)
