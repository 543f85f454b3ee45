"""Values in a manifest: what the front end refuses, what ends the server, and what a worker dies of."""

from __future__ import annotations

from tests.checks.cases.case import Case
from tests.checks.cases.manifests import GOOD, NO_NAME, NULL, PARSE, of, whole

CASES: list[Case] = [
    Case(
        code="manifest-model",
        title="null",
        broken=whole('{"model": null}'),
        repaired=GOOD,
        fails="ends",
        says=NULL,
    ),
    Case(
        code="manifest-model", title="not there", broken=whole("{}"), repaired=GOOD, fails="register", says=NO_NAME
    ),
    *(
        Case(code="manifest-type", title=title, broken=broken, repaired=GOOD, fails="register", says=PARSE)
        for title, broken in {
            "the handler in a list": of(handler=["handler.py"]),
            "an object as the version": of(modelVersion={"major": 1}),
            "the model in a list": of({"model": []}),
            "a boolean as the runtime": of({"runtime": True}),
            "a list as the description": of({"description": ["mine"]}),
        }.items()
    ),
    *(
        Case(
            code="manifest-runtime",
            title=repr(runtime),
            broken=of({"runtime": runtime}),
            repaired=GOOD,
            fails="register",
            says=r"Runtime is not defined or invalid\.",
        )
        for runtime in ("python3.11", "Python", None, 3)
    ),
    Case(
        code="manifest-runtime",
        title="capitals",
        broken=of({"runtime": "PYTHON"}, modelName="capitals"),
        repaired=GOOD,
        fails="serves",
    ),
    Case(
        code="manifest-runtime-lsp",
        title="the C++ back end",
        broken=of({"runtime": "LSP"}, modelName="lsp"),
        repaired=GOOD,
        fails="worker",
        says="model_worker_socket not found",
    ),
    Case(
        code="manifest-runtime-python3",
        title="the interpreter on the PATH",
        broken=of({"runtime": "python3"}, modelName="python3"),
        repaired=GOOD,
        fails="serves",
    ),
    Case(
        code="manifest-model-name-missing",
        title="no name",
        broken=of(modelName=...),
        repaired=GOOD,
        fails="register",
        says=NO_NAME,
    ),
    Case(
        code="manifest-model-name", title="a blank", broken=of(modelName="my model"), repaired=GOOD, fails="serves"
    ),
    Case(
        code="manifest-slash",
        title="in the name",
        broken=of(modelName="team/model"),
        repaired=GOOD,
        fails="worker",
        says="ModelNotFoundException",
    ),
    Case(
        code="manifest-slash",
        title="in the version",
        broken=of(modelVersion="2026/11"),
        repaired=of(modelVersion="2026.11"),
        fails="serves",
    ),
    Case(
        code="manifest-version-missing",
        title="no version",
        broken=of(modelVersion=...),
        repaired=GOOD,
        fails="serves",
    ),
    Case(
        code="manifest-version", title="a blank", broken=of(modelVersion="1 beta"), repaired=GOOD, fails="serves"
    ),
    Case(
        code="manifest-misspelt-key",
        title="another case",
        broken=of({"Runtime": "python3", "runtime": ...}, modelName="misspelt"),
        repaired=GOOD,
        fails="serves",
    ),
    Case(
        code="manifest-origin",
        title="neither when nor by what",
        broken=of({"createdOn": ..., "archiverVersion": ...}, modelName="origin"),
        repaired=GOOD,
        fails="serves",
        says="Model archive createdOn is not defined",
    ),
]
