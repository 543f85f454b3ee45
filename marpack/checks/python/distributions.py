"""The lines of a requirements file, and which modules their distributions bring, as far as their names tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

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
        # setuptools brings one of its own where Python has none.
        "distutils",
    }
)

# Without these the rule on imports would report what a listed distribution brings, for the two names differ.
# Distributions whose one module is called otherwise, as distribution=module, and those of several modules.
_ONE_MODULE = """
    beautifulsoup4=bs4 biopython=Bio deepspeed-mii=mii dm-tree=tree ffmpeg-python=ffmpeg gitpython=git
    hydra-core=hydra llama-cpp-python=llama_cpp mmcv-full=mmcv msgpack-python=msgpack nvidia-ml-py=pynvml
    open-clip-torch=open_clip opencv=cv2 opencv-contrib=cv2 openmim=mim pillow=PIL pillow-simd=PIL protobuf=google
    pycryptodome=Crypto pyjwt=jwt pyyaml=yaml umap-learn=umap
"""
_MODULES = {
    **{name: (module,) for name, module in (pair.split("=") for pair in _ONE_MODULE.split())},
    "attrs": ("attr", "attrs"),
    "librosa": ("librosa", "soundfile", "numba", "scipy", "sklearn", "joblib"),
    "lightning": ("lightning", "pytorch_lightning", "torchmetrics", "lightning_utilities"),
    "mmdet": ("mmdet", "mmcv", "mmengine"),
    "pandas": ("pandas", "dateutil", "pytz"),
    "pymupdf": ("fitz", "pymupdf"),
    "pytorch-lightning": ("pytorch_lightning", "torchmetrics", "lightning_utilities"),
    "scikit-image": ("skimage", "imageio", "scipy", "tifffile"),
    "scikit-learn": ("sklearn", "joblib", "scipy", "threadpoolctl"),
    "segmentation-models-pytorch": ("segmentation_models_pytorch", "timm"),
    "sentence-transformers": ("sentence_transformers", "sklearn", "scipy", "nltk"),
    "spacy": ("spacy", "thinc", "srsly", "pydantic"),
    "tensorflow": ("tensorflow", "keras"),
    "timm": ("timm", "torchvision", "huggingface_hub", "safetensors"),
    "ultralytics": ("ultralytics", "cv2", "torchvision", "pandas", "matplotlib", "scipy", "seaborn", "requests"),
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
_BUILD = re.compile(
    r"(?: - (?: cpu | gpu | headless | binary | nightly | python | cu\d+ | cuda\d*x? ) )+$", re.VERBOSE
)
_EGG = re.compile(r"[#&] egg = ([A-Za-z0-9._-]+)", re.VERBOSE)

# pip's own: a comment begins where a line does, or behind a blank.
_COMMENT = re.compile(r"(?:^|\s)#.*")
_CONTINUED = re.compile(r"\\\r?\n")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_CLAUSE = r"(?:===|==|~=|!=|<=|>=|<|>)\s*[^\s,;()<>=!~]+"
_CLAUSES = rf"{_CLAUSE}(?:\s*,\s*{_CLAUSE})*\s*,?"
# PEP 508, as far as it is certain that pip refuses what is otherwise: versions and markers are not looked into.
_REQUIREMENT = re.compile(
    rf"""
    (?P<name>{_NAME}) \s* (?:\[ [^\]]* \])? \s*
    (?: @ \s* (?P<url>\S+) | \( \s* (?:{_CLAUSES})? \s* \) | {_CLAUSES} )?
    \s* (?: ; .* )?
    """,
    re.VERBOSE,
)
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_SUFFIXES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tgz", ".tar")

# Nobody writes a longer one: whoever did wants to keep the patterns busy.
LONGEST_LINE = 10_000
_LONGEST_NAME = 200
MOST_LINES = 10_000


@dataclass(frozen=True, slots=True)
class RequirementLine:
    """A line of a requirements file, without comments; ``number`` is where it begins."""

    number: int
    text: str

    @property
    def readable(self) -> bool:
        """Whether its meaning is known: it holds no variable, and is UTF-8."""
        return len(self.text) <= LONGEST_LINE and "\ufffd" not in self.text and not _VARIABLE.search(self.text)

    @property
    def is_option(self) -> bool:
        """Whether it is an option of pip's."""
        return self.text.startswith("-")

    @property
    def requirement(self) -> str:
        """The line without the options behind it."""
        return re.split(r"\s--?[A-Za-z]", self.text)[0]

    @property
    def path(self) -> str | None:
        """The file or folder that is to be installed, None where it is none."""
        text = self.requirement.partition("; ")[0].strip()
        if self.is_option or "://" in text or " @ " in text:
            return None
        path = text.rpartition("[")[0] if text.endswith("]") else text
        if path.startswith(("./", "../", "/")) or path in (".", "..") or path.lower().endswith(_SUFFIXES):
            return path
        return path if "/" in path and " " not in path and not SCHEME.match(path) else None

    @property
    def name(self) -> str | None:
        """The normalised name of the distribution, None where it is not that of a requirement."""
        found = None if self.is_option or self.path is not None else _REQUIREMENT.fullmatch(self.requirement)
        return None if found is None else _normal(found["name"])


def requirement_lines(data: bytes) -> list[RequirementLine]:
    """Return the lines of a requirements file that hold more than a comment."""
    found, number = [], 1
    for line in re.split(r"(?<!\\)\r?\n", data.decode("utf-8-sig", "replace")):
        # Blanks as one: patterns that allow any number of them would try them all.
        text = " ".join(_COMMENT.sub("", _CONTINUED.sub("", line)).split())
        if text:
            found.append(RequirementLine(number, text))
        number += line.count("\n") + 1
    return found


class Distributions:
    """The distributions that the text of a requirements file names; ``complete`` says that it is all of it."""

    def __init__(self, data: bytes, *, complete: bool = True) -> None:
        # Whether all that it installs is known from its lines, and the normalised names that are.
        self.complete = complete
        self.names: set[str] = set()
        for line in requirement_lines(data):
            egg = _EGG.search(line.text) if line.readable else None
            name = line.name if line.readable else None
            if egg is not None:
                self.names.add(_normal(egg[1]))
            elif name is not None:
                self.names.add(name)
            elif not line.text.startswith(("--index-url", "--extra-index-url", "-i ")):
                self.complete = False  # another file, the path of a wheel, or what is not known

    @cached_property
    def modules(self) -> frozenset[str]:
        """The top-level modules that they may bring; longer names than any are nobody's."""
        names = (name for name in self.names if len(name) <= _LONGEST_NAME)
        return frozenset(module for name in names for module in _modules(name))

    def brings(self, module: str) -> bool:
        """Tell whether a module may come with one of them."""
        top = module.partition(".")[0]
        return not self.complete or top in self.modules or top.lower() in self.modules


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _modules(name: str) -> set[str]:
    bare = _BUILD.sub("", name)
    found = {*_BROUGHT.get(name, ()), *_BROUGHT.get(bare, ())}
    known = _MODULES.get(name) or _MODULES.get(bare)
    if known is not None:
        return found | set(known)
    for form in (name, bare, bare.removeprefix("python-"), bare.removeprefix("py"), bare.removeprefix("py-")):
        found |= {form.replace("-", "_"), form.replace("-", "")}
    return found | {shared for shared in _SHARED if name.startswith(f"{shared}-")}
