"""What is followed of a handler, and what is not said because it is not sure."""

from __future__ import annotations

import json

import pytest

import marpack
from tests.support.checking import codes

ASKED = [
    "handler-key",
    "handler-file",
    "handler-undefined",
    "handler-attribute",
    "handler-none",
    "handler-raises",
    "handler-result",
]
BASE = "from ts.torch_handler.base_handler import BaseHandler\n"


def found(source: str, python: str | None = None, /, **files: bytes) -> dict[str, str]:
    """Return what the rules that follow a handler find; of a file's name ``__`` stands for the dot."""
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": source.encode()},
        serialized_file={"net.pt": b"weights"},
        extra_files=[{name.replace("__", "."): data} for name, data in files.items()],
        config_file={"config.yaml": b"minWorkers: 1\nhandler:\n  size: 3\n"},
    )
    return codes(plan, select=ASKED, python=python)


def initialize(*lines: str, top: str = "", base: str = "") -> str:
    """Return a handler whose initialize has these lines behind those that everybody writes."""
    body = "".join(f"        {line}\n" for line in lines)
    return f"""{BASE if base else ""}import os, json, torch
from pathlib import Path
{top}
class Handler{base}:
    def initialize(self, context):
        properties = context.system_properties
        folder = properties.get("model_dir")
        manifest = context.manifest
{body}
    def handle(self, data, context):
        return [1 for row in data]
"""


def answer(*lines: str, top: str = "", base: str = "") -> str:
    """Return a handler whose handle has these lines."""
    body = "".join(f"        {line}\n" for line in lines)
    return f"""{BASE if base else ""}import json
{top}
class Handler{base}:
    def initialize(self, context):
        self.known = "x"
    def handle(self, data, context):
{body}
"""


# ------------------------------------------------------------------------------------------------------- keys

NO_KEY = {"handler-key": "error"}


@pytest.mark.parametrize(
    "line",
    [
        'manifest["model"]["modelFile"]',
        'model = manifest["model"]; model["extensions"]',
        'self.model = manifest.get("model"); self.file = self.model["modelFile"]',
        'context.system_properties["gpu"]',
        'properties["device"]',
        'context.model_yaml_config["handler"]["name"]',
        'json.load(open(os.path.join(folder, "MAR-INF", "MANIFEST.json")))["model"]["modelFile"]',
        'json.loads(open("MAR-INF/MANIFEST.json").read())["model"]["modelFile"]',
        'name = "modelFile"; self.file = manifest["model"][name]',
        'if "modelFile" not in manifest["model"]: manifest["model"]["modelFile"]',
        'self.all = [manifest["model"][key] for key in ("serializedFile", "modelFile")]',
        'for key in ("serializedFile", "modelFile"): self.file = manifest["model"][key]',
        'FILES = {"net": "b.txt"}; FILES["words"]',
        'if not manifest["model"].get("modelFile"): self.file = manifest["model"]["modelFile"]',
        'getattr(context, "model_yaml_config")["handler"]["name"]',
        'for key, name in {"net": "modelFile"}.items(): self.file = manifest["model"][name]',
        'for place, key in enumerate(["modelName", "modelFile"]): manifest["model"][key]',
        'names = {key: key + "File" for key in ("model",)}; manifest["model"][names["model"]]',
    ],
)
def test_a_key_that_is_absent(line: str) -> None:
    assert found(initialize(*line.split("; "))) == NO_KEY


