"""model-config.yaml: what the front end ignores or ends of, and what a worker dies of."""

from __future__ import annotations

from tests.checks.cases.case import Archive, Case

# It answers with the settings that reach it.
TELLS = """
import json
def handle(data, context):
    return data and [json.dumps(context.model_yaml_config)] * len(data)
"""
TIMEOUTS = "responseTimeout: 100\nstartupTimeout: 100\n"


def of(text: str | bytes, **model: str) -> Archive:
    """An archive with this configuration."""
    return Archive(
        files={"handler.py": TELLS, "model-config.yaml": text},
        model={"handler": "handler.py", "configFile": "model-config.yaml", **model},
    )


def eager(text: str) -> Archive:
    """One whose handler is BaseHandler's, and whose model has no weights."""
    handler = "from ts.torch_handler.base_handler import BaseHandler\nclass Handler(BaseHandler):\n"
    handler += "    def handle(self, data, context):\n        return [1] * len(data)\n"
    model = "import torch\nclass Net(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(2, 1)\n"
    return Archive(
        files={"handler.py": handler, "net.py": model, "model-config.yaml": text},
        model={"handler": "handler.py", "modelFile": "net.py", "configFile": "model-config.yaml"},
    )


GOOD = of(TIMEOUTS)
UNPARSED = r"Failed to parse model config file model-config\.yaml"

