"""Archives that are read where they lie: what is asked of servers, and what becomes of those that lie."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

import marpack
from marpack import ArchiveError, Limits, ModelArchive, SourceChangedError
from marpack.archive.read.zip_container import ZipContainer
from marpack.cli import main
from marpack.errors import DownloadError
from marpack.remote import urls
from marpack.remote.parts import s3, web
from marpack.remote.parts.others import OtherParts
from marpack.remote.parts.remote_bytes import RemoteBytes
from marpack.remote.source import RemoteSource
from tests.remote.test_source import run, shown
from tests.support.archives import packed
from tests.support.sparse import HANDLER, VOCABULARY, sparse_archive

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.range_server import Answer, RangeServer, Stall

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
SECRET = "hunter2"
# No two parts of it are alike, and nothing makes it smaller.
WEIGHTS = b"".join(number.to_bytes(4, "big") for number in range(3 * MIB // 4))


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sparse_archive(tmp_path_factory.mktemp("huge") / "huge.mar", 20 * GIB)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive whose end and beginning are not all of it."""
    return packed(tmp_path_factory.mktemp("usual"), "usual", **_contents(), archive_format="auto")


def _contents() -> dict[str, Any]:
    return {"serialized_file": {"weights.pt": WEIGHTS}, "extra_files": {"labels.json": b"{}" * 500, "z.txt": b"z"}}


