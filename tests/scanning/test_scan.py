"""What ``scan`` tells of each archive."""

from __future__ import annotations

import hashlib
import json
import pickle
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import marpack
from marpack.typing import ScannedArchive
from tests.support.archives import CLEAR, HOSTILE, check_json, packed, zipped

DIGITS = Path(__file__).parents[1] / "models" / "digits"


def digits(folder: Path, name: str, form: str = "default") -> Path:
    result = marpack.pack(
        model_name=name,
        version="1.5",
        handler=DIGITS / "handler.py",
        model_file=DIGITS / "model.py",
        serialized_file=DIGITS / "digits.pt",
        export_path=folder,
        archive_format=form,  # type: ignore[arg-type]
        timestamp=0,
    )
    return Path(result.path)


@pytest.mark.parametrize("form", ["default", "tgz", "no-archive"])
def test_a_whole_one(form: str, tmp_path: Path) -> None:
    """It is told what inspect and check tell, and the sum that any other program takes."""
    path = digits(tmp_path, "digits", form)
    [archive] = marpack.scan(path, digest=True)
    told = check_json(archive.to_json(), "scan")
    inspection = marpack.inspect_archive(path)
    assert told["error"] is None
    assert (told["path"], told["form"], told["kind"]) == (str(path), inspection.form, "model")
    assert [told[key] for key in ("name", "version", "handler")] == ["digits", "1.5", "handler.py"]
    assert (told["size"], told["contents_size"]) == (inspection.size, inspection.contents_size)
    assert (told["runtime"], told["members"]) == ("python", len(inspection.members))
    assert told["weights"] == [
        {"name": "digits.pt", "kind": "state_dict", "size": (DIGITS / "digits.pt").stat().st_size}
    ]
    assert archive.findings == marpack.check(path)
    sha256 = None if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
    assert told["sha256"] == sha256
    [quick] = marpack.scan([path])
    assert quick.sha256 is None
    assert pickle.loads(pickle.dumps(archive)) == archive


def test_a_workflow(tmp_path: Path) -> None:
    plan = marpack.plan_workflow(workflow_name="flow", spec_file={"flow.yaml": b"{}"})
    marpack.write_archive(plan, tmp_path / "flow.war")
    [archive] = marpack.scan(tmp_path)
    assert (archive.kind, archive.name, archive.version) == ("workflow", "flow", None)
    assert archive.findings == marpack.check(tmp_path / "flow.war")
    assert archive.has_error


def test_broken_ones_among_whole_ones(tmp_path: Path) -> None:
    """Each is told, with the code that reading it has, and so are those behind it."""
    digits(tmp_path, "a")
    whole = digits(tmp_path, "z").read_bytes()
    (tmp_path / "b.mar").write_bytes(whole[:1000])
    (tmp_path / "c.mar").write_bytes(b"")
    (tmp_path / "d.tar.gz").write_bytes(whole)
    zipped(tmp_path / "e.mar", [], manifest=None)
    zipped(tmp_path / "f.mar", [], manifest='{"model": 3}')
    data = bytearray(digits(tmp_path, "g").read_bytes())
    with zipfile.ZipFile(tmp_path / "g.mar") as archive:
        begin = archive.getinfo("digits.pt").header_offset + 30 + len("digits.pt")
    data[begin : begin + 9] = b"\xff" * 9  # no block of deflate
    (tmp_path / "g.mar").write_bytes(data)
    found = {Path(each.path).name: each for each in marpack.scan(tmp_path)}
    assert {name: each.error and each.error.code for name, each in found.items()} == {
        "a.mar": None,
        "b.mar": "zip-no-end",
        "c.mar": "zip-no-end",
        "d.tar.gz": "wrong-form",
        "e.mar": "no-manifest",
        "f.mar": "bad-manifest",
        "g.mar": None,
        "z.mar": None,
    }
    assert [name for name, each in found.items() if not each.has_error] == ["a.mar", "z.mar"]
    assert found["f.mar"].members == 1
    assert found["f.mar"].findings == marpack.check(tmp_path / "f.mar")
    assert [weights.kind for weights in found["g.mar"].weights] == [None]
    for each in found.values():
        check_json(each.to_json(), "scan")


@pytest.mark.parametrize("url", ["http://user:SECRET@host/m.mar?sig=SECRET", "http:/user:SECRET@host/m.mar"])
def test_what_is_shown_of_a_url(url: str) -> None:
    archive = ScannedArchive(path=url)
    assert archive.path == url
    for shown in (repr(archive), archive.to_json()):
        assert "http://host/m.mar" in shown
        assert "SECRET" not in shown


