"""Handlers that ask for keys, files, names or attributes that are not there, or answer with what is no list."""

from __future__ import annotations

from tests.checks.cases.case import HANDLER, Archive, Case
from tests.checks.cases.handlers import CLASS, of_source

BASE = "from ts.torch_handler.base_handler import BaseHandler\n\n\nclass Handler(BaseHandler):\n"
OWN = f"""{BASE}    def initialize(self, context):
        self.answer = "yes"

    def preprocess(self, data):
        return data

    def inference(self, data):
        return data

    def postprocess(self, data):
        return [self.answer for row in data]
"""
READS = """\
import os
{top}

class Handler:
    def initialize(self, context):
        folder = context.system_properties.get("model_dir")
        {line}

    def handle(self, data, context):
        return [str(row) for row in data]
"""
LABELLED = READS.format(
    top="import json",
    line="""path = os.path.join(folder, "labels.json")
        if os.path.isfile(path):
            self.labels = json.load(open(path))
        self.size = len(self.labels)""",
)
INSISTS = READS.format(
    top="",
    line="""if not context.manifest["model"].get("modelFile", ""):
            raise RuntimeError("Missing the model file")""",
)
JOINS = "import os; self.path = os.path.join(context.system_properties.get({!r}), 'a')"
OPENS = READS.format(top="", line='self.words = open(os.path.join(folder, "vocab.txt")).read()')
WRAPPED = f"""\
import functools


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **words):
        return function(*args, **words)

    return wrapper


{CLASS.replace("    def initialize", "    @logged" + chr(10) + "    def initialize")}"""


def of_key(line: str, repaired: str, key: str, title: str) -> Case:
    return of_source(
        "handler-key", title, CLASS.replace("pass", line), CLASS.replace("pass", repaired), f"KeyError: '{key}'"
    )


def of_file(title: str, source: str, name: str, says: str, **more: str) -> Case:
    """Return a case whose handler opens a file that the repaired archive has."""
    files = {"handler.py": source}
    return Case(
        code="handler-file-missing",
        title=title,
        broken=Archive(files={**files, **more}),
        repaired=Archive(files={**files, **more, name: "{}"}),
        fails="worker",
        says=says,
    )