@pytest.mark.parametrize(
    "line",
    [
        'manifest["model"]["serializedFile"], manifest["model"]["handler"], manifest["runtime"]',
        'properties["gpu_id"], properties["model_dir"], properties["batch_size"], properties["server_version"]',
        'context.model_yaml_config["handler"]["size"], context.model_yaml_config["minWorkers"]',
        'manifest["model"].get("modelFile")',
        'manifest["model"].get("modelFile", "")',
        'if "modelFile" in manifest["model"]: manifest["model"]["modelFile"]',
        'if "modelFile" in manifest["model"].keys(): manifest["model"]["modelFile"]',
        'if manifest["model"].get("modelFile"): manifest["model"]["modelFile"]',
        'self.file = manifest["model"]["modelFile"] if "modelFile" in manifest["model"] else None',
        'self.file = "modelFile" in manifest["model"] and manifest["model"]["modelFile"]',
        'manifest["model"]["modelFile"] = "x"; manifest["model"]["modelFile"]',
        'manifest["model"].setdefault("modelFile", "x"); manifest["model"]["modelFile"]',
        'manifest["model"][context.key()]',
        'sizes = {"a": 1}; sizes["b"] = 2; sizes["b"]',
        'sizes = {"a": 1}; sizes.update(b=2); sizes["b"]',
        'sizes = {"a": 1}; fill(sizes); sizes["b"]',
        'sizes = {**context.x}; sizes["b"]',
        'sizes = {key: 1 for key in folder}; sizes["b"]',
        'for n in (1, 2): sizes = {"a": n}; sizes["a"]',
        'if torch.cuda.is_available(): manifest["model"]["modelFile"]',
        'for name in os.listdir(folder): manifest["model"]["modelFile"]',
        'self.late = lambda: manifest["model"]["modelFile"]',
    ],
)
def test_a_key_that_is_there_or_asked_for(line: str) -> None:
    assert found(initialize(*line.split("; "), top="from elsewhere import fill")) == {}


@pytest.mark.parametrize("kind", ["KeyError", "LookupError", "Exception", "(ValueError, KeyError)", ""])
def test_a_key_whose_error_is_taken(kind: str) -> None:
    lines = "try:", '    manifest["model"]["modelFile"]', f"except {kind}:", "    pass"
    assert found(initialize(*lines)) == {}


@pytest.mark.parametrize(
    ("kind", "last"),
    [("ValueError", "pass"), ("KeyError", "raise"), ("Exception as e", "raise RuntimeError from e")],
)
def test_a_key_whose_error_is_not_taken(kind: str, last: str) -> None:
    lines = "try:", '    manifest["model"]["modelFile"]', f"except {kind}:", f"    {last}"
    assert found(initialize(*lines)) == NO_KEY


# ------------------------------------------------------------------------------------------------------ files

NO_FILE = {"handler-file-missing": "warning"}


@pytest.mark.parametrize(
    "line",
    [
        'open("a.txt")',
        'open(folder + "/a.txt")',
        'open(f"{folder}/a.txt", encoding="utf-8")',
        'open("{}/a.txt".format(folder))',
        'open("%s/a.txt" % folder)',
        'open(os.path.join(folder, "data", "a.txt"))',
        "open(folder + os.sep + 'a.txt')",
        "if not folder.endswith('/'): folder += '/'; open(folder + 'a.txt')",
        'open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "a.txt"))',
        'open(os.path.join(os.getcwd(), "a.txt"))',
        '(Path(folder) / "a.txt").read_text()',
        'Path(folder).joinpath("data", "a.txt").open()',
        'Path(__file__).resolve().parent.joinpath("a.txt").read_bytes()',
        'with open("a.txt") as file: self.words = file.read()',
        'torch.load(os.path.join(folder, "a.pth"))',
        'torch.jit.load(folder + "/a.pt")',
        'json.load(open("a.json"))',
        'name = "a.txt"; path = os.path.join(folder, name); open(path)',
        'for name in ("handler.py", "a.txt"): open(os.path.join(folder, name))',
        "os.listdir('data')",
        'if not os.path.exists("a.txt"): raise ValueError("no words")',
        'assert os.path.isfile(os.path.join(folder, "a.txt"))',
        'if os.path.exists("a.txt"): pass; else: raise ValueError("no words")',
        'self.load("a.txt")',
        "import zipfile; zipfile.ZipFile('names.json').extractall(folder + '/out'); open(folder + '/a.txt')",
        "x = vars(self); open('a.txt')",
        'FILES = {"words": "a.txt"}; open(FILES["words"])',
        'FILES = {"words": "a.txt"}; [open(name) for name in FILES.values()]',
        'paths = [Path(folder) / name for name in ("handler.py", "a.txt")]; [path.read_text() for path in paths]',
        'files = [f"part-{number}.txt" for number in range(2)]; open(files[1])',
        'os.makedirs(os.path.join(folder, "out"), exist_ok=True); open(os.path.join(folder, "a.txt"))',
        'name, suffix = os.path.splitext("handler.py"); open(name + ".json")',
        '[open(os.path.join(folder, name)) for name in ("handler.py", "a.txt")]',
        'open(json.load(open("names.json"))["words"])',
        'transformers.AutoTokenizer.from_pretrained(os.path.join(folder, "tokenizer"))',
    ],
)
def test_a_file_that_is_not_packed(line: str) -> None:
    lines = line.replace("; else", "\nelse").replace(": pass\n", ":\n    pass\n").split("; ")
    body = [each for part in lines for each in part.split("\n")]
    method = "    def load(self, name):\n        return open(name).read()\n\n"
    source = initialize(*body, top="import transformers").replace("    def handle", f"{method}    def handle")
    assert found(source, names__json=b'{"words": "a.txt"}') == NO_FILE


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (['if not os.path.exists("a.txt"):', '    raise ValueError("no words")'], "ValueError('no words')"),
        (['if os.path.exists("a.txt"):', "    pass", "else:", "    raise OSError"], "OSError"),
        (['if not os.path.exists("a.txt"):', "    sys.exit(1)"], "the handler ends it"),
        (['open("a.txt")'], "FileNotFoundError: [Errno 2] No such file or directory: 'a.txt'"),
    ],
)
def test_what_is_said_where_it_is_not_packed(lines: list[str], says: str) -> None:
    plan = marpack.plan_archive(
        model_name="m", handler={"handler.py": initialize(*lines, top="import sys").encode()}
    )
    assert [each.effect for each in marpack.check(plan, select="handler")] == [f"the worker dies: {says}"]


