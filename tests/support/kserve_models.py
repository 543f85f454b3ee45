"""The judge of documents for KServe: the tables of fields in the packages kserve and kubernetes.

Their classes say of each attribute what it is called in a document, and of which type it is. Their own readers
drop what they do not know, and take a text for a number. Here a document is walked by these tables: every key that
they do not have is a fault, and so is every scalar of another type. The packages are not run. They know neither
which keys are needed nor which values are good: the vectors of tests/spec/test_kserve.py have KServe's rules.
"""

from __future__ import annotations

import ast
import fcntl
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]

from tests.conftest import require

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

# Each with the folder of its classes. Without what they depend on, and as files: nothing of them is imported.
PACKAGES = {"kserve==0.21.0": "kserve/models/", "kubernetes==37.0.2": "kubernetes/client/models/"}

ROOTS = {
    ("serving.kserve.io/v1beta1", "InferenceService"): "V1beta1InferenceService",
    ("v1", "Secret"): "V1Secret",
    ("v1", "ServiceAccount"): "V1ServiceAccount",
}

# A bool is an int to Python, and none here.
SCALARS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bytes": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "datetime": (str,),
    "ResourceQuantity": (str, int),
    # Of a port: its number, or its name.
    "object": (str, int),
}
CONTAINER = re.compile(r"(?i:(list|dict))[\[(](?:str, *)?(.+)[\])]")


class OnceLoader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads YAML as PyYAML does, but takes a key once, as kubectl does: PyYAML has the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key is there twice: {keys}"
        return super().construct_mapping(node, deep)


class Judge:
    """Walks documents by the tables: the types of the fields of each class, by their keys in a document."""

    def __init__(self, classes: dict[str, dict[str, str]]) -> None:
        self.classes = classes

    def faults(self, document: Any) -> list[str]:
        """Return the faults of one document, each with its place."""
        root = ROOTS.get((document.get("apiVersion"), document.get("kind")))
        return ["no document of a kind that is known"] if root is None else list(self._walk(document, root, ""))

    def faults_of_text(self, text: str) -> list[str]:
        """Return the faults of all documents in a YAML text, which has at least one."""
        documents = list(yaml.load_all(text, OnceLoader))
        assert documents
        return [fault for document in documents for fault in self.faults(document)]

    def _walk(self, value: Any, kind: str, place: str) -> Iterator[str]:
        if (container := CONTAINER.fullmatch(kind)) and container[1].lower() == "list":
            if not isinstance(value, list):
                yield f"{place}: {value!r} is no list"
                return
            for number, item in enumerate(value):
                yield from self._walk(item, container[2], f"{place}.{number}")
        elif container:
            if not isinstance(value, dict):
                yield f"{place}: {value!r} is no mapping"
                return
            for key, item in value.items():
                if not isinstance(key, str):
                    yield f"{place}: the key {key!r} is no text"
                yield from self._walk(item, container[2], f"{place}.{key}")
        elif kind in SCALARS:
            if not isinstance(value, SCALARS[kind]) or (isinstance(value, bool) and kind != "bool"):
                yield f"{place}: {value!r} is no {kind}"
        elif kind not in self.classes:
            yield f"{place}: nobody knows the fields of {kind}"
        elif not isinstance(value, dict):
            yield f"{place}: {value!r} is no {kind}"
        else:
            types = self.classes[kind]
            for key, item in value.items():
                if key in types:
                    yield from self._walk(item, types[key], f"{place}.{key}")
                else:
                    yield f"{place}: {kind} has no {key!r}"


def load_judge(config: pytest.Config) -> Judge:
    """Return the judge; the packages are fetched once, and kept in pytest's cache."""
    assert config.cache is not None, "kserve's models are kept in pytest's cache: do not disable it"
    folder = config.cache.mkdir("kserve")
    classes: dict[str, dict[str, str]] = {}
    for requirement, models in PACKAGES.items():
        with zipfile.ZipFile(_wheel(requirement, folder)) as wheel:
            for name in wheel.namelist():
                if name.startswith(models) and name.endswith(".py"):
                    classes.update(_classes(wheel.read(name)))
    return Judge(classes)


def _wheel(requirement: str, folder: Path) -> Path:
    """Return the wheel of a requirement, without what it depends on."""
    name, _, version = requirement.partition("==")
    with (folder / f"{name}.lock").open("w") as lock:  # another process may be about to fetch it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not list(folder.glob(f"{name}-{version}-*.whl")):
            # Fetched aside and renamed: half a file is never taken for a whole one.
            with tempfile.TemporaryDirectory(dir=folder) as aside:
                pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
                command = [*pip, "--ignore-requires-python", "--dest", aside, requirement]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                require(done.returncode == 0, f"{requirement}, but pip said: {done.stderr.strip()[-500:]}")
                [fetched] = Path(aside).glob("*.whl")
                fetched.rename(folder / fetched.name)
        [wheel] = folder.glob(f"{name}-{version}-*.whl")
        return wheel


def _classes(source: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    for made in ast.parse(source).body:
        if not isinstance(made, ast.ClassDef):
            continue
        tables = {}
        for line in made.body:
            target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
            if isinstance(target, ast.Name) and target.id in ("openapi_types", "attribute_map"):
                assert isinstance(line, (ast.Assign, ast.AnnAssign))
                assert line.value is not None
                tables[target.id] = ast.literal_eval(line.value)
        if len(tables) == 2:
            types, keys = tables["openapi_types"], tables["attribute_map"]
            yield made.name, {keys[attribute]: kind for attribute, kind in types.items()}
