"""What marpack knows of what it does not see: TorchServe's handlers, torch's classes, and Python's own modules."""

from __future__ import annotations

from typing import Final

from marpack.frozen import frozen


@frozen
class TorchHandler:
    """A class of ts.torch_handler that a manifest can name [server].

    ``loads_model``: its ``initialize`` is, or calls, BaseHandler's. ``needs`` are the packages that it imports
    beside torch. ``is_coroutine``: its ``handle`` is to be awaited. ``uses_labels``: it answers with the names of
    classes. ``needs_vocabulary``: it does not start without source_vocab.pt. ``calls``: what it
    uses of the context, and of what else workers offer to handlers, that other engines may not have.
    """

    name: str
    loads_model: bool = True
    needs: tuple[str, ...] = ()
    is_coroutine: bool = False
    uses_labels: bool = False
    needs_vocabulary: bool = False
    calls: tuple[str, ...] = ("metrics",)


_STREAMS = ("metrics", "send_intermediate_predict_response")
_VISION, _DALI = ("torchvision", "captum"), ("nvidia.dali", "captum")

# By the modules of ts.torch_handler; all of them derive from BaseHandler but DenseNetHandler. A handler's value is
# one that the server has if it is among these. HandlerName.is_built_in asks what the archiver knows by name, which
# are fewer, and for which it packs no file: that decides bytes, and this what a worker finds.
HANDLER_MODULES: Final = {
    "base_handler": TorchHandler(name="BaseHandler"),
    "dali_handler": TorchHandler(name="DALIHandler", needs=_DALI),
    "dali_image_classifier": TorchHandler(name="DALIImageClassifier", needs=_DALI, uses_labels=True),
    "densenet_handler": TorchHandler(name="DenseNetHandler", loads_model=False),
    "image_classifier": TorchHandler(name="ImageClassifier", needs=_VISION, uses_labels=True),
    "image_segmenter": TorchHandler(name="ImageSegmenter", needs=_VISION),
    "object_detector": TorchHandler(name="ObjectDetector", needs=_VISION, uses_labels=True),
    "text_classifier": TorchHandler(
        name="TextClassifier", needs=("captum",), uses_labels=True, needs_vocabulary=True
    ),
    "text_handler": TorchHandler(name="TextHandler", needs=("captum",), needs_vocabulary=True),
    "trt_llm_handler": TorchHandler(
        name="TRTLLMHandler",
        loads_model=False,
        needs=("tensorrt_llm", "transformers"),
        is_coroutine=True,
        calls=_STREAMS,
    ),
    "vision_handler": TorchHandler(name="VisionHandler", needs=("captum",)),
    "vllm_handler": TorchHandler(
        name="VLLMHandler", loads_model=False, needs=("vllm",), is_coroutine=True, calls=_STREAMS
    ),
    "distributed.base_deepspeed_handler": TorchHandler(name="BaseDeepSpeedHandler", loads_model=False),
    "distributed.base_pippy_handler": TorchHandler(name="BasePippyHandler", loads_model=False),
}
_BY_CLASS = {handler.name: handler for handler in HANDLER_MODULES.values()}


def torch_handler(path: str) -> TorchHandler | None:
    """Return the handler that a dotted name of ts.torch_handler stands for, None for any other class."""
    return _BY_CLASS.get(path.rpartition(".")[2]) if path.startswith("ts.torch_handler.") else None


# Since Python 3.11 these are frozen into the interpreter. Before, they are files, and an empty one in the place of
# any of them ends Python as it starts.
FROZEN_SINCE_3_11 = frozenset(
    {"_collections_abc", "_sitebuiltins", "abc", "codecs", "genericpath", "io", "os", "posixpath", "stat"}
)

# Loaded before anything is looked for in files: a file of the name is never imported. Those of the last line, too,
# are frozen since Python 3.11; before, an empty file in their place leaves Python starting.
INTERPRETERS_OWN = {
    *("_abc", "_ast", "_codecs", "_collections", "_functools", "_imp", "_io", "_locale", "_operator", "_signal"),
    *("_sre", "_stat", "_string", "_symtable", "_thread", "_tracemalloc", "_warnings", "_weakref", "atexit"),
    *("builtins", "errno", "faulthandler", "gc", "itertools", "marshal", "posix", "pwd", "sys", "time"),
    *FROZEN_SINCE_3_11,
    *("ntpath", "runpy", "site", "zipimport"),
}

HANDLER_METHODS = frozenset({"handle", "initialize"})
_MODULE_METHODS = frozenset({"eval", "load_state_dict", "to"})

# Classes from outside whose attributes are known, of those that are asked for.
KNOWN_BASES: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            *("abc.ABC", "builtins.object", "typing.Generic", "typing.Protocol", "typing_extensions.Protocol"),
            *("builtins.BaseException", "builtins.Exception", "builtins.ValueError", "builtins.RuntimeError"),
        ),
        frozenset[str](),
    ),
    **dict.fromkeys(
        ("torch.nn.Module", "torch.nn.modules.Module", "torch.nn.modules.module.Module"), _MODULE_METHODS
    ),
}
