"""Files that a handler reads and that are surely not packed, and those that are or may be."""

from __future__ import annotations

import pytest

import marpack
from tests.support.followed_handlers import found, initialize

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
