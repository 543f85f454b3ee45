"""The server's own classes read a model-config.yaml as marpack says they do."""

from __future__ import annotations

import base64
import shutil
import subprocess
import tempfile
from typing import IO, TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given, settings

from marpack.config.model_config import _KEYS, ModelConfig, lint_model_config
from marpack.config.rules.model_config_taken import as_taken
from marpack.config.rules.model_config_text import ModelConfigText
from marpack.errors import ConfigError
from tests.conftest import require
from tests.property.test_model_config_round_trips import configs, encode
from tests.support.java import HERE
from tests.support.torchserve import JAVA, environment, package_home

if TYPE_CHECKING:
    from collections.abc import Iterator

TORCHSERVE_VERSION = "0.12.0"

# Key -> the lowest number that the server keeps, what it has without the key, and what it has below the lowest.
NUMBERS = {
    "minWorkers": (1, 0, 1),
    "maxWorkers": (1, 0, 0),
    "batchSize": (1, 0, 1),
    "maxBatchDelay": (1, 0, 0),
    "responseTimeout": (1, 120, 120),
    "startupTimeout": (1, 120, 120),
    "parallelLevel": (0, 0, 0),
    "maxRetryTimeoutInSec": (0, 300, 0),
    "clientTimeoutInMills": (0, 0, 0),
    "jobQueueSize": (0, 0, 0),
    "sequenceMaxIdleMSec": (0, 0, 0),
    "sequenceTimeoutMSec": (0, 0, 0),
    "maxSequenceJobQueueSize": (1, 1, 1),
    "maxNumSequence": (1, 1, 1),
}
TORCHRUN_NUMBERS = {
    "nnodes": (1, 1, 1),
    "nproc-per-node": (1, 1, 1),
    "monitor-interval": (1, 5, 5),
    "node-rank": (0, 0, 0),
    "OMP_NUMBER_THREADS": (1, 1, 1),
}
FLAGS = ["useJobTicket", "sequenceBatching", "continuousBatching", "asyncCommunication", "useVenv"]
NOT_NUMBERS = ['"1"', "1.0", "1.0e+2", "null", "true", "[1]", "{a: 1}", "gpu", "2147483648", "-2147483649"]

# Key -> the server's own name of the setting, where it is another.
FIELDS = {
    "torchrun.nnodes": "torchRun.nnodes",
    "torchrun.nproc-per-node": "torchRun.nprocPerNode",
    "torchrun.rdzv-backend": "torchRun.rdzvBackend",
    "torchrun.rdzv-endpoint": "torchRun.rdzvEndpoint",
    "torchrun.rdzv-conf": "torchRun.rdzvConf",
    "torchrun.monitor-interval": "torchRun.monitorInterval",
    "torchrun.node-rank": "torchRun.nodeRank",
    "torchrun.OMP_NUMBER_THREADS": "torchRun.ompNumberThreads",
}
BACK_END = {"handler", "pt2", "pippy", "deepspeed", "dali", "micro_batching"}


class JavaError(Exception):
    """What the server's classes throw."""


class Server:
    """A running ReadYaml: one JVM for all files."""

    def __init__(self, requests: IO[str], answers: IO[str]) -> None:
        self._requests = requests
        self._answers = answers

    def read(self, text: str) -> str:
        """Return the document, encoded."""
        [line] = self._ask("read", text)
        return line

    def settings(self, text: str) -> dict[str, str]:
        """Return each setting that the server takes from the file, encoded."""
        return dict(line.split(" ") for line in self._ask("build", text))

    def _ask(self, what: str, text: str) -> list[str]:
        self._requests.write(f"{what} {base64.b64encode(text.encode()).decode()}\n")
        self._requests.flush()
        lines = list(iter(lambda: self._answers.readline().rstrip("\n"), ""))
        assert lines, "the JVM has ended"
        if lines[0].startswith("error "):
            raise JavaError(lines[0].removeprefix("error "))
        return lines


