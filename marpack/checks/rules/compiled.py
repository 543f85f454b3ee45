"""A rule on models that the configuration has compiled, and that torch.compile does not take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from marpack.checks.frame.subject import Subject
from marpack.checks.frame.weights import describe, may_be_read, serialized_file
from marpack.checks.rules.model_config import config_values
from marpack.findings import Finding
from marpack.rule import rule, rules_in

# Those of ts.utils.util.PT2Backend: with another BaseHandler does not come to torch.compile.
_BACK_ENDS: Final = frozenset(
    {"aot_cudagraphs", "aot_eager", "aot_nvfuser", "eager", "fx2trt", "hpu_backend", "inductor"}
) | {"ipex", "nvfuser", "ofi", "onnxrt", "openvino", "tensorrt", "torchxla_trace_once"}


@rule("config-compile", "warning", kind="model")
def find_never_compiled(subject: Subject) -> Iterator[Finding]:
    """Have only a model compiled that comes as a model file.

    ``torch.compile`` raises for TorchScript (seen with torch 2.13.0 and 2.14.1), and for a session of onnxruntime.
    ``BaseHandler`` catches that, logs it, and serves the model as it is [server].
    """
    document = config_values(subject)
    if not isinstance(document, Mapping) or not _asks(document.get("pt2")):
        return
    if subject.worker.loads_model is not True or "modelFile" in subject.model or not may_be_read(subject):
        return
    name = serialized_file(subject)
    kind = describe(subject, name).kind if name is not None else None
    if name is None or (kind, name.rpartition(".")[2]) not in {("torchscript", "pt"), ("onnx", "onnx")}:
        return
    config = subject.file("configFile")
    what = "TorchScript" if kind == "torchscript" else "a session of onnxruntime"
    yield find_never_compiled.finding(
        message=f"torch.compile does not take {what}, which {name!r} is",
        effect='it logs "Compiling model model with ... has failed", and serves the model as it is',
        fix="leave out 'pt2', or pack the model file with a state_dict",
        key="pt2",
        member=config,
    )


def _asks(pt2: Any) -> bool:
    """Tell whether ``BaseHandler`` goes to ``torch.compile``."""
    if isinstance(pt2, str):
        return pt2 in _BACK_ENDS
    if not isinstance(pt2, Mapping):
        return False
    options = pt2.get("compile", pt2)
    if not isinstance(options, Mapping) or (
        "export" in pt2 if options is pt2 else options.get("enable") is not True
    ):
        return False
    backend = options.get("backend", "inductor")
    return isinstance(backend, str) and backend in _BACK_ENDS


RULES = rules_in(globals())
