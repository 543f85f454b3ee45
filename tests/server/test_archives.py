"""Running servers answer, for archives made by marpack, what the models themselves answer."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import itertools
import json
import random
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import marpack
from marpack.archive.formats.deflate import BLOCK_SIZE
from marpack.archive.forms import DEFLATES
from marpack.running import Request
from tests.conftest import require
from tests.support.ran import worker
from tests.support.torchserve import ServerError, TorchServe, environment, install_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from marpack.archive.forms import ArchiveFormat

MODELS = Path(__file__).parent.parent / "models"
DIGITS, FUNCTION, PACKAGE, TRANSFER = (MODELS / name for name in ("digits", "function", "package", "transfer"))
FORMS: tuple[ArchiveFormat, ...] = ("default", "zip-store", "auto", "tgz", "no-archive")
VERSIONS = ("0.12.0", "0.9.0")

# Answers travel as JSON, which keeps every digit; the worker may add in another order than this process.
TOLERANCE = 1e-5


class Example(NamedTuple):
    """A request, and what a model answers to it in this process."""

    request: object
    name: object
    scores: list[float]


class Case(NamedTuple):
    """A model to pack, and what it should answer."""

    arguments: dict[str, Any]
    examples: list[Example]


CASES = ("eager", "torchscript", "function", "function-of-py", "package", "transfer")


@pytest.fixture(scope="session", params=VERSIONS)
def server(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, warm: Callable[[str], Path | None]
) -> Iterator[TorchServe]:
    version = request.param
    with TorchServe.running(version, install_folder(pytestconfig), warm=warm(version)) as running:
        yield running


def load(folder: Path, module: str) -> Any:
    """Import as the server's worker does: the model's folder comes first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        return importlib.import_module(module)


def ask(model: Any, inputs: Any, request: Callable[[Any], object], names: Sequence[object]) -> list[Example]:
    """Ask the model one by one, as the server does."""
    examples = []
    for row in inputs:
        scores = model(row[None])[0].tolist()
        examples.append(Example(request(row), names[scores.index(max(scores))], scores))
    return examples


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """Train the models, keep their weights as files, and ask them about digits that they have not seen."""
    for module in ("torch", "sklearn"):
        require(importlib.util.find_spec(module), f"{module} to train models")
    import torch

    torch.set_num_threads(1)  # models this small are trained faster by one
    digits, transfer = load(DIGITS, "train"), load(TRANSFER, "fine_tune")
    model, classifier = digits.train(seed=0), transfer.train(seed=0)
    assert digits.accuracy(model) > 0.9

    folder = tmp_path_factory.mktemp("weights")
    torch.save(model.state_dict(), folder / "digits.pt")
    torch.save(classifier.state_dict(), folder / "transfer.pt")
    with warnings.catch_warnings():
        # Old as TorchScript is, the servers load it.
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is deprecated")
        torch.jit.script(model).save(folder / "script.pt")

    english = list(json.loads((DIGITS / "index_to_name.json").read_text()).values())
    german = json.loads((PACKAGE / "digitkit" / "names.json").read_text(encoding="utf-8"))
    numbers = range(10)
    rows = digits.dataset()[0][-3:]
    images = rows.reshape(-1, 1, 8, 8)

    def of_digits(names: Sequence[object]) -> list[Example]:
        return ask(model, rows, lambda row: {"pixels": row.tolist()}, names)

    script = {"serialized_file": folder / "script.pt"}
    eager = {"model_file": DIGITS / "model.py", "serialized_file": folder / "digits.pt"}
    handler = {"handler": str(DIGITS / "handler.py"), "extra_files": str(DIGITS / "index_to_name.json")}
    packaged = {
        "handler": str(PACKAGE / "handler.py"),
        "extra_files": marpack.tree(PACKAGE / "digitkit", prefix="digitkit"),
    }
    transferred = {
        "model_file": TRANSFER / "classifier.py",
        "serialized_file": folder / "transfer.pt",
        "handler": str(TRANSFER / "handler.py"),
        "extra_files": str(TRANSFER / "resnet.py"),
    }
    with torch.inference_mode():
        return {
            "eager": Case(eager | handler, of_digits(english)),
            "torchscript": Case(script | handler, of_digits(english)),
            "function": Case(eager | {"handler": f"{FUNCTION}/score:predict"}, of_digits(numbers)),
            "function-of-py": Case(eager | {"handler": f"{FUNCTION}/score.py:predict"}, of_digits(numbers)),
            "package": Case(eager | packaged, of_digits(german)),
            "transfer": Case(
                transferred, ask(classifier, images, lambda image: {"image": image[0].tolist()}, numbers)
            ),
        }


@contextlib.contextmanager
def registered(server: TorchServe, model: str, archive: Path) -> Iterator[None]:
    """Have the server load what lies in its store, and leave nothing of it afterwards."""
    try:
        server.register(archive.name)
        try:
            yield
        finally:
            server.unregister(model)
    finally:
        if archive.is_dir():
            shutil.rmtree(archive)
        else:
            archive.unlink()


def assert_answers(server: TorchServe, model: str, case: Case) -> None:
    for request, name, scores in case.examples:
        expected = {"class": name, "scores": pytest.approx(scores, rel=TOLERANCE, abs=TOLERANCE)}
        assert server.predict(model, request) == expected, server.log_tail()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CASES)