CASES: list[Case] = [
    of_key(
        'self.file = context.manifest["model"]["modelFile"]',
        'self.file = context.manifest["model"].get("modelFile")',
        "modelFile",
        "a model file that is not packed",
    ),
    of_key(
        'self.folder = context.system_properties["modeldir"]',
        'self.folder = context.system_properties["model_dir"]',
        "modeldir",
        "a property of another name",
    ),
    of_key(
        'self.size = context.model_yaml_config["handler"]["size"]',
        'self.size = context.model_yaml_config.get("handler", {}).get("size")',
        "handler",
        "a configuration that is not packed",
    ),
    of_key(
        'key = "modelFile"; self.file = context.manifest["model"][key] if __debug__ and id(self) % 2 else '
        'context.manifest["model"][key]',
        'self.file = context.manifest["model"].get("modelFile")',
        "modelFile",
        "a key that both ways of a condition ask for",
    ),
    of_source(
        "handler-key",
        "an initialize with a decorator",
        WRAPPED.replace("pass", 'self.file = context.manifest["model"]["modelFile"]'),
        WRAPPED,
        "KeyError: 'modelFile'",
    ),
    of_file(
        "files that a dictionary names",
        READS.format(
            top='FILES = {"words": "vocab.txt"}',
            line="self.read = {key: open(os.path.join(folder, name)).read() for key, name in FILES.items()}",
        ),
        "vocab.txt",
        r"No such file or directory: '.*/vocab\.txt'",
    ),
    of_file(
        "a file that a function opens by default",
        READS.format(
            top='def read(name="vocab.txt", root=os.path.dirname(__file__)): return open(root + "/" + name)',
            line="self.words = read()",
        ),
        "vocab.txt",
        r"No such file or directory: '.*/vocab\.txt'",
    ),
    of_source(
        "handler-undefined",
        "a name that a later line binds",
        f"SIZE = size()\ndef size(): return 3\n{HANDLER}",
        f"def size(): return 3\nSIZE = size()\n{HANDLER}",
        "NameError: name 'size' is not defined",
    ),
    of_file(
        "a file that initialize opens", OPENS, "vocab.txt", r"No such file or directory: '.*/vocab\.txt'", a="b"
    ),
    of_file(
        "a file that the top level opens",
        READS.format(top='WORDS = open("vocab.txt").read()', line="pass"),
        "vocab.txt",
        r"No such file or directory: 'vocab\.txt'",
    ),
    of_file(
        "a file beside the handler",
        READS.format(
            top="import json\nfrom pathlib import Path",
            line='self.words = json.loads((Path(__file__).parent / "data" / "words.json").read_text())',
        ),
        "data/words.json",
        r"No such file or directory: '.*/data/words\.json'",
    ),
    of_file(
        "a file that the handler asks for",
        READS.format(top="", line='if not os.path.isfile(f"{folder}/vocab.txt"): raise RuntimeError("no words")'),
        "vocab.txt",
        "RuntimeError: no words",
    ),
    of_source(
        "handler-undefined",
        "a module that the top level does not import",
        f"from json import dumps\nVERSION = json.__version__\n{HANDLER}",
        f"import json\nVERSION = json.__version__\n{HANDLER}",
        "NameError: name 'json' is not defined",
    ),
    of_source(
        "handler-undefined",
        "a name that initialize reads",
        CLASS.replace("pass", "self.device = torch_device"),
        CLASS.replace("pass", "self.device = 'cpu'"),
        "NameError: name 'torch_device' is not defined",
    ),
    of_source(
        "handler-undefined",
        "a name that each request passes",
        CLASS.replace("str(row)", "json.dumps(str(row))"),
        f"import json\n{CLASS.replace('str(row)', 'json.dumps(str(row))')}",
        "NameError: name 'json' is not defined",
        "predict",
    ),
    of_source(
        "handler-attribute",
        "an attribute that initialize reads",
        CLASS.replace("pass", "self.device = self.devices[0]"),
        CLASS.replace("pass", "self.devices = ['cpu']\n        self.device = self.devices[0]"),
        "AttributeError: 'Handler' object has no attribute 'devices'",
    ),
    of_source(
        "handler-attribute",
        "an attribute that each request passes",
        CLASS.replace("str(row)", "self.label"),
        CLASS.replace("str(row)", "self.label").replace("pass", "self.label = 'x'"),
        "AttributeError: 'Handler' object has no attribute 'label'",
        "predict",
    ),
    of_source(
        "handler-none",
        "a model that nothing loads",
        OWN.replace("        return data\n\n    def post", "        return self.model(data)\n\n    def post"),
        OWN,
        "TypeError: 'NoneType' object is not callable",
        "predict",
    ),
    of_source(
        "handler-none",
        "a property of another name",
        CLASS.replace("pass", JOINS.format("modeldir")),
        CLASS.replace(
            "pass", "import os; self.path = os.path.join(context.system_properties.get('model_dir'), 'a')"
        ),
        "TypeError: expected str, bytes or os.PathLike object, not NoneType",
    ),
    Case(
        code="handler-attribute",
        title="an attribute that is set where a file is there",
        broken=Archive(files={"handler.py": LABELLED}),
        repaired=Archive(files={"handler.py": LABELLED, "labels.json": "{}"}),
        fails="worker",
        says="AttributeError: 'Handler' object has no attribute 'labels'",
    ),
    Case(
        code="handler-raises",
        title="a handler that insists on a model file",
        broken=Archive(files={"handler.py": INSISTS}),
        repaired=Archive(
            files={"handler.py": INSISTS, "net.py": ""}, model={"handler": "handler.py", "modelFile": "net.py"}
        ),
        fails="worker",
        says="RuntimeError: Missing the model file",
    ),
    of_source(
        "handler-result",
        "a text from a function",
        HANDLER.replace("[str(row) for row in data]", "'yes'"),
        HANDLER,
        "Invalid return type: <class 'str'>",
        "predict",
    ),
    of_source(
        "handler-result",
        "a tuple from postprocess",
        OWN.replace("return [self.answer for row in data]", 'return {"data": len(data)}, self.answer'),
        OWN,
        "Invalid return type: <class 'tuple'>",
        "predict",
    ),
    of_source(
        "handler-result",
        "nothing from handle",
        CLASS.replace("return [", "print([").replace("data]", "data])"),
        CLASS,
        "Invalid return type: <class 'NoneType'>",
        "predict",
    ),
]