@pytest.fixture(params=["web", pytest.param("s3", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, ranges: RangeServer) -> Callable[[Path], tuple[str, dict[str, Any]]]:
    """Serve a file, and return its URL and the options that go with it."""

    def serve(path: Path) -> tuple[str, dict[str, Any]]:
        if request.param == "web":
            return f"{ranges.serve(path)}?token={SECRET}", {}
        ranges.serve(path, f"/models/{path.name}")
        return f"s3://models/{path.name}", ranges.s3_options()

    return serve


Place = Any


def test_twenty_gibibytes_are_looked_at_in_a_few_requests(huge: Path, place: Place, ranges: RangeServer) -> None:
    url, options = place(huge)
    with marpack.open_archive(url, storage_options=options) as archive:
        assert archive.size == huge.stat().st_size > 20 * GIB
        assert archive.manifest.model.model_name == "big"
        assert [member.name for member in archive.members][:2] == ["h.py", "model.safetensors"]
        assert archive.read("h.py") == HANDLER
        assert archive.read("vocab.txt") == VOCABULARY
        requests, size = ranges.count()
        assert requests <= 2
        assert size <= 640 * KIB
        inspection = marpack.inspect_archive(archive)
        assert [each.weights.kind for each in inspection.members if each.weights] == ["safetensors"]
        requests, more = ranges.count()
        assert requests <= 1
        assert size + more <= MIB
    assert not [finding for finding in marpack.check(url, storage_options=options) if finding.severity == "error"]
    requests, size = ranges.count()
    assert requests <= 4
    assert size <= MIB


def test_what_is_not_known_is_not_read_for_long(ranges: RangeServer, tmp_path: Path) -> None:
    path = sparse_archive(tmp_path / "zeros.mar", 20 * GIB, known=False)
    with marpack.open_archive(ranges.serve(path)) as archive:
        [weights] = [each.weights for each in marpack.inspect_archive(archive).members if each.weights]
    assert weights.kind == "unknown"
    requests, size = ranges.count()
    assert requests <= 4
    assert size <= MIB


def test_one_member_is_read_alone(ranges: RangeServer, tmp_path: Path) -> None:
    contents = {f"shard-{number}.bin": WEIGHTS[number:] for number in range(3)} | {"labels.json": b"{}"}
    path = packed(tmp_path, extra_files=contents, archive_format="auto")
    with marpack.open_archive(ranges.serve(path)) as archive:
        ranges.count()
        with archive.open("shard-0.bin") as reader:
            assert b"".join(iter(partial(reader.read1, 512 * KIB), b"")) == WEIGHTS
        assert ranges.count()[1] <= len(WEIGHTS)
        archive.extract(tmp_path / "labels", ["labels.json"])
        ranges.count()
        archive.extract(tmp_path / "shard", ["shard-1.bin"])
        assert {each.encoding for each in ranges.asked} == {"identity"}
        assert ranges.count()[1] <= len(WEIGHTS)
    assert (tmp_path / "labels" / "labels.json").read_bytes() == b"{}"
    assert (tmp_path / "shard" / "shard-1.bin").read_bytes() == WEIGHTS[1:]


def test_a_long_reading_takes_few_requests_and_little_memory(huge: Path, ranges: RangeServer) -> None:
    with marpack.open_archive(ranges.serve(huge)) as archive, archive.open("model.safetensors") as reader:
        ranges.count()
        tracemalloc.start()
        left = 200 * MIB
        while left > 0:
            left -= len(reader.read1(512 * KIB))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        requests, size = ranges.count()
        assert requests <= 35
        assert size <= 216 * MIB
        assert peak <= 40 * MIB
        tracemalloc.start()
        for number in range(100):
            reader.seek(GIB + number * 100 * MIB)
            reader.read1(MIB)
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert ranges.count() == (100, 100 * MIB)
        assert held <= 90 * MIB


def test_headers_far_apart_are_asked_for_once(ranges: RangeServer, tmp_path: Path) -> None:
    """Each of the members lies further from the next than what is read beside it."""
    members = {f"part-{number:02}.bin": bytes([number]) * (300 * KIB) for number in range(12)}
    path = packed(tmp_path, extra_files=members, archive_format="zip-store")
    with marpack.open_archive(ranges.serve(path)) as archive:
        ranges.count()
        archive.refuse()
        requests, size = ranges.count()
        assert requests <= 12
        assert size <= 12 * 8 * KIB
        assert archive.verify(threads=4) == ()
        assert ranges.count()[1] <= path.stat().st_size + 12 * 128 * KIB


@pytest.mark.parametrize("form", ["auto", "tgz"])
def test_commands_say_the_same_of_a_url(
    form: Any,
    ranges: RangeServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    path = packed(tmp_path, **(_contents() if form == "auto" else {}), archive_format=form)
    other = packed(tmp_path, "other", archive_format=form)
    url, shown_url = f"{ranges.serve(path)}?token={SECRET}", ranges.serve(path)

    def said(*words: str) -> Any:
        status = main([*words, "--json"])
        out, err = capsys.readouterr()
        assert SECRET not in out + err
        return status, json.loads(out.replace(shown_url, str(path))), err.replace(shown_url, str(path))

    for words in (["inspect"], ["inspect", "--digest"], ["check"], ["verify"], ["diff", "--all", str(other)]):
        assert said(*words, url) == said(*words, str(path))
    here = said("extract", url)
    (tmp_path / "m").rename("by-url")
    assert here == said("extract", str(path))
    for file in (tmp_path / "m").rglob("*"):
        if file.is_file():
            assert (tmp_path / "by-url" / file.relative_to(tmp_path / "m")).read_bytes() == file.read_bytes()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["repack", url, "--version", "2.0", "--quiet"]) == 0  # goes where the command is run
    assert main(["repack", str(path), "--version", "2.0", "--export-path", str(tmp_path), "-f", "--quiet"]) == 0
    assert (tmp_path / "here" / path.name).read_bytes() == path.read_bytes()


def test_many_archives_share_a_connection(place: Place, ranges: RangeServer, tmp_path: Path) -> None:
    urls, options = zip(*(place(packed(tmp_path, f"m{number}")) for number in range(3)), strict=True)
    found = marpack.scan(urls, storage_options=options[0])
    assert [archive.name for archive in found] == ["m0", "m1", "m2"]
    assert ranges.connections == 1
    with ThreadPoolExecutor(1) as executor:
        assert len([*marpack.scan(urls, executor=executor, storage_options=options[0])]) == 3
    assert ranges.connections == 3  # a task of one, and one of two


class _Disk(LocalFileSystem):  # type: ignore[misc]
    """The disk's file system, which knows what it has opened; it stands for those of SFTP and FTP."""

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[Any] = []

    def _open(self, *arguments: Any, **options: Any) -> Any:
        self.opened.append(super()._open(*arguments, **options))
        return self.opened[-1]


def test_a_store_of_another_kind(usual: Path, tmp_path: Path) -> None:
    """A file system of fsspec that is no client of a web server."""
    path = tmp_path / usual.name
    path.write_bytes(usual.read_bytes())
    disk = _Disk()
    parts = OtherParts("sftp://host/usual.mar", disk, str(path))
    container = ZipContainer("sftp://host/usual.mar", RemoteBytes(parts), Limits())
    archive = ModelArchive(container, Limits(), usual.name)
    assert archive.verify(threads=4) == ()
    assert archive.read("weights.pt") == WEIGHTS
    path.write_bytes(bytes(archive.size))
    with pytest.raises(SourceChangedError, match="has changed while it was read"):
        archive.close()
    assert [file.closed for file in disk.opened] == [True]


def test_a_store_of_another_kind_that_gives_less_is_left(usual: Path, tmp_path: Path) -> None:
    path = tmp_path / usual.name
    path.write_bytes(usual.read_bytes())
    disk = _Disk()
    parts = OtherParts("sftp://host/usual.mar", disk, str(path))
    os.truncate(path, 5)
    with pytest.raises(SourceChangedError, match="has changed while it was read"):
        RemoteBytes(parts)
    assert [file.closed for file in disk.opened] == [True]


# --------------------------------------------------------------------------------- servers that do otherwise


def test_a_server_without_ranges(usual: Path, place: Place, ranges: RangeServer, tmp_path: Path) -> None:
    url, options = place(usual)
    ranges.knows = lambda _: False
    with pytest.raises(DownloadError, match=r"cannot be read in parts.*--download") as caught:
        marpack.open_archive(url, storage_options=options)
    assert SECRET not in shown(caught.value)
    ranges.count()
    with marpack.open_archive(url, storage_options=options, download=True) as archive:
        archive.extract(tmp_path / "out")
        assert archive.read("weights.pt") == WEIGHTS
    requests, size = ranges.count()
    assert size == usual.stat().st_size
    assert requests <= 4  # a store is asked before and behind, whether it is the same file
    # What is as short as the end that is asked for came as a whole, as it would have anyhow.
    url, options = place(packed(tmp_path))
    with marpack.open_archive(url, storage_options=options) as archive:
        assert archive.verify() == ()
    assert len(ranges.asked) == 1


def test_the_command_line_names_the_way_out(
    usual: Path, ranges: RangeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url = ranges.serve(usual)
    ranges.knows = lambda _: False
    assert main(["verify", url]) == 1
    assert "--download" in capsys.readouterr().err
    assert main(["verify", url, "--download"]) == 0


@pytest.mark.parametrize("status", [200, 400, 416, 500])
def test_a_server_that_does_not_count_from_the_end(status: int, usual: Path, ranges: RangeServer) -> None:
    url = ranges.serve(usual)
    if status == 200:
        ranges.knows = lambda spelled: not spelled.startswith("bytes=-")
    else:
        ranges.change = lambda answer: (
            refuse(answer, status) if ranges.asked[-1].range == "bytes=-524288" else None
        )
    with marpack.open_archive(url) as archive:
        assert archive.verify() == ()


def refuse(answer: Answer, status: int) -> None:
    answer.status, answer.start, answer.end = status, 0, 0
    answer.headers["Content-Length"] = "0"


def _shifted(answer: Answer) -> None:
    size = answer.headers["Content-Range"].rpartition("/")[2]
    answer.headers["Content-Range"] = f"bytes {answer.start + 1}-{answer.end}/{size}"


def _without_place(answer: Answer) -> None:
    answer.headers["Content-Range"] = "bytes */*"


def _shorter(answer: Answer) -> None:
    answer.end -= 1


def _stated_shorter(answer: Answer) -> None:
    answer.end -= 1
    answer.headers["Content-Length"] = str(answer.end - answer.start)


def _unstated_shorter(answer: Answer) -> None:
    answer.end -= 1
    del answer.headers["Content-Length"]
    answer.headers["Connection"] = "close"


def _compressed(answer: Answer) -> None:
    answer.headers["Content-Encoding"] = "gzip"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_shifted, "sends another part"),
        (_without_place, "does not say which part"),
        (_shorter, "cannot be read"),
        (_stated_shorter, "sends another part"),
        (_unstated_shorter, "bytes .* came"),
        (_compressed, "is sent compressed.*--download"),
        (lambda answer: refuse(answer, 403), "may not be read"),
        (lambda answer: refuse(answer, 503), "HTTP 503"),
    ],
    ids=[
        "other place",
        "no place",
        "shorter",
        "stated shorter",
        "unstated shorter",
        "compressed",
        "forbidden",
        "busy",
    ],
)
@pytest.mark.parametrize("from_request", [1, 3])
def test_a_server_that_lies(
    change: Callable[[Answer], None], says: str, from_request: int, usual: Path, ranges: RangeServer
) -> None:
    url = f"{ranges.serve(usual)}?token={SECRET}"

    def lie(answer: Answer) -> None:
        if len(ranges.asked) >= from_request:
            change(answer)

    ranges.change = lie
    with pytest.raises(DownloadError, match=says) as caught, marpack.open_archive(url) as archive:
        archive.verify()
    assert SECRET not in shown(caught.value)


