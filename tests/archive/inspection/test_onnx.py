"""Where an ONNX model says that its tensors lie, read from its protocol buffer, and held against onnxruntime."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from marpack.archive.inspection.pickles import Budget
from marpack.archive.inspection.weights import describe_weights

if TYPE_CHECKING:
    from marpack.archive.inspection.kinds import Weights


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def message(number: int, *parts: bytes) -> bytes:
    """A field that holds a message, a text or bytes."""
    data = b"".join(parts)
    return varint(number << 3 | 2) + varint(len(data)) + data


def count(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def entry(key: str, value: str) -> bytes:
    return message(13, message(1, key.encode()), message(2, value.encode()))


def tensor(location: str | None, *, external: bool = True, field: int = 5, name: str = "weight") -> bytes:
    """An initializer of a graph (field 5), in another file."""
    parts = [count(1, 4), count(2, 1), message(8, name.encode())]
    if location is not None:
        parts += [entry("location", location), entry("offset", "0"), entry("length", "16")]
    return message(field, *parts, *([count(14, 1)] if external else []))


USE = message(1, message(1, b"weight"), message(2, b"y"), message(4, b"Identity"))


def model(*graph: bytes, behind: bytes = b"") -> bytes:
    """A model whose graph has a node that reads what is called weight."""
    return count(1, 10) + message(2, b"a test") + message(7, message(2, b"graph"), USE, *graph) + behind


def described(data: bytes, budget: Budget | None = None) -> Weights:
    return describe_weights(io.BytesIO(data), len(data), budget=budget)


def test_a_model_of_one_file_has_no_parts() -> None:
    raw = message(5, count(1, 4), count(2, 1), message(9, bytes(16)))
    for data in (model(raw), model(), model(tensor("net.onnx.data", external=False)), model(tensor(None))):
        assert (described(data).kind, described(data).parts) == ("onnx", ())


def test_each_file_is_named_once() -> None:
    data = model(tensor("b.data"), tensor("a.data"), tensor("b.data"), tensor("weights/c.bin"))
    weights = described(data)
    assert weights.parts == ("b.data", "a.data", "weights/c.bin")
    assert weights.detail.endswith("with tensors in 3 other files")


def test_tensors_are_found_wherever_a_graph_may_hold_them() -> None:
    constant = message(1, message(4, b"Constant"), message(5, message(1, b"value"), tensor("constant", field=5)))
    branch = message(1, message(4, b"If"), message(5, message(1, b"then_branch"), message(6, tensor("branch"))))
    listed = message(1, message(5, tensor("listed", field=10), message(11, tensor("graphs"))))
    sparse = message(15, tensor("values", field=1), tensor("indices", field=2))
    function = message(25, message(7, message(5, tensor("function", field=5))))
    found = described(model(constant, branch, listed, sparse, behind=function)).parts
    assert found == ("constant", "branch", "listed", "graphs", "values", "indices", "function")


def test_what_nothing_uses_is_not_needed() -> None:
    """Such initializers onnxruntime drops before it looks for their files."""
    other = tensor("unused.data", name="other")
    assert described(model(tensor("a.data"), other)).parts == ("a.data",)
    assert described(model(other, message(12, message(1, b"other")))).parts == ("unused.data",)
    inside = message(1, message(5, message(6, message(1, message(1, b"other")))))
    assert described(model(other, inside)).parts == ("unused.data",)
    assert described(model(tensor("a.data", name=""))).parts == ("a.data",)


def test_fields_of_other_widths_are_passed_over() -> None:
    floats = varint(4 << 3 | 5) + bytes(4) + varint(10 << 3 | 1) + bytes(8)
    odd = message(5, floats, entry("location", "a.data"), count(14, 1))
    assert described(model(odd)).parts == ("a.data",)


def test_what_is_broken_inside_is_still_a_model_and_what_was_found_is_kept() -> None:
    for broken in (b"\xff" * 8, message(5)[:1] + b"\x7f", b"\x2b", b"\x2d\0"):
        weights = described(model(tensor("a.data"), broken, tensor("b.data")))
        assert (weights.kind, weights.parts) == ("onnx", ("a.data",))
        assert weights.detail.endswith("with tensors in 1 other file or more")


def test_looking_has_an_end() -> None:
    nested = b""
    for _ in range(200):
        nested = message(1, message(5, message(6, nested, tensor("deep"))))
    assert described(model(tensor("a.data"), nested)).parts == ("a.data",)
    budget = Budget(opcodes=3000)
    many = model(*[tensor(f"{number}.data") for number in range(1000)])
    assert 0 < len(described(many, budget).parts) < 500
    assert budget.opcodes < 0


def test_noise_is_looked_at() -> None:
    generator = random.Random(0)
    whole = model(tensor("a.data"), tensor("b.data"))
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(generator.randrange(1, 4)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        described(bytes(data))


# ------------------------------------------------------------------------------------ held against onnxruntime


@pytest.fixture(scope="module")
def onnxruntime() -> Any:
    return pytest.importorskip("onnxruntime")


@pytest.mark.slow
@pytest.mark.parametrize("location", ["net.onnx.data", "./net.onnx.data", "weights/net.bin"])
def test_onnxruntime_looks_for_the_same_file(location: str, onnxruntime: Any, tmp_path: Path) -> None:
    name = message(8, b"weight")
    held = message(5, count(1, 4), count(2, 1), name, entry("location", location), count(14, 1))
    kind = message(2, message(1, count(1, 1), message(2, message(1, count(1, 4)))))
    value = message(1, b"y"), kind
    node = message(1, message(1, b"weight"), message(2, b"y"), message(4, b"Identity"))
    opset = message(8, message(1, b""), count(2, 13))
    data = count(1, 8) + message(7, node, message(2, b"g"), held, message(12, *value)) + opset
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    assert described(data).parts == (location,)
    with pytest.raises(Exception, match=r"[Ee]xternal data|No such file"):
        onnxruntime.InferenceSession(str(path))
    part = tmp_path / location
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(bytes(16))
    assert list(onnxruntime.InferenceSession(str(path)).run(None, {})[0]) == [0.0] * 4


EXTERN = count(14, 1)


def runnable(*graph: bytes) -> bytes:
    """A model that onnxruntime loads, if the tensors are there."""
    kind = message(2, message(1, count(1, 1), message(2, message(1, count(1, 4)))))
    output = message(12, message(1, b"y"), kind)
    return (
        count(1, 8) + message(7, USE, message(2, b"g"), *graph, output) + message(8, message(1, b""), count(2, 13))
    )


@pytest.mark.slow
def test_onnxruntime_drops_what_nothing_uses(onnxruntime: Any, tmp_path: Path) -> None:
    held = message(5, count(1, 4), count(2, 1), message(8, b"weight"), message(9, bytes(16)))
    unused = tensor("unused.data", name="other")
    path = tmp_path / "net.onnx"
    path.write_bytes(runnable(held, unused))
    assert described(path.read_bytes()).parts == ()
    session = onnxruntime.InferenceSession(str(path))
    assert list(session.run(None, {})[0]) == [0.0] * 4
    with pytest.raises(TypeError, match="'InferenceSession' object is not callable"):
        session([0.0])
    assert not {"eval", "to", "parameters", "embedding"} & set(dir(session))


@pytest.mark.slow
def test_onnxruntime_refuses_an_absolute_place(onnxruntime: Any, tmp_path: Path) -> None:
    place = tmp_path / "net.bin"
    place.write_bytes(bytes(16))
    path = tmp_path / "net.onnx"
    for location, loads in ((place.name, True), (str(place), False)):
        path.write_bytes(
            runnable(
                message(5, count(1, 4), count(2, 1), message(8, b"weight"), entry("location", location), EXTERN)
            )
        )
        assert described(path.read_bytes()).parts == (location,)
        if loads:
            onnxruntime.InferenceSession(str(path))
        else:
            with pytest.raises(Exception, match=r"Absolute path not allowed|No such file"):
                onnxruntime.InferenceSession(str(path))


@pytest.mark.slow
def test_onnxruntime_takes_its_own_format_by_its_suffix_alone(onnxruntime: Any, tmp_path: Path) -> None:
    whole = runnable(message(5, count(1, 4), count(2, 1), message(8, b"weight"), message(9, bytes(16))))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "net.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(whole, options)
    data = (tmp_path / "net.ort").read_bytes()
    assert described(data).detail == "a model in the ORT format of onnxruntime"
    onnxruntime.InferenceSession(str(tmp_path / "net.ort"))
    (tmp_path / "net.onnx").write_bytes(data)
    with pytest.raises(Exception, match="Protobuf parsing failed"):
        onnxruntime.InferenceSession(str(tmp_path / "net.onnx"))


@pytest.mark.slow
def test_onnxruntime_refuses_what_is_said_to_be_something_else(onnxruntime: Any, tmp_path: Path) -> None:
    held = message(5, count(1, 4), count(2, 1), message(8, b"weight"), message(9, bytes(16)))
    whole = runnable(held)
    others = (b"", b"<!DOCTYPE html>", b"Entry not found", b"\x80\2}.", b"PK\3\4" + bytes(30))
    for data in (*others, *(whole[:size] for size in range(1, len(whole), 7))):
        path = tmp_path / "net.onnx"
        path.write_bytes(data)
        weights = described(data)
        with pytest.raises(
            Exception, match=r"Protobuf parsing failed|No graph was found|opset|[Ii]nvalid|not found"
        ):
            onnxruntime.InferenceSession(str(path))
        assert weights.kind != "onnx"
    path.write_bytes(whole)
    assert described(whole).kind == "onnx"
    onnxruntime.InferenceSession(str(path))


def test_how_much_of_a_file_a_model_needs() -> None:
    assert described(model(tensor("a.bin"), tensor("b.bin"))).part_sizes == (16, 16)
    odd = [entry("location", "c.bin"), entry("offset", "x"), entry("length", "16"), count(14, 1)]
    assert described(model(message(5, *odd))).part_sizes == (0,)
    far = [entry("location", "c.bin"), entry("offset", "4096"), entry("length", "16"), count(14, 1)]
    assert described(model(message(5, *far), tensor("c.bin"))).part_sizes == (4112,)
