"""What reaches a registry, in which order, and who is told which secrets."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import marpack
from marpack.errors import ImageError, MissingExtraError, RegistryError
from marpack.images import PushResult, plan_image, push_image, registry, write_image
from marpack.images.reference import NoReferenceError, Reference
from tests.images.layouts import Layout, store
from tests.images.registry_peer import Answer, RegistryPeer, Told
from tests.support.archives import packed
from tests.support.torchserve import free_ports

PASSWORD = "open-sesame"
BASIC = base64.b64encode(f"ali:{PASSWORD}".encode()).decode()


@pytest.fixture
def peer(direct: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RegistryPeer]:
    monkeypatch.setenv("HOME", str(tmp_path))
    with RegistryPeer.running() as server:
        yield server


def layout_of(folder: Path, *names: str, target: str = "image", **options: Any) -> Path:
    write_image(plan_image(store(folder / f"{target}-of", *names or ("a",)), **options), folder / target)
    return folder / target


def push(layout: Path, peer: RegistryPeer, name: str = "team/models:1.0", **options: Any) -> PushResult:
    return push_image(layout, f"{peer.host}/{name}", plain_http=True, **options)


@pytest.mark.parametrize("target", ["image", "image.tar"])
def test_blobs_then_the_manifest_by_its_tag(target: str, peer: RegistryPeer, tmp_path: Path) -> None:
    """By I28."""
    layout = layout_of(tmp_path, "a", "b", target=target)
    told: list[int] = []
    result = push(layout, peer, progress=told.append)
    files = Layout.of(layout).files
    assert {f"blobs/{digest.replace(':', '/')}": data for digest, data in peer.blobs.items()} == {
        name: data for name, data in files.items() if name.startswith("blobs/")
    }
    assert peer.tags == {"1.0": result.digest}
    puts = [each.path for each in peer.told if each.method == "PUT"]
    assert puts[-1] == "/v2/team/models/manifests/1.0"
    assert all("/blobs/uploads/1?state=x&digest=sha256%3A" in each for each in puts[:-1])
    assert len(result.sent) == 4
    assert result.kept == ()
    assert sum(told) == result.size
    assert result.name == f"{peer.host}/team/models:1.0"


def test_without_a_tag_it_is_the_layouts(peer: RegistryPeer, tmp_path: Path) -> None:
    assert push(layout_of(tmp_path, tag="2.0"), peer, "models").name.endswith("/models:2.0")
    assert list(peer.tags) == ["2.0"]


@pytest.mark.parametrize("tag", ["../../../victim/manifests/latest", "a/b", "a?b", "a#b", "", "-", "x" * 129])
def test_a_tag_of_the_layout_that_is_a_path_is_none(tag: str, peer: RegistryPeer, tmp_path: Path) -> None:
    layout = layout_of(tmp_path)
    index = json.loads((layout / "index.json").read_bytes())
    index["manifests"][0].setdefault("annotations", {})["org.opencontainers.image.ref.name"] = tag
    (layout / "index.json").write_text(json.dumps(index))
    with pytest.raises(RegistryError, match="is none: name a tag"):
        push(layout, peer, "models")
    assert not peer.told
    assert push(layout, peer, "models:1.0").digest == peer.tags["1.0"]


def test_what_is_there_is_not_sent(peer: RegistryPeer, tmp_path: Path) -> None:
    layout = layout_of(tmp_path, "a", "b", "c")
    first = push(layout, peer)
    peer.told.clear()
    assert push(layout, peer) == PushResult(name=first.name, digest=first.digest, sent=(), kept=first.sent, size=0)
    assert [each.method for each in peer.told] == ["HEAD"]
    # Another tag of the same asks for each blob, and sends the manifest alone.
    again = push(layout, peer, "team/models:2.0")
    assert again.sent == ()
    assert peer.tags["2.0"] == first.digest


def test_an_index_comes_after_its_manifests(peer: RegistryPeer, tmp_path: Path) -> None:
    layout = layout_of(tmp_path, platforms=["linux/amd64", "linux/arm64"])
    result = push(layout, peer)
    manifests = [each.path.rpartition("/")[2] for each in peer.told if "/manifests/" in each.path][1:]
    index = Layout.of(layout)
    assert manifests == [*(each["digest"] for each in index.manifest["manifests"]), "1.0"]
    assert result.digest == index.top["digest"]


@pytest.mark.parametrize("number", range(1, 6))
def test_nothing_is_tagged_before_all_is_there(number: int, peer: RegistryPeer, tmp_path: Path) -> None:
    """Whichever request fails."""
    asked = 0

    def fail(told: Told) -> Answer | None:
        nonlocal asked
        asked += told.method in ("PUT", "POST")
        return Answer(500) if told.method in ("PUT", "POST") and asked == number else None

    layout = layout_of(tmp_path)
    peer.before = fail
    with pytest.raises(RegistryError) as raised:
        push(layout, peer)
    assert raised.value.status == 500
    assert peer.tags == {}
    # What was sent stays, and is not sent again.
    peer.before = lambda told: None
    there = len(peer.blobs)
    assert len(push(layout, peer).kept) == there


def test_who_finds_nobody_is_told(direct: None, tmp_path: Path) -> None:
    [port] = free_ports(1)
    with pytest.raises(RegistryError, match="cannot be reached: Connection refused"):
        push_image(layout_of(tmp_path), f"127.0.0.1:{port}/models:1", plain_http=True)


@pytest.mark.parametrize("what", ["/blobs/", "/manifests/"])
def test_a_digest_that_comes_back_different_is_an_error(what: str, peer: RegistryPeer, tmp_path: Path) -> None:
    """By I29."""
    other = f"sha256:{'0' * 64}"
    layout = layout_of(tmp_path)
    manifest = Layout.of(layout).top["digest"]
    peer.digest = lambda digest: other if (digest == manifest) == (what == "/manifests/") else digest
    with pytest.raises(RegistryError, match=f"has stored {other}"):
        push(layout, peer)


def asks_for(scheme: str) -> Any:
    def answer(told: Told) -> Answer | None:
        return None if told.authorization else Answer(401, {"WWW-Authenticate": scheme})

    return answer


def test_a_password_is_sent_when_it_is_asked_for(peer: RegistryPeer, tmp_path: Path) -> None:
    peer.before = asks_for('Basic realm="x"')
    push(layout_of(tmp_path), peer, username="ali", password=PASSWORD)
    assert peer.told[0].authorization is None
    assert {each.authorization for each in peer.told[1:]} == {f"Basic {BASIC}"}


@pytest.mark.parametrize("where", ["argument", "home"])
def test_a_password_is_found_in_dockers_configuration(where: str, peer: RegistryPeer, tmp_path: Path) -> None:
    peer.before = asks_for('Basic realm="x"')
    layout = layout_of(tmp_path)
    file = tmp_path / ".docker" / "config.json"
    file.parent.mkdir()
    config = {"auths": {peer.host: {"auth": BASIC}}}
    if where == "home":
        file.write_text(json.dumps(config), encoding="ascii")
        push(layout, peer)
    else:
        own = tmp_path / "own.json"
        own.write_text(json.dumps(config), encoding="ascii")
        # What is in the home does not count beside it.
        file.write_text(json.dumps({"auths": {peer.host: {"auth": "bm86bm8="}}}), encoding="ascii")
        push(layout, peer, docker_config=own)
    assert f"Basic {BASIC}" in {each.authorization for each in peer.told}
    assert json.loads(file.read_text("ascii"))["auths"][peer.host]  # as it was


def test_a_password_is_asked_of_the_program_that_keeps_it(
    peer: RegistryPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.before = asks_for('Basic realm="x"')
    program = tmp_path / "docker-credential-mine"
    answer = json.dumps({"Username": "ali", "Secret": PASSWORD})
    program.write_text(f"#!/bin/sh\necho '{answer}'\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "own.json").write_text(json.dumps({"credHelpers": {peer.host: "mine"}}), encoding="ascii")
    push(layout_of(tmp_path), peer, docker_config=tmp_path / "own.json")
    assert peer.told[-1].authorization == f"Basic {BASIC}"


def test_a_token_is_fetched_from_where_the_registry_says(peer: RegistryPeer, tmp_path: Path) -> None:
    with RegistryPeer.running() as service:
        service.before = lambda told: Answer(200, body=b'{"token": "t0k3n"}')
        scope = "repository:team/models:pull,push"
        peer.before = asks_for(f'Bearer realm="http://{service.host}/token",service="tests",scope="{scope}"')
        push(layout_of(tmp_path), peer, username="ali", password=PASSWORD)
        [asked] = service.told
    assert asked.authorization == f"Basic {BASIC}"
    assert asked.path == "/token?service=tests&scope=repository%3Ateam%2Fmodels%3Apull%2Cpush"
    assert {each.authorization for each in peer.told[1:]} == {"Bearer t0k3n"}


def test_a_token_service_is_asked_as_the_registry_is(
    peer: RegistryPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer has an end, and who it leads to is given neither the password nor what ~/.netrc has for him."""
    monkeypatch.setattr(registry, "_MOST_REDIRECTS", 2)
    layout = layout_of(tmp_path)
    with RegistryPeer.running() as service, RegistryPeer.running() as other:
        (tmp_path / ".netrc").write_text(f"machine {other.host.partition(':')[0]} login bob password n3trc\n")
        (tmp_path / ".netrc").chmod(0o600)
        peer.before = asks_for(f'Bearer realm="http://{service.host}/token",service="tests"')
        service.before = lambda told: Answer(307, {"Location": f"http://{other.host}/elsewhere"})
        other.before = lambda told: Answer(200, body=b'{"token": "t0k3n"}')
        push(layout, peer, username="ali", password=PASSWORD)
        assert [each.authorization for each in service.told] == [f"Basic {BASIC}"]
        assert [each.authorization for each in other.told] == [None]
        for body in (b'{"token": "' + b"x" * (1 << 20) + b'"}', b"[" * 50_000, b"[1]", b'{"token": 1}', b""):
            service.before = lambda told, body=body: Answer(200, body=body)  # type: ignore[misc]
            peer.tags.clear()
            with pytest.raises(RegistryError, match="gives no token"):
                push(layout, peer, username="ali", password=PASSWORD)
        service.told.clear()
        service.before = lambda told: Answer(302, {"Location": "/again"})
        with pytest.raises(RegistryError, match="gives no token"):
            push(layout, peer, username="ali", password=PASSWORD)
        assert len(service.told) == 3