@pytest.mark.parametrize(
    "line",
    [
        'open("b.txt"); open(folder + "/handler.py"); open(os.path.join(folder, "MAR-INF/MANIFEST.json"))',
        'open(os.path.join(folder, "a.txt"), "w"); open(os.path.join(folder, "a.txt"))',
        '(Path(folder) / "a.txt").write_text("x"); (Path(folder) / "a.txt").read_text()',
        'os.makedirs(os.path.join(folder, "out")); open(os.path.join(folder, "out/a.txt"))',
        "import zipfile; zipfile.ZipFile('b.zip').extractall(); open('a.txt')",
        "import tarfile; tarfile.open('b.zip').extractall(folder); open('a.txt')",
        "import tarfile; tarfile.open('b.zip').extractall(folder + '/out'); open('out/a.txt')",
        "import subprocess; subprocess.run(['make']); open('a.txt')",
        "os.system('make'); open('a.txt')",
        "urlretrieve('http://x/a', folder + '/a.txt'); open(folder + '/a.txt')",
        "fetcher.download(); open('a.txt')",
        "prepare(folder + '/a.txt'); open(folder + '/a.txt')",
        'if os.path.exists("a.txt"): open("a.txt")',
        'if os.path.isfile(folder + "/a.txt") and torch: open(folder + "/a.txt")',
        'self.words = open("a.txt").read() if os.path.exists("a.txt") else ""',
        'if not os.path.exists("a.txt"): self.words = None',
        'if not Path("a.txt").exists(): return; open("a.txt")',
        'open("/etc/a.txt")',
        'open(os.path.join("/opt/models", "a.txt"))',
        'open(os.path.expanduser("~/a.txt"))',
        "open('../a.txt')",
        'open(os.environ.get("WORDS", "a.txt"))',
        "open(os.path.join(folder, context.name))",
        "os.chdir('/'); open('a.txt')",
        'if properties.get("gpu_id"): open("a.txt")',
        'transformers.AutoTokenizer.from_pretrained("bert-base-uncased")',
        "open('net.pt', 'rb'); torch.load(open('net.pt', 'rb'))",
        "torch.jit.load(manifest['model']['serializedFile'])",
        "if not folder.endswith('/'): folder += '/'; open(folder + 'b.txt')",
        "while context.more(): open('a.txt')",
    ],
)
def test_a_file_that_is_there_or_may_be(line: str) -> None:
    top = "import transformers, fetcher\nfrom urllib.request import urlretrieve\nfrom elsewhere import prepare"
    source = initialize(*line.split("; "), top=top)
    assert found(source, b__txt=b"x", b__zip=b"x") == {}