@pytest.fixture(scope="module")
def server(pytestconfig: pytest.Config) -> Iterator[Server]:
    require(shutil.which("javac"), "a JDK to run TorchServe's classes")
    cache = pytestconfig.cache
    assert cache is not None, "TorchServe is installed into pytest's cache: do not disable it"
    home = package_home(environment(TORCHSERVE_VERSION, cache.mkdir("torchserve")))
    program = HERE / "ReadYaml.java"
    # A folder of its own: the server's classes write logs into the working folder.
    with (
        tempfile.TemporaryDirectory(prefix="read-yaml-") as folder,
        subprocess.Popen(
            [*JAVA, "-cp", f"{home}/ts/frontend/*", f"-Djava.io.tmpdir={folder}", str(program)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        ) as process,
    ):
        assert process.stdin
        assert process.stdout
        yield Server(process.stdin, process.stdout)
        process.stdin.close()


def codes(text: str, key: str) -> set[str]:
    """Return the codes of what marpack finds about a key."""
    return {found.code for found in lint_model_config(text) if found.key == key}


def assert_read_alike(server: Server, text: str) -> None:
    """Assert that marpack reads each setting as the server does, and writes what stood there."""
    config, kept = ModelConfig.loads(text), server.settings(text)
    taken = as_taken(ModelConfigText.read(text))
    # The server has the pair of workers one by one, and looks at both when it starts them.
    for key in NUMBERS.keys() - {"minWorkers", "maxWorkers", "parallelLevel"}:
        assert kept[key] == encode(taken.get(key, NUMBERS[key][1])), key
    for key in FLAGS:
        assert kept[key] == encode(taken.get(key, False)), key
    for key in ("deviceType", "parallelType"):
        assert kept[key] == encode((taken.get(key) or "NONE").upper()), key
    assert kept["deviceIds"] == encode(taken.get("deviceIds"))
    assert (kept.get("torchRun") == "null;") == ("torchrun" not in taken)
    for name, value in taken.get("torchrun", {}).items():
        assert kept[FIELDS[f"torchrun.{name}"]] == encode(value), name
    for key, value in taken.items():
        field = getattr(config, _KEYS[key])
        assert (list(field) if key == "deviceIds" else field) == value
    document, written = yaml.safe_load(text), config.to_dict()
    assert {key: written[key] for key in document} == document
    assert {(found.code, found.key) for found in config.validate()} == {
        (found.code, found.key) for found in lint_model_config(text)
    }


@settings(deadline=None, max_examples=100)
@given(config=configs)
def test_the_server_reads_what_was_written(server: Server, config: ModelConfig) -> None:
    assert server.read(config.to_yaml()) == encode(config.to_dict())


@settings(deadline=None, max_examples=100)
@given(config=configs)
def test_the_server_keeps_every_setting(server: Server, config: ModelConfig) -> None:
    given_settings = {
        key: value for key, value in config.to_dict().items() if key not in {*BACK_END, *config.extra}
    }
    for key, value in given_settings.pop("torchrun", {}).items():
        given_settings[f"torchrun.{key}"] = value
    for key in {"deviceType", "parallelType"} & given_settings.keys():
        given_settings[key] = given_settings[key].upper()
    kept = server.settings(config.to_yaml())
    assert {key: kept[FIELDS.get(key, key)] for key in given_settings} == {
        key: encode(value) for key, value in given_settings.items()
    }


def test_without_a_file_of_ours_the_server_has_its_defaults(server: Server) -> None:
    found = server.settings("{}")
    assert {key: found[key] for key in NUMBERS} == {
        key: encode(default) for key, (_, default, _) in NUMBERS.items()
    }
    assert {found[key] for key in FLAGS} == {"false;"}
    assert {found["deviceType"], found["parallelType"]} == {encode("NONE")}
    assert {found["deviceIds"], found["torchRun"]} == {"null;"}


@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_that_is_refused_is_one_that_the_server_does_not_keep(server: Server, key: str) -> None:
    lowest, default, below = NUMBERS[key]
    for text in NOT_NUMBERS:
        assert server.settings(f"{key}: {text}")[key] == encode(default), text
        code = "model-config-range" if "214748364" in text else "model-config-type"
        assert code in codes(f"{key}: {text}", key)
    for number in (lowest - 1, -(2**31)):
        assert server.settings(f"{key}: {number}")[key] == encode(below), number
        assert "model-config-range" in codes(f"{key}: {number}", key)
    for value in (*NOT_NUMBERS, str(lowest - 1), str(-(2**31)), str(lowest)):
        assert_read_alike(server, f"{key}: {value}")
    for number in (lowest, 2**31 - 1):
        assert server.settings(f"{key}: {number}")[key] == encode(number)
        assert not {"model-config-type", "model-config-range"} & codes(f"{key}: {number}", key)


@pytest.mark.parametrize("name", TORCHRUN_NUMBERS)
def test_the_same_for_torchrun(server: Server, name: str) -> None:
    lowest, default, below = TORCHRUN_NUMBERS[name]
    key = f"torchrun.{name}"
    for text in NOT_NUMBERS:
        assert server.settings(f"torchrun: {{{name}: {text}}}")[FIELDS[key]] == encode(default), text
        code = "model-config-range" if "214748364" in text else "model-config-type"
        assert codes(f"torchrun: {{{name}: {text}}}", key) == {code}
        assert_read_alike(server, f"torchrun: {{{name}: {text}}}")
    for number in (lowest - 1, -(2**31)):
        assert server.settings(f"torchrun: {{{name}: {number}}}")[FIELDS[key]] == encode(below), number
        assert codes(f"torchrun: {{{name}: {number}}}", key) == {"model-config-range"}
    for number in (lowest, 2**31 - 1):
        assert server.settings(f"torchrun: {{{name}: {number}}}")[FIELDS[key]] == encode(number)
        assert codes(f"torchrun: {{{name}: {number}}}", key) == set()


TYPE, CHOICE, KEY = "model-config-type", "model-config-choice", "model-config-key"
IGNORED = [
    *[(f"{key}: {text}", key, key, False, TYPE) for key in FLAGS for text in ('"true"', "1", "null", "tru", "y")],
    *[("deviceType: " + text, "deviceType", "deviceType", "NONE", TYPE) for text in ("1", "null", "[gpu]", "yes")],
    *[
        ("parallelType: " + text, "parallelType", "parallelType", "NONE", TYPE)
        for text in ("1", "null", "{pp: 1}")
    ],
    ("deviceType: tpu", "deviceType", "deviceType", "NONE", CHOICE),
    ('deviceType: ""', "deviceType", "deviceType", "NONE", CHOICE),
    ("deviceType: cuda", "deviceType", "deviceType", "NONE", CHOICE),
    ("parallelType: dp", "parallelType", "parallelType", "NONE", CHOICE),
    ("deviceIds: 0", "deviceIds", "deviceIds", None, TYPE),
    ("deviceIds: {0: 1}", "deviceIds", "deviceIds", None, TYPE),
    ("deviceIds: null", "deviceIds", "deviceIds", None, TYPE),
    *[
        (f"deviceIds: [0, {text}]", "deviceIds.1", "deviceIds", None, TYPE)
        for text in ('"1"', "1.0", "true", "null")
    ],
    ("deviceIds: [0, 2147483648]", "deviceIds.1", "deviceIds", None, "model-config-range"),
    *[(f"torchrun: {text}", "torchrun", "torchRun", None, TYPE) for text in ("null", "2", "[a]", "nnodes")],
    ("torchrun: {rdzv-backend: 1}", "torchrun.rdzv-backend", "torchRun.rdzvBackend", "c10d", TYPE),
    ("torchrun: {rdzv-endpoint: 1}", "torchrun.rdzv-endpoint", "torchRun.rdzvEndpoint", None, TYPE),
    ("torchrun: {rdzv-conf: null}", "torchrun.rdzv-conf", "torchRun.rdzvConf", None, TYPE),
    *[
        (f"torchrun: {{{key}: {text}}}", f"torchrun.{key}", field, default, "model-config-unknown-torchrun-key")
        for key, text, field, default in [
            ("rdzv-id", "a", "torchRun.rdzvId", None),
            ("master-addr", "a", "torchRun.masterAddr", None),
            ("master-port", "1", "torchRun.masterPort", 0),
            ("nproc_per_node", "2", "torchRun.nprocPerNode", 1),
        ]
    ],
    *[
        (f"{key}: 8", key, "batchSize", 0, "model-config-misspelt-key")
        for key in ("BatchSize", "batch_size", "batch-size", "batchsize", "bachSize")
    ],
]


@pytest.mark.parametrize(("text", "key", "field", "kept", "code"), IGNORED)
def test_what_is_refused_is_what_the_server_ignores(
    server: Server, text: str, key: str, field: str, kept: Any, code: str
) -> None:
    assert server.settings(text)[field] == encode(kept)
    assert codes(text, key) == {code}
    assert_read_alike(server, text)


@pytest.mark.parametrize(
    ("text", "key"),
    [("1: 2", "1"), ("on: 2", "True"), ("~: 2", "None"), ("1.5: 2", "1.5"), ("torchrun: {1: 2}", "torchrun.1")],
)
def test_a_key_that_is_no_string_ends_the_server(server: Server, text: str, key: str) -> None:
    with pytest.raises(JavaError):
        server.settings(text)
    assert codes(text, key) == {KEY}


@pytest.mark.parametrize("text", ["", "# nothing", "[a]", "a", "1", "null"])
def test_what_is_no_mapping_ends_the_server(server: Server, text: str) -> None:
    with pytest.raises(JavaError, match=r"NullPointer|ClassCast"):
        server.settings(text)
    assert codes(text, "") == {"model-config-document"}


@pytest.mark.parametrize(
    "text", ["a: [", "a:\t1", "a: 1\n---\nb: 1", "a: !!python/name:b c", "a: \x01", "a: *b", "a: @"]
)
def test_what_is_no_yaml_is_not_read(server: Server, text: str) -> None:
    with pytest.raises(JavaError, match="InvalidModelException"):
        server.settings(text)
    assert codes(text, "") == {"model-config-syntax"}


def test_launching_without_torchrun_leaves_the_server_nothing_to_launch_with(server: Server) -> None:
    text = "parallelType: tp\nparallelLevel: 2"
    found = server.settings(text)
    assert (found["parallelLevel"], found["torchRun"]) == (encode(2), "null;")
    assert codes(text, "parallelType") == {"model-config-parallel"}


def nested(depth: int, bottom: object, kind: str) -> Any:
    for _ in range(depth):
        bottom = [bottom] if kind == "lists" else {"a": bottom}
    return bottom


@pytest.mark.parametrize("bottom", [1, {}, []])
@pytest.mark.parametrize("kind", ["lists", "mappings"])
def test_the_server_reads_as_deep_as_marpack_writes(server: Server, kind: str, bottom: object) -> None:
    deepest = 49
    config = ModelConfig(extra={"x": nested(deepest, bottom, kind)})
    assert server.read(config.to_yaml()) == encode(config.to_dict())
    with pytest.raises(ConfigError) as caught:
        ModelConfig(extra={"x": nested(deepest + 1, bottom, kind)})
    assert [found.code for found in caught.value.findings] == ["model-config-depth"]
    start, end = ("[", "]") if kind == "lists" else ("{a: ", "}")
    with pytest.raises(JavaError, match="InvalidModelException"):
        server.read(f"x: {start * (deepest + 1)}{bottom}{end * (deepest + 1)}")


def test_the_server_reads_as_much_as_marpack_writes(server: Server) -> None:
    frame = ModelConfig(extra={"x": "a"}).size - 1
    limit = 3 * 1024 * 1024
    largest = ModelConfig(extra={"x": "a" * (limit - frame)})
    assert largest.size == limit
    assert server.read(largest.to_yaml()) == encode(largest.to_dict())
    with pytest.raises(JavaError, match="InvalidModelException"):
        server.read(largest.to_yaml().replace("x: ", "x: a"))
    with pytest.raises(ConfigError) as caught:
        ModelConfig(extra={"x": "a" * (limit - frame + 1)})
    assert [found.code for found in caught.value.findings] == ["model-config-size"]
