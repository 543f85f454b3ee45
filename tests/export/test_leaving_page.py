"""The first steps of docs/leaving-torchserve.md: the page's commands serve what is exported, and it answers."""

from __future__ import annotations

import contextlib
import doctest
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.export.exports import DIGITS, digits
from tests.support.documents import ROOT, blocks
from tests.support.torchserve import environment, free_ports, install_folder, package_home

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# With the other engines, each of which takes both cores.
pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("engines")]
# No verdict: Ray begins its processes one after another.
SECONDS = 300
MARK = "MARPACK_LEAVING_PAGE"


def test_its_commands_serve_what_is_exported(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """All but the installation, in whose place are the packages of the tests; and at a free port."""
    pytest.importorskip("ray.serve")
    exporting, serving, asking, *_ = [
        each for each in blocks("docs/leaving-torchserve.md") if each.language == "sh"
    ]
    *installing, serve = serving.text.splitlines()
    assert any(line.endswith("pip install -r requirements.txt") for line in installing)
    digits(tmp_path)
    (tmp_path / "tests" / "models" / "digits").mkdir(parents=True)
    shutil.copy(DIGITS / "sample.json", tmp_path / "tests" / "models" / "digits")
    run(exporting.text, tmp_path, {"PYTHONPATH": str(ROOT)})
    assert "torchserve==0.12.0" in (tmp_path / "digits-on-ray" / "requirements.txt").read_text()
    [port] = free_ports(1)
    config = tmp_path / "digits-on-ray" / "config.yaml"
    config.write_text(config.read_text().replace("port: 8080\n", f"port: {port}\n"))
    place = package_home(environment("0.12.0", install_folder(pytestconfig)))
    with served(serve, config.parent, {"PYTHONPATH": str(place)}) as log:
        asked = asking.text.replace(":8080/", f":{port}/").replace("curl ", "curl --silent --show-error --fail ")
        deadline = time.monotonic() + SECONDS
        while (answer := run(asked, tmp_path, {}, status=None)) is None:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
    assert asking.printed is not None
    assert doctest.OutputChecker().check_output(asking.printed, f"{answer}\n", doctest.ELLIPSIS), answer


def run(commands: str, folder: Path, variables: Mapping[str, str], status: int | None = 0) -> str | None:
    """Return what commands print; ``None`` where they fail, and ``status`` says that they may."""
    script = f'marpack() {{ "{sys.executable}" -m marpack "$@"; }}\n{commands}'
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert status is None or done.returncode == status, done.stderr
    return done.stdout if done.returncode == 0 else None


@contextlib.contextmanager
def served(command: str, folder: Path, variables: Mapping[str, str]) -> Iterator[Path]:
    """Serve until the block is left, by a cluster of its own with a token in a home of its own."""
    # Sockets lie in it, whose paths are short. What the killed leave behind may still appear while it goes.
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as home:
        told = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        told |= {
            **variables,
            "HOME": home,
            "RAY_TMPDIR": home,
            "TMPDIR": home,
            "RAY_USAGE_STATS_ENABLED": "0",
            MARK: home,
        }
        told["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), told["PATH"]])
        log = Path(home, "log")
        with log.open("w") as written:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=folder,
                env=told,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        try:
            yield log
        finally:
            # At once: an orderly end takes as long as all the rest. Who is not seen yet may just have been begun.
            deadline = time.monotonic() + SECONDS
            while found := begun(home):
                assert time.monotonic() < deadline, found
                for number in found:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(number, signal.SIGKILL)
                time.sleep(0.01)
            process.wait(SECONDS)


def begun(home: str) -> list[int]:
    """Return the processes that carry the mark of a home."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):  # it has ended
                if f"{MARK}={home}\0".encode() in (process / "environ").read_bytes():
                    found.append(int(process.name))
    return found
