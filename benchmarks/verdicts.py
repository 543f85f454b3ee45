"""Whether trouble that a loader has is the model's, and whether it is what a finding speaks of."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from broken_handlers import Model

# What says nothing about the model: no network, no GPU, a stand-in that does not stand in, this machine.
ELSEWHERE = re.compile(
    r"StandIn|stand-in|URLError|ConnectionError|gaierror|name resolution|unreachable|Max retries|ProxyError"
    r"|CUDA|_cuda_|NVIDIA|CPU machines|torch\.hpu|InvalidBackend|Read-only file system|Permission denied"
    r"|rendezvous|_pb2'|\bRANK\b|LOCAL_RANK|force_reload|maximum recursion depth"
)
# Rules about what is in a file.
OF_FILES = ("weights-", "git-lfs-pointer")
# What torch says of files that are not what it takes them for.
OF_WEIGHTS = re.compile(
    r"PytorchStreamReader|Weights only load failed|No model weights|state_dict|TorchScript|safetensors"
)
# What parsers of other files say of the first word of a pointer.
OF_TEXT = re.compile(r"Expecting value: line 1 column 1|invalid load key, 'v'")
# What depends on neither what is asked nor the weights.
ALWAYS = ("NameError", "UnboundLocalError", "ModuleNotFoundError", "ImportError")


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What went wrong: in Python's words or the server's, and where.

    ``elsewhere`` is what is wrong with the judge and not with the model, ``always`` what goes wrong whatever the
    model is asked.
    """

    error: str = ""
    said: str
    member: str | None = None
    line: int | None = None
    elsewhere: bool = False
    always: bool = False

    @property
    def quoted(self) -> list[str]:
        return [one or other for one, other in re.findall(r"'([^'\n]+)'|\"([^\"\n]+)\"", self.said)]

    def asdict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.member}:{self.line}: {self.said.splitlines()[0][:160] if self.said else self.error}"


def trouble_of(told: dict[str, Any] | None, model: Model, modules: Collection[str], folder: str) -> Trouble | None:
    """Return what ``load_and_ask`` told as a value."""
    if told is None:
        return None
    member, line = told["place"] or (None, None)
    said = told["said"].replace(f"{Path(folder).resolve()}/", "").replace(f"{folder}/", "")
    error = told["error"]
    elsewhere = (
        error in ("Time", "Ended", "Judge")
        or bool(ELSEWHERE.search(said))
        # A path outside of the model, which is the handler's machine's.
        or bool(re.search(r"('|filename )/(?!tmp/accuracy-)[\w.-]+/", said))
        # onnxruntime is no stand-in for the loader, which has looked for it before.
        or ("No model weights" in said and str(model.manifest.get("serializedFile")).endswith(".onnx"))
        or told.get("environment", False)
        or (error == "ModuleNotFoundError" and bool(re.search(r"'(torch|torchvision|numpy)\.", said)))
        or (error == "ImportError" and bool(re.search(r"from 'torch(vision)?\b", said)))
        or (error == "ModuleNotFoundError" and _is_required(said, model))
        or (error == "NameError" and _takes_all(model.members.get(member or "", b""), modules))
    )
    classes = {
        name for data in model.members.values() for name in re.findall(rb"^class (\w+)", data, re.MULTILINE)
    }
    attribute = re.match(r"AttributeError: '(\w+)' object has no attribute", said)
    always = (
        (not error and "StandIn" not in said)
        or error in ALWAYS
        or bool(attribute and attribute[1].encode() in classes)
    )
    return Trouble(error=error, said=said, member=member, line=line, elsewhere=elsewhere, always=always)


def _is_required(said: str, model: Model) -> bool:
    """Tell whether the requirements name a module that is not there: nothing is installed here."""
    required = model.members.get(str(model.manifest.get("requirementsFile")), b"")
    return any(name.split(".")[0].encode() in required for name in Trouble(said=said).quoted)


def _takes_all(source: bytes, modules: Collection[str]) -> bool:
    """Tell whether a source takes all names of a package that a stand-in is made for."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return any(
        isinstance(node, ast.ImportFrom)
        and node.names[0].name == "*"
        and (node.module or "").split(".")[0] in modules
        for node in ast.walk(tree)
    )


def same_reason(finding: dict[str, Any], trouble: Trouble) -> bool:
    """Tell whether a finding speaks of this trouble."""
    if trouble.elsewhere:
        return False
    message, effect = finding["message"], finding["effect"]
    said = trouble.said.splitlines()[0] if trouble.said else ""
    if said and (said in effect or (len(effect) > 20 and effect in trouble.said)):
        return True
    if finding["line"] and (finding["member"], finding["line"]) == (trouble.member, trouble.line):
        return True
    if finding["code"].startswith(OF_FILES) and OF_WEIGHTS.search(said):
        return True
    if finding["code"] == "git-lfs-pointer" and OF_TEXT.search(said):
        return True
    quoted = {part for text in trouble.quoted for part in _forms(text)}
    named = {part for text in Trouble(said=f"{message} {effect}").quoted for part in _forms(text)}
    named |= {finding["member"] or ""} - {"handler.py", "MAR-INF/MANIFEST.json"}
    if trouble.error:
        return bool(quoted & named) or (trouble.error in effect and not quoted)
    # The server's own words: what was returned is no list.
    return "predict output" in effect or "Invalid return type" in effect or "list" in message


def _forms(name: str) -> tuple[str, ...]:
    """Return how a name may be said: without its folder, and as the loader imports a handler."""
    return name, name.rsplit("/", 1)[-1], name.removeprefix("ts.torch_handler.").removesuffix(".py")


@cache
def moments_of(code: str) -> frozenset[str]:
    """Return when the server fails over what a rule finds, by its cases: ``worker``, ``predict`` and others."""
    sys.path.append(str(Path(__file__).parents[1]))
    from tests.server.test_checks import CASES

    return frozenset(case.fails for case in CASES if case.code == code)
