"""What marpack finds wrong with a config.properties breaks a real server as it says, and the repaired file starts.

Also: the defaults that marpack states are those that a running server reports.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import marpack
from tests.support.torchserve import (
    ServerError,
    StartError,
    TorchServe,
    addresses,
    environment,
    install_folder,
    is_free,
    require_default_ports,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Warm = Callable[[str], Path | None]

VERSION = "0.12.0"
SETTINGS = json.loads((Path(__file__).parents[2] / "spec" / "settings.json").read_text(encoding="utf-8"))

# JVMs that are about to fail spend most of their time waiting.
AT_ONCE = 4


def snapshot(versions: tuple[str, ...] = ("1.0",), count: int = 1, **changes: Any) -> str:
    """Return a snapshot of m.mar, with changed settings; ... leaves one out."""
    entry = {
        "defaultVersion": True,
        "marName": "m.mar",
        "minWorkers": 1,
        "maxWorkers": 1,
        "batchSize": 1,
        "maxBatchDelay": 100,
        "responseTimeout": 120,
    }
    values = {key: value for key, value in (entry | changes).items() if value is not ...}
    models = {"m": dict.fromkeys(versions, values)}
    return json.dumps({"name": "startup.cfg", "modelCount": count, "models": models})


class Mistake(NamedTuple):
    """Settings that let the server end, what marpack says of which key, what the server says, and the repair.

    INFERENCE and STORE stand for the server's own address and store.
    """

    code: str
    key: str
    wrong: dict[str, str]
    right: dict[str, str]
    log: str
    launcher: bool = False


IN_SNAPSHOT = "model_snapshot.models.m.1.0"


def in_snapshot(code: str, key: str, log: str, **changes: Any) -> Mistake:
    wrong, right = ({"model_snapshot": snapshot(**each)} for each in (changes, {}))
    return Mistake(code, f"{IN_SNAPSHOT}.{key}", wrong, right, log)


FATAL = {
    "no number": Mistake(
        "type",
        "default_workers_per_model",
        {"default_workers_per_model": "two"},
        {"default_workers_per_model": "2"},
        'Invalid configuration: For input string: "two"',
    ),
    "a fraction": Mistake(
        "type",
        "job_queue_size",
        {"job_queue_size": "1.5", "load_models": "m.mar"},
        {"job_queue_size": "15", "load_models": "m.mar"},
        'Invalid configuration: For input string: "1.5"',
    ),
    "a blank after a number": Mistake(
        "blank",
        "number_of_netty_threads",
        {"number_of_netty_threads": "4 "},
        {"number_of_netty_threads": "4"},
        'Invalid configuration: For input string: "4 "',
    ),
    "a slash after an address": Mistake(
        "address",
        "inference_address",
        {"inference_address": "INFERENCE/"},
        {"inference_address": "INFERENCE"},
        "Invalid configuration: Invalid binding address: ",
    ),
    "a port out of range": Mistake(
        "port",
        "management_address",
        {"management_address": "http://127.0.0.1:70000"},
        {},
        "Invalid configuration: Invalid port number: http://127.0.0.1:70000",
    ),
    "one port for two": Mistake(
        "port-clash",
        "metrics_address",
        {"metrics_address": "INFERENCE"},
        {},
        "java.io.IOException: Failed to bind to address: ",
    ),
    "one gRPC port for two": Mistake(
        "port-clash",
        "grpc_management_port",
        {"grpc_inference_port": "7890", "grpc_management_port": "7890"},
        {},
        "java.io.IOException: Failed to bind to address",
    ),
    "a quoted store, through the launcher": Mistake(
        "quotes",
        "model_store",
        {"model_store": '"STORE"'},
        {"model_store": "STORE"},
        "--model-store directory not found: ",
        launcher=True,
    ),
    "a quoted store": Mistake(
        "quotes",
        "model_store",
        {"model_store": '"STORE"', "model_snapshot": snapshot()},
        {"model_store": "STORE"},
        "Model archive file for model :m, version :1.0 not found in model store",
    ),
    "a backslash before u": Mistake(
        "syntax",
        "",
        {"metrics_config": r"C:\users\metrics.yaml"},
        {},
        r"Invalid configuration: Malformed \uxxxx encoding.",
    ),
    "a variable that is not set": Mistake(
        "variable",
        "keystore",
        {"keystore": "$$MARPACK_IS_NOT_SET$$"},
        {},
        "Invalid configuration: Invalid Environment Variable MARPACK_IS_NOT_SET",
    ),
    "a word in models": Mistake(
        "models-value",
        "models.m.1.0.minWorkers",
        {"models": '{"m": {"1.0": {"minWorkers": "x"}}}', "load_models": "m.mar"},
        {"models": '{"m": {"1.0": {"minWorkers": 1}}}', "load_models": "m.mar"},
        'Invalid configuration: For input string: "x"',
    ),
    "a comma after the snapshot": Mistake(
        "snapshot-json",
        "model_snapshot",
        {"model_snapshot": snapshot() + ","},
        {"model_snapshot": snapshot()},
        "MalformedJsonException",
    ),
    "JSON over several lines": Mistake(
        "models-json",
        "models",
        {"models": '{\n"m": {\n"1.0": {"minWorkers": 1}\n}\n}', "load_models": "m.mar"},
        {"models": '{\\\n"m": {\\\n"1.0": {"minWorkers": 1}\\\n}\\\n}', "load_models": "m.mar"},
        "java.io.EOFException: End of input",
    ),
    "two archives of one name and version": Mistake(
        "load-models-same-version",
        "load_models",
        {"load_models": "m=m.mar,m=other.mar"},
        {"load_models": "m.mar"},
        "Model version 1.0 is already registered for model m",
    ),
    "one archive twice, by a path too": Mistake(
        "load-models-twice",
        "load_models",
        {"load_models": "m.mar,sub/m.mar"},
        {"load_models": "m.mar"},
        "Model version 1.0 is already registered for model m",
    ),
    "no time between two measurements": Mistake(
        "range",
        "metric_time_interval",
        {"metric_time_interval": "0"},
        {"metric_time_interval": "60"},
        "Invalid configuration: null",
    ),
    "no place for a request": Mistake(
        "range",
        "job_queue_size",
        {"job_queue_size": "0", "load_models": "m.mar"},
        {"job_queue_size": "15", "load_models": "m.mar"},
        "Invalid configuration: null",
    ),
    "a key left out": in_snapshot(
        "snapshot-missing",
        "batchSize",
        'NullPointerException: Cannot invoke "com.google.gson.JsonElement.getAsInt()"',
        batchSize=...,
    ),
    "null": in_snapshot(
        "snapshot-missing", "minWorkers", "UnsupportedOperationException: JsonNull", minWorkers=None
    ),
    "a word for a number": in_snapshot(
        "snapshot-integer",
        "maxBatchDelay",
        'Invalid configuration: For input string: "soon"',
        maxBatchDelay="soon",
    ),
    "an unknown runtime": in_snapshot(
        "snapshot-runtime", "runtimeType", "Invalid RuntimeType value: PYTHON", runtimeType="PYTHON"
    ),
    "an absent archive": in_snapshot(
        "snapshot-archive-missing",
        "marName",
        "Model archive file for model :m, version :1.0 not found in model store",
        marName="absent.mar",
    ),
    "one archive for two versions": Mistake(
        "snapshot-same-version",
        "model_snapshot.models.m.2.0",
        {"model_snapshot": snapshot(("1.0", "2.0"), 2)},
        {"model_snapshot": snapshot()},
        "Model version 1.0 is already registered for model m",
    ),
}


@pytest.fixture(scope="module")
def cache(pytestconfig: pytest.Config) -> Path:
    return install_folder(pytestconfig)


ANSWER = b"def handle(data, context):\n    return [row['body'] if 'body' in row else row for row in data or []]\n"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model-store")
    for name in ("m", "other"):
        marpack.pack(model_name=name, handler={"handler.py": ANSWER}, export_path=folder)
    return folder


@pytest.fixture(scope="module")
def needy_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store of a model that needs nothing, and one that needs a package and says so."""
    folder = tmp_path_factory.mktemp("needy-store")
    wheels = tmp_path_factory.mktemp("wheels")
    wheel(wheels, "marpack_is_not_installed")
    requirements = f"--no-index\n--find-links {wheels}\nmarpack-is-not-installed\n"
    marpack.pack(model_name="m", handler={"handler.py": ANSWER}, export_path=folder)
    marpack.pack(
        model_name="needy",
        handler={"handler.py": b"import marpack_is_not_installed\n" + ANSWER},
        requirements_file={"requirements.txt": requirements.encode()},
        export_path=folder,
    )
    return folder