@pytest.mark.parametrize(
    ("header", "scheme", "told"),
    [
        ('Bearer realm="https://a/t",service="s",scope="x:y"', "bearer", {"realm": "https://a/t", "service": "s"}),
        ('bearer REALM="https://a/t"', "bearer", {"realm": "https://a/t"}),
        ('Digest realm="d", qop="auth", Basic realm="b"', "basic", {"realm": "b"}),
        ('Bearer realm="https://a/t", Basic realm="b"', "bearer", {"realm": "https://a/t"}),
        ("Basic realm=b", "basic", {"realm": "b"}),
        ("Basic", "basic", {}),
        ("Negotiate", "", {}),
        ("", "", {}),
        ("a" * 5_000 + '="x"', "", {}),
        ('Bearer realm="https://a/t",' + "b" * 5_000, "", {}),
    ],
)
def test_what_a_registry_asks_for_is_read(header: str, scheme: str, told: dict[str, str]) -> None:
    """The first scheme that is known, with what belongs to it; of a long header nothing."""
    found = registry._challenge(header)
    assert found[0] == scheme
    assert found[1] | told == found[1]
    assert found[1].get("realm") == told.get("realm")


@pytest.mark.parametrize("scheme", ['Basic realm="x"', 'Bearer realm="{host}/token"', "Digest x", ""])
def test_who_has_no_password_is_told_so(scheme: str, peer: RegistryPeer, tmp_path: Path) -> None:
    peer.before = lambda told: (
        Answer(401, {"WWW-Authenticate": scheme.replace("{host}", f"http://{peer.host}")})
        if "/v2/" in told.path
        else Answer(403)
    )
    with pytest.raises(RegistryError) as raised:
        push(layout_of(tmp_path), peer)
    assert raised.value.status == 401


