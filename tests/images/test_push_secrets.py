"""Who is told which secrets: what a registry asks for, and what is sent to it and to where it leads."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from marpack.errors import RegistryError
from marpack.images import registry
from marpack.images.challenge import challenge_in
from tests.images.pushing import BASIC, PASSWORD, asks_for, layout_of, push
from tests.images.registry_peer import Answer, RegistryPeer


def test_a_password_is_sent_when_it_is_asked_for(peer: RegistryPeer, tmp_path: Path) -> None:
    peer.before = asks_for('Basic realm="x"')
    push(layout_of(tmp_path), peer, username="ali", password=PASSWORD)
    assert peer.told[0].authorization is None
    assert {each.authorization for each in peer.told[1:]} == {f"Basic {BASIC}"}


@pytest.mark.parametrize("realm", ["/token", "/token#part"])
def test_a_token_is_fetched_from_where_the_registry_says(realm: str, peer: RegistryPeer, tmp_path: Path) -> None:
    with RegistryPeer.running() as service:
        service.before = lambda told: Answer(200, body=b'{"token": "t0k3n"}')
        scope = "repository:team/models:pull,push"
        peer.before = asks_for(f'Bearer realm="http://{service.host}{realm}",service="tests",scope="{scope}"')
        push(layout_of(tmp_path), peer, username="ali", password=PASSWORD)
        [asked] = service.told
    assert asked.authorization == f"Basic {BASIC}"
    assert asked.path == "/token?service=tests&scope=repository%3Ateam%2Fmodels%3Apull%2Cpush"
    assert {each.authorization for each in peer.told[1:]} == {"Bearer t0k3n"}


# No header holds them.
UNSENT = [
    json.dumps({"token": each}).encode() for each in ("t\n", "t\r\nX: y", "\u20ac", "\xfc", "\ud800", "t t", "\0")
]


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
        for body in (
            b'{"token": "' + b"x" * (1 << 20) + b'"}',
            b"[" * 50_000,
            b"[1]",
            b'{"token": 1}',
            b"",
            *UNSENT,
        ):
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
        # A word is looked at from its beginning alone, or a long one takes the square of its length.
        ('a_b Bearer realm="https://a/t"', "bearer", {"realm": "https://a/t"}),
        ('_Bearer realm="https://a/t"', "", {}),
        ('9Bearer realm="https://a/t"', "", {}),
    ],
)
def test_what_a_registry_asks_for_is_read(header: str, scheme: str, told: dict[str, str]) -> None:
    """The first scheme that is known, with what belongs to it; of a long header nothing."""
    found = challenge_in(header)
    assert found[0] == scheme
    assert found[1] | told == found[1]
    assert found[1].get("realm") == told.get("realm")


@pytest.mark.parametrize(
    ("username", "password", "is_sent"),
    [
        ("ali", "\ud800", False),
        ("\udcff", "x", False),
        ("a:b", "c", False),
        ("a\n", "b", False),
        ("_json_key", '{\n"key": "a:b"\r\n}\n', True),
        ("\xfcli", "\u20ac", True),
    ],
)
def test_what_no_password_can_be_is_said_before(
    username: str, password: str, is_sent: bool, peer: RegistryPeer, tmp_path: Path
) -> None:
    peer.before = asks_for("Basic")
    layout = layout_of(tmp_path)
    if is_sent:
        push(layout, peer, username=username, password=password)
        basic = (peer.told[-1].authorization or "").removeprefix("Basic ")
        assert base64.b64decode(basic).decode() == f"{username}:{password}"
        return
    with pytest.raises(RegistryError, match="is not asked: username has a colon or") as raised:
        push(layout, peer, username=username, password=password)
    assert not peer.told
    assert "a:b" not in str(raised.value)


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


def test_what_a_registry_wants_to_be_sent_again_is_not(peer: RegistryPeer, tmp_path: Path) -> None:
    """By I31: a cookie goes to a host, and to whoever answers on another port of it."""
    peer.before = lambda told: Answer(404, {"Set-Cookie": "who=ali"}) if told.method == "HEAD" else None
    push(layout_of(tmp_path), peer)
    assert {each.cookie for each in peer.told} == {None}


def test_what_other_programs_keep_is_not_sent(peer: RegistryPeer, tmp_path: Path) -> None:
    """As ``~/.netrc``, which requests reads."""
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login ali password {PASSWORD}\n", encoding="ascii")
    netrc.chmod(0o600)
    push(layout_of(tmp_path), peer)
    assert {each.authorization for each in peer.told} == {None}
