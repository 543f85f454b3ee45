"""The settings and their values are those of the server's own ConfigManager."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import marpack
from marpack import ServerConfig, properties
from tests.support.java import Java, JavaError, pairs, server_classes, text, units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SETTINGS = json.loads((Path(__file__).parents[2] / "spec" / "settings.json").read_text(encoding="utf-8"))

# Texts of ConfigManager that are no keys.
NO_KEYS = {
    "DEFAULT_REQUEST_SEQUENCE_END",
    "DEFAULT_REQUEST_SEQUENCE_ID",
    "DEFAULT_REQUEST_SEQUENCE_START",
    "DEFAULT_TS_ALLOWED_URLS",
    "METRIC_FORMAT_PROMETHEUS",
    "MODEL_LOGGER",
    "MODEL_METRICS_LOGGER",
    "MODEL_SERVER_METRICS_LOGGER",
    "MODEL_SERVER_TELEMETRY_LOGGER",
}
# A key that ConfigManager reads without a constant for it.
NAMELESS_KEYS = {"tsConfigFile"}
# How fields are called whose keys are not Python's manner.
ATTRIBUTES = {"tsConfigFile": "ts_config_file", "NUM_WORKERS": "num_workers"}

# What ConfigManager adds of its own accord: what it found out, and where the file lay.
ADDED = ("version", "number_of_gpu", "tsConfigFile")

# Nothing is timed: a busy machine is no failure.
oracle = settings(derandomize=True, deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Java]:
    with server_classes(tmp_path_factory, pytestconfig) as running:
        yield running


@pytest.fixture(scope="module")
def constants(server: Java) -> dict[str, str]:
    """Return the texts that ConfigManager has names for."""
    return server.ask_mapping("constants")


def test_the_settings_are_the_servers(constants: dict[str, str]) -> None:
    assert set(constants) > NO_KEYS
    known = {key for name, key in constants.items() if name not in NO_KEYS} | NAMELESS_KEYS
    assert {each["key"] for each in SETTINGS if each["reader"] == "server"} == known


def test_the_variables_are_the_servers(constants: dict[str, str]) -> None:
    """The server looks for variables by the names of its constants."""
    variables = {key: name for name, key in constants.items() if name.startswith("TS_")}
    assert len(variables) > 50
    assert {each["key"]: each["environment"] for each in SETTINGS if each["environment"]} == variables


def test_every_setting_has_a_field() -> None:
    names = {field.name for field in fields(ServerConfig)}
    assert len(SETTINGS) == len({each["key"] for each in SETTINGS}) > 70
    assert {ATTRIBUTES.get(each["key"], each["key"]) for each in SETTINGS} == names - {"extra"}


# Whom ConfigManager itself asks for a setting; without an answer here, the default shows elsewhere or nowhere.
GETTERS = {
    "debug": "isDebug",
    "inference_address": "getListener INFERENCE_CONNECTOR",
    "management_address": "getListener MANAGEMENT_CONNECTOR",
    "metrics_address": "getListener METRICS_CONNECTOR",
    "load_models": "getLoadModels",
    "default_workers_per_model": "getConfiguredDefaultWorkersPerModel",
    "default_response_timeout": "getDefaultResponseTimeout",
    "default_startup_timeout": "getDefaultStartupTimeout",
    "unregister_model_timeout": "getUnregisterModelTimeout",
    "number_of_netty_threads": "getNettyThreads",
    "netty_client_threads": "getNettyClientThreads",
    "job_queue_size": "getJobQueueSize",
    "metrics_mode": "getMetricsMode",
    "model_metrics_auto_detect": "isModelMetricsAutoDetectEnabled",
    "disable_system_metrics": "isSystemMetricsDisabled",
    "cpu_launcher_enable": "isCPULauncherEnabled",
    "cpu_launcher_args": "getCPULauncherArgs",
    "ipex_gpu_enable": "isIPEXGpuEnabled",
    "cors_allowed_origin": "getCorsAllowedOrigin",
    "cors_allowed_methods": "getCorsAllowedMethods",
    "cors_allowed_headers": "getCorsAllowedHeaders",
    "certificate_file": "getCertificateFile",
    "private_key_file": "getPrivateKeyFile",
    "max_request_size": "getMaxRequestSize",
    "max_response_size": "getMaxResponseSize",
    "limit_max_image_pixels": "isLimitMaxImagePixels",
    "default_service_handler": "getTsDefaultServiceHandler",
    "service_envelope": "getTsServiceEnvelope",
    "prefer_direct_buffer": "getPreferDirectBuffer",
    "allowed_urls": "getAllowedUrls",
    "install_py_dep_per_model": "getInstallPyDepPerModel",
    "enable_metrics_api": "isMetricApiEnable",
    "grpc_inference_address": "getGRPCAddress INFERENCE_CONNECTOR",
    "grpc_management_address": "getGRPCAddress MANAGEMENT_CONNECTOR",
    "grpc_inference_port": "getGRPCPort INFERENCE_CONNECTOR",
    "grpc_management_port": "getGRPCPort MANAGEMENT_CONNECTOR",
    "grpc_inference_max_connection_age_ms": "getGRPCMaxConnectionAge INFERENCE_CONNECTOR",
    "grpc_management_max_connection_age_ms": "getGRPCMaxConnectionAge MANAGEMENT_CONNECTOR",
    "grpc_inference_max_connection_age_grace_ms": "getGRPCMaxConnectionAgeGrace INFERENCE_CONNECTOR",
    "grpc_management_max_connection_age_grace_ms": "getGRPCMaxConnectionAgeGrace MANAGEMENT_CONNECTOR",
    "enable_grpc_ssl": "isGRPCSSLEnabled",
    "initial_worker_port": "getInitialWorkerPort",
    "initial_distribution_port": "getInitialDistributionPort",
    "cpp_log_config": "getTsCppLogConfig",
    "ts_open_inference_protocol": "isOpenInferenceProtocol",
    "token_expiration_min": "getTimeToExpiration",
    "ts_header_key_sequence_id": "getTsHeaderKeySequenceId",
    "ts_header_key_sequence_start": "getTsHeaderKeySequenceStart",
    "ts_header_key_sequence_end": "getTsHeaderKeySequenceEnd",
    "disable_token_authorization": "getDisableTokenAuthorization",
    "enable_model_api": "isModelApiEnabled",
    "use_native_io": "useNativeIo",
    "io_ratio": "getIoRatio",
    "metric_time_interval": "getMetricTimeInterval",
    "enable_envvars_config": "getEnableEnvVarsConfig",
    "model_snapshot": "getModelSnapshot",
    "system_metrics_cmd": "getSystemMetricsCmd",
    "python": "getPythonExecutable",
}


def answers(server: Java, data: bytes) -> dict[str, str]:
    """Return what the server takes for its settings, by key, in its own words."""
    server.ask("configure", data)
    return dict(zip(GETTERS, map(text, server.ask("ask", *map(units, GETTERS.values()))), strict=True))


def test_defaults_are_the_servers(server: Java) -> None:
    """A file that states every default means the same as one that states none."""
    plain = {"model_store": "store"}
    silent = answers(server, properties.dumps(plain).encode())
    stated = {each["key"]: each["default"] for each in SETTINGS if each["key"] in GETTERS and each["default"]}
    assert len(stated) > 40
    assert answers(server, properties.dumps(plain | stated, style="java").encode()) == silent
    for each in SETTINGS:
        if each["key"] in GETTERS and each["default"] is None:
            assert silent[each["key"]] == "null", each["key"]


def test_a_default_that_is_another_shows(server: Java) -> None:
    """The test above would notice: another value of each setting changes an answer."""
    silent = answers(server, b"model_store=store")
    for each in SETTINGS:
        key, default = each["key"], each["default"]
        if key not in GETTERS or not default:
            continue
        other = {
            "bool": "false" if default == "true" else "true",
            "address": "http://127.0.0.1:1234",
            "choice": "prometheus",
        }.get(each["type"], "127.0.0.2" if key.endswith("_address") else "77")
        changed = answers(server, f"model_store=store\n{key}={other}\n".encode())
        assert changed != silent, key


# JSON as a lenient parser takes it.

json_pieces = st.sampled_from(
    [
        *["{", "}", "[", "]", ":", ",", ";", "=", "=>", '"m"', "'m'", "m", '"1.0"', "1.0", "'it\\'s'", "/* c */"],
        *[
            "{'m': {}}",
            "{m: {1.0: {}}}",
            "// c",
            "# c",
            "1",
            "-1.5e3",
            "01",
            "true",
            "NULL",
            "NaN",
            "a b",
            " ",
            "x",
        ],
        *['"\\u0041"', '"\\x"', "'\\q'", '"', "'", "minWorkers", "{minWorkers: 1; minWorkers: 2}", "é", "\\", "/"],
    ]
)
shapes = st.recursive(
    st.sampled_from(
        ["{}", "{minWorkers: 1}", "{'a': [1, x]}", '{"a": null, b = TRUE}', "{a: 1, a: 2}", "{a: NaN}"]
    ),
    lambda inner: st.lists(
        st.tuples(
            st.sampled_from(['"m"', "'m'", "m", "1.0", "'n'", "true"]), st.sampled_from([":", "=", "=>"]), inner
        ),
        max_size=3,
    ).map(lambda items: "{" + ", ".join(map("".join, items)) + "}"),
    max_leaves=4,
)
# Something that is no object ends the server later, or is nothing to it.
json_texts = (
    shapes
    | st.lists(json_pieces, max_size=8).map(lambda pieces: "{" + "".join(pieces))
    | st.tuples(shapes, json_pieces).map("".join)
)


def test_models_are_refused_as_by_the_server(server: Java) -> None:
    outcomes: Counter[str] = Counter()

    @oracle
    @given(value=json_texts)
    def check(value: str) -> None:
        data = properties.dumps(
            {"model_store": "s", "load_models": "m.mar", "models": value}, style="java"
        ).encode()
        ends = False
        try:
            server.ask("configure", data)
        except JavaError:
            ends = True
        found = [each for each in marpack.lint_config(data) if each.code == "models-json"]
        # What is no object at all ends the server when it looks for a model in it.
        unread = [each for each in found if each.severity == "error" and not each.message.startswith("must be")]
        assert bool(unread) <= ends, value
        assert ends <= any(each.severity == "error" for each in found), value
        lenient = any(each.severity == "warning" for each in found)
        outcomes["refused" if ends else "lenient" if lenient else "taken"] += 1

    check()
    for outcome in ("refused", "lenient", "taken"):
        assert outcomes[outcome] > 4, outcomes


# Substitution.

variable_names = st.sampled_from(["AB", "A", "NAME", "x-y", "ab1", "FLAG"])
variable_values = st.lists(
    st.sampled_from(
        ["v", "plain", "a/b", "\\", "\\\\", "$", "$1", "$0", "$12", "$9", "${x}", "$$AB$$", " ", "é", "日"]
    ),
    max_size=3,
).map("".join)
# What stands for a value: mostly text and a variable, sometimes what only looks like one.
value_pieces = st.sampled_from(
    [
        *["text", "/", "$$AB$$", "$$NAME$$", "$$ab1$$", "$$x-y$$", "$$UNSET$$"],
        *["$$A$$", "$$", "$", "$$$", "$$$$", "${AB}", "$AB", "AB", "A", "\\"],
    ]
)
values = st.lists(value_pieces, max_size=4).map("".join)
text_keys = st.sampled_from(
    ["cors_allowed_origin", "keystore_pass", "default_service_handler", "unknown", "ab", "vmargs"]
)
overrides = st.dictionaries(
    st.sampled_from(
        [
            *["TS_MODEL_STORE", "TS_WORKFLOW_STORE", "TS_LOAD_MODELS", "TS_KEYSTORE_PASS", "TS_CPU_LAUNCHER_ARGS"],
            *["TS_ALLOWED_URLS", "TS_HEADER_KEY_SEQUENCE_ID", "TS_MODELS", "TS_MODEL_SNAPSHOT", "TS_UNKNOWN"],
            *[
                "TS_SYSTEM_METRICS_CMD",
                "TS_VERSION",
                "TS_PYTHON",
                "TS_USE_NATIVE_IO",
                "USE_NATIVE_IO",
                "TS_VMARGS",
            ],
        ]
    ),
    st.sampled_from(["one", "$$AB$$", "a\\b", "http://h/.*,file://.*", "$1", "all"]),
    max_size=4,
)
numbers = st.dictionaries(
    st.sampled_from(
        ["TS_JOB_QUEUE_SIZE", "TS_NUMBER_OF_GPU", "TS_TOKEN_EXPIRATION_TIME_MIN", "TS_TOKEN_EXPIRATION_MIN"]
    ),
    st.sampled_from(["2", "77"]),
    max_size=2,
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, str], dict[str, str]]:
    """A file and an environment."""
    file = {"model_store": draw(values), "workflow_store": "flows"}
    file |= draw(st.dictionaries(text_keys, values, max_size=3))
    flags = st.sampled_from([None, "true", "true", "TRUE", "false", "yes", "$$FLAG$$"])
    for key in ("enable_envvars_config", "use_env_allowed_urls"):
        if (flag := draw(flags)) is not None:
            file[key] = flag
    environ = draw(st.dictionaries(variable_names, variable_values, max_size=4)) | draw(overrides) | draw(numbers)
    # Mostly all of them are there: a single one that is not ends the case.
    if draw(st.integers(0, 3)):
        environ = {"AB": "one", "NAME": "two", "ab1": "", "x-y": "3", "FLAG": "true", "UNSET": "not"} | environ
    return file, environ


def meaning(found: dict[str, str]) -> dict[str, object]:
    """Return properties in one spelling; what the server adds is left out."""
    spellings: dict[str, Callable[[str], object]] = {
        "enable_envvars_config": str.lower,
        "use_env_allowed_urls": str.lower,
        "token_expiration_min": float,
    }
    return {key: spellings.get(key, str)(value) for key, value in found.items()}


# What Java throws for a variable that is not there, or whose value its regular expressions refuse.
REFUSALS = (
    "java.lang.IllegalArgumentException: Invalid Environment Variable ",
    "java.lang.IllegalArgumentException: Illegal group reference",
    "java.lang.IllegalArgumentException: No group with name {",
    "java.lang.IllegalArgumentException: named capturing group is missing trailing '}'",
    "java.lang.IllegalArgumentException: character to be escaped is missing",
    "java.lang.IndexOutOfBoundsException: No group ",
)


def taken_by_server(server: Java, data: bytes, environ: dict[str, str]) -> dict[str, str] | None:
    """Return what the server takes for its settings; None where it ends."""
    try:
        return server.ask_mapping("configure", data, *pairs(environ))
    except JavaError as error:
        if error.args[0].startswith(REFUSALS):
            return None
        raise


def assert_resolved(server: Java, file: dict[str, str], environ: dict[str, str]) -> str:
    """Assert that both take the same, or both refuse; say which."""
    data = properties.dumps(file, style="java").encode()
    expected = taken_by_server(server, data, environ)
    if expected is None:
        with pytest.raises(marpack.ConfigError):
            ServerConfig.loads(data).resolve(environ)
        return "refused"
    resolved = ServerConfig.loads(data).resolve(environ).properties()
    for key in ADDED:
        if key not in resolved:
            expected.pop(key)
    assert meaning(resolved) == meaning(expected)
    return "changed" if resolved != file else "same"


def test_variables_are_taken_as_by_the_server(server: Java) -> None:
    outcomes: Counter[str] = Counter()

    @oracle
    @given(case=cases())
    def check(case: tuple[dict[str, str], dict[str, str]]) -> None:
        outcomes[assert_resolved(server, *case)] += 1

    check()
    for outcome in ("refused", "changed", "same"):
        assert outcomes[outcome] > 12, outcomes


VARIABLES = {
    "NAME": "store",
    "BACK": "C:\\temp",
    "ONE": "$1",
    "DOLLAR": "a$b",
    "NINE": "$9",
    "EMPTY": "",
    "A": "1",
}
ON = {"enable_envvars_config": "true"}
CASES: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"model_store": "$$NAME$$"}, VARIABLES),
    ({"model_store": "/$$NAME$$/$$NAME$$$$BACK$$"}, VARIABLES),
    ({"model_store": "/$$BACK$$"}, VARIABLES),
    ({"model_store": "/$$ONE$$"}, VARIABLES),
    ({"model_store": "/$$DOLLAR$$"}, VARIABLES),
    ({"model_store": "/$$NINE$$"}, VARIABLES),
    ({"model_store": "$$EMPTY$$"}, VARIABLES),
    ({"model_store": "$$A$$"}, VARIABLES),
    ({"model_store": "$$A$$NAME$$"}, VARIABLES),
    ({"model_store": "$$UNSET$$"}, VARIABLES),
    ({"model_store": "s", "$$NAME$$": "1", "unknown": "$$UNSET$$"}, VARIABLES),
    ({"model_store": "s", "$$NAME$$": "1"}, VARIABLES),
    ({"model_store": "s", "job_queue_size": "$$A1$$"}, {"A1": "77"}),
    ({"model_store": "s"}, {"TS_MODEL_STORE": "t"}),
    ({"model_store": "s", **ON}, {"TS_MODEL_STORE": "t"}),
    ({"model_store": "s", **ON}, {"TS_MODEL_STORE": "$$NAME$$", "NAME": "n"}),
    ({"model_store": "s", "enable_envvars_config": "$$ON$$"}, {"TS_MODEL_STORE": "t", "ON": "True"}),
    ({"model_store": "s", **ON}, {"TS_ALLOWED_URLS": "file://.*"}),
    ({"model_store": "s", **ON, "use_env_allowed_urls": "true"}, {"TS_ALLOWED_URLS": "file://.*"}),
    ({"model_store": "s", "use_env_allowed_urls": "true"}, {"TS_ALLOWED_URLS": "file://.*"}),
    ({"model_store": "s", **ON}, {"TS_JOB_QUEUE_SIZE": "7", "TS_TOKEN_EXPIRATION_TIME_MIN": "5"}),
]


@pytest.mark.parametrize(("file", "environ"), CASES)
def test_cases_of_variables(server: Java, file: dict[str, str], environ: dict[str, str]) -> None:
    assert_resolved(server, {"workflow_store": "w"} | file, environ)


@pytest.mark.parametrize("variable", ["oip", "OIP", "true", ""])
@pytest.mark.parametrize("value", ["true", "false", None])
def test_one_variable_decides_alone(server: Java, variable: str, value: str | None) -> None:
    """TS_OPEN_INFERENCE_PROTOCOL needs no switch, and knows one word only."""
    file = {"model_store": "s", "workflow_store": "w"} | (
        {} if value is None else {"ts_open_inference_protocol": value}
    )
    environ = {"TS_OPEN_INFERENCE_PROTOCOL": variable}
    server.ask("configure", properties.dumps(file).encode(), *pairs(environ))
    [answer] = server.ask("ask", units("isOpenInferenceProtocol"))
    resolved = ServerConfig.loads(properties.dumps(file)).resolve(environ)
    assert bool(resolved.ts_open_inference_protocol) == (text(answer) == "true")


def test_one_variable_names_the_home_without_a_switch(server: Java, tmp_path: Path) -> None:
    (tmp_path / "ts").mkdir()
    (tmp_path / "ts" / "version.txt").write_text("0\n", encoding="ascii")
    environ = {"TS_MODEL_SERVER_HOME": str(tmp_path)}
    server.ask("configure", b"model_store=s\nmodel_server_home=/another", *pairs(environ))
    [answer] = server.ask("ask", units("getModelServerHome"))
    assert text(answer) == str(tmp_path.resolve())
    resolved = ServerConfig.loads("model_store=s\nmodel_server_home=/another\n").resolve(environ)
    assert resolved.model_server_home == str(tmp_path)


def test_a_real_environment_gives_the_same(
    server: Java, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> None:
    """The cases above exchange what Java takes for its environment; a process that starts in one agrees."""
    environ = VARIABLES | {"TS_KEYSTORE_PASS": "t", "TS_OPEN_INFERENCE_PROTOCOL": ""}
    with server_classes(tmp_path_factory, pytestconfig, environ) as other:
        for value in ("$$NAME$$/$$BACK$$", "$$ONE$$", "$$A$$", "$$EMPTY$$"):
            file = {"model_store": value, "enable_envvars_config": "true", "ts_open_inference_protocol": "true"}
            data = properties.dumps(file).encode()
            here = other.ask_mapping("configure-here", data)
            there = server.ask_mapping("configure", data, *pairs(environ))
            assert here["keystore_pass"] == "t"
            assert {**here, "tsConfigFile": ""} == {**there, "tsConfigFile": ""}
            asked = [java.ask_text("ask", units("isOpenInferenceProtocol")) for java in (other, server)]
            # Java compares the empty text with another one by identity: set and empty, it decides too.
            assert asked == ["false", "false"]
