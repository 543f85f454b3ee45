"""The requirements file: what pip refuses, and what it installs that nobody wanted."""

from __future__ import annotations

import io
import zipfile

from tests.checks.cases.case import HANDLER, Archive, Case

INSTALLING = {"install_py_dep_per_model": "true"}
FAILED = "Custom pip package installation failed for model {name}"


def wheel(name: str, version: str, source: str) -> bytes:
    """A package of one module."""
    info = f"{name}-{version}.dist-info"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}.py", source)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()


def of(text: str | bytes, handler: str = HANDLER, **files: bytes) -> Archive:
    """An archive with these requirements, and wheels by the names of their packages."""
    wheels = {f"{name}-1.0-py3-none-any.whl": data for name, data in files.items()}
    return Archive(
        files={"handler.py": handler, "requirements.txt": text, **wheels},
        model={"handler": "handler.py", "requirementsFile": "requirements.txt"},
    )


KIT = wheel("marpackkit", "1.0", "ANSWER = 42\n")
USES_TORCH = "import torch\nZERO = torch.zeros(1)\n" + HANDLER
USES_KIT = "import marpackkit\n" + HANDLER
GOOD = of("./marpackkit-1.0-py3-none-any.whl\n", USES_KIT, marpackkit=KIT)

CASES = [
    Case(
        code="requirements-switch",
        title="not switched on",
        broken=GOOD,
        repaired=Archive(files={"handler.py": HANDLER}),
        fails="worker",
        says="ModuleNotFoundError: No module named 'marpackkit'",
    ),
    Case(
        code="requirements-not-named",
        title="as an extra file",
        broken=Archive(files={"handler.py": HANDLER, "requirements.txt": "marpackkit==1.0\n"}),
        repaired=GOOD,
        fails="serves",
        config=INSTALLING,
    ),
    Case(
        code="requirements-syntax",
        title="one sign",
        broken=of("# ours\nmarpackkit=1.0\n", marpackkit=KIT),
        repaired=of(
            "--no-index\n--find-links .\nmarpackkit==1.0 ; python_version >= '3'\n", USES_KIT, marpackkit=KIT
        ),
        fails="register",
        says=FAILED,
        config=INSTALLING,
    ),
    Case(
        code="requirements-local",
        title="a wheel that stayed at home",
        broken=of("./marpackkit-1.0-py3-none-any.whl\n"),
        repaired=GOOD,
        fails="register",
        says=FAILED,
        config=INSTALLING,
    ),
    Case(
        code="requirements-local",
        title="a folder that is no project",
        broken=of("-e .\n"),
        repaired=GOOD,
        fails="register",
        says=FAILED,
        config=INSTALLING,
    ),
    Case(
        code="requirements-local",
        title="more requirements",
        broken=of("-r more.txt\n"),
        repaired=of("# none\n"),
        fails="register",
        says=FAILED,
        config=INSTALLING,
    ),
    *(
        Case(
            code="requirements-syntax",
            title=title,
            broken=of(f"--no-index\n--find-links .\n{text}\nmarpackkit\n", USES_KIT, marpackkit=KIT),
            repaired=of("--no-index\n--find-links .\nmarpackkit\n", USES_KIT, marpackkit=KIT),
            fails="register",
            says=FAILED,
            config=INSTALLING,
        )
        for title, text in {
            "an option of the command line": "--upgrade",
            "a short one": "-v",
            "a marker that is none": "marpackkit; python_version > 3",
            "a hash for one alone": f"other --hash=sha256:{'0' * 64}",
            "two versions of one": "marpackkit==1.0\nMarpackKit==1.1",
        }.items()
    ),
    Case(
        code="requirements-syntax",
        title="Latin-1",
        broken=of(b"# caf\xe9\n./marpackkit-1.0-py3-none-any.whl\n", USES_KIT, marpackkit=KIT),
        repaired=of(
            b"# coding: latin-1\n# caf\xe9\n./marpackkit-1.0-py3-none-any.whl\n", USES_KIT, marpackkit=KIT
        ),
        fails="register",
        says=FAILED,
        config=INSTALLING,
    ),
    Case(
        code="requirements-local",
        title="nowhere to look in",
        broken=of("--no-index\n-f wheels\nmarpackkit\n", USES_KIT),
        repaired=of("--no-index\n-f .\n-f wheels\nmarpackkit\n", USES_KIT, marpackkit=KIT),
        fails="register",
        says=FAILED,
        config=INSTALLING,
    ),
    Case(
        code="requirements-torch",
        title="another torch",
        broken=of("--no-index\n--find-links .\ntorch\n", USES_TORCH, torch=wheel("torch", "1.0", "")),
        repaired=of("torch; sys_platform == 'win32'\n", USES_TORCH),
        fails="worker",
        says="AttributeError: module 'torch' has no attribute 'zeros'",
        config=INSTALLING,
    ),
]
