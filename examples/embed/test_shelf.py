"""What shelf promises to whoever publishes."""

import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import marpack
from shelf import PublishError, plan, publish, upload

MODEL = Path(__file__).with_name("mood")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODEL, tmp_path / "mood"))


def test_an_archive_is_published(tmp_path: Path) -> None:
    with marpack.open_archive(publish(MODEL, tmp_path)) as archive:
        assert archive.manifest.model.model_name == "mood"
        assert archive.read("weights.json") == (MODEL / "files" / "weights.json").read_bytes()


def test_the_same_model_has_the_same_bytes(model: Path, tmp_path: Path) -> None:
    first = publish(MODEL, tmp_path).read_bytes()
    (model / "mood.py").touch()
    assert publish(model, tmp_path).read_bytes() == first


def test_where_there_is_no_shelf_nothing_is_published(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="does not exist: create the folder"):
        publish(MODEL, tmp_path / "gone")


@pytest.mark.parametrize("text", [None, "{", "[]", '{"name": "mood"}'])
def test_a_folder_that_describes_no_model(model: Path, tmp_path: Path, text: str | None) -> None:
    about = model / "model.json"
    about.unlink() if text is None else about.write_text(text)
    with pytest.raises(PublishError, match=r"mood has no model\.json with"):
        publish(model, tmp_path)


def test_everything_that_is_wrong_is_told_at_once(model: Path, tmp_path: Path) -> None:
    (model / "model.json").write_text('{"name": "my mood", "version": "1.0", "handler": "gone.py"}')
    with pytest.raises(PublishError, match=r"(?s)my mood.*gone\.py"):
        publish(model, tmp_path)


def test_what_the_server_would_refuse_is_not_published(model: Path, tmp_path: Path) -> None:
    (model / "mood.py").write_text("class Mood:\n    def handle(self, data, context): return data\n")
    with pytest.raises(PublishError, match="no method 'initialize'"):
        publish(model, tmp_path)
    assert not list(tmp_path.glob("*.mar"))


def test_an_upload_has_the_bytes_of_the_file(tmp_path: Path) -> None:
    received: dict[str, bytes] = {}

    class Store(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            received[self.path] = body
            self.send_response(201)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Store) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        upload(MODEL, f"http://127.0.0.1:{server.server_port}/{plan(MODEL).file_name}")
        thread.join()
    assert received == {"/mood.mar": publish(MODEL, tmp_path).read_bytes()}