@pytest.mark.slow
def test_a_store_that_lies(usual: Path, ranges: RangeServer, tmp_path: Path) -> None:
    ranges.serve(usual, "/models/m.mar")
    for change, says in (
        (_shifted, "sends another part"),
        (_shorter, "cannot be"),
        (_unstated_shorter, "bytes .* came"),
        (_compressed, "is sent compr"),
    ):
        with marpack.open_archive("s3://models/m.mar", storage_options=ranges.s3_options()) as archive:
            ranges.change = change
            with pytest.raises(DownloadError, match=says) as caught:
                archive.verify()
            assert SECRET not in shown(caught.value)
            ranges.change = lambda _: None
    path = tmp_path / "m.tar.gz"
    path.write_bytes(bytes(10))
    ranges.serve(path, "/models/m.tar.gz")
    ranges.change = lambda _: os.utime(path, ns=(len(ranges.asked), 1))
    with pytest.raises(SourceChangedError):
        marpack.open_archive("s3://models/m.tar.gz", storage_options=ranges.s3_options())


@pytest.mark.parametrize("size", [None, 2 * MIB, 1000])
def test_a_file_that_changes(size: int | None, place: Place, tmp_path: Path) -> None:
    path = packed(tmp_path, **_contents(), archive_format="auto")
    url, options = place(path)
    with marpack.open_archive(url, storage_options=options) as archive:
        data = path.read_bytes()
        path.write_bytes(data[:size])
        os.utime(path, ns=(1, 1))
        with pytest.raises(SourceChangedError, match="has changed while it was read") as caught:
            archive.verify()
        assert SECRET not in shown(caught.value)