def test_names_of_strangers(tmp_path: Path) -> None:
    """What a terminal would act on is escaped, and a line is one line."""
    name = HOSTILE.replace("/", "")
    manifest = json.dumps({"model": {"modelName": HOSTILE, "modelVersion": "\ud800", "handler": CLEAR}})
    zipped(tmp_path / f"{name}.mar", [(f"{HOSTILE}.pt", b"weights")], manifest=manifest)
    [archive] = marpack.scan(tmp_path)
    line = archive.to_json()
    assert line.isascii()
    assert line.isprintable()
    told = check_json(line, "scan")
    assert (told["name"], told["handler"]) == (HOSTILE, CLEAR)
    assert told["path"] == archive.path == str(tmp_path / f"{name}.mar")


def test_what_an_archive_may_cost(tmp_path: Path) -> None:
    manifest = '{"model": {"modelName": "bomb", "serializedFile": "zeros.pt"}}'
    zipped(tmp_path / "bomb.mar", [("zeros.pt", bytes(80 << 20))], manifest=manifest)
    zipped(tmp_path / "many.mar", [(f"{number}.txt", b"") for number in range(50)])
    [bomb, many] = marpack.scan(tmp_path, limits=marpack.Limits(members=20), select="handler")
    assert many.error is not None
    assert many.error.code == "too-many-members"
    assert bomb.weights == ()  # not inflated
    [bomb, many] = marpack.scan(tmp_path, limits=marpack.Limits(ratio=10_000), select="handler")
    assert [weights.kind for weights in bomb.weights] == ["unknown"]
    assert many.error is None


def test_rules_are_chosen_as_check_chooses(tmp_path: Path) -> None:
    path = packed(tmp_path, serialized_file=None, handler={"h.py": b"import gone\n"})
    chosen: dict[str, Any] = {"select": ["handler", "import"], "ignore": "import-missing", "target": "kserve"}
    options: dict[str, Any]
    for options in ({}, chosen, {"select": ()}):
        [archive] = marpack.scan(path, **options)
        assert archive.findings == marpack.check(path, **options)
    wrong: dict[str, Any]
    for wrong in ({"select": "gone"}, {"target": "mars"}, {"python": "2.7"}, {"in_flight": 0}):
        with pytest.raises((marpack.MarpackError, ValueError), match=r"gone|mars|2\.7|in_flight"):
            marpack.scan(path, **wrong)  # at once


class Losing(ThreadPoolExecutor):
    """Changes what comes back, of all tasks or of those that are tried alone."""

    def __init__(self, changed: Callable[[list[Any]], object], *, alone: bool) -> None:
        super().__init__(1)
        self.changed = changed
        self.alone = alone

    def submit(self, function, /, *arguments, **named):  # type: ignore[no-untyped-def]
        def work() -> object:
            done = function(*arguments, **named)
            if done is True:
                return done
            if self.alone and len(done) > 1:
                raise RuntimeError("the worker died")
            return self.changed(done)

        return super().submit(work)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (lambda done: [each for each in done if each.name != "m2"], r"nothing of '[^,]*m2\.mar': its submit"),
        (lambda done: done if done[0].name == "m0" else None, r"nothing of '[^:]*m1\.mar'"),
        (lambda done: [each.to_json() for each in done], r"nothing of '[^:]*m0\.mar': "),
        (lambda done: done * 2, "says more"),
    ],
)
def test_an_executor_that_loses_something(
    changed: Callable[[list[Any]], object], named: str, *, alone: bool, tmp_path: Path
) -> None:
    """Is told with the archives of which nothing came back, instead of ending as if they were not there."""
    for number in range(7):
        packed(tmp_path, f"m{number}")
    with Losing(changed, alone=alone) as executor, pytest.raises(marpack.MarpackError, match=named) as caught:
        list(marpack.scan(tmp_path, executor=executor))
    assert type(caught.value) is marpack.MarpackError


def test_an_executor_that_mixes_things_up(tmp_path: Path) -> None:
    for number in range(7):
        packed(tmp_path, f"m{number}")
    with (
        Losing(lambda done: done[::-1], alone=False) as executor,
        pytest.raises(marpack.MarpackError, match="another order"),
    ):
        list(marpack.scan(tmp_path, executor=executor))


def test_the_caller_takes_what_it_wants(tmp_path: Path) -> None:
    """Nothing is looked for before it is asked for, and an executor that was given stays open."""
    for number in range(30):
        packed(tmp_path, f"m{number:02}")
    with ThreadPoolExecutor(2) as executor:
        archives = marpack.scan(tmp_path, executor=executor, in_flight=2)
        assert next(archives).name == "m00"
        archives.close()  # type: ignore[attr-defined]
        assert [archive.name for archive in marpack.scan(tmp_path, executor=executor)] == [
            f"m{number:02}" for number in range(30)
        ]
