"""What ``run`` makes of an archive is what a running server makes of it: settings, and what it refuses, in words.

J60 to J64, J66 and J67. Whether workers start, and what they answer, is judged with the archives of the rules, in
``test_checks.py``.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from marpack.archive.read.open import open_archive
from marpack.errors import ArchiveError, MarpackError, NotServedError, UnsafeArchiveError
from marpack.running import Request
from marpack.running.model_folder import as_registered, unpack
from marpack.running.model_settings import ModelSettings, settings_of
from tests.checks.cases.case import HANDLER, Archive
from tests.server.test_checks import put
from tests.support.ran import worker
from tests.support.torchserve import LOOPBACK, TorchServe, environment, install_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

VERSIONS = ("0.12.0", "0.9.0")
FILES: dict[str, str | bytes] = {"handler.py": HANDLER}


def stating(text: str | bytes) -> Archive:
    return Archive(files=FILES, manifest=text)


def named(model: str, more: str = "") -> Archive:
    """Return an archive whose ``model`` has a handler, this, and beside it more."""
    return stating(f'{{"model":{{"handler":"handler.py"{model}}}{more}}}')


def configured(text: str, **model: Any) -> Archive:
    files = {**FILES, "c.yaml": text}
    return Archive(files=files, model={"handler": "handler.py", "configFile": "c.yaml", **model})


NAME = ',"modelName":"m"'

ARCHIVES: dict[str, Archive] = {
    "whole": Archive(files=FILES),
    "tgz": Archive(files=FILES, form="tgz"),
    "folder": Archive(files=FILES, form="folder"),
    "no manifest": Archive(files=FILES, manifest=""),
    "no manifest in a folder": Archive(files=FILES, form="folder", manifest=""),
    "nothing beside the manifest": Archive(form="folder"),
    "blank": stating(" \n"),
    "null": stating("null"),
    "an empty object": stating("{}"),
    "a list": stating("[]"),
    "a number": stating("5"),
    "a text": stating('"x"'),
    "cut off": stating('{"model":'),
    "model is null": stating('{"model":null}'),
    "model is null and has no runtime": stating('{"model":null,"runtime":"x"}'),
    "model is a text": stating('{"model":"x"}'),
    "model is a list": stating('{"model":[]}'),
    "no name": named(""),
    "an empty name": named(',"modelName":""'),
    "a name that is null": named(',"modelName":null'),
    "a name that is a list": named(',"modelName":[]'),
    "a name that is a number": named(',"modelName":1.50'),
    "a name that is a truth value": named(',"modelName":true'),
    "a name that is no number": named(',"modelName":NaN'),
    "no name and no runtime": named("", ',"runtime":"x"'),
    "runtime is null": named(NAME, ',"runtime":null'),
    "an unknown runtime": named(NAME, ',"runtime":"x"'),
    "runtime is true": named(NAME, ',"runtime":true'),
    "runtime is a number": named(NAME, ',"runtime":3'),
    "runtime is a list": named(NAME, ',"runtime":[]'),
    "runtime is an object": named(NAME, ',"runtime":{}'),
    "runtime in capitals": named(',"modelName":"capitals"', ',"runtime":"PYTHON"'),
    "python3": named(',"modelName":"three"', ',"runtime":"python3"'),
    "a version that is a list": named(f'{NAME},"modelVersion":[]'),
    "a version that is empty": named(',"modelName":"empty","modelVersion":""'),
    "a version that is a number": named(',"modelName":"number","modelVersion":1.10'),
    "a version that is null": named(',"modelName":"version","modelVersion":null'),
    "createdOn is a list": named(NAME, ',"createdOn":[]'),
    "createdOn is a number": named(',"modelName":"created"', ',"createdOn":2026'),
    "envelope is an object": named(f'{NAME},"envelope":{{}}'),
    "serializedFile is a list": named(',"modelName":"serialized","serializedFile":["x"]'),
    "modelFile is a list": named(',"modelName":"file","modelFile":["x"]'),
    "requirementsFile is a list": named(f'{NAME},"requirementsFile":[]'),
    "configFile is a list": named(f'{NAME},"configFile":[]'),
    "configFile is a number": named(',"modelName":"config","configFile":5'),
    "configFile is null": named(',"modelName":"config-null","configFile":null'),
    "configFile is empty": named(',"modelName":"config-empty","configFile":""'),
    "configFile is not there": named(',"modelName":"config-absent","configFile":"c.yaml"'),
    "no handler": stating('{"model":{"modelName":"handler"}}'),
    "a comment at the end": stating('{"model":{"modelName":"m","handler":"handler.py"}} // x'),
    "comments": stating('{/* x */"model":{"modelName":"comments","handler":"handler.py"} # y\n}'),
    "no quotes": stating("{model:{modelName=unquoted;'handler':handler.py}}"),
    "a comma at the end": stating('{"model":{"modelName":"m","handler":"handler.py",}}'),
    "text behind it": stating('{"model":{"modelName":"m","handler":"handler.py"}} x'),
    "keys given twice": stating('{"runtime":"x","runtime":"python","model":{},"model":{"modelName":"twice"}}'),
    "what is no number": named(',"modelName":"nan"', ',"x":NaN'),
    "nested deeply": named(',"modelName":"deep"', f',"x":{"[" * 600}1{"]" * 600}'),
    "a byte order mark": stating(b'\xef\xbb\xbf{"model":{"modelName":"mark","handler":"handler.py"}}'),
    "UTF-16": stating('{"model":{"modelName":"m","handler":"handler.py"}}'.encode("utf-16")),
    "an empty configuration": configured(""),
    "a configuration of comments": configured("# x\n"),
    "a configuration that is null": configured("null"),
    "a configuration that is a list": configured("- 1\n"),
    "a configuration that is a text": configured("abc"),
    "a configuration that is a number": configured("5"),
    "a configuration that is a negative number": configured("-2147483648"),
    "a configuration that is a long number": configured("3000000000"),
    "a configuration that is a longer number": configured("30000000000000000000000"),
    "a configuration that is a fraction": configured("5.5"),
    "a configuration that is true": configured("yes"),
    "a configuration that is a date": configured("2020-01-01"),
    "a configuration that is a time": configured("2020-01-01 10:00:00"),
    "a configuration that is a set": configured("!!set {a, b}"),
    "a configuration that is binary": configured("!!binary aGFsbG8="),
    "a key that is a number": configured("a: 1\n1: a\n"),
    "a key that is a long number": configured("3000000000: a\n"),
    "a key that is a fraction": configured("1.5: a\n"),
    "a key that is a number to one reader": configured("1e5: a\n"),
    "a key that is true": configured("on: a\n"),
    "a key that is null": configured("~: a\n"),
    "a key that is a date": configured("2020-01-01: a\n"),
    "a key of torchrun that is a number": configured("torchrun: {1: 2}\n"),
    "a key of a handler's that is a number": configured("handler: {1: 2}\n"),
    "a tag that Java cannot read": configured("x: !!float inf\n"),
    "what is no YAML": configured("batchSize: 3\na: [\n"),
    "what only one reader reads": configured('batchSize: 3\nx: "\\/"\n'),
    "what is nested too deeply": configured(f"batchSize: 3\nx: {'[' * 60}{']' * 60}\n"),
    "several documents": configured("batchSize: 3\n---\n{}\n"),
    "an empty mapping": configured("{}"),
    "settings": configured("batchSize: 3\nresponseTimeout: 7\nstartupTimeout: 9\n"),
    "settings out of range": configured("batchSize: -2\nresponseTimeout: 0\nstartupTimeout: -1\n"),
    "settings of other types": configured("batchSize: 2.0\nresponseTimeout: '7'\nuseVenv: 'true'\n"),
    "settings of YAML 1.1": configured("batchSize: 010\nresponseTimeout: 1:30\n"),
    "settings given twice": configured("batchSize: 3\nbatchSize: 4\n"),
    "sequences": configured("sequenceBatching: yes\nsequenceMaxIdleMSec: 1000\n"),
    "custom": configured("parallelType: CUSTOM\nparallelLevel: 1\n"),
    "torchrun alone": configured("torchrun: {nproc-per-node: 2}\n"),
    "a kind alone": configured("parallelType: tp\n"),
    "no zip": Archive(files=FILES, raw=lambda _: b"hello"),
    "no bytes": Archive(files=FILES, raw=lambda _: b""),
    "a byte before the zip": Archive(files=FILES, raw=lambda data: b"x" + data),
    "a zip called a tgz": Archive(files=FILES, suffix=".tar.gz"),
    "a tgz called a zip": Archive(files=FILES, form="tgz", suffix=".mar"),
    "a tgz that is cut off": Archive(files=FILES, form="tgz", raw=lambda data: data[:100]),
    "no tgz": Archive(files=FILES, form="tgz", raw=lambda _: b"hello"),
    "an empty tgz": Archive(files=FILES, form="tgz", raw=lambda _: b""),
    "a damaged member": Archive(files=FILES, raw=lambda data: data[:45] + bytes([data[45] ^ 0xFF]) + data[46:]),
}

# What marpack refuses in words of its own: unpacking it would not be safe, or other readers see another archive.
UNSAFE: dict[str, tuple[Archive, type[MarpackError]]] = {
    "out of the folder": (Archive(files={**FILES, "../x": "a"}), UnsafeArchiveError),
    "another CRC": (
        Archive(files=FILES, raw=lambda data: data[:14] + b"\1\1\1\1" + data[18:]),
        UnsafeArchiveError,
    ),
    "no directory": (Archive(files=FILES, raw=lambda data: data[:-30]), ArchiveError),
}


@pytest.fixture(scope="session", params=VERSIONS)
def server(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, warm: Callable[[str], Path | None]
) -> Iterator[TorchServe]:
    """Run a server that is asked to register, and seldom starts a worker."""
    with TorchServe.running(request.param, install_folder(pytestconfig), warm=warm(request.param)) as running:
        yield running


def answer(server: TorchServe, method: str, path: str) -> tuple[int, Any]:
    """Return the status of an answer, and the JSON in it."""
    request = urllib.request.Request(server.management + path, method=method)
    try:
        with LOOPBACK.open(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def predicted(server: TorchServe, model: str, headers: Mapping[str, str]) -> tuple[int, Any]:
    """Ask a model, with headers as they are spelled."""
    with contextlib.closing(http.client.HTTPConnection(urllib.parse.urlsplit(server.inference).netloc)) as client:
        client.request("POST", f"/predictions/{model}", b"{}", {"Content-Type": "application/json", **headers})
        response = client.getresponse()
        return response.status, json.load(response)


def registered(server: TorchServe, file: str) -> tuple[int, str, Mapping[str, Any]]:
    """Return how a registration is answered, and what the server says of a model that it has registered."""
    query = urllib.parse.urlencode({"url": file, "initial_workers": 0, "synchronous": "true"})
    status, said = answer(server, "POST", f"/models?{query}")
    if status != 200:
        return status, said["message"], {}
    name = urllib.parse.quote(said["status"].split('"')[1])
    _, [described] = answer(server, "GET", f"/models/{name}")
    answer(server, "DELETE", f"/models/{name}")
    return status, "", described


def taken(path: Path, scratch: Path) -> ModelSettings | NotServedError:
    """Return what is made of an archive before a worker is started."""
    try:
        with as_registered(), open_archive(path) as archive:
            settings = settings_of(archive)
            unpack(archive, str(scratch))
            return settings
    except NotServedError as error:
        return error


@pytest.mark.parametrize("title", ARCHIVES)
def test_it_is_registered_or_refused(title: str, server: TorchServe, tmp_path: Path) -> None:
    archive, name = ARCHIVES[title], f"m-{[*ARCHIVES].index(title)}"
    put(archive, server.store, name)
    status, message, described = registered(server, archive.file_name(name))
    made = taken(server.store / archive.file_name(name), tmp_path)
    if isinstance(made, NotServedError):
        assert (made.status, made.message) == (status, message)
        return
    assert status == 200, message
    for key, value in (
        ("modelName", made.model_name),
        ("modelVersion", made.version),
        ("batchSize", made.batch_size),
        ("responseTimeout", made.response_timeout),
        ("startupTimeout", made.startup_timeout),
        ("useVenv", made.use_venv),
        ("stateful", made.sequences),
    ):
        if key in described:  # some came later
            assert described[key] == value, key


@pytest.mark.parametrize("title", UNSAFE)
def test_what_is_not_safe_is_refused_in_our_words(title: str, tmp_path: Path) -> None:
    archive, error = UNSAFE[title]
    put(archive, tmp_path, "m")
    with pytest.raises(error) as raised:
        taken(tmp_path / "m.mar", tmp_path)
    assert not isinstance(raised.value, NotServedError)


SEQUENCES = """
def handle(data, context):
    if data is None:
        return None
    headers = context.get_all_request_header(0)
    return [[[name, value] for name, value in headers.items() if name.startswith("ts_request")]]
