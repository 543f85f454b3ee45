"""Attributes that surely nothing has set, or that are None where they are used."""

from __future__ import annotations

import pytest

from tests.support.followed_handlers import answer, found, initialize


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
