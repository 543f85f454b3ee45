"""Functions from outside whose effect on files is known."""

from __future__ import annotations

import re
from typing import Final

# What reads the file or folder that an argument names: the place of the argument, and its name.
READS: Final[dict[str, tuple[int, str]]] = {
    **dict.fromkeys(("builtins.open", "io.open"), (0, "file")),
    **dict.fromkeys(("codecs.open", "gzip.open", "bz2.open", "lzma.open"), (0, "filename")),
    "zipfile.ZipFile": (0, "file"),
    "tarfile.open": (0, "name"),
    "numpy.load": (0, "file"),
    "numpy.fromfile": (0, "file"),
    **dict.fromkeys(("numpy.loadtxt", "numpy.genfromtxt"), (0, "fname")),
    **dict.fromkeys(("pandas.read_csv", "pandas.read_table", "pandas.read_pickle"), (0, "filepath_or_buffer")),
    **dict.fromkeys(("pandas.read_json", "pandas.read_parquet", "pandas.read_feather"), (0, "path_or_buf")),
    "pandas.read_excel": (0, "io"),
    "PIL.Image.open": (0, "fp"),
    **dict.fromkeys(("os.listdir", "os.scandir", "os.stat"), (0, "path")),
    **dict.fromkeys(("os.path.getsize", "os.path.getmtime"), (0, "filename")),
    **dict.fromkeys(("shutil.copy", "shutil.copyfile", "shutil.copy2", "shutil.copytree"), (0, "src")),
    "shutil.move": (0, "src"),
    "shutil.unpack_archive": (0, "filename"),
    "fasttext.load_model": (0, "path"),
    "importlib.util.spec_from_file_location": (1, "location"),
    "sentencepiece.SentencePieceProcessor": (0, "model_file"),
    **dict.fromkeys(("tokenizers.Tokenizer.from_file", "gensim.models.KeyedVectors.load"), (0, "path")),
    **dict.fromkeys(("xgboost.Booster", "lightgbm.Booster"), (1, "model_file")),
    "torch.ops.load_library": (0, "path"),
}
# What loads weights, and whose argument may be an open file.
LOADS: Final[dict[str, tuple[int, str]]] = {
    **dict.fromkeys(("torch.load", "torch.jit.load", "torch.export.load", "torch.serialization.load"), (0, "f")),
    "joblib.load": (0, "filename"),
    "pickle.load": (0, "file"),
    "pickle.loads": (0, "data"),
    "dill.load": (0, "file"),
    "cloudpickle.load": (0, "file"),
    **dict.fromkeys(
        ("safetensors.torch.load_file", "safetensors.numpy.load_file", "safetensors.safe_open"), (0, "filename")
    ),
    "safetensors.torch.load_model": (1, "filename"),
    **dict.fromkeys(("onnxruntime.InferenceSession", "onnxruntime.capi.InferenceSession"), (0, "path_or_bytes")),
    "onnx.load": (0, "f"),
}
# What makes a session of onnxruntime, as BaseHandler does for a model called .onnx.
SESSIONS: Final = frozenset({"onnxruntime.InferenceSession", "onnxruntime.capi.InferenceSession"})
# What modules of torch have and a session has not.
MODULE_METHODS: Final = frozenset(
    {
        *("children", "cpu", "cuda", "double", "eval", "float", "forward", "half", "load_state_dict", "modules"),
        *("named_parameters", "parameters", "requires_grad_", "state_dict", "to", "train", "zero_grad"),
    }
)
# Whose second argument is a mode.
OPENS: Final = frozenset({"builtins.open", "io.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open"})
OPENS_ARCHIVE: Final = frozenset({"zipfile.ZipFile", "tarfile.open"})

# Methods of a path that read it.
PATH_READS: Final = frozenset({"iterdir", "open", "read_bytes", "read_text", "stat"})
PATH_WRITES: Final = frozenset({"mkdir", "touch", "write_bytes", "write_text", "symlink_to"})
PATH_TESTS: Final = frozenset({"exists", "is_dir", "is_file"})
SAME_PATH: Final = frozenset({"absolute", "as_posix", "expanduser", "resolve", "strip", "__fspath__", "__str__"})
SAME_PATH_FUNCTIONS: Final = frozenset(
    {
        *("builtins.str", "os.fspath", "os.fsdecode", "os.path.abspath", "os.path.expanduser"),
        *("os.path.expandvars", "os.path.normpath", "os.path.realpath", "posixpath.normpath"),
    }
)
TESTS: Final = frozenset({"os.path.exists", "os.path.isfile", "os.path.isdir", "os.path.lexists"})
PATHS: Final = frozenset({"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath"})

