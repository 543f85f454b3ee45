"""What lint says of the archives, files and folders of a model store."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

from marpack import ServerConfig, lint_config
from tests.config.cases.case import SNAPSHOT, STORE, triples

if TYPE_CHECKING:
    from pathlib import Path


def test_an_archive_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "m.mar").write_bytes(b"PK")
    [finding] = lint_config(STORE, file="c.properties", model_store=tmp_path)
    assert triples([finding]) == [("archive-unreadable", "error", "model_store")]
    assert repr(str(tmp_path / "m.mar")) in finding.message
    assert (finding.file, finding.line) == ("c.properties", 1)
    # The server does not look at it.
    (tmp_path / "m.mar").rename(tmp_path / ".m.mar")
    (tmp_path / "notes.txt").write_text("not an archive")
    assert lint_config(STORE, model_store=tmp_path) == ()


def test_archives_of_the_store_are_read(tmp_path: Path) -> None:
    for name in ("m", "n"):
        with zipfile.ZipFile(tmp_path / f"{name}.mar", "w") as archive:
            model = {"modelName": name, "modelVersion": "2.0", "requirementsFile": "r.txt"}
            archive.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": model}))
    text = f"{STORE}model_snapshot={SNAPSHOT}\n"
    found = triples(lint_config(text, model_store=tmp_path))
    assert found == [
        ("requirements-ignored", "warning", "install_py_dep_per_model"),
        ("snapshot-version-differs", "error", "model_snapshot.models.m.1.0"),
    ]
    assert triples(ServerConfig.loads(text).validate(model_store=tmp_path)) == found
    assert (
        lint_config(f"{STORE}load_models=m.mar,n.mar\ninstall_py_dep_per_model=true", model_store=tmp_path) == ()
    )


def test_archives_are_named_after_their_form(tmp_path: Path) -> None:
    for name in ("m.mar", "z.zip", "z.model"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": {"modelName": name}}))
    for name in ("t.tar.gz", "t.gz"):
        with tarfile.open(tmp_path / name, "w:gz") as tar:
            member = tarfile.TarInfo("t/MAR-INF/MANIFEST.json")
            text = json.dumps({"model": {"modelName": name}}).encode()
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    for name in ("net-v1.0", "net.zip"):
        (tmp_path / name / "MAR-INF").mkdir(parents=True)
        manifest = json.dumps({"model": {"modelName": name}})
        (tmp_path / name / "MAR-INF" / "MANIFEST.json").write_text(manifest)

    def found(items: str) -> list[str]:
        findings = lint_config(f"{STORE}load_models={items}", model_store=tmp_path)
        assert triples(findings) == [("load-models-suffix", "error", "load_models")] * len(findings)
        return [each.message for each in findings]

    assert found("m.mar,t.tar.gz,t.gz,net-v1.0,net.zip") == []
    (tmp_path / "notes.txt").write_text("no archive")
    assert found("z.zip,z.model,notes.txt") == [
        "'z.zip' is a zip",
        "'z.model' is a zip",
        "'notes.txt' is no gzip-compressed tar",
    ]
    assert found("all") == ["'z.model' is a zip"]


def test_folders_without_a_model(tmp_path: Path) -> None:
    for name in ("net/MAR-INF", "outer/net/MAR-INF", "lost+found", ".cache", "logs/old"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("net", "outer/net"):
        (tmp_path / name / "MAR-INF" / "MANIFEST.json").write_text('{"model": {"modelName": "n"}}')
    told: dict[str, Any] = {"model_store": tmp_path, "select": "load-models-stray"}
    assert [each.message for each in lint_config(f"{STORE}load_models=all", **told)] == [
        "the folder 'logs' of the store holds no model",
        "the folder 'lost+found' of the store holds no model",
    ]
    assert lint_config(f"{STORE}load_models=net", **told) == ()
    assert lint_config(f"{STORE}load_models=all\ndefault_service_handler=h.py", **told) == ()


def test_a_name_that_is_not_there_is_answered_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "resnet-18.txt").touch()
    [finding] = lint_config(f"{STORE}load_models=resnet18.txt", model_store=tmp_path, select="load-models-item")
    assert finding.fix == "write 'resnet-18.txt'"
