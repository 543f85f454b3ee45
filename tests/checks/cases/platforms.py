"""Who runs the server: names and forms that its platform does not take. None of them is here to be asked."""

from __future__ import annotations

from tests.checks.cases.case import HANDLER, Archive, Case

FILES: dict[str, str | bytes] = {"handler.py": HANDLER}
GOOD = Archive(files=FILES)
ELSEWHERE = "it is the platform around the server that does not take it"

CASES = [
    Case(
        code="kserve-file-name",
        title="two suffixes",
        broken=Archive(files=FILES, suffix=".v1.mar"),
        repaired=GOOD,
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "kserve"},
    ),
    Case(
        code="kserve-file-name",
        title="a tar",
        broken=Archive(files=FILES, form="tgz"),
        repaired=Archive(files=FILES, form="folder"),
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "kserve"},
    ),
    Case(
        code="kserve-model-name",
        title="a colon",
        broken=Archive(files=FILES, model={"handler": "handler.py", "modelName": "digits:new"}),
        repaired=Archive(files=FILES, model={"handler": "handler.py", "modelName": "digits-new"}),
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "kserve"},
    ),
    Case(
        code="kserve-model-name",
        title="capitals",
        broken=Archive(files=FILES, model={"handler": "handler.py", "modelName": "Digits_2"}),
        repaired=Archive(files=FILES, model={"handler": "handler.py", "modelName": "digits-2"}),
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "kserve"},
    ),
    Case(
        code="sagemaker-form",
        title="a zip",
        broken=GOOD,
        repaired=Archive(files=FILES, form="tgz"),
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "sagemaker"},
    ),
    Case(
        code="vertex-file-name",
        title="another name",
        broken=GOOD,
        repaired=Archive(files=FILES, file="model.mar"),
        fails="unjudged",
        reason=ELSEWHERE,
        options={"target": "vertex"},
    ),
]
