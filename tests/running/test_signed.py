"""A model that has to be signed: nothing of it is unpacked or run otherwise, and a folder is run from a copy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack.cli import main
from marpack.errors import MarpackError, SignatureError
from marpack.running import Request, Worker
from marpack.running.served_model import ServedModel
from marpack.signing import RequiredSignature, SigningKey, attest, write_signature
from tests.support import signatures
from tests.support.archives import packed

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.server

# It leaves a file beside itself, in the folder that it is run in.
HANDLER = b"import os\ndef handle(data, context):\n    return data and [os.path.dirname(__file__)] * len(data)\n"
EVIL = HANDLER + b"raise SystemExit('it was run')\n"


@pytest.fixture
def required(tmp_path: Path) -> RequiredSignature:
    """Make m.mar and its signatures."""
    signatures.require_model_signing()
    private, public = signatures.key_pair(tmp_path)
    path = packed(tmp_path, handler={"handler.py": HANDLER})
    write_signature(attest(path, contents=True), SigningKey(private_key=private), tmp_path / "m.sig")
    return RequiredSignature(signature=tmp_path / "m.sig", public_key=public)


def evil(folder: Path, **options: Any) -> Path:
    return packed(folder, handler={"handler.py": EVIL}, force=True, **options)


@pytest.mark.parametrize("form", ["default", "tgz", "no-archive"])
def test_what_is_signed_runs_and_what_is_not_does_not(
    form: Any, required: RequiredSignature, tmp_path: Path, run_python: Callable[[str], Path]
) -> None:
    options: dict[str, Any] = {"python": run_python("0.12.0"), "signature": required}
    path = packed(tmp_path, handler={"handler.py": HANDLER}, archive_format=form, force=True)
    with Worker(path, **options) as worker:
        answer = worker.predict(Request.text("x"))
        assert (answer.status, answer.text() == str(path)) == (200, False)
        # Of a folder it is a copy that runs, which nobody has changed in between.
        assert os.path.dirname(answer.text()) != str(tmp_path)
    if form == "no-archive":
        (path / "handler.py").write_bytes(EVIL)
    else:
        evil(tmp_path, archive_format=form)
    with pytest.raises(SignatureError, match=r"handler\.py"):
        Worker(path, **options).start()
    with marpack.open_archive(path) as archive, pytest.raises(SignatureError, match=r"handler\.py"):
        Worker(archive, **options).start()


def test_a_signature_in_the_model_s_folder(
    required: RequiredSignature, tmp_path: Path, run_python: Callable[[str], Path]
) -> None:
    folder = packed(tmp_path, handler={"handler.py": HANDLER}, archive_format="no-archive")
    inside = folder / "m.sig"
    (tmp_path / "m.sig").rename(inside)
    signature = RequiredSignature(signature=inside, public_key=required.public_key)
    with Worker(folder, python=run_python("0.12.0"), signature=signature) as worker:
        assert worker.predict(Request.text("x")).status == 200
    # Below a folder that holds nothing else, which the signature is of then.
    outer = tmp_path / "outer"
    outer.mkdir()
    inside.unlink()
    folder.rename(outer / "m")
    write_signature(attest(outer), SigningKey(private_key=tmp_path / "key.pem"), tmp_path / "outer.sig")
    signature = RequiredSignature(signature=tmp_path / "outer.sig", public_key=required.public_key)
    with Worker(outer, python=run_python("0.12.0"), signature=signature) as worker:
        assert worker.predict(Request.text("x")).status == 200


def test_a_link_in_a_folder_is_not_followed(
    required: RequiredSignature, tmp_path: Path, run_python: Callable[[str], Path]
) -> None:
    folder = packed(tmp_path, handler={"handler.py": HANDLER}, archive_format="no-archive")
    (folder / "more.py").symlink_to("handler.py")
    with pytest.raises(SignatureError, match=r"added \('more\.py'\)"):
        Worker(folder, python=run_python("0.12.0"), signature=required).start()


def test_a_plan_is_signed_by_nobody(required: RequiredSignature, run_python: Callable[[str], Path]) -> None:
    plan = marpack.plan_archive(model_name="m", version="1.0", handler={"handler.py": HANDLER})
    with pytest.raises(MarpackError, match="nothing is signed before it is written"):
        Worker(plan, python=run_python("0.12.0"), signature=required).start()


def test_the_command(
    required: RequiredSignature,
    tmp_path: Path,
    run_python: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["run", str(tmp_path / "m.mar"), "--python", str(run_python("0.12.0"))]
    words += ["--signature", str(required.signature), "--public-key", os.fspath(required.public_key or "")]
    assert main([*words, "--input", str(tmp_path / "key.pub")]) == 0
    capsys.readouterr()
    evil(tmp_path)
    assert main(words) == 1
    assert "does not fit" in capsys.readouterr().err


def test_what_an_engine_is_told_is_of_what_is_signed(
    required: RequiredSignature, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_python: Callable[[str], Path]
) -> None:
    """Its settings, before a worker is begun, and the worker itself; also in another folder."""
    monkeypatch.chdir(tmp_path)
    assert required.public_key is not None
    signature = RequiredSignature(signature="m.sig", public_key=os.path.relpath(required.public_key))
    served = ServedModel(archive="m.mar", signature=signature, python=run_python("0.12.0")).elsewhere()
    monkeypatch.chdir("/")
    settings = served.settings()
    with served.worker(settings) as worker:
        assert worker.predict(Request.text("x")).status == 200
    evil(tmp_path)
    with pytest.raises(SignatureError):
        served.settings()
    with pytest.raises(SignatureError):
        served.worker(settings).start()
    plan = marpack.plan_archive(model_name="m", version="1.0", handler={"handler.py": HANDLER})
    with pytest.raises(MarpackError, match="before it is written"):
        ServedModel(archive=plan, signature=signature).settings()