def wheel(folder: Path, name: str) -> None:
    """Make a wheel of one empty module."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", "")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


def base(store: Path) -> dict[str, str]:
    """Return settings that start a server which loads nothing."""
    listening = dict(line.split("=", 1) for line in addresses())
    return listening | {
        "model_store": str(store),
        "disable_token_authorization": "true",
        "default_workers_per_model": "1",
    }


def text(settings: Mapping[str, str], changes: Mapping[str, str]) -> str:
    marks = {"INFERENCE": settings["inference_address"], "STORE": settings["model_store"]}
    lines = []
    for key, value in {**settings, **changes}.items():
        for mark, meant in marks.items():
            value = value.replace(mark, meant)
        lines.append(f"{key}={value}\n")
    return "".join(lines)


def lint(config: bytes | str, store: Path) -> list[marpack.Finding]:
    """Return the errors and warnings that marpack finds."""
    findings = marpack.lint_config(config, torchserve_version=VERSION, model_store=store, environ={})
    return [finding for finding in findings if finding.severity != "note"]


@pytest.fixture(scope="module")
def outcomes(
    store: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[StartError | None]]]:
    """Start a server with each mistake, several at once."""
    environment(VERSION, cache)
    folder = tmp_path_factory.mktemp("mistakes")

    def start(number: int, mistake: Mistake) -> StartError | None:
        path = folder / f"{number}.properties"
        path.write_text(text(base(store), mistake.wrong), encoding="ascii")
        try:
            with TorchServe.from_file(path, VERSION, cache, launcher=mistake.launcher):
                return None
        except StartError as error:
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(start, number, FATAL[name]) for number, name in enumerate(FATAL)}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", FATAL)
def test_a_mistake_ends_the_server(
    name: str, store: Path, outcomes: Mapping[str, Future[StartError | None]]
) -> None:
    mistake = FATAL[name]
    config = text(base(store), mistake.wrong)
    key = mistake.key.partition(".")[0] or next(iter(mistake.wrong))
    [line] = [number for number, line in enumerate(config.split("\n"), 1) if line.startswith(f"{key}=")]
    [found] = [finding for finding in lint(config, store) if finding.code == mistake.code]
    assert (found.severity, found.key, found.line) == ("error", mistake.key, line)
    assert lint(text(base(store), mistake.right), store) == []

    end = outcomes[name].result()
    assert end is not None, "the server has started"
    assert end.status == 1
    assert mistake.log in end.log, end


@pytest.mark.parametrize("in_snapshot", [False, True])
def test_the_repaired_settings_start_a_server(
    in_snapshot: bool, store: Path, cache: Path, tmp_path: Path, warm: Warm
) -> None:
    mistakes = [mistake for mistake in FATAL.values() if ("model_snapshot" in mistake.wrong) == in_snapshot]
    changes = {key: value for mistake in mistakes for key, value in mistake.right.items()}
    with started(text(base(store), changes), store, cache, tmp_path, warm=warm(VERSION)) as server:
        assert server.predict("m", {"key": "value"}) == {"key": "value"}
        if not in_snapshot:
            [told] = server.describe("m")
            assert told["jobQueueStatus"]["remainingCapacity"] == 15
            assert banner(server)["Default workers per model"] == "2"
            assert banner(server)["Netty threads"] == "4"


def started(
    config: bytes | str,
    store: Path,
    cache: Path,
    folder: Path,
    *wrong: tuple[str, str, str],
    warm: Path | None = None,
) -> Any:
    """Run a server with a file of which marpack finds just these errors and warnings."""
    data = config if isinstance(config, bytes) else config.encode("ascii")
    assert {(found.severity, found.code, found.key) for found in lint(data, store)} == set(wrong)
    path = folder / "config.properties"
    path.write_bytes(data)
    return TorchServe.from_file(path, VERSION, cache, warm=warm)


def test_what_is_overlooked_when_models_are_named(store: Path, cache: Path, tmp_path: Path, warm: Warm) -> None:
    """Show a name after a blank, a misspelt key, a line after a byte order mark, and a key that comes twice."""
    settings = {
        "job_queue_size": "7",  # its line begins with the mark
        **base(store),
        "load_models": "m.mar, other.mar",
        "number_of_nety_threads": "7",
        "netty_client_threads": "1",
    }
    config = "\ufeff" + text(settings, {}) + "netty_client_threads=2\n"
    wrong = [
        ("error", "load-models-blank", "load_models"),
        ("error", "misspelt-key", "number_of_nety_threads"),
        ("error", "encoding", ""),
        ("warning", "duplicate-key", "netty_client_threads"),
        ("error", "misspelt-key", "\xef\xbb\xbfjob_queue_size"),
    ]
    with started(config.encode(), store, cache, tmp_path, *wrong, warm=warm(VERSION)) as server:
        assert server.models() == {"m": "m.mar"}
        assert "Model not found at:  other.mar" in server.log()
        [told] = server.describe("m")
        assert told["jobQueueStatus"]["remainingCapacity"] == 100
        assert banner(server)["Netty threads"] == "0"
        assert banner(server)["Netty client threads"] == "2"


def test_what_a_snapshot_says_in_vain(store: Path, cache: Path, tmp_path: Path, warm: Warm) -> None:
    """Show models named beside a snapshot, more workers than the maximum, a wrong version, a timeout of 0."""
    wrong_version = "9.9"
    changes = {
        "load_models": "other.mar",
        "model_snapshot": snapshot((wrong_version,), minWorkers=2, maxWorkers=1, responseTimeout=0),
    }
    place = f"model_snapshot.models.m.{wrong_version}"
    wrong = [
        ("warning", "load-models-ignored", "load_models"),
        ("error", "snapshot-workers", f"{place}.minWorkers"),
        ("error", "snapshot-version-differs", place),
        ("error", "snapshot-timeout", f"{place}.responseTimeout"),
    ]
    with started(text(base(store), changes), store, cache, tmp_path, *wrong, warm=warm(VERSION)) as server:
        assert server.models() == {"m": "m.mar"}
        [told] = server.describe("m")
        assert told["modelVersion"] == "1.0"
        assert told["maxWorkers"] == 1
        assert len(told["workers"]) == 2

        def gives_up() -> bool:
            # Unless the worker answers before anybody waits for it.
            try:
                server.predict("m", {})
            except ServerError as error:
                return "500" in str(error)
            return False

        wait_until(gives_up, lambda: f"it never gives up. {server.log_tail()}")


def test_a_workflow_in_a_snapshot_ends_the_restoring(store: Path, cache: Path, tmp_path: Path, warm: Warm) -> None:
    own = tmp_path / "store"
    shutil.copytree(store, own)
    shutil.copy(own / "other.mar", own / "a.war")
    entry = json.loads(snapshot())["models"]["m"]["1.0"]
    models = {"a": {"1.0": {**entry, "marName": "a.war"}}, "m": {"1.0": entry}}
    text_ = json.dumps({"name": "startup.cfg", "modelCount": 2, "models": models})
    wrong = ("error", "snapshot-mar-name", "model_snapshot.models.a.1.0.marName")
    config = text(base(own), {"model_snapshot": text_})
    with started(config, own, cache, tmp_path, wrong, warm=warm(VERSION)) as server:
        assert server.models() == {}
        assert "Error while retrieving snapshot details. Details: Input is not in the .gz format" in server.log()


def test_models_alone_load_nothing(store: Path, cache: Path, tmp_path: Path) -> None:
    changes = {"models": '{"m": {"1.0": {"marName": "m.mar", "minWorkers": 1}}}'}
    wrong = ("warning", "models-loads-nothing", "models")
    with started(text(base(store), changes), store, cache, tmp_path, wrong) as server:
        assert server.models() == {}


def test_a_count_of_0_loads_nothing(store: Path, cache: Path, tmp_path: Path) -> None:
    wrong = ("error", "snapshot-count", "model_snapshot.modelCount")
    changes = {"model_snapshot": snapshot(count=0)}
    with started(text(base(store), changes), store, cache, tmp_path, wrong) as server:
        assert server.models() == {}
        assert "Model snapshot is empty. Starting TorchServe without initial models." in server.log()


def test_workers_die_and_tokens_are_asked_until_it_is_repaired(
    needy_store: Path, cache: Path, tmp_path: Path, warm: Warm
) -> None:
    """Show an envelope that is gone, requirements that nobody installs, and a truth value with a blank."""
    changes = {
        "load_models": "m.mar,needy.mar",
        "service_envelope": "kfserving",
        "disable_token_authorization": "true ",
    }
    wrong = [
        ("error", "envelope", "service_envelope"),
        ("warning", "requirements-ignored", "install_py_dep_per_model"),
        ("error", "blank", "disable_token_authorization"),
    ]
    config = text(base(needy_store), changes)
    with started(config, needy_store, cache, tmp_path, *wrong, warm=warm(VERSION)) as server:
        server.await_log("No module named 'ts.torch_handler.request_envelope.kfserving'")
        server.await_log("No module named 'marpack_is_not_installed'")
        with pytest.raises(ServerError, match="Token Authorization failed"):
            server.models()

    repaired = {
        "service_envelope": "kserve",
        "install_py_dep_per_model": "true",
        "disable_token_authorization": "true",
    }
    config = text(base(needy_store), changes | repaired)
    with started(config, needy_store, cache, tmp_path, warm=warm(VERSION)) as server:
        for model in ("m", "needy"):
            assert server.predict(model, {"instances": [{"body": 1}]}) == {"predictions": [1]}


# ------------------------------------------------------------------------------------------------ the defaults

# What the server calls them in what it logs first.
BANNER = {
    "Allowed Urls": "allowed_urls",
    "Blacklist Regex": "blacklist_env_vars",
    "CPP log config": "cpp_log_config",
    "Custom python dependency for model allowed": "install_py_dep_per_model",
    "Disable system metrics": "disable_system_metrics",
    "Enable metrics API": "enable_metrics_api",
    "Inference address": "inference_address",
    "Limit Maximum Image Pixels": "limit_max_image_pixels",
    "Management address": "management_address",
    "Maximum Request Size": "max_request_size",
    "Maximum Response Size": "max_response_size",
    "Metrics address": "metrics_address",
    "Metrics mode": "metrics_mode",
    "Model API enabled": "enable_model_api",
    "Model config": "models",
    "Netty client threads": "netty_client_threads",
    "Netty threads": "number_of_netty_threads",
    "Prefer direct buffer": "prefer_direct_buffer",
    "Python executable": "python",
    "System metrics command": "system_metrics_cmd",
}

# What the management API calls them.
DESCRIBED = {"responseTimeout": "default_response_timeout", "startupTimeout": "default_startup_timeout"}


def banner(server: TorchServe) -> dict[str, str]:
    """Return the settings that a server logs when it starts."""
    return dict(re.findall(r"^([A-Z][A-Za-z ]+): (.*)$", server.log(), re.MULTILINE))


@pytest.mark.usefixtures("default_ports")
@pytest.mark.xdist_group("default-ports")
def test_the_defaults_are_the_servers(store: Path, cache: Path, tmp_path: Path) -> None:
    stated = {setting["key"]: setting["default"] for setting in SETTINGS}
    ports = [8080, 8081, 8082, *(int(stated[f"grpc_{api}_port"]) for api in ("inference", "management"))]
    require_default_ports(*ports)
    path = tmp_path / "config.properties"
    path.write_text(
        f"model_store={store}\nload_models=m.mar\ndisable_token_authorization=true\n", encoding="utf-8"
    )
    with TorchServe.from_file(path, VERSION, cache) as server:
        logged = banner(server)
        [told] = server.describe("m")
        assert not any(map(is_free, ports))

    # Its words for nothing, and for a choice and a list.
    words = {"N/A": "", "default": "", "LOG": "log", "[file://.*|http(s)?://.*]": "file://.*|http(s)?://.*"}
    assert {name: words.get(logged[name], logged[name]) for name in BANNER} == {
        name: stated[key] or "" for name, key in BANNER.items()
    }
    assert {key: str(told[key]) for key in DESCRIBED} == {key: stated[name] for key, name in DESCRIBED.items()}
    assert str(told["jobQueueStatus"]["remainingCapacity"]) == stated["job_queue_size"]
    assert min(worker["id"] for worker in told["workers"]) == stated["initial_worker_port"]

    # Defaults that stand for something else.
    assert (stated["default_workers_per_model"], len(told["workers"])) == ("0", int(logged["Number of CPUs"]))
    assert (stated["workflow_store"], logged["Workflow Store"]) == ("<model_store>", logged["Model Store"])
    assert stated["metrics_config"] == "<ts/configs/metrics.yaml of the installation>"
    assert logged["Metrics config path"] == f"{logged['TS Home']}/ts/configs/metrics.yaml"
