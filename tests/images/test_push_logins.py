"""Which secrets docker's configuration has for a registry, and the programs that it names."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marpack.errors import RegistryError
from marpack.images import docker_credentials
from marpack.images.docker_credentials import DockerConfiguration, Login
from tests.images.pushing import BASIC, PASSWORD, asks_for, layout_of, push
from tests.images.registry_peer import Answer, RegistryPeer, Told


@pytest.mark.parametrize("where", ["argument", "folder", "home"])
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
        own = tmp_path / "own" / "config.json"
        own.parent.mkdir()
        own.write_text(json.dumps(config), encoding="ascii")
        # What is in the home does not count beside it.
        file.write_text(json.dumps({"auths": {peer.host: {"auth": "bm86bm8="}}}), encoding="ascii")
        push(layout, peer, docker_config=own if where == "argument" else own.parent)
    assert f"Basic {BASIC}" in {each.authorization for each in peer.told}
    assert json.loads(file.read_text("ascii"))["auths"][peer.host]  # as it was


def test_a_folder_without_a_configuration_is_one_without_logins(peer: RegistryPeer, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    layout = layout_of(tmp_path)
    push(layout, peer, docker_config=tmp_path / "none")
    for gone in (tmp_path / "gone", tmp_path / "none" / "config.json"):
        with pytest.raises(FileNotFoundError):
            push(layout, peer, docker_config=gone)


@pytest.mark.parametrize(
    "entry",
    [
        {"{host}": {"auth": BASIC}},
        {"http://{host}": {"auth": BASIC}},
        {"https://{host}/v1/": {"auth": BASIC}},
        {"https://{host}/": {"username": "ali", "password": PASSWORD}},
        {"{host}": {}, "https://{host}/v2/": {"auth": BASIC}},
        {"{host}/team": {"auth": "bm86bm8="}, "{host}": {"auth": f"{BASIC}\n"}},
        {"{host}": {"auth": base64.b64encode(f"ali:{PASSWORD}\0\0".encode()).decode()}},
    ],
)
def test_a_host_has_the_keys_that_docker_gave_it(
    entry: dict[str, Any], peer: RegistryPeer, tmp_path: Path
) -> None:
    peer.before = asks_for('Basic realm="x"')
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"auths": entry}).replace("{host}", peer.host), encoding="ascii")
    push(layout_of(tmp_path), peer, docker_config=own)
    assert {each.authorization for each in peer.told} == {None, f"Basic {BASIC}"}


@pytest.mark.parametrize("key", ["{host}/team", "https://{host}/team", "{host}.example", "x{host}"])
def test_a_key_of_another_is_none_of_the_hosts(key: str, peer: RegistryPeer, tmp_path: Path) -> None:
    peer.before = asks_for('Basic realm="x"')
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"auths": {key.replace("{host}", peer.host): {"auth": BASIC}}}), encoding="ascii")
    with pytest.raises(RegistryError, match="asks for a password"):
        push(layout_of(tmp_path), peer, docker_config=own)
    assert {each.authorization for each in peer.told} == {None}


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io", "registry-1.docker.io", "Docker.IO"])
def test_dockers_own_registry_is_one_under_three_names(host: str, tmp_path: Path) -> None:
    for key in ("https://index.docker.io/v1/", "docker.io", "index.docker.io", "https://registry-1.docker.io"):
        (tmp_path / "own.json").write_text(json.dumps({"auths": {key: {"auth": BASIC}}}), encoding="ascii")
        found = DockerConfiguration.read(str(tmp_path / "own.json"))
        assert found.of_host(host).login == Login.of("ali", PASSWORD)
        assert found.of_host("r.example").login is None
        assert PASSWORD not in repr(found)
        assert BASIC not in repr(found)


@pytest.mark.parametrize("name", ["Registry.Example:5000", "registry.example:5000"])
@pytest.mark.parametrize("key", ["REGISTRY.example:5000", "https://registry.Example:5000/v1/"])
def test_a_host_is_one_in_capitals_too(name: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(json.dumps({"auths": {key: {"auth": BASIC}}}), encoding="ascii")
    assert DockerConfiguration.read(str(tmp_path / "own.json")).of_host(name).login == Login.of("ali", PASSWORD)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return what makes a program that keeps passwords, by lines for a shell; it notes its calls in a file."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def make(lines: str) -> Path:
        file, calls = tmp_path / "docker-credential-mine", tmp_path / "calls"
        file.write_text(f'#!/bin/sh\necho "$* $(cat)" >> {calls}\n{lines}\n', encoding="ascii")
        file.chmod(0o755)
        return calls

    return make


# Longer than is waited for, and no longer than a test may leave something behind.
SLEEP = "sleep 5"
SAID = json.dumps({"Username": "ali", "Secret": PASSWORD})


@pytest.mark.parametrize(
    "config", [{"credHelpers": {"{host}": "mine"}, "credsStore": "absent"}, {"credsStore": "mine"}]
)
def test_a_password_is_asked_of_the_program_that_keeps_it(
    config: dict[str, Any], program: Callable[[str], Path], peer: RegistryPeer, tmp_path: Path
) -> None:
    """Once, however often the registry asks, and not at all where it does not."""
    calls = program(f"echo '{SAID}'")
    own = tmp_path / "own.json"
    own.write_text(json.dumps(config).replace("{host}", peer.host), encoding="ascii")
    layout = layout_of(tmp_path)
    push(layout, peer, "models:1", docker_config=own)
    assert not calls.exists()
    seen: set[tuple[str, str]] = set()

    def asks_each_time(told: Told) -> Answer | None:
        """Say no to whatever is asked for the first time, as one whose tokens are for a moment."""
        is_new = (told.method, told.path) not in seen
        seen.add((told.method, told.path))
        return Answer(401, {"WWW-Authenticate": "Basic"}) if is_new else None

    peer.before = asks_each_time
    push(layout, peer, "models:2", docker_config=own)
    assert peer.told[-1].authorization == f"Basic {BASIC}"
    assert len(seen) > 4
    assert calls.read_text("ascii") == f"get {peer.host}\n"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("exit 3", "docker-credential-mine failed with status 3"),
        ("echo no credentials; exit 1", "docker-credential-mine failed with status 1"),
        ("echo credentials not found in native keychain; exit 1", "give username and password"),
        ("echo '[]'", "docker-credential-mine gave no name and password that can be read"),
        ('echo \'{"Username": 1, "Secret": 2}\'', "gave no name and password"),
        ('echo \'{"Username": "a"}\'', "gave no name and password"),
        ("", "gave no name and password"),
        ("exec cat /dev/zero", "gave no name and password"),
        ('echo \'{"Username": "<token>", "Secret": "SECRET"}\'', "keeps a token for it, which is not used here"),
        ("exec sleep 60", "docker-credential-mine did not answer within 0.5 seconds"),
        ("sleep 60 & exit 0", "docker-credential-mine did not answer within 0.5 seconds"),
        ("exec > /dev/null; sleep 60", "docker-credential-mine did not answer within 0.5 seconds"),
    ],
)
def test_a_program_that_gives_no_password_is_said(
    lines: str,
    said: str,
    program: Callable[[str], Path],
    peer: RegistryPeer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """But neither what it prints, nor what it says of itself: either may be the secret."""
    if "0.5" in said:
        monkeypatch.setattr(docker_credentials, "_PROGRAM_SECONDS", 0.5)
    program(f"echo SECRET >&2; {lines.replace('sleep 60', SLEEP)}" if lines else "echo SECRET >&2")
    (tmp_path / "own.json").write_text(json.dumps({"credsStore": "mine"}), encoding="ascii")
    peer.before = asks_for("Basic")
    with pytest.raises(RegistryError, match=f"asks for a password: log in .*{re.escape(said)}") as raised:
        push(layout_of(tmp_path), peer, docker_config=tmp_path / "own.json")
    # Of a program that works and keeps none there is nothing to say.
    assert ("; " in raised.value.reason) == ("native" not in lines)
    assert "SECRET" not in f"{raised.value}{raised.value!r}{vars(raised.value)}{capfd.readouterr()}"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (f"echo '{SAID}'", None),
        ("echo credentials not found in native keychain; exit 1", "give username and password"),
    ],
)
def test_what_a_program_leaves_behind_is_not_waited_for(
    lines: str, said: str | None, program: Callable[[str], Path], peer: RegistryPeer, tmp_path: Path
) -> None:
    """What it has begun may hold its output open: what was printed is all that it says."""
    behind = tmp_path / "behind"
    program(f"({SLEEP}; touch {behind}) & {lines}")
    (tmp_path / "own.json").write_text(json.dumps({"credsStore": "mine"}), encoding="ascii")
    peer.before = asks_for("Basic")
    if said is None:
        push(layout_of(tmp_path), peer, docker_config=tmp_path / "own.json")
        assert peer.told[-1].authorization == f"Basic {BASIC}"
    else:
        with pytest.raises(RegistryError, match=said) as raised:
            push(layout_of(tmp_path), peer, docker_config=tmp_path / "own.json")
        assert "; " not in raised.value.reason
    assert not behind.exists()


def test_a_program_that_is_absent_is_said_and_what_lies_here_is_used(
    peer: RegistryPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, layout = tmp_path / "own.json", layout_of(tmp_path)
    config: dict[str, Any] = {"credHelpers": {peer.host: "absent"}}
    own.write_text(json.dumps(config), encoding="ascii")
    peer.before = asks_for("Basic")
    with pytest.raises(RegistryError, match=r"docker-credential-absent, which .* names, cannot be started"):
        push(layout, peer, docker_config=own)
    # A file that no machine runs is told as one that is not there.
    (tmp_path / "docker-credential-absent").write_bytes(b"\0")
    (tmp_path / "docker-credential-absent").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(RegistryError, match=r"docker-credential-absent, which .* names, cannot be started"):
        push(layout, peer, docker_config=own)
    own.write_text(json.dumps(config | {"auths": {peer.host: {"auth": BASIC}}}), encoding="ascii")
    push(layout, peer, docker_config=own)
    assert peer.told[-1].authorization == f"Basic {BASIC}"


@pytest.mark.parametrize("name", ["identitytoken", "registrytoken"])
def test_a_token_of_dockers_is_told_as_not_used(name: str, peer: RegistryPeer, tmp_path: Path) -> None:
    entry = {"auth": base64.b64encode(b"0000:").decode(), name: "t0k3n"}
    (tmp_path / "own.json").write_text(json.dumps({"auths": {peer.host: entry}}), encoding="ascii")
    peer.before = asks_for("Basic")
    with pytest.raises(RegistryError, match="docker keeps a token for it, which is not used here") as raised:
        push(layout_of(tmp_path), peer, docker_config=tmp_path / "own.json")
    assert "t0k3n" not in str(raised.value)
    assert {each.authorization for each in peer.told} == {None}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[]", "it is no table"),
        ('{"auths": []}', None),
        ('{"auths": [1]}', "auths is no table"),
        ('{"auths": {"HOST": 1}}', "auths has no table for 'HOST'"),
        ('{"auths": {"HOST": {"auth": 1}}}', "auths has values for 'HOST' that are no texts"),
        ('{"auths": {"HOST": {"auth": "SECRET"}}}', "auths has for 'HOST' no name and password"),
        ('{"auths": {"HOST": {"auth": "U0VDUkVU"}}}', "auths has for 'HOST' no name and password"),
        ('{"auths": {"HOST": {"username": "\\ud800"}}}', "auths has for 'HOST' no name and password"),
        ('{"credsStore": "x/../y"}', "'x/../y' is no name of a program"),
        ('{"credsStore": 1}', "1 is no name of a program"),
        ('{"credHelpers": 1}', "credHelpers is no table"),
        ('{"credHelpers": {"HOST": "-x y"}}', "'-x y' is no name of a program"),
        (f'{{"credsStore": "{"x" * 5_000}"}}', f"'{'x' * 56}... is no name of a program"),
        (f'{{"auths": {{"https://ali:SECRET{"x" * 5_000}@h": 1}}}}', "auths has no table for 'https://h'"),
        ("{}", None),
        ('{"auths": null, "credHelpers": null, "credsStore": ""}', None),
        ('{"auths": {"HOST": null}, "credHelpers": {"HOST": ""}}', None),
    ],
)
@pytest.mark.parametrize("where", ["argument", "folder", "home"])
def test_a_configuration_of_dockers_that_is_none_is_said(
    config: str, said: str | None, where: str, peer: RegistryPeer, tmp_path: Path
) -> None:
    """Before anybody is asked for anything, and nothing that is in it."""
    (tmp_path / ".docker").mkdir()
    file = tmp_path / ".docker" / "config.json" if where == "home" else tmp_path / "own.json"
    file.write_text(config.replace("HOST", peer.host), encoding="ascii")
    own: dict[str, Any] = {} if where == "home" else {"docker_config": file}
    layout = layout_of(tmp_path)
    if said is None:
        push(layout, peer, **own)
        return
    text = f"is not asked: {str(file)!r} is no configuration of docker's: {said.replace('HOST', peer.host)}"
    with pytest.raises(RegistryError, match=re.escape(text)) as raised:
        push(layout, peer, **own)
    assert not peer.told
    assert not re.search("SECRET|U0VD", str(raised.value))
