"""Manifests that are not there, or that are no JSON."""

from __future__ import annotations

import json

from tests.checks.cases.case import HANDLER, Archive, Case
from tests.checks.cases.manifests import FILES, GOOD, NO_NAME, NULL, PARSE, STRICT, of, values, whole, written

CASES: list[Case] = [
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
    Case(code="manifest-empty", title="no byte", broken=whole(b" \n"), repaired=GOOD, fails="ends", says=NULL),
    Case(code="manifest-empty", title="null", broken=whole("null"), repaired=GOOD, fails="ends", says=NULL),
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
    Case(code="manifest-syntax", title="a list", broken=whole("[]"), repaired=GOOD, fails="register", says=PARSE),
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
]
