"""What marpack says of load_models is what a running server does with it."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, NamedTuple

import pytest

import marpack
from tests.support.torchserve import TorchServe, addresses, install_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Warm = Callable[[str], Path | None]

VERSION = "0.12.0"
ANSWER = b"def handle(data, context):\n    return [1 for row in data or []]\n"


class Item(NamedTuple):
    """An item, the codes of what marpack finds in it, and what the server logs; STORE and OTHER are folders.

    Without a line of the log the model is loaded.
    """

    text: str
    found: set[str]
    log: str = ""


def left_out(text: str, code: str, log: str, *others: str) -> Item:
    return Item(text, {code, *others}, log)


ITEMS = [
    Item("i01=m.mar", set()),
    Item("i02=sub/m.mar", {"load-models-folder"}),
    Item("i03=/nowhere/m.mar", {"load-models-folder"}),
    Item("i04=STORE/m.mar", set()),
    Item("i05=net-v1.0", set()),
    Item("i06=OTHER/folder", set()),
    Item("i07=OTHER/folder/", set()),
    Item("i08=t.gz", set()),
    Item("i09=file://OTHER/far.mar", set()),
    Item("i10=folder.zip", set()),
    Item("i11=t.tar.gz", set()),
    # The store has a file of that name, and it is not what somebody wanted.
    Item("i12=s3://bucket/m.mar", {"load-models-url"}),
    left_out(
        "i13=flow.war", "load-models-war", "Failed to load model: flow.war\n.*Input is not in the .gz format"
    ),
    left_out("i14=m.zip", "load-models-suffix", "Failed to load model: m.zip\n.*Input is not in the .gz format"),
    left_out(
        "i15=m.model", "load-models-suffix", "Failed to load model: m.model\n.*Input is not in the .gz format"
    ),
    left_out("all", "load-models-item", "Model not found at: all"),
    left_out("*.mar", "load-models-item", r"Model not found at: \*\.mar"),
    left_out("m.mar n.mar", "load-models-item", "Model not found at: m.mar n.mar"),
    left_out("i16=OTHER/n.mar", "load-models-item", "Model not found at: .*/n.mar", "load-models-folder"),
    left_out("i17=n", "load-models-item", "Model not found at: n\n"),
    left_out("i18=../m.mar", "load-models-item", "Relative path is not allowed in url: ../m.mar"),
    left_out("https://ok.invalid/a.mar?x=y", "load-models-item", "Model not found at: y"),
    left_out("i19=s3://bucket/gone.mar", "load-models-url", "Model not found at: s3://bucket/gone.mar"),
    left_out("i20=gs://bucket/gone.mar", "load-models-url", "unknown protocol: gs"),
    left_out(
        "i21=https://other.invalid/a.mar",
        "load-models-url",
        r"Given URL https://other.invalid/a.mar does not match any allowed URL\(s\)",
    ),
    left_out(
        "i22=file://STORE/m.mar",
        "load-models-url",
        r"Failed to load model: file://.*\n.*FileAlreadyExistsException: m.mar",
    ),
    left_out(
        "i23=file://OTHER/m.mar",
        "load-models-url",
        r"Failed to load model: file://.*/m.mar\n.*FileAlreadyExistsException: m.mar",
    ),
    # Nothing is loaded for it, and nothing is said but what the setting is.
    left_out("i24=", "load-models-item", "Initial Models: .*i24="),
    Item("none", set(), "Model not found at: none"),
]
ALLOWED = "allowed_urls=file://.*,https://ok.invalid/.*,gs://.*\n"


@pytest.fixture(scope="module")
def cache(pytestconfig: pytest.Config) -> Path:
    return install_folder(pytestconfig)


def pack(folder: Path, name: str, archive_format: marpack.typing.ArchiveFormat = "default") -> None:
    handler = {"handler.py": ANSWER}
    marpack.pack(model_name=name, handler=handler, export_path=folder, archive_format=archive_format)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder beside the store."""
    folder = tmp_path_factory.mktemp("other")
    for name in ("m", "n", "far"):
        pack(folder, name)
    pack(folder, "folder", "no-archive")
    return folder