def test_a_password_that_is_wrong_is_never_shown(peer: RegistryPeer, tmp_path: Path) -> None:
    """Nor where the registry says it back."""
    layout = layout_of(tmp_path)
    peer.before = lambda told: Answer(401, {"WWW-Authenticate": "Basic realm=x"})
    with pytest.raises(RegistryError, match="does not accept the credentials") as raised:
        push(layout, peer, username="ali", password=PASSWORD)
    said = json.dumps({"errors": [{"code": "NO", "message": f"{PASSWORD} {BASIC}"}]}).encode()
    refused = asks_for("Basic realm=x")
    peer.before = lambda told: Answer(403, body=said) if told.method == "POST" else refused(told)
    peer.tags.clear()
    with pytest.raises(RegistryError) as other:
        push(layout, peer, username="ali", password=PASSWORD)
    assert "does not accept" not in str(other.value)
    assert "NO *** ***" in str(other.value)
    for each in (raised.value, other.value):
        shown = f"{each}{each!r}{vars(each)}"
        assert PASSWORD not in shown
        assert BASIC not in shown
    assert not (tmp_path / ".docker").exists()


def test_what_other_programs_keep_is_not_sent(peer: RegistryPeer, tmp_path: Path) -> None:
    """As ``~/.netrc``, which requests reads."""
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login ali password {PASSWORD}\n", encoding="ascii")
    netrc.chmod(0o600)
    push(layout_of(tmp_path), peer)
    assert {each.authorization for each in peer.told} == {None}


