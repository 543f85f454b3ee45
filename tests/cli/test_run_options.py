"""What ``marpack run`` understands and refuses before anything is started."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from marpack.cli import main
from marpack.cli.words import ENVELOPES
from marpack.config.settings.keys import KEYS
from tests.support.archives import packed

Capture = pytest.CaptureFixture[str]

PICTURE = b"\x89PNG\r\n\x1a\n\0\xff"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have an archive and inputs; nothing may be started."""
    monkeypatch.chdir(tmp_path)
    packed(tmp_path)
    Path("a.json").write_text('{"a": 1}')
    Path("picture.png").write_bytes(PICTURE)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--input", "a.json", "--form", "a=b"], "--input and --form"),
        (["--form", "a=b", "--content-type", "text/plain"], "--content-type"),
        (["--form", "a=b", "--header", "Content-Type: a/b"], "--header"),
        (["--input", "a.json", "--content-type", "a/b", "--header", "content-type: a/b"], "given twice"),
        (["--input", "a.json", "--path", "/x", "--explain"], "--explain and --path"),
        (["--input", "-", "--input", "-"], "standard input is named twice"),
        (["--form", "a=@-", "--form", "b=<-"], "standard input is named twice"),
        (["--form", "a"], "'a' is no field"),
        (["--form", "=b"], "'=b' is no field"),
        (["--form", "a=@"], "no file behind the @"),
        (["--header", "X: 1"], "--header: nothing is sent"),
        (["--content-type", "a/b"], "--content-type: nothing is sent"),
        (["--path", "/x"], "--path: nothing is sent"),
        (["--explain"], "--explain: nothing is sent"),
        (["--include"], "--include: nothing is sent"),
        (["--repeat", "2"], "--repeat: nothing is sent"),
        (["-o", "x"], "--output: nothing is sent"),
        (["--input", "a.json", "--path", "/ping"], "--path: what the server says of its health is not restated"),
        (["--input", "a.json", "--header", "Content-Length: 5"], "the body has 8 bytes, not Content-Length: 5"),
        (["--input", "a.json", "--header", "Transfer-Encoding: gzip"], "only chunked is known"),
        (["--input", "a.json", "--content-type", "a\nb"], "no value of a header"),
        (["--form", "a=b;type=a\nb"], "no content type"),
        (["--input", "a.json", "--json", "-i"], "--json and --include"),
        (["--input", "a.json", "--json", "-o", "x"], "--json and --output"),
        (["--input", "a.json", "--json", "--log"], "--json and --log"),
        (["--input", "a.json", "-i", "-o", "x"], "--include and --output"),
        (["--input", "a.json", "--force"], "--force"),
        (["--input", "a.json", "--pdb", "--json"], "--pdb and --json"),
        (["--input", "a.json", "--pdb", "--watch"], "--pdb and --watch"),
        (["--input", "a.json", "--pdb", "--repeat", "2"], "--pdb and --repeat"),
        (["--input", "-", "--pdb"], "the debugger reads standard input"),
        (["--form", "a=@-", "--pdb"], "the debugger reads standard input"),
        (["--input", "a.json", "--pdb", "--timeout", "3"], "--pdb and --timeout"),
        (["--input", "a.json", "--watch", "--json"], "--watch and --json"),
        (["--input", "a.json", "--watch", "-o", "x"], "--watch and --output"),
    ],
)
def test_what_does_not_go_together(words: list[str], told: str, capsys: Capture) -> None:
    assert main(["run", "m.mar", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("marpack: error: ")
    assert told in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--header", "X"], "must be a name, a colon and a value"),
        (["--header", "X Y: z"], "must be a name, a colon and a value"),
        (["--header", "X: a\nY: b"], "must be a name, a colon and a value"),
        (["--header", "X: \u20ac"], "must be a name, a colon and a value"),
        (["--path", "x"], "must begin with a /"),
        (["--path", "/a b"], "must begin with a /"),
        (["--batch", "0"], "must be a whole number from 1 on"),
        (["--repeat", "0"], "must be a whole number from 1 on"),
        (["--timeout", "0"], "above 0"),
        (["--timeout", "nan"], "above 0"),
        (["--timeout", "inf"], "above 0"),
        (["--startup-timeout", "soon"], "above 0"),
        (["--max-request-size", "1x"], "must be a number of bytes"),
        (["--max-request-size", "0"], "must be 1 byte or more"),
        (["--max-response-size", "2G"], "must be at most 2147483647"),
        (["--batch", "2147483648"], "must be at most 2147483647"),
        (["--gpu", "2147483648"], "must be at most 2147483647"),
        (["--envelope", "none"], "invalid choice"),
        (["--gpu", "-1"], "--gpu"),
        (["--gpu", "first"], "must be the number of a GPU"),
        (["--no-such-option"], "unrecognized arguments"),
        (["--inptu", "x"], "did you mean --input?"),
    ],
)
def test_what_no_option_is(words: list[str], told: str, capsys: Capture) -> None:
    assert main(["run", "m.mar", *words]) == 2
    assert told in capsys.readouterr().err


