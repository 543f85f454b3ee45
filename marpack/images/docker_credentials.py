"""What docker knows of a registry: its configuration, and the programs that keep passwords for it.

The names are docker's own: ``auths``, ``credHelpers`` and ``credsStore`` of ``config.json``, and a program
``docker-credential-NAME``, which is told a registry and prints JSON (github.com/docker/docker-credential-helpers).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import field
from typing import IO, Any

from marpack.display import brief_repr, hidden_endpoint
from marpack.frozen import frozen

# Docker's registry is named, reached, and known to docker, under other names.
DOCKER_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_DOCKER_KEY = "https://index.docker.io/v1/"
# What a key of ``auths`` is for: the host alone, or its API, as old versions have it; host/name is podman's.
_KEY = re.compile(r"(?:https?://)?([^/]+)(?:/|/v[12]/?)?")
_PROGRAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# A program may ask somebody for the password of its store.
_PROGRAM_SECONDS = 120
_LOOK_SECONDS = 0.1
_LONGEST_SAYING = 1 << 16
_IS_NOT_KEPT = b"credentials not found in native keychain"
_TOKEN_USER = "<token>"
_NO_TOKENS = "docker keeps a token for it, which is not used here: log in with a password"


class NoConfigurationError(ValueError):
    """A file is no configuration of docker's; the text says why, without what is in it."""


@frozen
class Login:
    """A name and a password as Basic has them; ``secrets`` are the texts of it that nobody may be shown."""

    basic: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, username: str, password: str) -> Login:
        """Return what stands for a name and a password; raise ``ValueError`` for what Basic cannot say (RFC 7617).

        A password may have lines, though the RFC has none: some are the JSON of a key.
        """
        if ":" in username or not username.isprintable():
            raise ValueError("a colon or a control character in a name")
        return cls._of(username.encode(), password.encode())

    @classmethod
    def of_basic(cls, text: str) -> Login | None:
        """Return what ``auth`` of a configuration says; None where it says nothing. Raises ``ValueError``."""
        name, colon, password = base64.b64decode(text.strip(), validate=True).partition(b":")
        if name and not colon:
            raise ValueError("without a colon")
        # As docker does, which once wrote them.
        return cls._of(name, password.strip(b"\0")) if name else None

    @classmethod
    def _of(cls, username: bytes, password: bytes) -> Login:
        basic = base64.b64encode(username + b":" + password).decode()
        return cls(basic=basic, secrets=(basic, *filter(None, [password.decode("utf-8", "replace")])))


@frozen
class Kept:
    """What is known of a registry: a login or none, and the ``problem`` that one was looked for and not had."""

    login: Login | None = None
    problem: str = ""


@frozen
class DockerConfiguration:
    """What docker's configuration says of who keeps which password; ``logins`` are those in itself."""

    logins: Mapping[str, Kept] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)
    store: str = ""

    @classmethod
    def read(cls, path: str | None) -> DockerConfiguration:
        """Read a file, or that of a folder, if there is one; None is the user's own folder.

        Raises ``NoConfigurationError``, and ``OSError`` for a file that is absent or cannot be read.
        """
        folder = os.path.join(os.path.expanduser("~"), ".docker") if path is None else path
        is_folder = path is None or os.path.isdir(folder)
        place = os.path.join(folder, "config.json") if is_folder else folder
        try:
            with open(place, "rb") as file:
                document = json.load(file)
        except (FileNotFoundError, NotADirectoryError):
            if is_folder:
                return cls()
            raise
        except (ValueError, RecursionError):
            raise NoConfigurationError(f"{place!r} is no configuration of docker's: it is no JSON") from None
        try:
            return cls._of(document)
        except NoConfigurationError as error:
            raise NoConfigurationError(f"{place!r} is no configuration of docker's: {error}") from None

    @classmethod
    def _of(cls, document: Any) -> DockerConfiguration:
        if not isinstance(document, dict):
            raise NoConfigurationError("it is no table")
        programs = _table(document, "credHelpers")
        store = document.get("credsStore") or ""
        for name in (store, *programs.values()):
            if not isinstance(name, str) or (name and not _PROGRAM.fullmatch(name)):
                raise NoConfigurationError(f"{brief_repr(name)} is no name of a program that keeps passwords")
        logins = {key: _kept(key, entry) for key, entry in _table(document, "auths").items()}
        return cls(logins=logins, programs=programs, store=store)

    def of_host(self, host: str) -> Kept:
        """Return what is known of a registry, as docker looks it up: by a program that is named, or else here."""
        is_dockers = host.lower() in DOCKER_HOSTS
        hosts = DOCKER_HOSTS if is_dockers else {host.lower()}
        # By its full key first: of several that mean one host.
        keys = [key for key in (_DOCKER_KEY, host) if key != _DOCKER_KEY or is_dockers]
        keys += [
            key
            for key in (*self.programs, *self.logins)
            if (found := _KEY.fullmatch(key)) and found[1].lower() in hosts
        ]
        program = next((self.programs[key] for key in keys if key in self.programs), self.store)
        told = _asked(program, keys[0]) if program else Kept()
        here = [self.logins[key] for key in keys if key in self.logins]
        problems = filter(None, (told.problem, *(each.problem for each in here)))
        login = told.login or next((each.login for each in here if each.login), None)
        return Kept(login=login, problem=next(problems, ""))