"""


@pytest.mark.parametrize("headers", [{}, {"ts_request_sequence_id": "mine", "ts_request_sequence_start": "true"}])
def test_a_request_begins_a_sequence(
    headers: dict[str, str], server: TorchServe, pytestconfig: pytest.Config, warm: Callable[[str], Path | None]
) -> None:
    """With sequenceBatching, unless it is of one; to an older server that is a key of the handler's."""
    config = "sequenceBatching: true\nsequenceMaxIdleMSec: 1000\n"
    model = {"modelName": "sequences", "handler": "handler.py", "configFile": "c.yaml"}
    put(Archive(files={"handler.py": SEQUENCES, "c.yaml": config}, model=model), server.store, "sequences")
    server.register("sequences.mar")
    try:
        status, told = predicted(server, "sequences", headers)
    finally:
        server.unregister("sequences")
    python = warm(server.version) or environment(server.version, install_folder(pytestconfig))
    with worker(server.store / "sequences.mar", python) as run:
        response = run.predict(Request.json({}, headers=headers))
    assert (response.status, without_numbers(response.json())) == (status, without_numbers(told))
    assert bool(told) is (bool(headers) or server.version != "0.9.0")


def without_numbers(pairs: list[list[str]]) -> list[list[str]]:
    return [[name, re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", value)] for name, value in pairs]
