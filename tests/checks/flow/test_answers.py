"""What a handler surely raises, and what it answers that is no list."""

from __future__ import annotations

import pytest

from tests.support.followed_handlers import answer, found, initialize

NO_KEY = {"handler-key": "error"}


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