def _table(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key) or {}
    if not isinstance(found, dict):
        raise NoConfigurationError(f"{key} is no table")
    return found


def _kept(key: str, entry: object) -> Kept:
    shown = brief_repr(hidden_endpoint(key))
    if not isinstance(entry, dict | None):
        raise NoConfigurationError(f"auths has no table for {shown}")
    said = {name: (entry or {}).get(name) or "" for name in _ENTRY}
    if not all(isinstance(each, str) for each in said.values()):
        raise NoConfigurationError(f"auths has values for {shown} that are no texts")
    if said["identitytoken"] or said["registrytoken"]:
        return Kept(problem=_NO_TOKENS)
    try:
        if said["auth"]:
            return Kept(login=Login.of_basic(said["auth"]))
        return Kept(login=Login.of(said["username"], said["password"]) if said["username"] else None)
    except (ValueError, binascii.Error):
        raise NoConfigurationError(f"auths has for {shown} no name and password that can be read") from None


_ENTRY = ("auth", "username", "password", "identitytoken", "registrytoken")


def _asked(name: str, key: str) -> Kept:
    """Ask the program that keeps passwords; what it prints is shown to nobody, whatever it is."""
    program = f"docker-credential-{name}"
    try:
        status, said = _run(program, key.encode())
    except OSError:  # absent, not allowed, or nothing that this machine runs
        return Kept(problem=f"{program}, which docker's configuration names, cannot be started")
    if status is None:
        return Kept(problem=f"{program} did not answer within {_PROGRAM_SECONDS} seconds")
    if status and said.strip() == _IS_NOT_KEPT:
        return Kept()
    if status:
        return Kept(problem=f"{program} failed with status {status}")
    try:
        told: Any = json.loads(said) if len(said) <= _LONGEST_SAYING else None
        username, secret = (told[word] for word in ("Username", "Secret"))
        if username == _TOKEN_USER:
            return Kept(problem=_NO_TOKENS)
        return Kept(login=Login.of(username, secret) if username else None)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return Kept(problem=f"{program} gave no name and password that can be read")


def _run(program: str, told: bytes) -> tuple[int | None, bytes]:
    """Return how a program ended, None where it did not, and what it printed, which has an end."""
    process = subprocess.Popen(
        [program, "get"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with contextlib.ExitStack() as stack:
        stack.callback(process.wait)
        stack.callback(process.kill)
        assert process.stdin is not None
        assert process.stdout is not None
        printed = _Printed(process.stdout)
        with contextlib.suppress(OSError), process.stdin:  # it may have ended, and need no telling
            process.stdin.write(told)
        end = time.monotonic() + _PROGRAM_SECONDS
        while not printed.has_ended(_LOOK_SECONDS):
            if time.monotonic() > end:
                return None, b""
            # Of what it began something may hold its output open for ever: nobody waits for that.
            if process.poll() is not None and _is_whole(printed.said):
                break
        said = printed.said
        if len(said) > _LONGEST_SAYING:  # who has not ended then, ends with the pipe, or is ended
            return 0, said
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(max(0.0, end - time.monotonic())), said
        return None, b""


def _is_whole(said: bytes) -> bool:
    if said.strip() == _IS_NOT_KEPT:
        return True
    try:
        return isinstance(json.loads(said), dict)
    except (ValueError, RecursionError):
        return False


class _Printed:
    """What a program prints, as far as it has come: up to its end, or to more than anybody has to say."""

    def __init__(self, output: IO[bytes]) -> None:
        self.said = b""
        self._output = output
        # None that Python waits for when it ends.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def has_ended(self, seconds: float) -> bool:
        """Tell whether nothing more comes, waiting for it for a moment."""
        self._reader.join(seconds)
        return not self._reader.is_alive()

    def _read(self) -> None:
        with self._output:
            while len(self.said) <= _LONGEST_SAYING and (data := os.read(self._output.fileno(), _LONGEST_SAYING)):
                self.said += data
