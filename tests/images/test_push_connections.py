"""Where a push is led, by whom it is answered, and for how long."""

from __future__ import annotations

import contextlib
import gzip
import socketserver
import ssl
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import urllib3

from marpack.errors import RegistryError
from marpack.images import connection, push_image, registry
from marpack.images.origin import NoPlaceError, origin
from tests.images.pushing import PASSWORD, asks_for, layout_of, push
from tests.images.registry_peer import Answer, RegistryPeer, Told
from tests.support.object_store import served
from tests.support.torchserve import free_ports


def test_who_finds_nobody_is_told(direct: None, tmp_path: Path) -> None:
    [port] = free_ports(1)
    with pytest.raises(RegistryError, match="cannot be reached: Connection refused"):
        push_image(layout_of(tmp_path), f"127.0.0.1:{port}/models:1", plain_http=True)


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

    def noting(answer: connection.Answer) -> str:
        taken.append(answer.body)
        return errors_in(answer)

    monkeypatch.setattr(registry, "_errors_in", noting)
    peer.before = lambda told: Answer(500, body=b" " * (16 << 20)) if told.method == "POST" else None
    with pytest.raises(RegistryError, match="takes no upload: 500"):
        push(layout, peer)
    assert len(taken) == 1
    assert len(taken[0]) == 1 << 16
    # Nor is any asked for that could be longer than what is sent of it.
    assert {each.encodings for each in peer.told} == {"identity"}
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


