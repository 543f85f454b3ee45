"""Images of any files, on a base."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from marpack.archive.sources import BytesSource
from marpack.errors import MarpackError
from marpack.images import plan_files, plan_image, write_image
from tests.images.bases import Blobs, image, write_files
from tests.images.layouts import Layout
from tests.support.archives import packed


def test_any_files_are_an_image_on_a_base(tmp_path: Path) -> None:
    with plan_image(packed(tmp_path), tag="base") as below:
        write_image(below, tmp_path / "base")
    files = {"app/b": BytesSource(data=b"b"), "app/a": BytesSource(data=b"a")}
    runs = {"Entrypoint": ["/app/a"]}
    plan = plan_files(files, tmp_path / "base", title="app", labels={"a": "b"}, tag="v1", base_name="b", runs=runs)
    write_image(plan, tmp_path / "image")
    layout = Layout.of(tmp_path / "image")
    assert list(layout.layers()[1]) == ["app/", "app/a", "app/b"]
    assert layout.config["config"] == {"Entrypoint": ["/app/a"], "Labels": {"a": "b"}}
    assert [each["comment"] for each in layout.config["history"]] == ["m.mar", "app"]
    wrong: dict[str, dict[str, Any]] = {
        "is no tag": {"tag": "a:b"},
        "the label 'a'": {"labels": {"a": "\n"}},
        "rename it": {"files": {".wh.a": BytesSource(data=b"")}},
    }
    given: dict[str, Any] = {"files": files, "base": tmp_path / "base", "title": "app"}
    for said, changes in wrong.items():
        with pytest.raises(MarpackError, match=said):
            plan_files(**given | changes)


def test_what_files_are_made_of(tmp_path: Path) -> None:
    """What packing takes: paths, bytes, open files; and one of several bases by its tag."""
    blobs = Blobs()
    key = "org.opencontainers.image.ref.name"
    tops = [image(blobs, zipped=tag == "two", annotations={key: tag}) for tag in ("one", "two")]
    write_files(blobs.index(*tops), tmp_path / "base")
    (tmp_path / "b").write_bytes(b"path")
    files: dict[str, Any] = {
        "a": b"bytes",
        "b": tmp_path / "b",
        "c": io.BytesIO(b"file"),
        "d": str(tmp_path / "b"),
        "e": BytesSource(data=b"source"),
    }
    plan = plan_files(files, tmp_path / "base", title="t", base_tag="one")
    write_image(plan, tmp_path / "image")
    found = Layout.of(tmp_path / "image").layers()[1]
    assert found == {"a": b"bytes", "b": b"path", "c": b"file", "d": b"path", "e": b"source"}
    for given, error, message in (
        (3, TypeError, "'a': cannot take 3: give a path, bytes"),
        (None, TypeError, "'a': cannot take None"),
        (io.StringIO("text"), TypeError, "'a': the file is open for text"),
        (tmp_path, MarpackError, "'a' cannot be .* which is no regular file"),
        (tmp_path / "gone", FileNotFoundError, "gone"),
    ):
        wrong: Any = {"a": given}
        with pytest.raises(error, match=message):
            plan_files(wrong, tmp_path / "base", title="t", base_tag="one")
