"""Python files that end the worker while they are imported, or that are imported in another's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.checks.cases.case import HANDLER, Archive, Case
from tests.checks.cases.model import BASE, MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping

OK = Archive(files={"handler.py": HANDLER})


def beside(first: str, files: Mapping[str, str] | None = None) -> Archive:
    """Return an archive whose handler begins with this line, and has these files beside it."""
    return Archive(files={"handler.py": f"{first}\n\n\n{HANDLER}", **(files or {})})


def case(code: str, title: str, broken: Archive, says: str, repaired: Archive = OK, **options: str) -> Case:
    return Case(
        code=code, title=title, broken=broken, repaired=repaired, fails="worker", says=says, options=options
    )


def shadowing(name: str, says: str) -> Case:
    broken = Archive(files={"handler.py": HANDLER, name: "x = 1\n"})
    return case("module-shadowed", f"a file called {name}", broken, says)


NAMES = "def load():\n    return None\n"

CASES: list[Case] = [
    shadowing("json.py", "module 'json' has no attribute"),
    shadowing("types.py", "types"),
    shadowing("argparse.py", "argparse"),
    shadowing("yaml/__init__.py", "module 'yaml' has no attribute|yaml"),
    shadowing("numpy.py", "numpy"),
    shadowing("ts.py", "'ts' is not a package"),
    case(
        "module-shadowed",
        "torch.py with BaseHandler",
        Archive(
            files={"handler.py": BASE, "model.py": MODEL, "torch.py": "x = 1\n"},
            model={"handler": "handler.py", "modelFile": "model.py"},
        ),
        "module 'torch' has no attribute",
    ),
    Case(
        code="module-shadowed",
        title="a module that the worker does not need",
        broken=beside("import colorsys\n\nprint('COLORS', colorsys.MINE)", {"colorsys.py": "MINE = 'mine'\n"}),
        repaired=OK,
        fails="serves",
        says="COLORS mine",
        request={},
    ),
    case(
        "import-missing", "a module of nobody", beside("import nosuch_module"), "No module named 'nosuch_module'"
    ),
    case(
        "import-missing",
        "a module that a packed package has not",
        beside("from names.more import load", {"names/__init__.py": ""}),
        r"No module named 'names\.more'",
        beside("from names.more import load", {"names/__init__.py": "", "names/more.py": NAMES}),
    ),
    case(
        "import-missing",
        "a module that lies in a folder",
        beside("import names", {"lib/names.py": NAMES}),
        "No module named 'names'",
        beside("import lib.names", {"lib/names.py": NAMES}),
    ),
    case(
        "import-missing",
        "a module that no listed distribution brings",
        Archive(
            files={"handler.py": f"import tritonclient\n\n\n{HANDLER}", "requirements.txt": "pyyaml\n"},
            model={"handler": "handler.py", "requirementsFile": "requirements.txt"},
        ),
        "No module named 'tritonclient'",
        Archive(
            files={"handler.py": f"import yaml\n\n\n{HANDLER}", "requirements.txt": "pyyaml\n"},
            model={"handler": "handler.py", "requirementsFile": "requirements.txt"},
        ),
    ),
    case(
        "import-missing",
        "a file of the author's own, beside a listed distribution of which nobody knows what it needs",
        Archive(
            files={
                "handler.py": f"from text_utils import load\n\n\n{HANDLER}",
                "requirements.txt": "kit-of-ours\n",
            },
            model={"handler": "handler.py", "requirementsFile": "requirements.txt"},
        ),
        "No module named 'text_utils'",
        Archive(
            files={
                "handler.py": f"from text_utils import load\n\n\n{HANDLER}",
                "text_utils.py": NAMES,
                "requirements.txt": "kit-of-ours\n",
            },
            model={"handler": "handler.py", "requirementsFile": "requirements.txt"},
        ),
    ),
    case(
        "import-missing",
        "a module of a newer Python",
        beside("import string.templatelib"),
        r"No module named 'string\.templatelib'",
        beside("import string, asyncio.taskgroups"),
        python="3.11",
    ),
    case(
        "import-name",
        "a name of a newer Python",
        beside("from typing import override"),
        "cannot import name 'override' from 'typing'",
        beside("from typing import Self"),
        python="3.11",
    ),
    case(
        "import-relative",
        "a relative import in the handler",
        beside("from .names import load", {"names.py": NAMES}),
        "attempted relative import with no known parent package",
        beside("from names import load", {"names.py": NAMES}),
    ),
    case(
        "import-relative",
        "a relative import that leads out of a package",
        beside("import kit", {"kit/__init__.py": "from ..names import load\n", "names.py": NAMES}),
        "attempted relative import beyond top-level package",
        beside("import kit", {"kit/__init__.py": "from names import load\n", "names.py": NAMES}),
    ),
    case(
        "import-name",
        "a name that a packed module has not",
        beside("from names import lod", {"names.py": NAMES}),
        "cannot import name 'lod' from 'names'",
        beside("from names import load", {"names.py": NAMES}),
    ),
    case(
        "import-name",
        "a handler that hides the package",
        Archive(files={"sklearn.py": f"from sklearn import svm\n\n\n{HANDLER}"}, model={"handler": "sklearn.py"}),
        "cannot import name 'svm' from partially initialized module 'sklearn'",
    ),
    Case(
        code="import-itself",
        title="a handler that gets itself for the package",
        broken=Archive(
            files={"sklearn.py": f"import sklearn\n\nprint('GOT', sklearn.__file__)\n\n\n{HANDLER}"},
            model={"handler": "sklearn.py"},
        ),
        repaired=OK,
        fails="serves",
        says=r"GOT \S+/sklearn\.py",
        request={},
    ),
]
