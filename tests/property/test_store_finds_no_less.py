"""Whoever names a model store besides is told no less: knowing more finds more."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from marpack import Manifest, ManifestModel
from marpack.config.lint import RULES
from marpack.config.rules.document import Document
from marpack.config.rules.snapshot_text import Store

untimed = settings(deadline=None)

FILES = [
    *[
        "m.mar",
        "n.mar",
        "t.tar.gz",
        "t.tgz",
        "m.model",
        "net-v1.0",
        "folder",
        "m.zip",
        "m.MAR",
        "flow.war",
        "x.gz",
    ],
    *["m", "none", "all", "m.mar n.mar", "*.mar", "..", "'m.mar'", "", "m.pth"],
]
FOLDERS = [
    "",
    "",
    "",
    "sub/",
    "/srv/store/",
    "/elsewhere/",
    "../",
    "s3://bucket/",
    "https://h/",
    "file:///srv/store/",
]
HEADS = {"zip": b"PK\x03\x04", "gzip": b"\x1f\x8b\x08\x00", "text": b"text"}
VERSIONS = ["1.0", "2.0"]

items = st.tuples(
    st.sampled_from(["", "", "m=", "n=", "=", " "]), st.sampled_from(FOLDERS), st.sampled_from(FILES)
).map("".join)
models = st.dictionaries(
    st.sampled_from(["m", "n"]),
    st.dictionaries(st.sampled_from(VERSIONS), st.sampled_from([{}, {"minWorkers": 0}, {"x": 1}]), max_size=2),
    max_size=2,
)


@st.composite
def snapshots(draw: st.DrawFn) -> str:
    entry = {
        "defaultVersion": True,
        **dict.fromkeys(["minWorkers", "maxWorkers", "batchSize", "maxBatchDelay"], 1),
    }
    versions = {
        name: {version: {**entry, "marName": draw(st.sampled_from(FILES))}}
        for name in draw(st.sets(st.sampled_from(["m", "n"]), max_size=2))
        for version in [draw(st.sampled_from(VERSIONS))]
    }
    return json.dumps({"modelCount": draw(st.integers(0, 2)), "models": versions})


properties = st.fixed_dictionaries(
    {
        "model_store": st.sampled_from(["/srv/store", "store", "/mnt/models/store"]),
        "load_models": st.sampled_from(["all", "ALL"]) | st.lists(items, min_size=1, max_size=5).map(",".join),
    },
    optional={
        "allowed_urls": st.sampled_from(
            [".*", "https://h/.*", "file://.*, https://.*", "s3://.*,m.*", "(", "$$URLS$$"]
        ),
        "models": models.map(json.dumps) | st.sampled_from(["[", "", "null"]),
        "model_snapshot": snapshots(),
        "install_py_dep_per_model": st.sampled_from(["true", "false"]),
        "enable_model_api": st.just("true"),
        "max_response_size": st.sampled_from(["10", "14", "20", "2000"]),
    },
)


@st.composite
def stores(draw: st.DrawFn) -> Store:
    names = draw(st.sets(st.sampled_from([name for name in FILES if name and "/" not in name and name != ".."])))
    manifests: dict[str, Manifest] = {}
    folders, heads = set(), {}
    for name in sorted(names):
        if draw(st.booleans()):
            model = draw(st.sampled_from(["m", "n", ""]))
            version, requirements = draw(st.sampled_from(VERSIONS)), draw(st.sampled_from(["r.txt", None]))
            values: dict[str, Any] = {"model_name": model, "model_version": version}
            manifests[name] = Manifest(model=ManifestModel(**values, requirements_file=requirements))
        what = draw(st.sampled_from(["folder", "unknown", *HEADS]))
        if what == "folder":
            folders.add(name)
        elif what in HEADS:
            heads[name] = HEADS[what]
    return Store(names, manifests, (), folders, heads)


RANKS = {"note": 0, "warning": 1, "error": 2}


def findings(settings_: dict[str, str], store: Store | None) -> dict[tuple[str, str, str], int]:
    """Return what is found, and how bad it is at worst."""
    document = Document(properties=settings_, store=store)
    found: dict[tuple[str, str, str], int] = {}
    for each in (found for rule in RULES for found in rule.findings(document)):
        place = (each.code, each.key, each.message if each.code in ONE_FOR_EACH_ITEM else "")
        found[place] = max(RANKS[each.severity], found.get(place, 0))
    return found


# Told for each item; the message names it.
ONE_FOR_EACH_ITEM = {"load-models-war", "load-models-folder", "load-models-blank", "load-models-twice"}
# What a name alone cannot tell: with another suffix it may be a folder or a gzip-compressed tar after all.
NOT_TOLD_BY_A_NAME = "load-models-suffix"
# Of an address that Java does not know, the server takes a file of that name in the store, which no name tells.
NOT_TOLD_BY_AN_ADDRESS = "load-models-url"


ONE = {"model_store": "/srv/store"}
NAMED = Manifest(model=ManifestModel(model_name="m"))


@untimed
@given(settings_=properties, store=stores())
@example(settings_=ONE | {"load_models": "flow.war"}, store=Store({"flow.war"}, {}))
@example(settings_=ONE | {"load_models": "sub/m.mar"}, store=Store({"m.mar"}, {"m.mar": NAMED}))
@example(settings_=ONE | {"load_models": "s3://bucket/m.mar"}, store=Store({"m.mar"}, {"m.mar": NAMED}))
@example(settings_=ONE | {"load_models": "https://h/m.zip"}, store=Store({"m.zip"}, {}, (), {"m.zip"}))
@example(settings_=ONE | {"load_models": "m.zip"}, store=Store({"m.zip"}, {}, (), set(), {"m.zip": b"PK\x03\x04"}))
def test_no_less_is_found(settings_: dict[str, str], store: Store) -> None:
    less, more = findings(settings_, None), findings(settings_, store)
    for place, rank in less.items():
        if place[0] == NOT_TOLD_BY_A_NAME and place not in more:
            assert any(name in store.folders or store.heads.get(name) == HEADS["gzip"] for name in store.names)
        elif place[0] == NOT_TOLD_BY_AN_ADDRESS and place in more and more[place] < rank:
            assert "s3://" in settings_["load_models"]
            assert any(name in settings_["load_models"] for name in store.names)
        else:
            assert more.get(place, -1) >= rank, place


def test_more_is_found() -> None:
    """The law could fail: what the store shows is found with it alone."""
    settings_ = {"model_store": "store", "load_models": "gone.mar"}
    assert findings(settings_, None) == {}
    assert findings(settings_, Store(frozenset(), {})) == {("load-models-item", "load_models", ""): 2}