CASES = [
    Case(
        code="config-unread",
        title="without PyYAML",
        broken=GOOD,
        repaired=GOOD,
        fails="unjudged",
        reason="it is marpack that lacks PyYAML, not the server",
    ),
    Case(
        code="config-not-named",
        title="as an extra file",
        broken=Archive(files={"handler.py": TELLS, "model-config.yaml": TIMEOUTS}),
        repaired=GOOD,
        fails="serves",
        says=r"(?m)^\{\}$",
    ),
    Case(
        code="config-syntax",
        title="a tab",
        broken=of(TIMEOUTS + "handler:\n\tkey: 1\n"),
        repaired=of(TIMEOUTS + "handler:\n  key: 1\n"),
        fails="worker",
        says=r"yaml\.scanner\.ScannerError",
    ),
    Case(
        code="config-syntax",
        title="a tab at the end of a line",
        broken=of(TIMEOUTS + "batchSize: 1\t\n"),
        repaired=of(TIMEOUTS + "batchSize: 1\n"),
        fails="worker",
        says=r"yaml\.scanner\.ScannerError",
    ),
    Case(
        code="config-document",
        title="a truth value as a key for torchrun",
        broken=of(TIMEOUTS + "parallelType: tp\ntorchrun: {on: 1}\n"),
        repaired=of(TIMEOUTS + "handler: {on: 1, 1.5: 2}\n"),
        fails="register",
        says=r"java\.lang\.Boolean cannot be cast to class java\.lang\.String",
    ),
    Case(
        code="config-syntax",
        title="two documents",
        broken=of(TIMEOUTS + "---\nbatchSize: 1\n"),
        repaired=GOOD,
        fails="worker",
        says=r"yaml\.composer\.ComposerError: expected a single document in the stream",
    ),
    Case(
        code="config-syntax",
        title="Latin-1",
        broken=of((TIMEOUTS + "by: Zoë\n").encode("latin-1")),
        repaired=of(TIMEOUTS + "by: Zoë\n"),
        fails="worker",
        says="UnicodeDecodeError",
    ),
    Case(
        code="config-document",
        title="empty",
        broken=of("# nothing yet\n"),
        repaired=GOOD,
        fails="ends",
        says="NullPointerException",
    ),
    Case(
        code="config-document",
        title="a list",
        broken=of("- batchSize: 1\n"),
        repaired=GOOD,
        fails="register",
        says=r"java\.util\.ArrayList cannot be cast to class java\.util\.Map",
    ),
    Case(
        code="config-document",
        title="a number as a key",
        broken=of(TIMEOUTS + "1: one\n"),
        repaired=of(TIMEOUTS + '"1": one\n'),
        fails="register",
        says=r"java\.lang\.Integer cannot be cast to class java\.lang\.String",
    ),
    Case(
        code="config-type",
        title="a number in quotes",
        broken=of(TIMEOUTS + 'batchSize: "4"\n'),
        repaired=of(TIMEOUTS + "batchSize: 4\n"),
        fails="serves",
        says="Invalid batchSize: 4, should be integer",
    ),
    Case(
        code="config-type",
        title="a word in quotes",
        broken=of(TIMEOUTS + 'useJobTicket: "true"\n'),
        repaired=of(TIMEOUTS + "useJobTicket: false\n"),
        fails="serves",
        says="Invalid useJobTicket: true, should be true or false",
    ),
    Case(
        code="config-type",
        title="a device that there is not",
        broken=of(TIMEOUTS + "deviceType: tpu\n"),
        repaired=of(TIMEOUTS + "deviceType: cpu\n"),
        fails="serves",
        says="Invalid DeviceType:tpu",
    ),
    Case(
        code="config-range",
        title="fewer than none",
        broken=of(TIMEOUTS + "maxBatchDelay: -2\n"),
        repaired=of(TIMEOUTS + "maxBatchDelay: 20\n"),
        fails="serves",
        says="Invalid maxBatchDelay:-2",
    ),
    Case(
        code="config-range",
        title="one of a pair",
        broken=of(TIMEOUTS + "minWorkers: 2\n"),
        repaired=of(TIMEOUTS + "minWorkers: 1\nmaxWorkers: 1\n"),
        fails="serves",
    ),
    Case(
        code="config-front-end",
        title="a solidus as in JSON",
        broken=of(TIMEOUTS + 'batchSize: 1\nhandler: {url: "https:\\/\\/a"}\n'),
        repaired=of(TIMEOUTS + 'batchSize: 1\nhandler: {url: "https://a"}\n'),
        fails="serves",
        says=UNPARSED,
    ),
    Case(
        code="config-front-end",
        title="more aliases than it takes",
        broken=of(TIMEOUTS + f"a: &a [1]\nb: [{', '.join(['*a'] * 51)}]\n"),
        repaired=of(TIMEOUTS + f"a: &a [1]\nb: [{', '.join(['*a'] * 50)}]\n"),
        fails="serves",
        says=UNPARSED,
    ),
    Case(
        code="config-front-end",
        title="a number that Java has not",
        broken=of(TIMEOUTS + "handler: {most: !!float inf}\n"),
        repaired=of(TIMEOUTS + "handler: {most: .inf}\n"),
        fails="ends",
        says='Invalid configuration: For input string: "inf"',
    ),
    Case(
        code="config-front-end",
        title="a number without a digit",
        broken=of(TIMEOUTS + "handler: {separator: ._}\n"),
        repaired=of(TIMEOUTS + "handler: {separator: '._'}\n"),
        fails="ends",
        says='Invalid configuration: For input string: "."',
    ),
    Case(
        code="config-front-end",
        title="a key that is a number to it",
        broken=of(TIMEOUTS + "1e5: many\n"),
        repaired=of(TIMEOUTS + "'1e5': many\n"),
        fails="register",
        says=r"java\.lang\.Double cannot be cast to class java\.lang\.String",
    ),
    Case(
        code="config-number",
        title="an exponent without a point",
        broken=of(TIMEOUTS + "handler: {rate: 1e-5}\n"),
        repaired=of(TIMEOUTS + "handler: {rate: 1.0e-5}\n"),
        fails="serves",
        says='"rate": "1e-5"',
    ),
    Case(
        code="config-number",
        title="a time of day",
        broken=of(TIMEOUTS + "handler: {at: 12:30}\n"),
        repaired=of(TIMEOUTS + "handler: {at: '12:30'}\n"),
        fails="serves",
        says='"at": 750',
    ),
    Case(
        code="config-duplicate-key",
        title="in a section",
        broken=of(TIMEOUTS + "handler: {a: 1, a: 2}\n"),
        repaired=of(TIMEOUTS + "handler: {a: 2}\n"),
        fails="serves",
        says='"a": 2',
    ),
    Case(
        code="config-effect",
        title="torchrun alone",
        broken=of(TIMEOUTS + "torchrun:\n  nproc-per-node: 1\n"),
        repaired=GOOD,
        fails="serves",
    ),
    Case(
        code="config-torchrun",
        title="no torchrun",
        broken=of(TIMEOUTS + "parallelType: tp\nparallelLevel: 1\n"),
        repaired=GOOD,
        fails="worker",
        says="NullPointerException",
    ),
    Case(
        code="config-misspelt-key",
        title="another case",
        broken=of(TIMEOUTS + "BatchSize: 4\n"),
        repaired=of(TIMEOUTS + "batchSize: 4\n"),
        fails="serves",
    ),
    Case(
        code="config-pt2",
        title="compile without enable",
        broken=eager(TIMEOUTS + "pt2:\n  compile:\n    backend: eager\n"),
        repaired=eager(TIMEOUTS + "pt2:\n  compile:\n    enable: true\n    backend: eager\n"),
        fails="worker",
        says="KeyError: 'enable'",
    ),
    Case(
        code="config-pt2",
        title="a list",
        broken=eager(TIMEOUTS + "pt2: [eager]\n"),
        repaired=eager(TIMEOUTS + "pt2: eager\n"),
        fails="worker",
        says="ValueError: pt2 should be str or dict",
    ),
    Case(code="config-timeouts", title="neither", broken=of("batchSize: 1\n"), repaired=GOOD, fails="serves"),
]
