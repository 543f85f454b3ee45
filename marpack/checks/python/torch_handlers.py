"""What marpack knows of classes that it does not see: TorchServe's handlers, and torch's modules."""

from __future__ import annotations

__all__ = ["HANDLER_CLASSES", "HANDLER_METHODS", "HANDLER_MODULES", "INTERPRETERS_OWN", "KNOWN_BASES"]

# Modules of ts.torch_handler that hold a handler, and its class; all of them BaseHandler's but DenseNetHandler.
HANDLER_MODULES = {
    "base_handler": "BaseHandler",
    "dali_handler": "DALIHandler",
    "dali_image_classifier": "DALIImageClassifier",
    "densenet_handler": "DenseNetHandler",
    "image_classifier": "ImageClassifier",
    "image_segmenter": "ImageSegmenter",
    "object_detector": "ObjectDetector",
    "text_classifier": "TextClassifier",
    "text_handler": "TextHandler",
    "trt_llm_handler": "TRTLLMHandler",
    "vision_handler": "VisionHandler",
    "vllm_handler": "VLLMHandler",
    "distributed.base_deepspeed_handler": "BaseDeepSpeedHandler",
    "distributed.base_pippy_handler": "BasePippyHandler",
}

# Those whose ``initialize`` is, or calls, BaseHandler's, which loads the model.
_LOADING = frozenset(
    {
        "BaseHandler",
        "DALIHandler",
        "DALIImageClassifier",
        "ImageClassifier",
        "ImageSegmenter",
        "ObjectDetector",
        "TextClassifier",
        "TextHandler",
        "VisionHandler",
    }
)
HANDLER_CLASSES = {name: name in _LOADING for name in HANDLER_MODULES.values()}

# Loaded before anything is looked for in files: a file of the name is never imported. Since Python 3.11 those of
# the second line are frozen into the interpreter.
INTERPRETERS_OWN = {
    *("_abc", "_ast", "_codecs", "_collections", "_functools", "_imp", "_io", "_locale", "_operator", "_signal"),
    *("_sre", "_stat", "_string", "_symtable", "_thread", "_tracemalloc", "_warnings", "_weakref", "atexit"),
    *("builtins", "errno", "faulthandler", "gc", "itertools", "marshal", "posix", "pwd", "sys", "time"),
} | {
    *("_collections_abc", "_sitebuiltins", "abc", "codecs", "genericpath", "io", "ntpath", "os", "posixpath"),
    *("runpy", "site", "stat", "zipimport"),
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