@pytest.mark.parametrize("kind", ["FileNotFoundError", "OSError", "IOError", "Exception", "", "Own"])
def test_a_file_whose_error_is_taken(kind: str) -> None:
    assert found(initialize("try:", '    open("a.txt")', f"except {kind}:", "    pass")) == {}


def test_a_file_of_another_case_or_place_is_offered() -> None:
    plan = marpack.plan_archive(
        model_name="m",
        handler={"handler.py": initialize('open("data/Vocab.txt")').encode()},
        extra_files=[{"vocab.txt": b"x"}],
    )
    [finding] = marpack.check(plan, select="handler-file-missing")
    assert "'vocab.txt' is" in finding.message
    assert finding.fix == "name 'vocab.txt'"


def test_the_module_that_a_handler_imports_is_followed() -> None:
    source = initialize("self.words = words.WORDS", top="import words")
    assert found(source, words__py=b"WORDS = open('a.txt').read()\n") == NO_FILE
    assert found(source, words__py=b"def load():\n    return open('a.txt')\n") == {}
    assert (
        found(initialize("words.load()", top="import words"), words__py=b"def load(): open('a.txt')\n") == NO_FILE
    )


# ------------------------------------------------------------------------------------------------------ names


@pytest.mark.parametrize(
    ("source", "severity"),
    [
        (initialize("device"), "error"),
        (initialize("self.x = [device for name in (1, 2)]"), "error"),
        (initialize("if device: pass"), "error"),
        (initialize("self.f(device)"), "error"),
        (initialize("pass", top="log.info(1)"), "error"),
        (initialize("pass", base="(BaseHandle)"), "error"),
        (initialize("pass", top="@decorated\ndef load(): pass"), "error"),
        (initialize("pass", top="class Own(Module): pass"), "error"),
        (initialize("pass", top="def load(x=np.float32): pass"), "error"),
        (answer("return [np.array(row) for row in data]"), "warning"),
        (initialize("if torch.cuda.is_available(): device"), "note"),
        (answer("return [np.array(row) for row in data if row]"), "note"),
        (answer("for row in self.known: np.array(row)", "return [1]"), "warning"),
    ],
)
def test_a_name_that_nothing_binds(source: str, severity: str) -> None:
    assert found(source).get("handler-undefined") == severity


@pytest.mark.parametrize("top", ["def load(x: List[str]): pass", "def load() -> Optional[int]: pass"])
def test_a_name_in_an_annotation_is_looked_up_until_3_13(top: str) -> None:
    """Newer Pythons look when somebody asks for the annotations (PEP 649)."""
    source = initialize("pass", top=top)
    assert found(source, "3.13").get("handler-undefined") == "error"
    assert "handler-undefined" not in found(source, "3.14")


@pytest.mark.parametrize(
    "source",
    [
        initialize("self.x = [each for each in folder if each]; [x for x in (1, 2)]"),
        initialize("import numpy as np", "np.array(1)"),
        initialize("global device", "device = 1", "device"),
        initialize("later()", top="def later(): return VALUE\nVALUE = 1"),
        initialize("name", top="from elsewhere import *"),
        initialize("name", top="globals()['name'] = 1"),
        initialize("try:", "    device", "except NameError:", "    pass"),
        initialize("self.f = lambda x: undefined"),
        initialize("def inner():", "    return undefined"),
        initialize("pass", top="if __name__ == '__main__': undefined()"),
        initialize("pass", top="from __future__ import annotations\ndef load(x: List[str]): pass"),
        initialize("pass", top="def load(x: 'List[str]'): x: List[str] = x"),
        initialize("__file__, __name__, __doc__, __builtins__"),
        initialize("with open('net.pt') as file, open(file.name) as other: file, other"),
        initialize("match folder:", "    case {'a': a, **rest}: a, rest", "    case [b, *c] as d: b, c, d"),
        initialize("if (size := len(folder)) > 1: size"),
        initialize("for a, (b, *c) in folder: a, b, c", "else: folder"),
        initialize("try: pass", "except Exception as error: error"),
        initialize("x = 1", "def inner():", "    nonlocal x", "    x = 2", "inner()"),
        initialize("class Own:", "    size = 1", "    other = size", "Own().size"),
        initialize("pass", top="try:\n    import numpy as np\nexcept ImportError:\n    np = None\nnp.array"),
        initialize("pass", top="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy as np"),
        answer("return [str(row) for row in data if row]"),
    ],
)
def test_a_name_that_is_bound_or_not_surely_read(source: str) -> None:
    # A future import comes first.
    first, found_future, rest = source.partition("from __future__ import annotations\n")
    assert found(found_future + first + rest) == {}


