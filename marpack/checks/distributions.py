"""Which modules the distributions of a requirements file bring, as far as their names tell."""

from __future__ import annotations

import re
from functools import cached_property

__all__ = ["IN_IMAGES", "WITH_SERVER", "Distributions"]

# What TorchServe 0.12.0 says that it needs (Pillow, psutil, packaging, wheel), what its workers import beside
# (numpy, torch, yaml), and what torch needs: there wherever a worker starts.
WITH_SERVER = frozenset(
    {
        *("PIL", "numpy", "packaging", "psutil", "torch", "ts", "wheel", "yaml"),
        *("filelock", "fsspec", "functorch", "jinja2", "markupsafe", "mpmath", "networkx", "pkg_resources"),
        *("setuptools", "sympy", "torchgen", "triton", "typing_extensions"),
    }
)

# What TorchServe's own images have beside (its requirements/common.txt and torch_linux.txt).
IN_IMAGES = frozenset(
    {
        *("captum", "future", "requests", "sentencepiece", "torchaudio", "torchtext", "torchvision"),
        *("certifi", "charset_normalizer", "idna", "matplotlib", "tqdm", "urllib3"),
    }
)

# Distributions whose modules are called otherwise.
_MODULES = {
    "attrs": ("attr", "attrs"),
    "beautifulsoup4": ("bs4",),
    "biopython": ("Bio",),
    "deepspeed-mii": ("mii",),
    "dm-tree": ("tree",),
    "ffmpeg-python": ("ffmpeg",),
    "gitpython": ("git",),
    "hydra-core": ("hydra",),
    "librosa": ("librosa", "soundfile", "numba", "scipy", "sklearn", "joblib"),
    "lightning": ("lightning", "pytorch_lightning", "torchmetrics", "lightning_utilities"),
    "llama-cpp-python": ("llama_cpp",),
    "mmcv-full": ("mmcv",),
    "mmdet": ("mmdet", "mmcv", "mmengine"),
    "msgpack-python": ("msgpack",),
    "nvidia-ml-py": ("pynvml",),
    "open-clip-torch": ("open_clip",),
    "opencv": ("cv2",),
    "opencv-contrib": ("cv2",),
    "openmim": ("mim",),
    "pandas": ("pandas", "dateutil", "pytz"),
    "pillow": ("PIL",),
    "pillow-simd": ("PIL",),
    "protobuf": ("google",),
    "pycryptodome": ("Crypto",),
    "pyjwt": ("jwt",),
    "pymupdf": ("fitz", "pymupdf"),
    "pytorch-lightning": ("pytorch_lightning", "torchmetrics", "lightning_utilities"),
    "pyyaml": ("yaml",),
    "scikit-image": ("skimage", "imageio", "scipy", "tifffile"),
    "scikit-learn": ("sklearn", "joblib", "scipy", "threadpoolctl"),
    "segmentation-models-pytorch": ("segmentation_models_pytorch", "timm"),
    "sentence-transformers": ("sentence_transformers", "sklearn", "scipy", "nltk"),
    "spacy": ("spacy", "thinc", "srsly", "pydantic"),
    "tensorflow": ("tensorflow", "keras"),
    "timm": ("timm", "torchvision", "huggingface_hub", "safetensors"),
    "ultralytics": ("ultralytics", "cv2", "torchvision", "pandas", "matplotlib", "scipy", "seaborn", "requests"),
    "umap-learn": ("umap",),
}
# What brings others, which are imported beside them.
_WITH_HUB = ("huggingface_hub", "safetensors", "tqdm", "requests")
_BROUGHT = {
    "accelerate": _WITH_HUB,
    "datasets": ("pyarrow", "pandas", "dill", "multiprocess", "xxhash", *_WITH_HUB),
    "diffusers": ("regex", "importlib_metadata", *_WITH_HUB),
    "fastapi": ("pydantic", "starlette", "anyio"),
    "peft": ("transformers", "accelerate", "tokenizers", "regex", *_WITH_HUB),
    "sentence-transformers": ("transformers", "tokenizers", "regex", *_WITH_HUB),
    "transformers": ("tokenizers", "regex", *_WITH_HUB),
}
# Names of one folder that many distributions share.
_SHARED = ("azure", "google", "nvidia", "opentelemetry", "sphinxcontrib", "zope")

# Endings of a name that choose how it is built, not what it is called when imported.
_BUILD = re.compile(r"-(?: cpu | gpu | headless | binary | nightly | python | cu\d+ | cuda\d*x? )$", re.VERBOSE)
_NAME = re.compile(r"\s* ([A-Za-z0-9] (?: [A-Za-z0-9._-]* [A-Za-z0-9] )?) \s* (.*)", re.VERBOSE | re.DOTALL)
_EGG = re.compile(r"[#&] egg = ([A-Za-z0-9._-]+)", re.VERBOSE)


class Distributions:
    """The distributions that the text of a requirements file names."""

    def __init__(self, data: bytes) -> None:
        # Whether all that it installs can be told from its lines, and the normalised names that can.
        self.complete = True
        self.names: set[str] = set()
        for line in data.decode("utf-8", "replace").replace("\\\n", "").splitlines():
            self._read(line)

    def _read(self, line: str) -> None:
        bare = re.sub(r"(^|\s)#.*", "", line).strip().lstrip("\ufeff")
        egg = _EGG.search(line)
        name = _NAME.fullmatch(bare)
        if not bare:
            return
        if egg is not None:
            self.names.add(_normal(egg[1]))
        elif name is not None and (not name[2] or name[2][0] in "=<>!~;[@("):
            self.names.add(_normal(name[1]))
        elif not bare.startswith(("--index-url", "--extra-index-url", "-i ")):
            self.complete = False  # another file, or the path of a wheel

    @cached_property
    def modules(self) -> frozenset[str]:
        """The top-level modules that they may bring."""
        return frozenset(module for name in self.names for module in _modules(name))

    def brings(self, module: str) -> bool:
        """Tell whether a module may come with one of them."""
        top = module.partition(".")[0]
        return not self.complete or top in self.modules or top.lower() in self.modules


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _modules(name: str) -> set[str]:
    bare = name
    while _BUILD.search(bare):
        bare = _BUILD.sub("", bare)
    found = {*_BROUGHT.get(name, ()), *_BROUGHT.get(bare, ())}
    known = _MODULES.get(name) or _MODULES.get(bare)
    if known is not None:
        return found | set(known)
    for form in (name, bare, bare.removeprefix("python-"), bare.removeprefix("py"), bare.removeprefix("py-")):
        found.add(form.replace("-", "_"))
        found.add(form.replace("-", ""))
    found.update(shared for shared in _SHARED if name.startswith(f"{shared}-"))
    return found
