from __future__ import annotations

import datetime
import struct
from typing import Any

import yaml  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from marpack.config.model_config import ModelConfig
from marpack.errors import ConfigError

untimed = settings(deadline=None)

# What a YAML reader takes for something else unless it is quoted, and what it may not find in a file at all.
TRICKY = [
    *["", " ", "a ", " a", "\n", "a\nb\n", "\t", "\r\n", "\0", "\x1b", "\x7f", "\x85", "\xa0", "\ufeff", "\uffff"],
    *["\u2028", "\u2029", "é", "日本", "🙂", "\U0010ffff", "\\", "a\\", '"', "'", "\\n", "\\U0001F600"],
    *["on", "Off", "yes", "NO", "y", "N", "true", "False", "null", "Null", "~", "<<", "=", "!", "&a", "*a"],
    *["0", "-1", "+1", "010", "0x1f", "0b1", "0o7", "1_000", "12:30:45", "1.5", "1e3", "1.0e+3", ".5", "5.", "_1"],
    *[".inf", "-.INF", ".nan", "inf", "nan", "2024-01-01", "2024-01-01T00:00:00Z", "2024-13-45"],
    *[
        "-",
        "- a",
        "? a",
        ": a",
        "a: b",
        "a:",
        ":a",
        "a #b",
        "#a",
        "[a",
        "{a",
        "]",
        "}",
        ",",
        "|",
        ">",
        "%a",
        "@",
        "`",
    ],
    *[
        "---",
        "--- a",
        "...",
        "a/b.pt",
        "/a",
        "http://host:1/a?b=c&d",
        "x" * 1100,
        "é" * 400,
        "x" * 999,
        "x" * 1025,
    ],
]
texts = st.text() | st.sampled_from(TRICKY)
# Java's calendar is another one before 1582, and its times have thousandths of seconds.
zones: st.SearchStrategy[Any] = st.none() | st.integers(-1439, 1439).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)
times = st.datetimes(min_value=datetime.datetime(1900, 1, 1), timezones=zones).map(
    lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)
)
dates = st.dates(min_value=datetime.date(1900, 1, 1)) | times
keys = texts | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False) | dates | st.binary()
scalars = (
    dates
    | st.binary()
    | st.frozensets(keys, max_size=3)
    | st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | texts
)
values = st.recursive(
    scalars,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(keys, children, max_size=3),
    max_leaves=12,
)
sections = st.dictionaries(keys, values, max_size=3)
flags = st.none() | st.booleans()


def numbers(lowest: int) -> st.SearchStrategy[int]:
    return st.integers(lowest, 2**31 - 1) | st.integers(lowest, lowest + 3)


def optional(lowest: int) -> st.SearchStrategy[int | None]:
    return st.none() | numbers(lowest)


def subset(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=strategies)


workers: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.tuples(numbers(1), numbers(1)).map(
    lambda pair: {"min_workers": min(pair), "max_workers": max(pair)}
)
torchruns = st.fixed_dictionaries(
    {},
    optional={
        "nnodes": numbers(1),
        "nproc-per-node": numbers(1),
        "rdzv-backend": texts,
        "rdzv-endpoint": texts,
        "rdzv-conf": texts,
        "monitor-interval": numbers(1),
        "node-rank": numbers(0),
        "OMP_NUMBER_THREADS": numbers(1),
    },
)
spread: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"parallel_type": st.sampled_from(["custom", "Custom"]), "parallel_level": numbers(1)}),
    st.fixed_dictionaries({"parallel_type": st.sampled_from(["pp", "TP", "pptp"]), "torchrun": torchruns}),
)
sequences: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.fixed_dictionaries(
    {"sequence_max_idle_msec": numbers(1)},
    optional={
        "sequence_timeout_msec": optional(0),
        "max_sequence_job_queue_size": optional(1),
        "max_num_sequence": optional(1),
        "sequence_batching": flags,
    },
)
others = subset(
    batch_size=optional(1),
    max_batch_delay=optional(1),
    response_timeout=numbers(1),
    startup_timeout=numbers(1),
    device_type=st.sampled_from([None, "cpu", "gpu", "GPU"]),
    device_ids=st.none() | st.lists(numbers(0), max_size=4),
    max_retry_timeout_in_sec=optional(0),
    client_timeout_in_mills=optional(0),
    job_queue_size=optional(0),
    use_job_ticket=flags,
    continuous_batching=flags,
    async_communication=flags,
    use_venv=flags,
    handler=st.none() | sections,
    pt2=st.none() | texts | st.dictionaries(st.sampled_from(["backend", "mode"]), values),
    pippy=st.none() | sections,
    deepspeed=st.none() | sections,
    dali=st.none() | sections,
    micro_batching=st.none() | sections,
    # Far from every known key, of which it would be a slip.
    extra=st.dictionaries(
        st.sampled_from(TRICKY) | st.text().map(lambda text: f"a key of my own: {text}"), values, max_size=4
    ),
)
configs = st.tuples(workers, spread, sequences, others).map(
    lambda parts: ModelConfig(**{name: value for part in parts for name, value in part.items()})
)