def test_the_names_of_a_star_import() -> None:
    source = initialize("words, path", top="from words import *")
    assert found(source, words__py=b"__all__ = ['words']\nwords = path = 1\n") == {"handler-undefined": "error"}
    for text in (b"words = path = 1\n", b"__all__ = ['words']\n__all__ += ['path']\nwords = path = 1\n"):
        assert found(source, words__py=text) == {}


# ------------------------------------------------------------------------------------------------- attributes


@pytest.mark.parametrize(
    ("source", "severity"),
    [
        (initialize("self.device"), "error"),
        (initialize("self.load()"), "error"),
        (initialize("self.sizes[0] = 1"), "error"),
        (initialize("self.labels", base="(BaseHandler)"), "error"),
        (answer("return [self.labels for row in data]"), "warning"),
        (answer("return [self.known, self.convert(data)]"), "warning"),
        (answer("if data[0]: self.convert(data)", "return [1]"), "note"),
    ],
)
def test_an_attribute_that_nothing_sets(source: str, severity: str) -> None:
    assert found(source) == {"handler-attribute": severity}


@pytest.mark.parametrize(
    "source",
    [
        initialize("self.device = 1", "self.device"),
        initialize("self.device, self.model, self.manifest, self.mapping, self.target", base="(BaseHandler)"),
        initialize("super().initialize(context)", "self.model.eval()", base="(BaseHandler)"),
        initialize("BaseHandler.initialize(self, context)", "self.model.eval()", base="(BaseHandler)"),
        initialize("setattr(self, 'device', 1)", "self.device"),
        initialize("self.__dict__.update(device=1)", "self.device"),
        initialize("vars(self).update(device=1)", "self.device"),
        initialize("for key in folder: self.__setattr__(key, 1)", "self.device"),
        initialize("fill(self)", "self.device", top="from elsewhere import fill"),
        initialize("if hasattr(self, 'device'): self.device"),
        initialize("getattr(self, 'device', None)"),
        initialize("try: self.device", "except AttributeError: self.device = 1"),
        initialize("self.__class__.__name__, self.__dict__, self.__module__"),
        initialize("self.device", base="(Own)", top="from elsewhere import Own"),
        initialize("self.device", base="(BaseHandler, Own)", top="from elsewhere import Own"),
        initialize("self.device", base="(Own)", top="class Own:\n    device = 1"),
        initialize("self.device", base="(Own)", top="class Own:\n    @property\n    def device(self): return 1"),
        initialize("self.device", base="(Own)", top="class Own:\n    def __getattr__(self, name): return 1"),
        initialize("self.device", base="(metaclass=Own)", top="from elsewhere import Own"),
        answer("return [self.device for row in data]").replace("self.known", "self.device"),
    ],
)
def test_an_attribute_that_is_set_or_may_be(source: str) -> None:
    # Of two classes in a file none is the handler's: that is for another rule.
    assert found(source) == {}


@pytest.mark.parametrize(
    "line", ["self.model(data)", "self.mapping['0']", "self.model.forward(data)", "self.manifest['model']"]
)
def test_what_base_handler_leaves_as_none(line: str) -> None:
    source = answer(line, "return [1]", base="(BaseHandler)")
    assert found(source) == {"handler-none": "warning"}
    for setting in (
        "super().initialize(context)",
        "self.load()",
        "self.model = self.mapping = self.manifest = json",
    ):
        load = "    def load(self):\n        read(self)\n    def handle"
        other = source.replace("self.known = ", f"{setting}; self.known = ").replace("    def handle", load)
        assert found(f"from elsewhere import read\n{other}") == {}


