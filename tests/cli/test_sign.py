"""``marpack sign``, ``attest``, and a signature that ``verify`` and ``extract`` require."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import marpack
from marpack.cli import main
from marpack.signing import attest
from tests.support import signatures
from tests.support.archives import CLEAR, check_json, packed
from tests.support.range_server import RangeServer
from tests.support.signatures import model_folder, model_signing

Capture = pytest.CaptureFixture[str]
pytestmark = pytest.mark.xdist_group("model-signing")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def signed(folder: Path) -> Path:
    """Return an archive that m.sig signs as a file, and c.sig by its contents, by the key of key.pub."""
    signatures.require_model_signing()
    path = packed(folder)
    signatures.key_pair(folder)
    assert main(["sign", "m.mar", "--key", "key.pem", "-o", "m.sig"]) == 0
    assert main(["sign", "m.mar", "--contents", "--key", "key.pem", "-o", "c.sig"]) == 0
    return path


def failed(words: list[str], capsys: Capture, status: int = 1) -> str:
    """Run a command that fails; return what it says."""
    capsys.readouterr()
    assert main(words) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("marpack: error: ")
    return err


def test_a_statement_is_printed_or_written(folder: Path, capsys: Capture) -> None:
    path = packed(folder)
    assert main(["attest", "m.mar"]) == 0
    assert capsys.readouterr().out == attest(path).to_json()
    assert main(["attest", "m.mar", "--contents", "-o", "m.intoto.json"]) == 0
    assert capsys.readouterr().out == "m.intoto.json: the statement of m.mar\n"
    assert (folder / "m.intoto.json").read_text() == attest(path, contents=True).to_json()
    assert "already exists" in failed(["attest", "m.mar", "-o", "m.intoto.json"], capsys)
    assert main(["attest", "m.mar", "-f", "-o", "m.intoto.json"]) == 0
    assert "--force" in failed(["attest", "m.mar", "-f"], capsys, 2)
    assert "is named" in failed(["attest", "-"], capsys, 2)
    assert "gone" in failed(["attest", "gone"], capsys)
    assert main(["attest", "m.mar", "-o", "-"]) == 0
    assert capsys.readouterr().out == attest(path).to_json()
    assert "a signature is a file" in failed(["sign", "m.mar", "--key", "key.pem", "-o", "-"], capsys, 2)
    assert not (folder / "-").exists()
    store = model_folder(folder / "store")
    assert main(["attest", "store", "-o", "store/s.json"]) == 0
    assert (
        json.loads((store / "s.json").read_text())["subject"][0]["digest"]["sha256"]
        == attest(store, ignore=[store / "s.json"]).root
    )


def test_signed_and_verified(signed: Path, folder: Path, capsys: Capture) -> None:
    whole = attest(signed)
    assert main(["sign", "m.mar", "--key", "key.pem", "-o", "m.sig", "-f"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        f"m.sig: signs m.mar: the whole, sha256:{whole.resources[0].sha256}"
    )
    for name, count in (("m.sig", 1), ("c.sig", 4)):
        words = ["verify", "m.mar", "--signature", name, "--public-key", "key.pub"]
        assert main(words) == 0
        first, *_, last = capsys.readouterr().out.splitlines()
        assert first.startswith(f"{name}: holds, by the key: ")
        assert last.endswith(": nothing is wrong")
        assert main([*words, "--json"]) == 0
        told = check_json(capsys.readouterr().out, "verify")
        assert (told["ok"], told["form"], told["signature"]["files"]) == (True, "zip", count)
    assert model_signing("verify", "key", signed, "--signature", "m.sig", "--public_key", "key.pub")[0] == 0


def test_what_does_not_fit_has_status_1(signed: Path, folder: Path, capsys: Capture) -> None:
    by = ["--public-key", "key.pub"]
    signed.write_bytes(packed(folder, extra_files={"more": b""}, force=True).read_bytes())
    for name, code in (
        ("m.sig", "signature-mismatch"),
        ("c.sig", "signature-mismatch"),
        ("key.pem", "signature-file"),
    ):
        message = failed(["verify", "m.mar", "--signature", name, *by], capsys)
        assert repr(name) in message
        assert main(["verify", "m.mar", "--signature", name, *by, "--json"]) == 1
        told = check_json(capsys.readouterr().out, "verify")
        assert [issue["code"] for issue in told["issues"]] == [code]
        assert (told["ok"], told["signature"]) == (False, None)
        assert failed(["extract", "m.mar", "out", "--signature", name, *by], capsys) == message
        assert not (folder / "out").exists()


def test_extract_takes_what_is_signed(signed: Path, folder: Path, capsys: Capture) -> None:
    by = ["--public-key", "key.pub"]
    assert main(["extract", "m.mar", "--signature", "m.sig", "out", *by]) == 0
    words = ["verify", "out", "--signature", "c.sig", *by]
    assert main(words) == 0
    assert "is a folder" in failed(["extract", "out", "more", "--signature", "c.sig", *by], capsys)
    (folder / "out" / ".git").mkdir()
    (folder / "out" / ".git" / CLEAR).touch()
    capsys.readouterr()
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "\nthere, and not signed: .git/\\x1b[2J\n" in out
    assert main([*words, "--json"]) == 0
    assert check_json(capsys.readouterr().out, "verify")["signature"]["unsigned"] == [f".git/{CLEAR}"]


def test_stores_images_and_other_files(signed: Path, folder: Path, capsys: Capture) -> None:
    store = folder / "store"
    store.mkdir()
    signed.rename(store / "m.mar")
    (folder / "weights.pt").write_bytes(b"weights")
    for what, where in (("store", "store/s.sig"), ("weights.pt", "w.sig"), (f"sha256:{'a' * 64}", "i.sig")):
        assert main(["sign", what, "--key", "key.pem", "-o", where]) == 0
        capsys.readouterr()
        words = ["verify", what, "--signature", where, "--public-key", "key.pub"]
        assert main(words) == 0
        assert capsys.readouterr().out.startswith(f"{where}: holds, by the key: ")
        assert main([*words, "--json"]) == 0
        assert check_json(capsys.readouterr().out, "verify")["form"] is None
    (store / "more").touch()
    assert "'more'" in failed(["verify", "store", "--signature", "store/s.sig", "--public-key", "key.pub"], capsys)


def test_by_a_certificate_and_with_a_password(signed: Path, folder: Path, capsys: Capture) -> None:
    key, leaf, middle, root = map(str, signatures.chain(folder))
    words = ["sign", "m.mar", "--key", key, "--certificate", leaf, "--certificate-chain", middle]
    assert main([*words, "-o", "x.sig"]) == 0
    assert main(["verify", "m.mar", "--signature", "x.sig", "--root", root]) == 0
    signatures.key_pair(folder, name="hidden", password=b"a secret")
    (folder / "password").write_bytes(b"a secret\r\nand more\n")
    words = ["sign", "m.mar", "--key", "hidden.pem", "-o", "p.sig"]
    assert "a secret" not in failed(words, capsys)
    assert main([*words, "--password-file", "password"]) == 0
    words = ["sign", "m.mar", "--key", "hidden.pem", "-o", "q.sig", "--password-file", "password"]
    (folder / "password").write_bytes(b"\n")
    assert "no password" in failed(words, capsys)
    (folder / "password").write_bytes(b"x" * 4097)
    assert "more than 4,096 bytes" in failed(words, capsys)
    # As long as may be, with either end of a line: it is only wrong.
    for end in (b"\n", b"\r\n", b""):
        (folder / "password").write_bytes(b"x" * 4096 + end)
        assert "the password is not that of this key" in failed(words, capsys)
    assert not (folder / "q.sig").exists()


def test_a_file_that_is_not_there_is_named_by_its_option(signed: Path, folder: Path, capsys: Capture) -> None:
    key, leaf, *_ = map(str, signatures.chain(folder))
    given = {"--key": key, "--certificate": leaf}
    for option in ("--key", "--certificate", "--certificate-chain"):
        words = [word for pair in ({**given, option: "gone"}).items() for word in pair]
        message = failed(["sign", "m.mar", *words, "-o", "x.sig"], capsys)
        assert message == f"marpack: error: {option}: 'gone': No such file or directory\n"
    words = ["sign", "m.mar", "--key", "key.pem", "-o", "x.sig", "--password-file", "gone"]
    assert failed(words, capsys) == "marpack: error: --password-file: 'gone': No such file or directory\n"
    assert not (folder / "x.sig").exists()
    # What is written comes first: nothing large is read for a name that is taken.
    assert "already exists" in failed(["sign", "gone.mar", "--key", "gone", "-o", "m.sig"], capsys)


def test_the_digest_of_an_image_is_verified_by_a_signature(folder: Path, capsys: Capture) -> None:
    packed(folder)
    assert "--signature SIG" in failed(["verify", f"sha256:{'a' * 64}"], capsys, 2)
    for word in ("sha256:abc", f"r.example/m@sha256:{'a' * 64}"):
        assert "digest" in failed(["verify", word], capsys)
        assert "digest" in failed(["sign", word, "--key", "k", "-o", "s"], capsys)


def test_what_is_not_signed_is_warned_of(signed: Path, folder: Path, capsys: Capture) -> None:
    """On standard error, for who looks at the status alone."""
    nothing = signatures.statement([])
    signatures.signed_bundle(folder / "n.sig", nothing, folder / "key.pem")
    (folder / "store").mkdir()
    for name, warning in (
        ("n.sig", "it says nothing of any file"),
        ("c.sig", "1 file there that it says nothing of: anybody may have put it there"),
    ):
        if name == "c.sig":
            assert main(["extract", "m.mar", "more"]) == 0
            (folder / "more" / ".git").mkdir()
            (folder / "more" / ".git" / "x").touch()
        where = "more" if name == "c.sig" else "store"
        words = ["verify", where, "--signature", name, "--public-key", "key.pub"]
        for json_too in ([], ["--json"]):
            capsys.readouterr()
            assert main([*words, *json_too]) == 0
            assert capsys.readouterr().err.splitlines()[0] == f"marpack: warning: {name}: {warning}"
    capsys.readouterr()
    assert main(["verify", "m.mar", "--signature", "c.sig", "--public-key", "key.pub", "--json"]) == 0
    assert capsys.readouterr().err == ""


def test_nothing_is_signed_by_no_signature(signed: Path, folder: Path, capsys: Capture) -> None:
    (folder / "empty").mkdir()
    for where in ("e.sig", "empty/e.sig"):
        assert "nothing to state" in failed(["sign", "empty", "--key", "key.pem", "-o", where], capsys)
        assert not (folder / where).exists()
    assert "nothing to state" in failed(["attest", "empty"], capsys)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["verify", "m.mar", "--public-key", "k"], "--signature SIG"),
        (["verify", "m.mar", "--signature", "s"], "--public-key PEM"),
        (["verify", "m.mar", "--signature", "s", "--public-key", "k", "--root", "c"], "leave the other out"),
        (["extract", "m.mar", "out", "--root", "k"], "--signature SIG"),
        (["run", "m.mar", "--public-key", "k"], "--signature SIG"),
        (["sign", "m.mar", "--key", "k", "-o", "s", "--certificate-chain", "c"], "--certificate PEM"),
        (
            ["sign", "m.mar", "--key", "k", "-o", "s", "--certificate", "c", "--password-file", "p"],
            "not be encrypted",
        ),
        (["sign", "-", "--key", "k", "-o", "s"], "is named"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], says: str, folder: Path, capsys: Capture) -> None:
    packed(folder)
    assert says in failed(words, capsys, 2)


def test_without_the_library_it_says_what_to_install(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed(folder)
    _, public = signatures.key_pair(folder)
    (folder / "m.sig").write_text(
        json.dumps(signatures.bundle(marpack.signing.attest("m.mar").to_json().encode()))
    )
    monkeypatch.setitem(__import__("sys").modules, "model_signing", None)
    for words in (
        ["sign", "m.mar", "--key", "key.pem", "-o", "x.sig"],
        ["verify", "m.mar", "--signature", "m.sig", "--public-key", str(public)],
    ):
        assert "pip install 'marpack[sign]'" in failed(words, capsys)
    assert not (folder / "x.sig").exists()
    assert main(["attest", "m.mar"]) == 0


def test_what_lies_behind_a_url_is_fetched_once(signed: Path, capsys: Capture) -> None:
    """To be verified: what is read for the signature is what is read for the rest."""
    with RangeServer.running() as server:
        url = server.serve(signed)
        server.count()
        for name in ("m.sig", "c.sig"):
            assert main(["verify", url, "--signature", name, "--public-key", "key.pub"]) == 0
            assert server.count() == (1, signed.stat().st_size)
            assert capsys.readouterr().out.endswith(": nothing is wrong\n")


def test_a_layout_that_was_changed_is_an_issue(signed: Path, folder: Path, capsys: Capture) -> None:
    layout, _ = signatures.image_layout(folder / "image")
    assert main(["sign", "image", "--key", "key.pem", "-o", "i.sig"]) == 0
    [layer] = [path for path in (layout / "blobs" / "sha256").iterdir() if path.read_bytes() == b"layer"]
    layer.write_bytes(b"evil!")
    words = ["verify", "image", "--signature", "i.sig", "--public-key", "key.pub"]
    assert "whose bytes have the digest" in failed(words, capsys)
    assert main([*words, "--json"]) == 1
    told = check_json(capsys.readouterr().out, "verify")
    assert (told["ok"], told["signature"]) == (False, None)
    assert [issue["code"] for issue in told["issues"]] == ["digest-mismatch"]


@pytest.mark.parametrize("words", [["attest", "--sbom"], ["verify"]])
def test_a_folder_that_is_no_archive_is_called_what_it_is(words: list[str], folder: Path, capsys: Capture) -> None:
    (folder / "store").mkdir()
    packed(folder / "store")
    assert main(["image", "store", "-o", "image"]) == 0
    command, *options = words
    assert "'store' is a model store, and an archive is meant" in failed([command, "store", *options], capsys)
    assert "'image' is an image's layout, and an archive" in failed([command, "image", *options], capsys)
    (folder / "empty").mkdir()
    capsys.readouterr()
    assert main([command, "empty", *options]) == 1
    assert "holds no MAR-INF/MANIFEST.json" in "".join(capsys.readouterr())