def encode(value: object) -> str:
    """Write a value with its type: 1, 1.0 and True differ, and not-a-number equals itself."""
    if value is None:
        return "null;"
    if isinstance(value, bool):
        return f"{str(value).lower()};"
    if isinstance(value, int):
        return f"i{value};"
    if isinstance(value, float):
        return "d7ff8000000000000;" if value != value else f"d{struct.pack('>d', value).hex()};"
    if isinstance(value, str):
        return f"s{value.encode('utf-16-be').hex()};"
    if isinstance(value, datetime.date):
        moment = value if isinstance(value, datetime.datetime) else datetime.datetime(*value.timetuple()[:3])
        moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
        passed = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        return f"t{passed // datetime.timedelta(milliseconds=1)};"
    if isinstance(value, bytes):
        return f"b{value.hex()};"
    if isinstance(value, (set, frozenset)):
        return f"({''.join(sorted(map(encode, value)))})"
    if isinstance(value, list):
        return f"[{''.join(map(encode, value))}]"
    assert isinstance(value, dict), type(value)
    return f"{{{''.join(encode(key) + encode(item) for key, item in value.items())}}}"


@untimed
@given(config=configs)
def test_pyyaml_reads_what_was_written(config: ModelConfig) -> None:
    assert encode(yaml.safe_load(config.to_yaml())) == encode(config.to_dict())


@untimed
@given(config=configs)
def test_what_was_written_comes_back(config: ModelConfig) -> None:
    again = ModelConfig.loads(config.to_yaml())
    assert encode(again.to_dict()) == encode(config.to_dict())
    assert again.to_yaml() == config.to_yaml()


@untimed
@given(config=configs)
def test_a_dict_comes_back(config: ModelConfig) -> None:
    assert encode(ModelConfig.from_dict(config.to_dict()).to_dict()) == encode(config.to_dict())


@untimed
@given(config=configs)
def test_the_file_is_plain(config: ModelConfig) -> None:
    text = config.to_yaml()
    assert text.isascii()
    assert text.endswith("\n")
    assert not any(line != line.rstrip() or "\t" in line for line in text.split("\n"))
    assert config.open().read() == text.encode()
    assert config.size == len(text)


names = st.sampled_from(
    ["minWorkers", "maxWorkers", "batchSize", "torchrun", "handler", "pt2", "deviceIds", "useVenv"]
)


@untimed
@given(document=st.dictionaries(names | keys | scalars, values | st.dates() | st.binary()))
def test_a_mapping_is_kept_or_refused(document: dict[Any, Any]) -> None:
    try:
        config = ModelConfig.from_dict(document)
    except ConfigError:
        return
    kept = {"responseTimeout": 120, "startupTimeout": 120} | document
    assert {key: encode(value) for key, value in config.to_dict().items()} == {
        key: encode(value) for key, value in kept.items()
    }


pieces = st.sampled_from(
    [
        *[
            "minWorkers",
            "handler",
            "torchrun",
            "pt2",
            "a",
            "1",
            "on",
            "~",
            "2024-01-01",
            "2024-99-99",
            ".inf",
            "0x",
            "190:20",
        ],
        *[
            ": ",
            ":",
            "\n",
            "\n ",
            "\n  ",
            "- ",
            "? ",
            "[",
            "]",
            "{",
            "}",
            ", ",
            "&a ",
            "*a",
            "<<",
            "!!int ",
            "!!bool ",
        ],
        *[
            "!!set ",
            "!!binary ",
            "!!timestamp ",
            "!!omap ",
            "!!python/name:a ",
            "!x ",
            "'",
            '"',
            "\\x",
            "|",
            ">",
            "#",
        ],
        *["---\n", "...\n", "%YAML 1.1\n", "\t", "\0", "\ufeff", "é", "\ud800", "\r", "\x85"],
    ]
)


@untimed
@given(text=st.lists(pieces, max_size=20).map("".join) | st.text() | st.binary())
def test_any_text_is_read_or_refused_with_its_place(text: str | bytes) -> None:
    try:
        config = ModelConfig.loads(text)
    except ConfigError:
        return
    assert encode(ModelConfig.loads(config.to_yaml()).to_dict()) == encode(config.to_dict())