@pytest.mark.parametrize("how", ["location", "redirect"])
def test_another_host_is_told_no_secret(how: str, peer: RegistryPeer, tmp_path: Path) -> None:
    """By I30."""
    layout = layout_of(tmp_path)
    with RegistryPeer.running() as other:
        other.before = lambda told: Answer(201) if told.method == "PUT" else None

        def answer(told: Told) -> Answer | None:
            if not told.authorization:
                return Answer(401, {"WWW-Authenticate": "Basic realm=x"})
            if how == "redirect" and told.method == "PUT" and "/uploads/" in told.path:
                return Answer(307, {"Location": f"http://{other.host}{told.path}"})
            return None

        peer.before = answer
        if how == "location":
            peer.location = lambda path: f"http://{other.host}{path}"
        # The blobs went elsewhere, so the manifest is refused.
        with pytest.raises(RegistryError, match="MANIFEST_BLOB_UNKNOWN"):
            push(layout, peer, username="ali", password=PASSWORD)
        assert len(other.told) == 3
        assert {each.authorization for each in other.told} == {None}


def test_an_answer_without_end_is_not_read(
    peer: RegistryPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = layout_of(tmp_path)
    taken: list[bytes] = []
    errors_in = registry._errors_in

    def noting(answer: registry._Answer) -> str:
        taken.append(answer.body)
        return errors_in(answer)

    monkeypatch.setattr(registry, "_errors_in", noting)
    peer.before = lambda told: Answer(500, body=b" " * (16 << 20)) if told.method == "POST" else None
    with pytest.raises(RegistryError, match="takes no upload: 500"):
        push(layout, peer)
    assert len(taken) == 1
    assert len(taken[0]) == 1 << 16
    peer.before = lambda told: Answer(500, body=b"[" * 60_000) if told.method == "POST" else None
    with pytest.raises(RegistryError, match="takes no upload: 500"):
        push(layout, peer)


def test_what_leads_nowhere_ends(peer: RegistryPeer, tmp_path: Path) -> None:
    peer.before = lambda told: Answer(307, {"Location": told.path})
    with pytest.raises(RegistryError, match="without end"):
        push(layout_of(tmp_path), peer)
    peer.before = lambda told: Answer(307, {"Location": "file:///etc/passwd"})
    with pytest.raises(RegistryError, match="no server"):
        push(tmp_path / "image", peer)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a certificate of this machine's, which nobody has signed but itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        made.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def test_who_it_is_is_proven_first(
    certificate: Path, direct: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By I31, and by a certificate, which a file may vouch for; no password is sent before that."""
    monkeypatch.setenv("HOME", str(tmp_path))
    layout = layout_of(tmp_path)
    with RegistryPeer.running(certificate) as peer:
        peer.before = asks_for("Basic realm=x")
        name, who = f"{peer.host}/m:1", {"username": "ali", "password": PASSWORD}
        with pytest.raises(RegistryError, match="cannot be reached"):
            push_image(layout, name, **who)  # type: ignore[arg-type]
        assert peer.told == []
        push_image(layout, name, tls_verify=str(certificate), **who)  # type: ignore[arg-type]
        assert list(peer.tags) == ["1"]
        peer.tags.clear()
        peer.blobs.clear()
        peer.location = lambda path: f"http://{peer.host}{path}"
        with pytest.raises(RegistryError, match="from https to http"):
            push_image(layout, name, tls_verify=str(certificate), **who)  # type: ignore[arg-type]
        assert peer.blobs == {}


@pytest.mark.parametrize(
    "place", ["http://r.example/token", "http://[::1", "http://r.example:x/", "ftp://r.example/"]
)
def test_what_is_not_safe_is_not_followed(place: str, direct: None) -> None:
    """By I31."""
    client = registry.Registry(
        Reference(host="r.example", repository="m", tag="1"),
        plain_http=False,
        tls_verify=True,
        username="ali",
        password=PASSWORD,
        docker_config=None,
    )
    with pytest.raises(RegistryError, match="which is not followed"):
        client._followed("https://r.example/", place)
    client.close()


@pytest.mark.parametrize(
    "place", ["http://[::1", "http://127.0.0.1:x/", "http://127.0.0.1:999999/", "file:///etc"]
)
def test_a_place_that_is_none_is_an_error(place: str, peer: RegistryPeer, tmp_path: Path) -> None:
    layout = layout_of(tmp_path)
    peer.location = lambda path: place
    with pytest.raises(RegistryError):
        push(layout, peer)
    peer.before = asks_for(f'Bearer realm="{place}"')
    with pytest.raises(RegistryError):
        push(layout, peer, username="ali", password=PASSWORD)
    assert not [each for each in peer.told if each.authorization]


def test_blobs_that_lie_where_nobody_may_ask_are_sent(peer: RegistryPeer, tmp_path: Path) -> None:
    layout = layout_of(tmp_path)
    with RegistryPeer.running() as other:
        other.before = lambda told: Answer(403)
        peer.before = lambda told: (
            Answer(307, {"Location": f"http://{other.host}{told.path}"})
            if told.method == "HEAD" and "/blobs/" in told.path
            else None
        )
        assert len(push(layout, peer).sent) == 3


@pytest.mark.parametrize(
    "config",
    ["", "[]", '{"auths": []}', '{"auths": {"HOST": 1}}', '{"credsStore": "x/../y"}', '{"credHelpers": 1}'],
)
def test_a_configuration_of_dockers_that_is_none_is_said(config: str, peer: RegistryPeer, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(config.replace("HOST", peer.host), encoding="ascii")
    peer.before = asks_for("Basic realm=x")
    with pytest.raises(RegistryError):
        push(layout_of(tmp_path), peer, docker_config=tmp_path / "own.json")


@pytest.mark.parametrize("how", ["bytes", "size", "missing"])
def test_a_layout_that_lies_is_not_tagged(how: str, peer: RegistryPeer, tmp_path: Path) -> None:
    layout = layout_of(tmp_path)
    digest = Layout.of(layout).manifest["layers"][0]["digest"]
    blob = layout / "blobs" / digest.replace(":", "/")
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    if how == "missing":
        blob.unlink()
    else:
        blob.write_bytes(data if how == "bytes" else data[:-1])
    code = {"bytes": "digest-mismatch", "size": "size-mismatch", "missing": "missing-blob"}[how]
    with pytest.raises(ImageError) as raised:
        push(layout, peer)
    assert raised.value.code == code
    assert peer.tags == {}
    assert digest not in peer.blobs


def test_what_is_no_layout_is_not_sent(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no OCI layout"):
        push_image(tmp_path, "r.example/m:1")
    with pytest.raises(ImageError, match="neither a layout's folder nor a tar"):
        push_image(packed(tmp_path), "r.example/m:1")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("models:1", "names no registry"),
        ("team/models:1", "names no registry"),
        ("https://r.example/m:1", "is a URL"),
        (f"r.example/m@sha256:{'0' * 64}", "names a digest"),
        ("r.example/Models:1", "lower-case"),
        ("r.example/a//b:1", "lower-case"),
        ("r.example/m:", "has a tag"),
        ("r.example/m:-x", "has a tag"),
        ("ali:secret@r.example/m:1", "names a digest"),
    ],
)
def test_a_name_that_no_registry_takes_is_said_before(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(NoReferenceError, match=said):
        Reference.parse(name)
    with pytest.raises(RegistryError, match=said):
        push_image(layout_of(tmp_path), name)


def test_names_that_registries_have() -> None:
    for name in ("localhost/m:1", "r.example:5000/a/b__c.d-e:V_1", "[::1]:5000/m:1", "docker.io/library/m:1"):
        assert str(Reference.parse(name)) == name


def test_without_oras_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = layout_of(tmp_path)
    monkeypatch.setitem(sys.modules, "oras.provider", None)
    with pytest.raises(MissingExtraError, match=r"marpack\[oci\]"):
        push_image(layout, "r.example/m:1")
    assert marpack.images.push_image is push_image
