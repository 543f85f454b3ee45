"""The programs of others that judge images: Debian's registry, skopeo and umoci, found or fetched and unpacked."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from tests.support.debian import libraries, unpacked
from tests.support.torchserve import free_ports, stop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PACKAGES = ("docker-registry", "skopeo", "umoci")
# What skopeo asks for, which a small machine has not.
LIBRARIES = ("libgpgme11", "libassuan0")
START_SECONDS = 300
_REQUEST = re.compile(r'"(HEAD|GET|POST|PUT|PATCH|DELETE) (/v2/\S*) HTTP/1\.1" ([0-9]{3})')


class Programs:
    """Where the programs are, and what they need of the environment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, name: str, *words: str, home: Path) -> str:
        """Run a program to its end, and return what it prints."""
        done = subprocess.run(
            [self.path(name), *words], env=self.variables(home), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def path(self, name: str) -> str:
        """Return where a program is."""
        return shutil.which(name) or str(self._folder / "usr" / "bin" / name)

    def variables(self, home: Path) -> Mapping[str, str]:
        """Return the environment in which it runs: a home of its own, and the libraries beside it."""
        # An image that nobody has signed is taken; skopeo looks for that in the home too.
        policy = home / ".config" / "containers" / "policy.json"
        policy.parent.mkdir(parents=True, exist_ok=True)
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}', encoding="ascii")
        return {
            "PATH": os.defpath,
            "HOME": str(home),
            "TMPDIR": str(home),
            "LD_LIBRARY_PATH": libraries(self._folder),
            "NO_PROXY": "127.0.0.1",
        }


def programs(cache: Path) -> Programs:
    """Return the programs, of this machine or of Debian's packages, which are unpacked in pytest's cache."""
    folder = cache / "debian"
    if all(map(shutil.which, PACKAGES)):
        return Programs(folder)
    return Programs(unpacked(folder, (*PACKAGES, *LIBRARIES)))


class DockerRegistry:
    """Debian's registry on the loopback: ``host`` is how it is named, its log says what it was asked."""

    def __init__(self, port: int, log: Path) -> None:
        self.host = f"127.0.0.1:{port}"
        self._log = log
        self._seen = 0

    @classmethod
    @contextlib.contextmanager
    def running(cls, found: Programs, folder: Path, *, htpasswd: str = "") -> Iterator[DockerRegistry]:
        """Run one until the block is left; with ``htpasswd`` it takes whom that names alone."""
        [port] = free_ports(1)
        config = [
            "version: 0.1",
            "log: {level: info}",
            "storage:",
            f"  filesystem: {{rootdirectory: {folder / 'storage'}}}",
            f"http: {{addr: '127.0.0.1:{port}'}}",
        ]
        if htpasswd:
            (folder / "htpasswd").write_text(htpasswd, encoding="ascii")
            config.append(f"auth: {{htpasswd: {{realm: tests, path: {folder / 'htpasswd'}}}}}")
        (folder / "config.yml").write_text("\n".join(config), encoding="ascii")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [found.path("docker-registry"), "serve", str(folder / "config.yml")],
                stdout=log,
                stderr=log,
                env=found.variables(folder),
                start_new_session=True,
            )
            try:
                registry = cls(port, folder / "log")
                deadline = time.monotonic() + START_SECONDS
                while b"listening on" not in registry._log.read_bytes():
                    assert process.poll() is None, registry._log.read_text("utf-8")
                    assert time.monotonic() < deadline, "the registry does not start"
                    time.sleep(0.02)
                yield registry
            finally:
                stop(process)

    def asked(self) -> list[tuple[str, str, int]]:
        """Return what it was asked since the last call, in order: method, path, and the status it answered."""
        lines = _REQUEST.findall(self._log.read_text("utf-8"))
        new, self._seen = lines[self._seen :], len(lines)
        return [(method, path, int(status)) for method, path, status in new]

    def sent(self) -> list[str]:
        """Return the digests of the blobs that were sent to it since the last call."""
        return [
            path.rpartition("digest=")[2].replace("%3A", ":")
            for method, path, status in self.asked()
            if method == "PUT" and "/blobs/uploads/" in path and status == 201
        ]