def make_store(folder: Path) -> Path:
    pack(folder, "m")
    pack(folder, "t", "tgz")
    shutil.copy(folder / "t.tar.gz", folder / "t.gz")
    for name in ("flow.war", "m.zip", "m.model"):
        shutil.copy(folder / "m.mar", folder / name)
    for name in ("net-v1.0", "folder.zip"):
        pack(folder, "net", "no-archive")
        (folder / "net").rename(folder / name)
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a store that no server writes to."""
    return make_store(tmp_path_factory.mktemp("store"))


def settings(store: Path, *lines: str) -> str:
    rest = [f"model_store={store}", "disable_token_authorization=true", "default_workers_per_model=1"]
    return "".join(f"{line}\n" for line in [*addresses(), *rest, *lines])


@pytest.fixture(scope="module")
def server(other: Path, cache: Path, warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """Run a server that is told all items; it downloads into its store."""
    store = make_store(tmp_path_factory.mktemp("own-store"))
    items = ",".join(item.text for item in ITEMS).replace("STORE", str(store)).replace("OTHER", str(other))
    path = tmp_path_factory.mktemp("settings") / "config.properties"
    path.write_text(settings(store, ALLOWED, f"load_models={items}"), encoding="ascii")
    with TorchServe.from_file(path, VERSION, cache, warm=warm(VERSION)) as running:
        yield running


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.text)
def test_an_item(item: Item, server: TorchServe, store: Path, other: Path) -> None:
    running = server
    name, _, _ = item.text.partition("=")
    if item.log:
        assert name not in running.models()
        assert re.search(item.log, running.log()), running.log_tail()
    else:
        assert running.predict(name, {}) == 1

    # With another item, as a few things are only wrong beside others.
    listed = ",".join(
        each.replace("STORE", str(store)).replace("OTHER", str(other)) for each in ("o=m.mar", item.text)
    )
    text = f"model_store={store}\n{ALLOWED}load_models={listed}\n"
    found = {each.code for each in marpack.lint_config(text, model_store=store, torchserve_version=VERSION)}
    assert found == item.found
    severe = {
        each.code
        for each in marpack.lint_config(text, model_store=store)
        if each.severity == "error" or each.code == "load-models-suffix"
    }
    assert bool(severe) == bool(item.log) or item.text == "none"


def test_a_pattern_that_matches_every_name_keeps_archives_from_being_loaded(
    cache: Path, tmp_path: Path, warm: Warm
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    pack(store, "m")
    for pattern, codes in ((".*", {"allowed-urls"}), ("https://.*", set())):
        path = tmp_path / "config.properties"
        path.write_text(settings(store, "load_models=all", f"allowed_urls={pattern}"), encoding="ascii")
        findings = marpack.lint_config(path.read_bytes(), model_store=store)
        assert {each.code for each in findings if each.severity == "error"} == codes
        with TorchServe.from_file(path, VERSION, cache, warm=warm(VERSION)) as running:
            assert bool(running.models()) == (not codes)
            assert ("FileAlreadyExistsException: m.mar" in running.log()) == bool(codes)


def test_a_folder_without_a_model_is_taken_for_one(cache: Path, tmp_path: Path, warm: Warm) -> None:
    store = tmp_path / "store"
    (store / "lost+found").mkdir(parents=True)
    (store / ".hidden").mkdir()
    pack(store, "m")
    pack(store, "net", "no-archive")
    path = tmp_path / "config.properties"
    path.write_text(settings(store, "load_models=all"), encoding="ascii")
    [found] = [
        each for each in marpack.lint_config(path.read_bytes(), model_store=store) if each.severity != "note"
    ]
    assert (found.code, found.message) == (
        "load-models-stray",
        "the folder 'lost+found' of the store holds no model",
    )
    with TorchServe.from_file(path, VERSION, cache, warm=warm(VERSION)) as running:
        assert set(running.models()) == {"m", "net", "lost_found"}
        running.await_log("Load model failed: lost_found, error: Worker died.")
        assert running.predict("net", {}) == 1


def test_numbers_for_what_is_not_loaded_are_ignored(cache: Path, tmp_path: Path, warm: Warm) -> None:
    store = tmp_path / "store"
    store.mkdir()
    for name in ("m", "n"):
        pack(store, name)
    models = '{"m": {"2.0": {"minWorkers": 2, "maxWorkers": 2}}, "n": {"1.0": {"minWorkers": 2, "maxWorkers": 2}}}'
    path = tmp_path / "config.properties"
    path.write_text(settings(store, "load_models=m.mar,x=n.mar", f"models={models}"), encoding="ascii")
    findings = marpack.lint_config(path.read_bytes(), model_store=store)
    assert [(each.code, each.key) for each in findings if each.severity != "note"] == [
        ("models-unused", "models.m.2.0"),
        ("models-unused", "models.n"),
    ]
    with TorchServe.from_file(path, VERSION, cache, warm=warm(VERSION)) as running:
        assert [each["maxWorkers"] for name in ("m", "x") for each in running.describe(name)] == [1, 1]
    repaired = settings(store, "load_models=m.mar,n.mar", f"models={models.replace('2.0', '1.0')}")
    path.write_text(repaired, encoding="ascii")
    assert not [each for each in marpack.lint_config(repaired, model_store=store) if each.severity != "note"]
    with TorchServe.from_file(path, VERSION, cache, warm=warm(VERSION)) as running:
        assert [each["maxWorkers"] for name in ("m", "n") for each in running.describe(name)] == [2, 2]