@pytest.mark.parametrize(
    "line",
    [
        'os.path.join(properties.get("modeldir"), "a")',
        'properties.get("modeldir") + "/a"',
        'Path(properties.get("modeldir"))',
        'open(manifest["model"].get("modelFile"))',
        'torch.load(manifest["model"].get("modelFile"))',
        'manifest.get("models")["modelName"]',
        'manifest["model"].get("modelFile").lower()',
        'name = manifest["model"].get("modelFile"); os.path.join(folder, name)',
    ],
)
def test_what_a_key_that_nothing_has_gives(line: str) -> None:
    assert found(initialize(*line.split("; "))) == {"handler-none": "error"}


@pytest.mark.parametrize(
    "line",
    [
        'os.path.join(properties.get("modeldir", folder), "b.txt")',
        'os.path.join(properties.get("modeldir") or folder, "b.txt")',
        'name = manifest["model"].get("modelFile"); x = os.path.join(folder, name) if name else None',
        'name = manifest["model"].get("modelFile"); x = name and name.lower()',
        'self.file = manifest["model"].get("modelFile"); str(self.file)',
        "self.size = None; self.size = 3; self.size + 1",
        'sizes = {}; self.sum(sizes.get("a"))',
    ],
)
def test_a_key_that_nothing_has_and_that_nobody_needs(line: str) -> None:
    source = initialize(*line.split("; ")).replace(
        "    def handle", "    def sum(self, n): pass\n\n    def handle"
    )
    assert found(source) == {}


IF_THERE = ["if os.path.isfile(folder + '/a.json'):", "    self.sizes = json.load(open(folder + '/a.json'))"]


@pytest.mark.parametrize(
    ("lines", "severity"),
    [
        ([*IF_THERE, "self.sizes"], "error"),
        ([*IF_THERE, "else:", "    print('no sizes')", "if self.sizes: pass"], "error"),
        (["self.sizes", "self.sizes = 1"], "error"),
        (["self.load()", "self.sizes = 1"], "error"),
    ],
)
def test_an_attribute_that_is_not_set_by_then(lines: list[str], severity: str) -> None:
    source = initialize(*lines).replace("    def handle", "    def load(self): self.sizes\n\n    def handle")
    assert found(source) == {"handler-attribute": severity}


@pytest.mark.parametrize(
    "lines",
    [
        [*IF_THERE, "else:", "    self.sizes = {}", "self.sizes"],
        ["self.sizes = {}", *IF_THERE, "self.sizes"],
        [*IF_THERE, "if hasattr(self, 'sizes'): self.sizes"],
        ["if torch.cuda.is_available(): self.sizes = 1", "self.sizes"],
        ["for name in folder: self.sizes = 1", "self.sizes"],
        ["try:", "    self.sizes = find()", "except ValueError:", "    pass", "self.sizes"],
        ["run(self.later)", "self.sizes"],
        ["run(lambda: self.later())", "self.sizes"],
        ["run(self)", "self.sizes"],
        ["self.decorated()", "self.sizes"],
        ["self.proper = 1", "self.sizes"],
        ["self(1)", "self.sizes"],
        ["with self.later(): self.sizes"],
        ["self.recursive()", "self.sizes"],
    ],
)
def test_an_attribute_that_may_be_set_by_then(lines: list[str]) -> None:
    methods = """    def later(self): self.sizes = 1
    @decorate
    def decorated(self): self.sizes = 1
    @property
    def proper(self): return 1
    @proper.setter
    def proper(self, value): self.sizes = 1
    def __call__(self, value): self.sizes = 1
    def recursive(self): return self.recursive() or self.later()
"""
    top = "from elsewhere import run, decorate, find"
    source = initialize(*lines, top=top).replace("    def handle", f"{methods}\n    def handle")
    assert found(source) == {}


@pytest.mark.parametrize(
    ("source", "severity"),
    [
        (initialize('if not manifest["model"].get("modelFile"): raise RuntimeError("no model")'), "error"),
        (initialize("raise NotImplementedError"), "error"),
        (initialize("pass", top="raise ImportError('old')"), "error"),
        (answer("raise NotImplementedError()"), "warning"),
    ],
)
def test_what_a_handler_surely_raises(source: str, severity: str) -> None:
    assert found(source) == {"handler-raises": severity}


