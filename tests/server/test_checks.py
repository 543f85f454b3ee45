"""A running TorchServe refuses what the rules of ``marpack.check`` find, and takes what is put right.

``run`` is given each archive, too, and serves it as the server does, or refuses it in the same words
(J62, J65, J68, J69).

The cases of the tests that were chosen are tried before the first of them, three at a time. Most of the time would
be what workers take to import torch, so they are copies of one that has done so (``warm_workers``); with
``MARPACK_ORDINARY_WORKERS`` in the environment they are started as the server does by itself, which takes five
times as long.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import pkgutil
import re
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import tests.checks.cases
from marpack.archive.forms import WORKFLOW_SUFFIX
from marpack.checks.python.torch_handlers import HANDLER_MODULES
from marpack.errors import NotServedError
from tests.checks.cases.case import HANDLER, Archive, Case
from tests.support.ran import Ran, ran
from tests.support.torchserve import (
    LOOPBACK,
    StartError,
    TorchServe,
    addresses,
    environment,
    install_folder,
    setting,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

VERSION = "0.12.0"
TRIED_AT_ONCE = 3

# What run does not do as the server, and why.
_UNSAFE = "marpack does not unpack what other readers see otherwise, or what leads out of the folder"
OTHERWISE: dict[tuple[str, str], str] = {
    **{
        ("container-structure", title): _UNSAFE
        for title in (
            *("stored into a pipe", "encrypted", "a byte between members", "one name twice"),
            *("a name that is absolute", "a way out", "a file and a folder", "a backslash"),
        )
    },
    (
        "container-structure",
        "cut off",
    ): "the server finds out where it is cut off, marpack that it has no directory",
    ("container-dots", "two dots"): "it is the name in a request that the server refuses, and run gets a path",
    ("manifest-slash", "in the name"): "it is the URL that does not reach the model",
    ("weights-module-missing", "a module that the package does not have"): _UNSAFE,
    (
        "module-shadowed",
        "a file called types.py",
    ): "marpack's script imports before the server's, and misses another name of it",
    ("manifest-runtime-lsp", "the C++ back end"): "the server looks for its C++ back end, which run does not know",
}

# What another machine may load, which this one does not.
NOT_ITS_FAULT = {
    ("handler-file", "not packed, and of a package"),
    ("handler-packages", "a built-in handler without its packages"),
    ("import-missing", "a module of nobody"),
    ("import-missing", "a module that lies in a folder"),
    ("import-missing", "a module that no listed distribution brings"),
    (
        "import-missing",
        "a file of the author's own, beside a listed distribution of which nobody knows what it needs",
    ),
    ("import-missing", "a module of a newer Python"),
    ("import-name", "a name of a newer Python"),
    ("requirements-switch", "not switched on"),
    ("weights-module-missing", "a module that is not packed"),
    ("weights-torch", "a class that torch has no more"),
}

# What workflows are made of.
NODE = Archive(files={"handler.py": HANDLER})

# What a worker may take to load, and what its last words may take to reach the log.
LOAD_SECONDS = 300
LOG_SECONDS = 60
# After which they are lost: a server that has seen its worker end reads no more of what that had printed.
LOST_SECONDS = 5
# And those of a workflow that never answers, which is asked once they should be there.
WORKFLOW_SECONDS = 5

REGISTERED = re.compile(r'Model \\"(.+?)\\" Version: (.*?) registered')
PRINTED = re.compile(r"stdout MODEL_LOG - (.*)")
TRACEBACK = "Traceback (most recent call last):"
# A line of a worker's: the thread that writes it has the model's name.
WORKERS_LINE = re.compile(r"\d{4}-\S+ \[\w+ *\] W-\d+-(?P<model>.+?)(?:-stdout|-stderr)? \S+ - ", re.DOTALL)
WORKFLOW = re.compile(r"Workflow (.+?) has been registered")
# Where a model lies, which is not the same place twice.
PLACE = re.compile(r"/[^'\"\s()]*/(models/[0-9a-f]{32}|marpack-run-[^/]*/(model|linked/[^/]*))/")
FOLDER = re.compile(r"named '(model|[0-9a-f]{32})'")
LINE = re.compile(r"^(?=\d{4}-\d\d-\d\dT)", re.MULTILINE)


def modules(package: Any) -> Iterator[Any]:
    for found in pkgutil.iter_modules(package.__path__):
        yield importlib.import_module(f"{package.__name__}.{found.name}")


CASES: list[Case] = [case for module in modules(tests.checks.cases) for case in getattr(module, "CASES", [])]


def numbered() -> Iterator[tuple[int, str]]:
    count: Counter[str] = Counter()
    for case in CASES:
        yield id(case), f"{case.code}-{count[case.code]}"
        count[case.code] += 1


NAMES = dict(numbered())


def name_of(case: Case) -> str:
    """Return a name for the model that tells the case, and is one for every reader."""
    return NAMES[id(case)]


class Answer(NamedTuple):
    status: int
    text: str


@dataclass
class Outcome:
    """What became of an archive: how far it came, and all that was said about it."""

    registered: bool = False
    ready: bool = False
    ended: bool = False
    # The answer that says why it came no further.
    refused: Answer | None = None
    predicted: Answer | None = None
    said: list[str] = field(default_factory=list)
    ran: Ran | None = None

    def __str__(self) -> str:
        return "\n".join([f"registered: {self.registered}, ready: {self.ready}", *self.said])


class Server:
    """A running server that several threads ask; what it logs is told apart by model."""

    def __init__(self, running: TorchServe, config: Path) -> None:
        self.store = running.store
        self._running = running
        self._management = setting(config, "management_address", "")
        self._inference = setting(config, "inference_address", "")
        self._registering = threading.Lock()

    def judge(
        self, archive: Archive, name: str, request: object, *, says: str = "", answers: bool = True
    ) -> Outcome:
        """Register an archive, start a worker, ask it, and remove everything again.

        What it logs is waited for until it ``says`` so, and the answer of a workflow until it is one, if it
        ``answers``.
        """
        put(archive, self.store, name)
        file = archive.file_name(name)
        if file.endswith(".war"):
            return self._judge_workflow(file, name, request, LOAD_SECONDS if answers else WORKFLOW_SECONDS)
        deadline = time.monotonic() + LOG_SECONDS
        while True:  # until a worker's words are there that say why it has ended
            outcome, is_whole = self._judge_model(file, name, request, says)
            has_failed = outcome.registered and not outcome.ready
            if is_whole or not has_failed or time.monotonic() > deadline:
                return outcome

    def _judge_model(self, file: str, name: str, request: object, says: str) -> tuple[Outcome, bool]:
        """Return what became of it, and whether the log that tells of it is whole."""
        outcome = Outcome()
        # What the front end logs here does not always name the model: one at a time, then it is this one's. It
        # starts no worker yet, and so takes a moment.
        with self._registering:
            start = self._running.log_size()
            query = urllib.parse.urlencode({"url": file, "initial_workers": 0, "synchronous": "true"})
            answer = self._ask("POST", self._management, f"/models?{query}")
            outcome.said += [answer.text, self._logged(start, None)]
        outcome.registered = answer.status == 200
        outcome.refused = None if outcome.registered else answer
        # Most archives state the name that was chosen for them; some their own.
        model, version = found.groups() if (found := REGISTERED.search(answer.text)) else (name, "")
        path = f"/models/{quoted(model)}"
        if outcome.registered:
            # By its version, which the answer names then; of a version with a slash no URL tells.
            scaled = path if "/" in f"{model}{version}" else f"{path}/{quoted(version)}"
            answer = self._ask("PUT", self._management, f"{scaled}?min_worker=1&synchronous=true")
            outcome.said.append(answer.text)
            outcome.ready = answer.status == 200 and self._is_ready(path)
            outcome.refused = None if outcome.ready else answer
            if outcome.ready:
                outcome.predicted = self._ask("POST", self._inference, f"/predictions/{quoted(model)}", request)
                outcome.said.append(outcome.predicted.text)
        is_whole = self._add_log(outcome, start, model, says)
        if outcome.registered:
            self._ask("DELETE", self._management, path)
        return outcome, is_whole

    def _add_log(self, outcome: Outcome, start: int, model: str, says: str) -> bool:
        """Add what is logged, maybe after the answer; tell whether it ``says`` so, and no traceback is cut off."""
        before = outcome.said
        has_failed = outcome.registered and not outcome.ready
        deadline = time.monotonic() + (LOST_SECONDS if has_failed else LOG_SECONDS)
        while True:
            logged = self._logged(start, model)
            outcome.said = [*before, logged]
            is_whole = ends(PRINTED.findall(logged)) and re.search(says, "\n".join(outcome.said)) is not None
            if not says or is_whole or time.monotonic() > deadline:
                return is_whole
            time.sleep(0.1)

    def _judge_workflow(self, file: str, name: str, request: object, seconds: float) -> Outcome:
        """Register a workflow, which starts its workers at once, ask it, and remove it."""
        answer = self._ask("POST", self._management, f"/workflows?{urllib.parse.urlencode({'url': file})}")
        name = found[1] if (found := WORKFLOW.search(answer.text)) else name
        outcome = Outcome(registered=answer.status == 200, ready=answer.status == 200, said=[answer.text])
        if outcome.registered:
            # That it is registered may be answered before its workers are ready, and no request tells of those.
            deadline = time.monotonic() + seconds
            while True:
                outcome.predicted = self._ask("POST", self._inference, f"/wfpredict/{quoted(name)}", request)
                if outcome.predicted.status != 500 or time.monotonic() > deadline:
                    break
                time.sleep(0.2)
            outcome.said.append(outcome.predicted.text)
            self._ask("DELETE", self._management, f"/workflows/{quoted(name)}")
        return outcome

    def _is_ready(self, path: str) -> bool:
        """Tell whether a worker has come up; the answer to scaling may be faster than its state."""
        deadline = time.monotonic() + LOG_SECONDS
        while '"status": "READY"' not in self._ask("GET", self._management, f"{path}/all").text:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _ask(self, method: str, address: str, path: str, body: object = None) -> Answer:
        request = urllib.request.Request(address + path, method=method)
        if method == "POST" and address == self._inference:
            request.data = json.dumps({} if body is None else body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with LOOPBACK.open(request, timeout=LOAD_SECONDS) as response:
                return Answer(response.status, response.read().decode("utf-8", "replace"))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode("utf-8", "replace"))
        except OSError as error:
            return Answer(0, f"no answer in {LOAD_SECONDS} s: {error}")

    def _logged(self, start: int, model: str | None) -> str:
        """Return what was logged since then: by workers of the model, or by none."""
        lines = LINE.split(self._running.log(start))
        kept = []
        for line in lines:
            found = WORKERS_LINE.match(line)
            if found is None if model is None else found and found["model"].startswith(f"{model}_"):
                kept.append(line)
        return "".join(kept)


def ends(printed: list[str]) -> bool:
    """Tell whether a line that says what was raised follows the last traceback of these lines, if there is one."""
    if TRACEBACK not in printed:
        return True
    last = len(printed) - printed[::-1].index(TRACEBACK)
    return any(line[:1].strip() for line in printed[last:])


def quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")


def put(archive: Archive, store: Path, name: str) -> None:
    path = store / archive.file_name(name)
    if archive.form != "folder":
        path.write_bytes(archive.data(name))
        return
    for member, data in archive.members(name).items():
        (path / member).parent.mkdir(parents=True, exist_ok=True)
        (path / member).write_bytes(data)


class Trials:
    """Everything that is to be known before the tests."""

    def __init__(self, cache: Path, folder: Path, warm: Path | None) -> None:
        self._cache = cache
        self._stack = contextlib.ExitStack()
        self._folder = folder
        self._warm = warm
        self._python = warm or environment(VERSION, cache)

    def run(self, cases: list[Case]) -> dict[str, tuple[Outcome, Outcome]]:
        judged = [case for case in cases if case.fails != "unjudged"]
        with self._stack, ThreadPoolExecutor(TRIED_AT_ONCE) as pool:
            settings = {frozenset(case.config.items()) for case in judged}
            servers = dict(zip(settings, pool.map(self._server, settings), strict=True))
            tried: dict[str, list[Future[Outcome]]] = {}
            # Many cases are put right alike: such an archive is tried once for all of them.
            repaired: dict[str, Future[Outcome]] = {}
            for case in judged:
                name, server = name_of(case), servers[frozenset(case.config.items())]
                says = case.says.replace("{name}", f"{name}-broken")
                broken = (
                    pool.submit(self._start, case, f"{name}-broken")
                    if case.fails == "ends"
                    else pool.submit(self._try, server, case, case.broken, f"{name}-broken", says)
                )
                alike = repr((case.repaired, case.request, case.config))
                if alike not in repaired:
                    repaired[alike] = pool.submit(self._try, server, case, case.repaired, f"{name}-repaired")
                tried[name] = [broken, repaired[alike]]
            return {name: (one.result(), other.result()) for name, (one, other) in tried.items()}

    def _server(self, settings: frozenset[tuple[str, str]]) -> Server:
        config = self._config(dict(settings))
        running = self._stack.enter_context(TorchServe.from_file(config, VERSION, self._cache, warm=self._warm))
        return Server(running, config)

    def _try(self, server: Server, case: Case, archive: Archive, name: str, says: str = "") -> Outcome:
        """Give an archive to a server, and to a worker that marpack starts."""
        answers = archive is case.repaired or case.fails == "serves"
        outcome = server.judge(archive, name, case.request, says=says, answers=answers)
        path = server.store / archive.file_name(name)
        # What a repaired one installs takes seconds, and is what the tests of requirements install.
        installs = archive is case.repaired and "install_py_dep_per_model" in case.config
        if path.suffix != WORKFLOW_SUFFIX and not installs:
            outcome.ran = ran(path, self._python, case.request, case.config)
        return outcome

    def _start(self, case: Case, name: str) -> Outcome:
        """Start a server that loads the archive by itself."""
        config = self._config({**case.config, "load_models": case.broken.file_name(name)})
        store = Path(setting(config, "model_store", ""))
        put(case.broken, store, name)
        try:
            with TorchServe.from_file(config, VERSION, self._cache, warm=self._warm) as server:
                outcome = Outcome(said=[server.log()])
        except StartError as error:
            outcome = Outcome(ended=True, said=[error.log])
        outcome.ran = ran(store / case.broken.file_name(name), self._python, case.request, case.config)
        return outcome

    def _config(self, settings: Mapping[str, str]) -> Path:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        (folder / "store").mkdir()
        put(NODE, folder / "store", "node")
        lines = {
            "model_store": folder / "store",
            "workflow_store": folder / "store",
            "number_of_netty_threads": 4,
            "disable_system_metrics": "true",
            "enable_model_api": "true",
            "disable_token_authorization": "true",
            **settings,
        }
        config = folder / "config.properties"
        text = [*addresses(), *(f"{key}={value}" for key, value in lines.items()), ""]
        config.write_text("\n".join(text), encoding="ascii")
        return config


@pytest.fixture(scope="session")
def outcomes(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, warm: Callable[[str], Path | None]
) -> Iterator[dict[str, tuple[Outcome, Outcome]]]:
    """Try the cases of the tests that were chosen."""
    asked = [item.callspec.params["case"] for item in request.session.items if is_ours(item)]  # type: ignore[attr-defined]
    # Each once, of which there are several tests.
    chosen = [*{id(case): case for case in asked}.values()]
    # A short path: sockets are below it. What the killed leave behind may appear while it goes.
    with tempfile.TemporaryDirectory(prefix="check-", ignore_cleanup_errors=True) as folder:
        yield Trials(install_folder(pytestconfig), Path(folder), warm(VERSION)).run(chosen)


def is_ours(item: pytest.Item) -> bool:
    ours = (test_the_server_says_so_too, test_run_does_as_the_server, test_loading_it_says_so)
    return getattr(item, "originalname", "") in {test.__name__ for test in ours}


EACH_CASE = pytest.mark.parametrize(
    "case", [case for case in CASES if case.fails != "unjudged"], ids=lambda case: f"{name_of(case)}: {case.title}"
)


@EACH_CASE
def test_the_server_says_so_too(case: Case, outcomes: dict[str, tuple[Outcome, Outcome]]) -> None:
    broken, repaired = outcomes[name_of(case)]
    if case.fails == "ends":
        assert broken.ended, str(broken)
    else:
        came_to = {
            "register": (False, False),
            "worker": (True, False),
            "predict": (True, True),
            "serves": (True, True),
        }
        assert (broken.registered, broken.ready) == came_to[case.fails], str(broken)
    if broken.predicted:
        assert (broken.predicted.status == 200) is (case.fails == "serves"), str(broken)
    said = "\n".join(broken.said)
    assert re.search(case.says.replace("{name}", f"{name_of(case)}-broken"), said), f"{case.says!r} not in: {said}"
    assert repaired.registered, str(repaired)
    assert repaired.ready, str(repaired)
    assert repaired.predicted is not None
    # Built-in handlers answer nothing that is JSON.
    if case.request is not None or handler_of(case.repaired) not in HANDLER_MODULES:
        assert repaired.predicted.status == 200, str(repaired)


@EACH_CASE
def test_run_does_as_the_server(case: Case, outcomes: dict[str, tuple[Outcome, Outcome]]) -> None:
    broken, repaired = outcomes[name_of(case)]
    reason = OTHERWISE.get((case.code, case.title))
    assert bool(reason) is bool(unlike(broken)), unlike(broken)
    assert reason == _UNSAFE or not unlike(repaired), unlike(repaired)


@EACH_CASE
def test_loading_it_says_so(case: Case, outcomes: dict[str, tuple[Outcome, Outcome]]) -> None:
    """``check(load=True)`` finds an error where a worker loads it, or a note where this machine is to blame."""
    found = outcomes[name_of(case)][0].ran
    if found is None or found.loaded is None:
        return
    is_other = (case.code, case.title) in NOT_ITS_FAULT
    assert bool(found.loaded.reason) is is_other, found.loaded
    assert bool(found.loaded.message) is not is_other, found.loaded
    members = {*case.broken.members(name_of(case)), None}
    assert found.loaded.member in members


def unlike(outcome: Outcome) -> str:
    """Return how what run did is unlike what the server did, "" where it is alike."""
    found, both = outcome.ran, f"{outcome.ran}\n{outcome}"
    if found is None:
        return ""
    if outcome.predicted is not None:
        return "" if outcome.predicted == (found.status, found.text) else both
    if not isinstance(found.error, NotServedError):
        return both
    logged = placeless("\n".join(outcome.said))
    if outcome.ended:
        return "" if found.error.message in logged else both
    if outcome.refused is None:
        return both
    status, text = outcome.refused
    if (found.error.status, found.error.message) != (status, json.loads(text)["message"]):
        return both
    # What a worker says that ends at once may be lost on a server.
    tells = outcome.registered and "Traceback" in logged
    # Of several lines the last may come when the log has been read.
    raised = [line for line in found.error.traceback.splitlines()[1:] if line[:1].strip()]
    return "" if not tells or any(placeless(line) in logged for line in [found.error.why, *raised]) else both


def placeless(text: str) -> str:
    return FOLDER.sub("named ''", PLACE.sub("", text))


def handler_of(archive: Archive) -> str:
    manifest = archive.members("any").get("MAR-INF/MANIFEST.json", b"{}")
    return str(json.loads(manifest).get("model", {}).get("handler", ""))
