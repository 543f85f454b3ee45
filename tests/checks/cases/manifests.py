"""MANIFEST.json: what the front end refuses, what ends the server, and what a worker dies of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.checks.cases.case import HANDLER, Archive, Case

FILES: dict[str, str | bytes] = {"handler.py": HANDLER}
GOOD = Archive(files=FILES)


def whole(text: str | bytes | Mapping[str, Any]) -> Archive:
    """An archive with this manifest."""
    return Archive(files=FILES, manifest=text)


def of(top: Mapping[str, Any] | None = None, /, **model: Any) -> Archive:
    """An archive with these keys in the manifest's model, or at its top; ``...`` leaves one out."""
    if top is None:
        return Archive(files=FILES, model={"handler": "handler.py", **model})
    return whole({key: value for key, value in {**values(**model), **top}.items() if value is not ...})


def values(**model: Any) -> dict[str, Any]:
    return {
        "createdOn": "25/11/2026 10:00:00",
        "runtime": "python",
        "model": {"modelName": "manifest-top", "modelVersion": "1.0", "handler": "handler.py", **model},
        "archiverVersion": "0.12.0",
    }


def written(name: str, **how: Any) -> str:
    return json.dumps(values(modelName=name), **how)


NULL = r"NullPointerException"
PARSE = r"Failed to parse signature\.json"
NO_NAME = r"Model name is not defined\."
STRICT = r"json\.decoder\.JSONDecodeError: "
JOIN = r"TypeError: join\(\) argument must be str"

CASES = [
    Case(
        code="manifest-missing",
        title="no manifest",
        broken=whole(""),
        repaired=GOOD,
        fails="register",
        says=NO_NAME,
    ),
    Case(
        code="manifest-missing",
        title="in another case",
        broken=Archive(files={**FILES, "mar-inf/manifest.json": written("other-case")}, manifest=""),
        repaired=GOOD,
        fails="register",
        says=NO_NAME,
    ),
    Case(
        code="manifest-missing",
        title="below a folder",
        broken=Archive(
            files={"top/handler.py": HANDLER, "top/MAR-INF/MANIFEST.json": written("below")}, manifest=""
        ),
        repaired=GOOD,
        fails="register",
        says=NO_NAME,
    ),
    Case(
        code="manifest-empty",
        title="no byte",
        broken=whole(b" \n"),
        repaired=GOOD,
        fails="ends",
        says=NULL,
    ),
    Case(
        code="manifest-empty",
        title="null",
        broken=whole("null"),
        repaired=GOOD,
        fails="ends",
        says=NULL,
    ),
    Case(
        code="manifest-encoding",
        title="a byte order mark",
        broken=whole(b"\xef\xbb\xbf" + written("bom").encode()),
        repaired=GOOD,
        fails="worker",
        says=STRICT + "Unexpected UTF-8 BOM",
    ),
    Case(
        code="manifest-encoding",
        title="Latin-1",
        broken=whole(json.dumps(values(modelName="latin", by="Zoë"), ensure_ascii=False).encode("latin-1")),
        repaired=of({}, modelName="latin-repaired", by="Zoë"),
        fails="worker",
        says="UnicodeDecodeError: 'utf-8' codec can't decode byte",
    ),
    Case(
        code="manifest-encoding",
        title="UTF-16",
        broken=whole(written("wide").encode("utf-16")),
        repaired=GOOD,
        fails="register",
        says=PARSE,
    ),
    Case(
        code="manifest-syntax",
        title="a comment",
        broken=whole("// mine\n" + written("comment")),
        repaired=GOOD,
        fails="worker",
        says=STRICT + "Expecting value",
    ),
    Case(
        code="manifest-syntax",
        title="single quotes",
        broken=whole(repr(values(modelName="single"))),
        repaired=GOOD,
        fails="worker",
        says=STRICT + "Expecting property name enclosed in double quotes",
    ),
    Case(
        code="manifest-syntax",
        title="a comma after the last item",
        broken=whole(written("comma")[:-1] + ",}"),
        repaired=GOOD,
        fails="register",
        says=PARSE,
    ),
    Case(
        code="manifest-syntax",
        title="a list",
        broken=whole("[]"),
        repaired=GOOD,
        fails="register",
        says=PARSE,
    ),
    Case(
        code="manifest-duplicate-key",
        title="the handler twice",
        broken=whole(written("twice").replace('"handler"', '"handler": "nowhere.py", "handler"')),
        repaired=GOOD,
        fails="serves",
    ),
    Case(
        code="manifest-not-ascii",
        title="an author",
        broken=whole(json.dumps(values(modelName="author", by="Zoë"), ensure_ascii=False)),
        repaired=of({}, modelName="author-repaired", by="Zoë"),
        fails="serves",
    ),
    Case(
        code="manifest-model",
        title="null",
        broken=whole('{"model": null}'),
        repaired=GOOD,
        fails="ends",
        says=NULL,
    ),
    Case(
        code="manifest-model",
        title="not there",
        broken=whole("{}"),
        repaired=GOOD,
        fails="register",
        says=NO_NAME,
    ),
    *(
        Case(
            code="manifest-type",
            title=title,
            broken=broken,
            repaired=GOOD,
            fails="register",
            says=PARSE,
        )
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
        code="manifest-model-name",
        title="a blank",
        broken=of(modelName="my model"),
        repaired=GOOD,
        fails="serves",
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
        code="manifest-version",
        title="a blank",
        broken=of(modelVersion="1 beta"),
        repaired=GOOD,
        fails="serves",
    ),
    Case(
        code="manifest-role-value",
        title="configFile is null",
        broken=of(configFile=None),
        repaired=GOOD,
        fails="worker",
        says=JOIN,
    ),
    Case(
        code="manifest-role-value",
        title="configFile is empty",
        broken=of(configFile=""),
        repaired=GOOD,
        fails="worker",
        says="IsADirectoryError",
    ),
    Case(
        code="manifest-file-missing",
        title="configFile",
        broken=of(configFile="model-config.yaml"),
        repaired=GOOD,
        fails="worker",
        says=r"FileNotFoundError: \[Errno 2\] No such file or directory: .*model-config\.yaml",
    ),
    Case(
        code="manifest-handler-path",
        title="a folder",
        broken=of(handler="src/handler.py"),
        repaired=GOOD,
        fails="serves",
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