@pytest.mark.parametrize(
    "lines",
    [
        ["if not torch.cuda.is_available(): raise RuntimeError('no GPU')"],
        ["try: raise ValueError", "except ValueError: pass"],
        ["try: pass", "except Exception as error: raise RuntimeError from error"],
        ["for name in folder: raise ValueError"],
        ["for name in folder:", "    return", "raise ValueError"],
        ["def inner(): raise ValueError"],
        ["if context.name == 'x': return", "raise ValueError"],
    ],
)
def test_what_a_handler_may_raise(lines: list[str]) -> None:
    assert found(initialize(*lines)) == {}


# ---------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    "lines",
    [
        ['return "yes"'],
        ["return json.dumps({})"],
        ["return 1, 2"],
        ['result = {"a": 1}', 'result["b"] = 2', "return result"],
        ["if context: return {}", 'return "yes"'],
        ["print(data)"],
        ["return None"],
        ['return f"{data}"'],
        ["return str(data)"],
        ["return (row for row in data)"],
        ["yield 1"],
        ["return True"],
        ["return self.answer(data)"],
        ["try: return {}", "except Exception: return ''"],
        ["return {} if data else 'no'"],
    ],
)
def test_an_answer_that_is_no_list(lines: list[str]) -> None:
    source = answer(*lines) + "    def answer(self, data):\n        return str(data)\n"
    assert found(source) == {"handler-result": "warning"}


@pytest.mark.parametrize(
    "lines",
    [
        ["return data"],
        ["return [1]"],
        ["return list(data)"],
        ["return self.model(data)"],
        ["return data[0]"],
        ["result = []", "for row in data: result.append(1)", "return result"],
        ["result = [None] * len(data)", "return result"],
        ["result = [1] + [2]", "return result"],
        ["if data[0]: return {}", "return [1]"],
        ["return sorted(data)"],
        ["return unknown(data)"],
        ["return json.loads(data)"],
        ["try: return [1]", "except Exception: return ''"],
        ["return ([1])"],
    ],
)
def test_an_answer_that_may_be_a_list(lines: list[str]) -> None:
    source = answer(*lines, top="from elsewhere import unknown").replace("self.known", "self.model = self.known")
    assert "handler-result" not in found(source)


def test_a_function_is_called_without_data_first() -> None:
    source = (
        "def handle(data, context):\n    if data is None:\n        context.manifest['x']\n        return None\n"
    )
    assert found(source + "    return [1]\n") == NO_KEY
    source = "def handle(data, context):\n    if data is not None:\n        return [undefined]\n"
    assert found(source) == {"handler-undefined": "warning"}


def test_a_service_of_the_module_is_followed() -> None:
    service = initialize('manifest["model"]["modelFile"]').replace("class Handler", "class Service")
    ask = "def handle(data, context):\n    if not _service.ready: _service.initialize(context)\n    return data\n"
    ready = service.replace("    def initialize", "    ready = False\n    def initialize")
    assert found(f"{ready}\n_service = Service()\n{ask}") == NO_KEY
    bound = answer("return undefined").replace("class Handler", "class Service")
    assert found(f"{bound}\n_service = Service()\nhandle = _service.handle\n")["handler-undefined"] == "error"


# -------------------------------------------------------------------------------------------- what is hostile


@pytest.mark.parametrize(
    "lines",
    [
        ["if context.x:", " x = (1, 2)", *([" x = (x, x)"] * 60), "else:", " x = (1, 2)", *([" x = (x, x)"] * 60)],
        ["x = 'a' * 10", *(["x = x + x"] * 80)],
        ["x = 'a'", *(["x = f'{x}{x}{x}'"] * 60), "'{}'.format(x)", "'%s' % x"],
        ["x = '{0}{99999999}{a.b}'.format(1)", "'{:>999999999}'.format(1)", "'%s%' % 1", "'%s%s' % (1,)"],
        [f"{' ' * depth}for a{depth} in (1, 2, 3):" for depth in range(40)] + [" " * 40 + "pass"],
        ["self.initialize(context)"],
        ["self.a = self", "self.b = [self]", "self.a.a.a.b[0].a"],
        ["x = " + "f(" * 80 + ")" * 80],
        ["a = b = c = (1, 2)", "a, b = b, a", "a[5], b[-9]"],
    ],
)
def test_what_grows_is_given_up(lines: list[str]) -> None:
    assert set(found(initialize(*lines))) <= {"handler-undefined"}


