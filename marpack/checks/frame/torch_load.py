"""What ``torch.load`` refuses to import for a file, on the server that a model is for."""

from __future__ import annotations

import ast
import sys
from typing import Final

from marpack.archive.inspection.kinds import BEFORE_2_8, FILLED_DEFAULTDICT, OF_TORCH_PACKAGE, OUTSIDE, Weights
from marpack.archive.inspection.torch_versions import Version, version_of
from marpack.archive.inspection.weights_only import ADDED_BY, is_allowed
from marpack.checks.frame.registered import ALLOWING, Registered
from marpack.checks.frame.subject import Subject
from marpack.checks.frame.weights import nodes_of, source_names, source_texts

# torch's release notes: weights_only is True by default since then.
WEIGHTS_ONLY_DEFAULT: Final[Version] = (2, 6)
# torch.serialization.load: since then it goes by the name.
READS_SAFETENSORS: Final[Version] = (2, 13)
# What it says of what it refuses.
REFUSED: Final = "_pickle.UnpicklingError: Weights only load failed"
_ALLOWING_ALL: Final = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
_HANDLERS: Final = "ts.torch_handler"
# Built-in handlers that import torchvision.
_SEEING_TORCHVISION: Final = frozenset({"image_classifier", "image_segmenter", "object_detector"})
# What is imported beside models and allows nothing, nor imports what does: it knows nothing of torch, or its
# sources do not (torchvision 0.20.1 and 0.29.1, torchaudio 2.5.1 and 2.11.1, torchserve 0.12.0, torchtext 0.18.0,
# facenet-pytorch 2.5.3 and 2.6.0); but for what torch's own compiler allows, which torchvision imports.
_INERT: Final = frozenset(
    {
        *(
            "PIL",
            "boto3",
            "botocore",
            "bs4",
            "cv2",
            "einops",
            "facenet_pytorch",
            "flask",
            "joblib",
            "matplotlib",
            "nltk",
            "numpy",
            "onnx",
            "omegaconf",
            "onnxruntime",
            "packaging",
            "pandas",
            "psutil",
            "psycopg2",
            "pydantic",
        ),
        *(
            "regex",
            "requests",
            "safetensors",
            "scipy",
            "sentencepiece",
            "skimage",
            "sklearn",
            "soundfile",
            "tokenizers",
            "torch",
        ),
        *("torchaudio", "torchtext", "torchvision", "tqdm", "ts", "yaml"),
    }
)
# What allows nothing when it is imported, and imports much that may. Looked at were the wheels of accelerate 1.2.1
# to 1.15.0, captum 0.8.0 and 0.9.0, datasets 3.2.0 and 5.2.0, huggingface_hub 2.4.0, kornia 0.8.0 and 0.9.0,
# lightning 2.4.0 to 2.6.6, open_clip_torch 2.30.0 and 3.3.0, peft 0.14.0 to 0.21.2, segmentation_models_pytorch
# 0.4.0 and 0.6.0, sentence_transformers 3.3.1 to 6.2.0, spacy 3.8.3 and 3.8.18, timm 1.0.12 to 1.0.31,
# torchmetrics 1.6.1 and 1.9.0, and transformers 4.46.3 to 5.24.0. Some allow classes while they load a file
# themselves, and no longer: timm argparse.Namespace, accelerate and the trainer of transformers what arrays need.
# Others allow for good, and are not in these lists: monai 1.6.1 and torch_geometric 2.8.1 when they are imported,
# diffusers 0.42.1 beside torchao, ultralytics 8.4.190 when it loads a model.
_IMPORTING: Final = frozenset(
    {
        *("accelerate", "captum", "datasets", "huggingface_hub", "kornia", "lightning", "lightning_fabric"),
        *(
            "open_clip",
            "peft",
            "pytorch_lightning",
            "segmentation_models_pytorch",
            "sentence_transformers",
            "spacy",
        ),
        *("timm", "torchmetrics", "transformers"),
    }
)


def is_before(subject: Subject, version: Version) -> bool:
    """Tell whether the server's torch is known, and older."""
    torch = subject.settings.torch
    return torch is not None and torch.version < version


def refused_globals(subject: Subject, weights: Weights) -> tuple[str, ...]:
    """Return what ``weights_only=True`` does not import; of a torch that nobody knows, what none does."""
    torch = subject.settings.torch
    if weights.refused_globals or torch is None:
        return weights.refused_globals
    return tuple(name for name in weights.weights_only_because if not is_allowed(name, torch.version))


def is_allowed_elsewhere(subject: Subject, weights: Weights) -> bool:
    """Tell whether the server's torch is known, and older or newer ones alone take it with ``weights_only``."""
    torch, since, until = subject.settings.torch, weights.weights_only_from, weights.weights_only_to
    if torch is None or since is None:
        return False
    return torch.version < version_of(since) or (until is not None and version_of(until) < torch.version)


def is_refused(subject: Subject, weights: Weights) -> bool:
    """Tell whether ``weights_only=True`` surely refuses a file, as far as the sources do not allow more."""
    if weights.weights_only_refuses is not True and not is_allowed_elsewhere(subject, weights):
        return False
    if weights.detail.startswith(FILLED_DEFAULTDICT):
        return not subject.once(_is_torch_told)  # to allow its class is not enough
    return not _may_be_allowed(subject, refused_globals(subject, weights))