@pytest.mark.parametrize("status", [503, 0])
def test_what_may_go_well_once_more_is_tried(status: int, usual: Path, place: Place, ranges: RangeServer) -> None:
    url, options = place(usual)
    failed: set[str | None] = set()

    def fail_once(answer: Answer) -> None:
        spelled = ranges.asked[-1].range
        if spelled not in failed:
            failed.add(spelled)
            refuse(answer, status) if status else _shorter(answer)

    ranges.change = fail_once
    with marpack.open_archive(url, storage_options=options) as archive:
        assert archive.read("labels.json") == b"{}" * 500
    assert failed


def test_what_is_no_answer_is_called_so(usual: Path, ranges: RangeServer) -> None:
    """And not by a status that the server never gave."""
    ranges.change = lambda answer: answer.headers.update({"Content-Length": "-5"})
    with pytest.raises(DownloadError, match=r"cannot be read \((Bad|InvalidHeader)"):
        marpack.open_archive(ranges.serve(usual))


def test_a_redirect(usual: Path, ranges: RangeServer) -> None:
    target = ranges.serve(usual)
    ranges.serve(usual, "/latest.mar")

    def redirect(answer: Answer) -> None:
        if ranges.asked[-1].path == "/latest.mar":
            refuse(answer, 302)
            answer.headers["Location"] = target

    ranges.change = redirect
    with marpack.open_archive(f"{ranges.endpoint}/latest.mar") as archive:
        assert archive.file_name == "latest.mar"
        assert archive.verify() == ()


# Each interim answer, and each byte, breaks the silence that is waited for. What is said of a server that stalls,
# and which bounds are lowered, so that no test waits for minutes.
STALLS: list[tuple[Stall, str, list[tuple[object, str, float]]]] = [
    ("interim", "does not come to its answer in ", [(urls, "_ANSWER_SECONDS", 0.3), (s3, "_ANSWER_SECONDS", 0.3)]),
    (
        "drip",
        "sent too slowly: [0-9,]* bytes do not come in ",
        [(web, "_PATIENCE", 0.3), (web, "_LEAST_SPEED", GIB)],
    ),
]