def test_what_is_not_there(folder: Path, capsys: Capture) -> None:
    Path("taken").write_text("")
    for words, told in [
        (["m.mar", "--input", "gone.json"], "'gone.json': No such file"),
        (["m.mar", "--form", "a=@gone.png"], "'gone.png': No such file"),
        (["m.mar", "--input", "."], "'.': Is a directory"),
        (["m.mar", "--input", "a.json", "-o", "taken"], "'taken' already exists"),
    ]:
        assert main(["run", *words]) == 1, words
        out, err = capsys.readouterr()
        assert out == ""
        assert told in err
    for words, told in [(["-"], "standard input"), (["https://host/m.mar", "--watch"], "--watch")]:
        assert main(["run", *words]) == 2, words
        assert told in capsys.readouterr().err


def test_the_envelopes_are_the_settings_own() -> None:
    assert KEYS["service_envelope"].choices == ENVELOPES


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the requests that words are."""

    def read(*words: str) -> Any:
        found: list[Any] = []

        def keep(options: Any, asked: Any) -> int:
            found.extend(asked)
            return 0

        monkeypatch.setattr("marpack.cli.commands.run._once", keep)
        assert main(["run", "m.mar", *words]) == 0
        return [each.request for each in found]

    return read


def test_files(sent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("t.txt").write_text("text")
    Path("t.json.gz").write_bytes(b"zip")
    [one, two, three, four] = sent(
        *(word for name in ("a.json", "picture.png", "t.txt", "t.json.gz") for word in ("--input", name))
    )
    assert [each.values("content-type") for each in (one, two, three, four)] == [
        ["application/json"],
        ["image/png"],
        ["text/plain"],
        ["application/octet-stream"],
    ]
    assert [one.body, two.body, one.path, one.explain] == [b'{"a": 1}', PICTURE, None, False]
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"piped")))
    [piped] = sent("--input", "-", "--header", "X-Mode:  a: b ", "--header", "X-Mode:", "--explain")
    assert (piped.body, piped.values("content-type"), piped.explain) == (
        b"piped",
        ["application/octet-stream"],
        True,
    )
    assert piped.values("x-mode") == ["a: b", ""]
    [typed] = sent("--input", "a.json", "--content-type", "text/csv", "--path", "/v2/models/m/infer?a=b")
    assert (typed.values("content-type"), typed.path) == (["text/csv"], "/v2/models/m/infer?a=b")
    [typed] = sent("--input", "a.json", "--header", "content-type: a/b")
    assert typed.values("content-type") == ["a/b"]


def test_forms(sent: Any) -> None:
    """As curl -F: several fields, files with names and types, and what is said of them behind."""
    Path("no suffix").write_bytes(b"no")
    words = ["a=1=2", "b=@picture.png", "c=<a.json", 'd={"x": 1};type=application/json', "e=a;b", "f="]
    words += ["g=@picture.png;filename=x.bin;type=text/plain; charset=utf-8", "h=@no suffix", "i=x;filename=i"]
    [request] = sent(*(word for field in words for word in ("--form", field)))
    [content_type] = request.values("content-type")
    kind, _, boundary = content_type.partition("; boundary=")
    assert kind == "multipart/form-data"
    pieces = request.body.split(b"--" + boundary.encode())
    found = {}
    for piece in pieces[1:-1]:
        head, _, data = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        found[lines["Content-Disposition"]] = (lines.get("Content-Type"), data.removesuffix(b"\r\n"))
    assert found == {
        'form-data; name="a"': (None, b"1=2"),
        'form-data; name="b"; filename="picture.png"': ("image/png", PICTURE),
        'form-data; name="c"': (None, b'{"a": 1}'),
        'form-data; name="d"': ("application/json", b'{"x": 1}'),
        'form-data; name="e"': (None, b"a;b"),
        'form-data; name="f"': (None, b""),
        'form-data; name="g"; filename="x.bin"': ("text/plain; charset=utf-8", PICTURE),
        'form-data; name="h"; filename="no suffix"': ("application/octet-stream", b"no"),
        'form-data; name="i"; filename="i"': (None, b"x"),
    }


def test_help_is_there_and_the_command_is_listed(capsys: Capture) -> None:
    assert main(["run", "--help"]) == 0
    assert "Run the code that an archive holds" in capsys.readouterr().out
    assert main(["--help"]) == 0
    assert "run" in [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("    ")]