def test_calls_that_call_twice_are_given_up() -> None:
    calls = "".join(f"    def f{n}(self):\n        self.f{n + 1}()\n        self.f{n + 1}()\n" for n in range(40))
    source = initialize("self.f0()", 'open("a.txt")').replace("    def handle", f"{calls}    def handle")
    assert "handler-file-missing" not in found(source)


# What asks for the same again and again: three loops of 64 rounds each.
LOOPS = [f"{' ' * deep}for v{deep} in [{'1, ' * 64}]:" for deep in range(3)]
MANY = 3000


@pytest.mark.parametrize(
    "lines",
    [
        [*(f"self.a{number} = 1" for number in range(MANY)), *["foo(self)"] * MANY],
        ["try:", *(f" a{number} = 1" for number in range(MANY)), *["except KeyError: pass"] * MANY],
        ["match foo:", *(f" case [a{number}, *b{number}]: pass" for number in range(MANY))],
        ["match foo:", *(f" case {number}: a{number} = 1" for number in range(MANY * 2))],
        [*(f"open('w{number}', 'w')" for number in range(MANY)), *["os.path.exists('x')"] * MANY],
        [*LOOPS, "   call()"],
        [*LOOPS, "   x = ('" + "{{" * 50_000 + "').format(v1)"],
        [*LOOPS, "   x = '" + "%s" * 50_000 + "' % v1"],
        [*LOOPS, "   x = os.path.join('" + "a/" * 50_000 + "', 'b')"],
        ["x = 'a' * 1", "x = 'ab'", *LOOPS, "   x = os.path.join(x, x)"],
        ["x = folder", *LOOPS, "   x = x + '/" + "a" * 4000 + "'"],
        ["x = json", *LOOPS, f"   x = x.{'a' * 4000}"],
        [*LOOPS, "   try: x", f"   except ({'foo.b, ' * 20_000}): pass"],
        [*LOOPS, "   if os.path.exists('none'):", *["    self.a = 1"] * 20_000],
        [*LOOPS, "   d = json.load(open('config.json'))['a']"],
        [*LOOPS, "   try: raise ValueError('" + "a" * 100_000 + "')", "   except: pass"],
        ["d = json.load(open('config.json'))", *(f"d['none{number}']" for number in range(MANY))],
        ["d = json.load(open('config.json'))", *(f"open(d.get('none{number}'))" for number in range(MANY))],
        [f"open('none{number}.txt')" for number in range(MANY)],
        [f"self.none{number}" for number in range(MANY)],
    ],
)
def test_a_handler_that_keeps_its_reader_busy(lines: list[str]) -> None:
    top = "def call():\n return 1\n" + " x = 1\n" * 20_000
    config = json.dumps({"a": [[1] * 200] * 200, **dict.fromkeys(map(str, range(100_000)), 1)})
    files = {f"file{number}__txt": b"" for number in range(2000)}
    found(initialize(*lines, top=f"{top}from outside import foo\n"), config__json=config.encode(), **files)


@pytest.mark.parametrize(
    "line",
    [
        f"str(0x{'f' * 5000})",
        f"x = f'{{0x{'f' * 5000}}}'",
        f"json.load(open('config.json'))[0x{'f' * 5000}]",
        "'a'.split('b', 10**30)",
        "'a'.split('b', 99999999999999999999999)",
        "'a'.startswith('a', 99999999999999999999999)",
        "'a'.replace('a', 'b', 99999999999999999999999)",
        f"raise ValueError(0x{'f' * 5000})",
    ],
)
def test_numbers_that_are_too_large_for_python(line: str) -> None:
    assert "handler-undefined" in found(initialize("nothing_of_it", line), config__json=b"{}")


def test_what_is_long_is_known_by_its_type() -> None:
    asked = "if '" + "a" * 5000 + "' == 1: open('none.txt')"
    assert not found(initialize(asked))
    assert found(initialize("return '" + "a" * 5000 + "'")) == {}


def test_star_imports_again_and_again() -> None:
    names = "\n".join(f"a{number} = 1" for number in range(MANY))
    source = initialize("nothing_of_it", top="from many import *\n" * MANY)
    assert found(source, many__py=names.encode()) == {}
