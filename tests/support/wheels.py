"""Packages for pip, made here: nothing is downloaded."""

from __future__ import annotations

import io
import zipfile

__all__ = ["wheel", "wheel_name"]


def wheel_name(name: str) -> str:
    """Return the file name of a wheel."""
    return f"{name}-1.0-py3-none-any.whl"


def wheel(name: str, source: str) -> bytes:
    """Return a wheel that holds one module."""
    buffer, info = io.BytesIO(), f"{name}-1.0.dist-info"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}.py", source)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()