def test_who_it_is_is_proven_first(
    certificate: Path, direct: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By I31, and by a certificate, which a file may vouch for; no password is sent before that."""
    monkeypatch.setenv("HOME", str(tmp_path))
    layout = layout_of(tmp_path)
    with RegistryPeer.running(certificate) as peer:
        peer.before = asks_for("Basic realm=x")
        name, who = f"{peer.host}/m:1", {"username": "ali", "password": PASSWORD}
        with pytest.raises(RegistryError, match=r"cannot be trusted: self.signed certificate: .*--ca-file"):
            push_image(layout, name, **who)  # type: ignore[arg-type]
        assert peer.told == []
        push_image(layout, name, tls_verify=str(certificate), **who)  # type: ignore[arg-type]
        assert list(peer.tags) == ["1"]
        # Or nobody asks for it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
            push_image(layout, f"{peer.host}/m:2", tls_verify=False, **who)  # type: ignore[arg-type]
        assert list(peer.tags) == ["1", "2"]


@pytest.mark.parametrize("where", ["location", "redirect", "token"])
def test_what_is_not_encrypted_is_not_followed(
    where: str, certificate: Path, direct: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By I31: from https there is no way to http, wherever it is that the registry says so."""
    monkeypatch.setenv("HOME", str(tmp_path))
    layout = layout_of(tmp_path)
    with RegistryPeer.running(certificate) as peer, RegistryPeer.running() as plain:
        if where == "location":
            peer.location = lambda path: f"http://{plain.host}{path}"
        elif where == "redirect":
            peer.before = lambda told: Answer(307, {"Location": f"http://{plain.host}{told.path}"})
        else:
            peer.before = asks_for(f'Bearer realm="http://{plain.host}/token",service="tests"')
        with pytest.raises(RegistryError, match="leads from https to http, which is not followed"):
            push_image(layout, f"{peer.host}/m:1", tls_verify=str(certificate), username="ali", password=PASSWORD)
        assert peer.told
        assert not plain.told
        assert not peer.tags


@pytest.mark.parametrize("query", ["?state=x", ""])
def test_a_place_with_a_fragment_is_one_without(query: str, peer: RegistryPeer, tmp_path: Path) -> None:
    """The digest is not behind the fragment, which nobody is sent."""
    peer.location = lambda path: f"{path.partition('?')[0]}{query}#part"
    result = push(layout_of(tmp_path), peer)
    places = [each.path for each in peer.told if each.method == "PUT" and "/uploads/" in each.path]
    sent = [f"{query}&" if query else "?" for _ in result.sent]
    assert [place.partition("digest=")[0] for place in places] == [
        f"/v2/team/models/blobs/uploads/1{each}" for each in sent
    ]


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


# What one parser takes for the host, another takes for a name and a password, or the other way round.
OF_TWO_HOSTS = ["\\@", "\\\\@", "@", "\t@", " @", "%5c@", ":80@", "%40"]


@pytest.mark.parametrize("between", OF_TWO_HOSTS)
@pytest.mark.parametrize("how", ["redirect", "location", "realm", "token"])
def test_a_place_of_two_hosts_is_none(how: str, between: str, peer: RegistryPeer, tmp_path: Path) -> None:
    """By I31: whoever is meant, neither a stranger nor the registry is sent a thing."""
    layout, was_led = layout_of(tmp_path), False
    with RegistryPeer.running() as other, RegistryPeer.running() as between_them:

        def leads(told: Told) -> Answer:
            nonlocal was_led
            was_led = True
            means = peer if how in ("redirect", "location") else between_them
            return Answer(307, {"Location": f"http://{other.host}{between}{means.host}/v2/m/blobs/uploads/"})

        def answer(told: Told) -> Answer | None:
            if how == "token":
                return Answer(401, {"WWW-Authenticate": f'Bearer realm="http://{between_them.host}/t"'})
            if how == "realm":
                return Answer(401, {"WWW-Authenticate": f'Bearer realm="{leads(told).headers["Location"]}"'})
            if not told.authorization:
                return Answer(401, {"WWW-Authenticate": "Basic realm=x"})
            if told.method == "POST" and how == "location":
                return Answer(202, leads(told).headers)
            if told.method == "POST":
                return Answer(307, {"Location": f"http://{between_them.host}/up"})
            return None

        peer.before, between_them.before = answer, leads
        with pytest.raises(RegistryError, match="leads to what is no server"):
            push(layout, peer, username="ali", password=PASSWORD)
        assert was_led
        assert not other.told
        assert peer.told[-1].method in ("POST", "HEAD")


@pytest.mark.parametrize(
    "url",
    ["http://a\\b/", "http://a\\@b/", "http://[fe80::1%25eth0]/", "http://a@b/", "ftp://a/", "//a/", "http://"],
)
def test_an_origin_is_what_all_take_for_it(url: str) -> None:
    with pytest.raises(NoPlaceError):
        origin(url)
    assert origin("HTTP://A.example/x@y?a@b") == ("http", "a.example", 80)
    assert origin("https://[::1]:5000/") == ("https", "::1", 5000)


@pytest.mark.parametrize(
    "place", ["http://[", "http://h:99999/", "http://h:x/", "\xff\xfe", "http://\xe9/", "http://a\\b/", "a b"]
)
def test_a_redirect_to_what_is_no_place_is_an_error(place: str, peer: RegistryPeer, tmp_path: Path) -> None:
    peer.before = lambda told: Answer(302, {"Location": place}) if told.method == "POST" else None
    with pytest.raises(RegistryError, match="leads to what is no server"):
        push(layout_of(tmp_path), peer)


def test_the_body_of_a_redirect_is_not_read_on(
    peer: RegistryPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor decoded: of 50 kB there would be 48 MiB."""
    body = gzip.compress(bytes(48 << 20), 9)
    taken: list[int] = []
    read = urllib3.HTTPResponse.read

    def noting(*args: Any, **options: Any) -> bytes:
        found = read(*args, **options)
        taken.append(len(found))
        return found

    monkeypatch.setattr(urllib3.HTTPResponse, "read", noting)
    monkeypatch.setattr(urllib3.HTTPResponse, "stream", None)
    for answer in (
        Answer(302, {"Location": "/elsewhere", "Content-Encoding": "gzip"}, body),
        Answer(302, {"Location": "/elsewhere"}, b"x" * (connection._LONGEST_ANSWER + 1)),
    ):
        peer.before = lambda told, answer=answer: answer if told.method == "POST" else None  # type: ignore[misc]
        with pytest.raises(RegistryError, match="redirects without end"):
            push(tmp_path / "image" if taken else layout_of(tmp_path), peer)
    assert 40_000 < max(taken) <= connection._LONGEST_ANSWER


def test_who_it_leads_to_is_shown_without_secrets(
    peer: RegistryPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no longer than one can read."""
    monkeypatch.setenv("NO_PROXY", "*")
    layout = layout_of(tmp_path)
    for host in (f"{PASSWORD}.x.invalid", f"{PASSWORD.upper()}.x.invalid", "a." * 30_000 + "invalid"):

        def answer(told: Told, host: str = host) -> Answer | None:
            if not told.authorization:
                return Answer(401, {"WWW-Authenticate": "Basic realm=x"})
            return Answer(307, {"Location": f"http://{host}/"}) if told.method == "POST" else None

        peer.before = answer
        with pytest.raises(RegistryError, match=r"leads to .*, which cannot be reached") as raised:
            push(layout, peer, username="ali", password=PASSWORD)
        assert PASSWORD not in str(raised.value).lower()
        assert len(str(raised.value)) < 600


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


def test_what_is_wrong_on_the_way_is_said(
    certificate: Path, peer: RegistryPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = layout_of(tmp_path)
    with pytest.raises(RegistryError, match=r"does not speak TLS as it should .*--plain-http"):
        push_image(layout, f"{peer.host}/m:1")
    # A name that no resolver knows, by RFC 6761.
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(RegistryError, match="no address is known by its name"):
        push_image(layout, "nobody.invalid/m:1")
    [port] = free_ports(1)
    peer.before = lambda told: Answer(307, {"Location": f"http://127.0.0.1:{port}{told.path}?x=secret"})
    with pytest.raises(RegistryError, match=f"leads to 127.0.0.1:{port}, which cannot be reached") as raised:
        push(layout, peer)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_a_file_without_certificates_is_said_before(text: str | None, peer: RegistryPeer, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text, encoding="ascii")
    with pytest.raises(OSError, match=r"ca\.pem") as raised:
        push(layout_of(tmp_path), peer, tls_verify=str(file))
    assert isinstance(raised.value, FileNotFoundError if text is None else RegistryError)
    assert not peer.told


class Dripping(socketserver.BaseRequestHandler):
    """Has nothing, and answers to the first upload: a little at a time, for far longer than anybody waits."""

    def handle(self) -> None:
        server: Any = self.server
        with contextlib.suppress(OSError):
            if self.request.recv(1 << 16).startswith(b"HEAD"):
                self.request.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            self.request.sendall(server.begin)
            for _ in range(400):
                time.sleep(0.05)
                self.request.sendall(b"x")


@pytest.mark.parametrize("is_encrypted", [False, True])
@pytest.mark.parametrize(
    "begin", [b"HTTP/1.1 202 OK\r\nLocation: /", b"HTTP/1.1 500 No\r\nContent-Length: 60000\r\n\r\n"]
)
def test_an_answer_that_never_ends_is_not_waited_for(
    begin: bytes,
    is_encrypted: bool,
    certificate: Path,
    direct: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However alive it is: its head as well as its body."""
    monkeypatch.setattr(connection, "_ANSWER_SECONDS", 0.5)
    monkeypatch.setenv("HOME", str(tmp_path))
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dripping)
    server.daemon_threads = True
    server.begin = begin  # type: ignore[attr-defined]
    if is_encrypted:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with served(server), pytest.raises(RegistryError, match=r"does not end its answer within 0\.5 seconds"):
        push_image(
            layout_of(tmp_path),
            f"127.0.0.1:{server.server_address[1]}/m:1",
            plain_http=not is_encrypted,
            tls_verify=str(certificate),
        )