def is_refused_by_some(subject: Subject, weights: Weights) -> bool:
    """Tell whether nobody knows the server's torch, and some with ``weights_only`` by default refuse a file."""
    since = weights.weights_only_from
    if subject.settings.torch is not None or since is None:
        return False
    if version_of(since) <= WEIGHTS_ONLY_DEFAULT and weights.weights_only_to is None:
        return False
    return not _may_be_allowed(subject, weights.weights_only_because)


def allowed_from(weights: Weights) -> str:
    """Say which torch allows what a file holds, where some do."""
    if weights.weights_only_to is not None:
        return f", which weights_only=True allows in torch {weights.weights_only_versions} alone"
    since = weights.weights_only_from
    return (
        f", which weights_only=True refuses before torch {since}; torch {since} and newer allow it"
        if since
        else ""
    )


def allows_itself(subject: Subject) -> bool:
    """Tell whether the sources may say themselves what is allowed, wherever they do."""
    return not ALLOWING.isdisjoint(source_names(subject)) or subject.once(_is_torch_told)


def _may_be_allowed(subject: Subject, names: tuple[str, ...]) -> bool:
    """Tell whether the sources may allow all of these names, or everything."""
    if not names or subject.once(_is_torch_told):
        return allows_itself(subject)
    registered = subject.once(Registered) if allows_itself(subject) else None
    return all(
        (registered is not None and registered.may_hold(name)) or subject.once(_allowing).may_allow(name)
        for name in names
    )


def unread_by_torch(weights: Weights, missing: str) -> str:
    """Return what torch says of a file in which it misses a record, if it is a zip of its form at all."""
    top = "RuntimeError: ... file in archive is not in a subdirectory"
    no_record = f"PytorchStreamReader failed locating file {missing}: file not found"
    if weights.detail.endswith(BEFORE_2_8) or (weights.kind == "numpy" and weights.is_zip):
        return top
    if weights.detail == OUTSIDE and missing == "data.pkl":
        return top
    if weights.detail in (OF_TORCH_PACKAGE, OUTSIDE) or (weights.kind != "zip" and weights.is_zip):
        return f"RuntimeError: {no_record}"
    if weights.is_zip:
        return f'{top}, Expected hasRecord("version") to be true, or {no_record}'
    return "RuntimeError: PytorchStreamReader failed reading zip archive"


def _is_torch_told(subject: Subject) -> bool:
    """Tell whether the sources have torch load everything, or put something of their own in its place."""
    return any(_ALLOWING_ALL in text for text in subject.once(source_texts)) or any(
        node.attr == "load" and isinstance(node.ctx, ast.Store) for node in nodes_of(subject, ast.Attribute)
    )


class _Allowing:
    """What the imports of the sources may allow: packages do, for classes of their own and of others."""

    def __init__(self, subject: Subject) -> None:
        worker = subject.worker
        self._modules = worker.modules
        found = [self._modules.find(name) for name in worker.graph]
        spaces = [self._modules.space(module) for module in found if module is not None]
        imports = [item for space in spaces if space is not None for item in space.imports]
        self._imported = {name for item in imports for name in _names_of(item.module, item.names)}
        foreign = {name.partition(".")[0] for name in self._imported} - _INERT - sys.stdlib_module_names
        # A module whose text is not read may import anything.
        self._any = None in spaces or any(self._modules.find(name) is None for name in foreign - _IMPORTING)
        self._more = not foreign.isdisjoint(_IMPORTING)
        self._compiles = (
            any(_sees_compiler(name) for name in self._imported)
            or str(subject.model.get("handler", "")) in _SEEING_TORCHVISION
            or "compile" in source_names(subject)
        )
        # importlib.import_module("torchao")
        self._texts = subject.once(source_texts)

    def may_allow(self, name: str) -> bool:
        """Tell whether something that is imported may have allowed a name."""
        top = name.partition(".")[0]
        if top == "__main__" or self._modules.find(top) is not None:
            return False  # nobody else knows it
        if self._any or top in self._texts:
            return True
        if self._more and top not in _INERT | _IMPORTING | sys.stdlib_module_names:
            return True
        return any(name in table and self._is_imported(package) for package, table in ADDED_BY.items())

    def _is_imported(self, package: str) -> bool:
        """Tell whether one of torch's own packages is imported, or may be by others: torch's compiler does."""
        return self._more or self._compiles or any(f"{name}.".startswith(f"{package}.") for name in self._imported)


def _sees_compiler(name: str) -> bool:
    """Tell whether what is imported may import torch's compiler; torchvision 0.28.0 does."""
    package, _, module = name.rpartition(".")
    return (
        name.partition(".")[0] in ("facenet_pytorch", "torchaudio", "torchvision")
        or f"{name}.".startswith("torch._dynamo.")
        or (package == _HANDLERS and module != "base_handler")
    )


def _allowing(subject: Subject) -> _Allowing:
    return _Allowing(subject)


def _names_of(module: str | None, names: tuple[str, ...]) -> tuple[str, ...]:
    return () if module is None else (module, *(f"{module}.{name}" for name in names))