def test_a_prediction_is_the_models_own(
    name: str,
    form: ArchiveFormat,
    server: TorchServe,
    cases: dict[str, Case],
    pytestconfig: pytest.Config,
    warm: Callable[[str], Path | None],
) -> None:
    case, folder = cases[name], install_folder(pytestconfig)
    python = warm(server.version) or environment(server.version, folder)
    result = marpack.pack(model_name=name, export_path=server.store, archive_format=form, **case.arguments)
    assert [str(finding) for finding in marpack.check(result.path) if finding.severity == "error"] == []
    with registered(server, name, Path(result.path)), worker(Path(result.path), python) as run:
        assert_answers(server, name, case)
        for request, *_ in case.examples:
            answer = run.predict(Request.json(request))
            assert (answer.status, answer.json()) == (200, server.predict(name, request))


@pytest.mark.parametrize("form", ["default", "zip-store", "auto", "tgz"])
def test_streamed_bytes_are_served_too(form: ArchiveFormat, server: TorchServe, cases: dict[str, Case]) -> None:
    plan = marpack.plan_archive(model_name="streamed", archive_format=form, **cases["eager"].arguments)
    archive = server.store / plan.file_name
    with archive.open("wb") as file:
        file.writelines(marpack.iter_archive(plan))
    with registered(server, "streamed", archive):
        assert_answers(server, "streamed", cases["eager"])


@pytest.mark.parametrize("sink", ["file", "stream"])
@pytest.mark.parametrize(
    ("form", "deflate"),
    [*itertools.product(["default", "tgz"], DEFLATES), pytest.param("auto", "zlib", id="aligned")],
)
def test_what_is_deflated_in_blocks_or_aligned_is_served(
    deflate: marpack.typing.Deflate, form: ArchiveFormat, sink: str, server: TorchServe, tmp_path: Path
) -> None:
    """Several large members, each of several blocks or stored where a block begins, as the worker finds them."""
    noise = random.Random(0)
    suffix = ".bin" if form == "auto" else ".txt"
    files = {f"{name}{suffix}": noise.randbytes(BLOCK_SIZE) + b"the same again\n" * 50_000 for name in "abc"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    source = b"""
import hashlib, os
def handle(data, context):
    if data is None:
        return None
    folder = context.system_properties["model_dir"]
    paths = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name[:-4] in "abc")
    return [[hashlib.sha256(open(path, "rb").read()).hexdigest() for path in paths]]
"""
    plan = marpack.plan_archive(
        model_name="blocks",
        handler={"handler.py": source},
        extra_files=[tmp_path / name for name in files],
        archive_format=form,
        deflate=deflate,
    )
    archive = server.store / plan.file_name
    if sink == "file":
        marpack.write_archive(plan, archive)
    else:
        with archive.open("wb") as file:
            marpack.write_archive(plan, file)
    with registered(server, "blocks", archive):
        assert server.predict("blocks", {}) == [hashlib.sha256(data).hexdigest() for data in files.values()]


def test_an_ordinary_worker_answers_too(server: TorchServe, cases: dict[str, Case]) -> None:
    """The others are copies of a process that has imported torch; beside a file of this name one never is."""
    says = b"\nprint('started as', open('/proc/self/cmdline').read().split(chr(0)))\n"
    own = {
        "handler": {"handler.py": (DIGITS / "handler.py").read_bytes() + says},
        "extra_files": {"index_to_name.json": DIGITS / "index_to_name.json", "torch.txt": b""},
    }
    result = marpack.pack(model_name="ordinary", export_path=server.store, **cases["eager"].arguments | own)
    with registered(server, "ordinary", Path(result.path)):
        server.await_log("model_service_worker.py', '--sock-type'")
        assert_answers(server, "ordinary", cases["eager"])


def test_server_and_workers_are_of_this_version(server: TorchServe) -> None:
    source = b"import ts\ndef handle(data, context): return [{'version': ts.__version__}]\n"
    result = marpack.pack(model_name="version", handler={"handler.py": source}, export_path=server.store)
    with registered(server, "version", Path(result.path)):
        assert server.described_version() == server.version
        assert server.predict("version", {}) == {"version": server.version}


@pytest.mark.parametrize("form", ["default", "zip-store", "auto", "tgz"])
@pytest.mark.parametrize("damage", ["cut in half", "one wrong byte"])
def test_a_damaged_archive_is_refused(
    damage: str, form: ArchiveFormat, server: TorchServe, cases: dict[str, Case]
) -> None:
    """Show that these tests could fail."""
    result = marpack.pack(
        model_name="damaged", export_path=server.store, archive_format=form, **cases["eager"].arguments
    )
    archive = Path(result.path)
    data = bytearray(archive.read_bytes())
    middle = len(data) // 2
    if damage == "cut in half":
        del data[middle:]
    else:
        data[middle] ^= 1
    archive.write_bytes(data)
    with pytest.raises(ServerError, match="Failed to save model"), registered(server, "damaged", archive):
        pass


def test_a_failing_handler_is_refused(server: TorchServe) -> None:
    source = b"raise RuntimeError\n"
    result = marpack.pack(model_name="failing", handler={"handler.py": source}, export_path=server.store)
    refused = pytest.raises(ServerError, match="Failed to start workers for model failing")
    with refused, registered(server, "failing", Path(result.path)):
        pass


def test_the_committed_weights_are_good(cases: dict[str, Case]) -> None:
    import torch

    digits = load(DIGITS, "train")
    model = digits.DigitClassifier()
    model.load_state_dict(torch.load(DIGITS / "digits.pt"))
    model.eval()
    sample = json.loads((DIGITS / "sample.json").read_text())
    assert digits.accuracy(model) > 0.9
    assert int(model(torch.tensor([sample["pixels"]])).argmax()) == 8