@pytest.fixture(params=STALLS, ids=[each[0] for each in STALLS])
def stalled(request: pytest.FixtureRequest, ranges: RangeServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have the server stall, and return what is said of it."""
    ranges.stalls, said, bounds = request.param
    for module, name, value in bounds:
        monkeypatch.setattr(module, name, value)
    return str(said)


def test_a_server_that_never_comes_to_an_end(stalled: str, usual: Path, place: Place) -> None:
    url, options = place(usual)
    with pytest.raises(DownloadError, match=stalled) as caught:
        marpack.open_archive(url, storage_options=options)
    assert SECRET not in shown(caught.value)


def test_a_download_that_never_comes_to_an_end(stalled: str, usual: Path, ranges: RangeServer) -> None:
    with pytest.raises(DownloadError, match=stalled):
        marpack.open_archive(ranges.serve(usual), download=True)


@pytest.mark.parametrize("stalled", STALLS[:1], indirect=True, ids=["interim"])
def test_a_source_that_never_comes_to_an_answer(stalled: str, usual: Path, ranges: RangeServer) -> None:
    with pytest.raises(DownloadError, match=stalled):
        RemoteSource.from_url(ranges.serve(usual))


def test_a_download_that_finds_no_room(place: Place, ranges: RangeServer, tmp_path: Path) -> None:
    """Is refused by the size that the server states, before the disk is full."""
    (tmp_path / "m.mar").touch()
    os.truncate(tmp_path / "m.mar", 1 << 43)
    url, options = place(tmp_path / "m.mar")
    with pytest.raises(
        DownloadError, match=r"it has 8,796,093,022,208 bytes, and '.*' has room for .*: make some"
    ):
        marpack.open_archive(url, storage_options=options, download=True)
    assert ranges.count()[1] < GIB


def test_a_download_of_more_than_is_stated(ranges: RangeServer, tmp_path: Path) -> None:
    """As of a body that is packed on the way, though that was not asked for."""
    (tmp_path / "m.mar").write_bytes(gzip.compress(bytes(64 * MIB)))
    ranges.change = lambda answer: answer.headers.update({"Content-Encoding": "gzip"})
    url = ranges.serve(tmp_path / "m.mar")
    with pytest.raises(DownloadError, match=r"more comes than the [0-9,]* bytes that its server states"):
        marpack.open_archive(url, download=True)
    assert [each.encoding for each in ranges.asked] == ["identity"]


# --------------------------------------------------------------------------------------- what is no archive


def test_what_is_not_there(ranges: RangeServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"does not exist: correct the URL \(HTTP 404\)") as caught:
        marpack.open_archive(f"{ranges.endpoint}/m.mar?token={SECRET}")
    assert SECRET not in shown(caught.value)
    with pytest.raises(DownloadError, match="is a folder: name an archive in it"):
        marpack.open_archive(f"{ranges.endpoint}/models/")
    (tmp_path / "empty.mar").touch()
    with pytest.raises(ArchiveError, match="is empty"):
        marpack.open_archive(ranges.serve(tmp_path / "empty.mar"))
    with pytest.raises(DownloadError, match=r"'http://.* has lost a slash: .* with both slashes as here"):
        marpack.open_archive(Path(f"{ranges.endpoint}/m.mar"))
    with pytest.raises(DownloadError, match=r"needs another package: .*adlfs"):
        marpack.open_archive("abfss://container@account/m.mar")
    with pytest.raises(DownloadError, match="cannot be read by its scheme"):
        marpack.open_archive(f"git://{SECRET}@host/m.mar")


def test_a_path_as_a_url(usual: Path, tmp_path: Path) -> None:
    with marpack.open_archive(usual.as_uri()) as archive:
        assert archive.path == str(usual)
        archive.extract(tmp_path / "out")
    with marpack.open_archive((tmp_path / "out").as_uri()) as archive:
        assert archive.form == "folder"


def test_a_path_loads_nothing_of_urls(usual: Path) -> None:
    loaded = run(
        f"import sys, marpack; marpack.open_archive({str(usual)!r}).close(); "
        "print(*(name for name in sys.modules if 'remote' in name or name in ('fsspec', 'aiohttp')))"
    )
    assert loaded.strip() == ""
