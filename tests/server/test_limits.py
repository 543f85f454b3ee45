"""Numbers and switches with which a server starts, and nothing works, as marpack says; and those that work."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import URLError

import pytest

import marpack
from tests.support.torchserve import ServerError, StartError, TorchServe, addresses, environment, install_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Warm = Callable[[str], Path | None]

VERSION = "0.12.0"
AT_ONCE = 3
ANSWER = b"def handle(data, context):\n    return [row['body'] if 'body' in row else row for row in data or []]\n"
LONGER = {"key": "a value of some length"}


class Limit(NamedTuple):
    """Settings, what marpack says of the last one, and what is logged or answered; the repaired value."""

    wrong: dict[str, str]
    code: str
    severity: str
    log: str = ""
    answer: str = ""
    right: str = ""


LIMITS = {
    "the answer to the load is longer": Limit(
        {"max_response_size": "13"}, "response-size", "error", "Message size exceed limit: 14", right="1024"
    ),
    "an answer is longer": Limit(
        {"max_response_size": "20"}, "response-size", "warning", "Message size exceed limit", "500", "1024"
    ),
    "a request is longer": Limit(
        {"max_request_size": "10"}, "request-size", "warning", answer="413", right="1024"
    ),
    "no request at all": Limit({"max_request_size": "0"}, "request-size", "warning", answer="413", right="1024"),
    "no port for workers": Limit(
        {"use_native_io": "false", "initial_worker_port": "70000"},
        "worker-port",
        "error",
        "Backend stream closed.",
        right="FREE",
    ),
    "any port for workers": Limit(
        {"use_native_io": "false", "initial_worker_port": "0"},
        "worker-port",
        "error",
        "Failed to connect to worker.",
        right="FREE",
    ),
    "no handler to be found": Limit(
        {"blacklist_env_vars": "PYTHON.*"},
        "worker-environment",
        "error",
        "No module named 'handler'",
        right=".*SECRET.*",
    ),
    "nobody starts the workers": Limit(
        {"debug": "true"}, "debug-workers", "warning", "Failed to connect to worker.", right="false"
    ),
    "tokens of no time": Limit(
        {"disable_token_authorization": "false", "token_expiration_min": "0"},
        "token-expired",
        "error",
        answer="Token Authorization failed",
    ),
    "no time for an answer": Limit(
        {"default_response_timeout": "0"}, "range", "error", "did not respond in given time", "500", "60"
    ),
    "no time for the load": Limit(
        {"default_startup_timeout": "0"}, "range", "error", "did not respond in given time", right="60"
    ),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model-store")
    marpack.pack(model_name="m", handler={"handler.py": ANSWER}, export_path=folder)
    return folder


def text(store: Path, changes: Mapping[str, str]) -> str:
    listening = dict(line.split("=", 1) for line in addresses())
    known = {
        **listening,
        "model_store": str(store),
        "load_models": "m.mar",
        "default_workers_per_model": "1",
        "disable_token_authorization": "true",
    }
    values = {key: listening.get(key, "") if value == "FREE" else value for key, value in changes.items()}
    return "".join(f"{key}={value}\n" for key, value in {**known, **values}.items())


def findings(config: str, store: Path) -> list[tuple[str, str, str]]:
    found = marpack.lint_config(config, torchserve_version=VERSION, model_store=store)
    return [(each.code, each.severity, each.key) for each in found if each.severity != "note"]


def asked(server: TorchServe) -> str:
    """Return what a server answers; one that takes no body may close before all is sent, which is no answer."""
    for _ in range(20):
        try:
            return f"answered {server.predict('m', LONGER)}"
        except ServerError as error:
            return str(error)
        except URLError as error:
            if not isinstance(error.reason, ConnectionResetError):
                raise
    return "closes each time before it has answered"


@pytest.fixture(scope="module")
def outcomes(
    store: Path, pytestconfig: pytest.Config, warm: Warm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[str]]]:
    """Run a server with each, several at once; what is answered, or logged."""
    cache = install_folder(pytestconfig)
    environment(VERSION, cache)
    python = warm(VERSION)
    folder = tmp_path_factory.mktemp("limits")

    def run(number: int, limit: Limit) -> str:
        path = folder / f"{number}.properties"
        path.write_text(text(store, limit.wrong), encoding="ascii")
        with TorchServe.from_file(path, VERSION, cache, warm=python) as server:
            answer = asked(server) if limit.answer else ""
            if limit.log:
                server.await_log(limit.log)
            return answer

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(run, number, LIMITS[name]) for number, name in enumerate(LIMITS)}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", LIMITS)
def test_nothing_works(name: str, store: Path, outcomes: Mapping[str, Future[str]]) -> None:
    limit = LIMITS[name]
    key = list(limit.wrong)[-1]
    assert findings(text(store, limit.wrong), store) == [(limit.code, limit.severity, key)]
    answer = outcomes[name].result()
    assert answer.startswith("POST /predictions/m: ") if limit.answer else not answer
    assert limit.answer in answer


HEAPS = {
    "-Xmx512": "Too small maximum heap",
    "-Xms64m -Xmx32m": "Initial heap size set to a larger value than the maximum heap size",
    "-Xmx8m": "",
}


@pytest.mark.parametrize("arguments", HEAPS)
def test_java_has_too_little_memory(
    arguments: str, store: Path, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    config = text(store, {"vmargs": arguments})
    assert findings(config, store) == [("heap", "error", "vmargs")]
    path = tmp_path / "config.properties"
    path.write_text(config, encoding="ascii")
    cache = install_folder(pytestconfig)
    with pytest.raises(StartError) as caught, TorchServe.from_file(path, VERSION, cache, launcher=True):
        pass
    assert HEAPS[arguments] in caught.value.log
    path.write_text(repaired := text(store, {"vmargs": "-Xmx512m"}), encoding="ascii")
    assert findings(repaired, store) == []


def test_a_small_heap_is_enough(store: Path, pytestconfig: pytest.Config, warm: Warm, tmp_path: Path) -> None:
    config = text(store, {"vmargs": "-Xms32m -Xmx32m"})
    assert findings(config, store) == []
    path = tmp_path / "config.properties"
    path.write_text(config, encoding="ascii")
    cache, python = install_folder(pytestconfig), warm(VERSION)
    with TorchServe.from_file(path, VERSION, cache, launcher=True, warm=python) as server:
        assert server.predict("m", LONGER) == LONGER


def test_a_model_is_not_removed(store: Path, pytestconfig: pytest.Config, warm: Warm, tmp_path: Path) -> None:
    path = tmp_path / "config.properties"
    for seconds, found in (("0", [("range", "error", "unregister_model_timeout")]), ("1", [])):
        config = text(store, {"enable_model_api": "true", "unregister_model_timeout": seconds})
        assert findings(config, store) == found
        path.write_text(config, encoding="ascii")
        with TorchServe.from_file(path, VERSION, install_folder(pytestconfig), warm=warm(VERSION)) as server:
            server.predict("m", LONGER)
            if not found:
                server.unregister("m")
                continue
            with pytest.raises(ServerError, match="Timed out while cleaning resources: m"):
                removed_often(server)


def removed_often(server: TorchServe) -> None:
    """Remove a model again and again: now and then all is done before a time of none is looked at."""
    for _ in range(20):
        server.unregister("m")
        server.register("m.mar")


@pytest.mark.parametrize("native", ["true", "false"])
def test_the_repaired_settings_work(
    native: str, store: Path, pytestconfig: pytest.Config, warm: Warm, tmp_path: Path
) -> None:
    right = {list(limit.wrong)[-1]: limit.right for limit in LIMITS.values() if limit.right}
    # Nobody asks for tokens that have expired.
    config = text(store, {**right, "use_native_io": native, "token_expiration_min": "0"})
    assert findings(config, store) == []
    path = tmp_path / "config.properties"
    path.write_text(config, encoding="ascii")
    with TorchServe.from_file(path, VERSION, install_folder(pytestconfig), warm=warm(VERSION)) as server:
        assert server.predict("m", LONGER) == LONGER