# Calls that leave files as they are, whatever is handed to them.
QUIET_METHODS: Final = frozenset(
    {*("debug", "info", "warning", "warn", "error", "exception", "critical", "log"), "get", "add", "append"}
)
QUIET: Final = re.compile(
    r"(?: logging | warnings | json | re | time | math | collections | functools | typing | enum )\. .* "
    r"| builtins\.(?!exec|eval).* | os\.path\..* | os\.(?:environ|getenv|getpid|cpu_count|getcwd|fspath).*",
    re.VERBOSE,
)
# What makes the folder that its first argument names, and no file.
FOLDER_CALLS: Final = frozenset({"os.makedirs", "os.mkdir"})
# Functions that do nothing to an object, and keep none.
KEEPS_OBJECTS: Final = frozenset(
    {
        *("builtins.callable", "builtins.getattr", "builtins.hasattr", "builtins.id", "builtins.isinstance"),
        *("builtins.print", "builtins.repr", "builtins.str", "builtins.super", "builtins.type"),
    }
)
# Words in the name of a function that may write files of any name.
_WRITES = re.compile(
    r"""
    (?<![a-z]) (?: call | link | move | pull | run )
    | build | clone | convert | copy | create | download | dump | export | extract | fetch | generate | install
    | makedirs | mkdir | mount | popen | prepare | rename | replace | retrieve | save
    | setup | snapshot | sync | system | unpack | untar | unzip | urlopen | wget | write
    """,
    re.VERBOSE | re.IGNORECASE,
)


def may_write(name: str) -> bool:
    """Tell whether a function of this name may write files of any name."""
    return _WRITES.search(name) is not None


# What functions return, as far as it has one type.
RETURNS: Final = {
    **{
        f"builtins.{name}": name
        for name in ("bool", "bytes", "dict", "float", "int", "list", "set", "str", "tuple")
    },
    **dict.fromkeys(("builtins.len", "builtins.ord", "builtins.hash", "builtins.id"), "int"),
    **dict.fromkeys(("builtins.repr", "builtins.format", "builtins.chr", "json.dumps", "yaml.dump"), "str"),
    "builtins.sorted": "list",
    "builtins.isinstance": "bool",
    "builtins.map": "map",
    "builtins.filter": "filter",
    "builtins.zip": "zip",
    "builtins.range": "range",
    "builtins.print": "NoneType",
    "collections.OrderedDict": "OrderedDict",
    "collections.defaultdict": "defaultdict",
    **dict.fromkeys(("numpy.array", "numpy.asarray", "numpy.zeros", "numpy.ones"), "numpy.ndarray"),
    **dict.fromkeys(("torch.tensor", "torch.as_tensor", "torch.stack", "torch.cat"), "torch.Tensor"),
    **dict.fromkeys(("torch.softmax", "torch.sigmoid", "torch.argmax", "torch.from_numpy"), "torch.Tensor"),
    **dict.fromkeys(("torch.nn.functional.softmax", "torch.nn.functional.log_softmax"), "torch.Tensor"),
    "io.BytesIO": "BytesIO",
    "io.StringIO": "StringIO",
}
METHOD_RETURNS: Final = {
    "str": {
        "encode": "bytes",
        "split": "list",
        **dict.fromkeys(("format", "join", "lower", "replace", "strip", "title", "upper"), "str"),
    },
    "bytes": {"decode": "str", "hex": "str"},
    "BytesIO": {"getvalue": "bytes"},
    "StringIO": {"getvalue": "str"},
    "torch.Tensor": dict.fromkeys(("cpu", "detach", "squeeze", "argmax"), "torch.Tensor"),
}

# Attributes of BaseHandler's, and its methods, with the values that its constructor gives [server].
BASE_VALUES: Final[dict[str, object]] = {
    **dict.fromkeys(("context", "device", "manifest", "map_location", "mapping", "model", "model_pt_path"), None),
    "explain": False,
    "initialized": False,
    "target": 0,
}
BASE_METHODS: Final = frozenset(
    {
        *("describe_handle", "explain_handle", "get_device", "handle", "inference", "initialize", "postprocess"),
        *("preprocess", "_infer_with_profiler", "_is_describe", "_is_explain", "_load_pickled_model"),
        *("_load_torch_export_aot_compile", "_load_torchscript_model", "_use_torch_export_aot_compile"),
    }
)
# What BaseHandler's initialize calls of itself.
BASE_HOOKS: Final = frozenset(
    {
        *("_load_pickled_model", "_load_torch_export_aot_compile", "_load_torchscript_model"),
        "_use_torch_export_aot_compile",
    }
)
# What decorators leave a function as it is followed here.
KEEPS: Final = frozenset(
    {
        *("abstractmethod", "cache", "final", "inference_mode", "lru_cache", "no_grad", "override", "timed"),
        *("enable_grad", "wraps", "classmethod", "staticmethod", "property", "cached_property"),
    }
)
