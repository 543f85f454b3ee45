"""Files that belong together: which members name others, or cannot be read without them."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from marpack.checks.frame.contents import LONGEST_TEXT
from marpack.checks.frame.subject import Subject, json_object
from marpack.checks.frame.weights import describe, serialized_file, source_names, weights_files
from marpack.frozen import frozen

_INDEX: Final = ".index.json"
_MOST_PARTS: Final = 10_000
_MOST_TEXT: Final = 32 << 20
# Of safetensors, torch and diffusers: how the parts of one file of weights are called.
_SHARD: Final = re.compile(r"(?P<stem>.+)-(?P<number>[0-9]{5})-of-(?P<count>[0-9]{5})(?P<suffix>\.[A-Za-z0-9]+)")
# Those of transformers and diffusers are found by their index only.
_INDEXED: Final = frozenset(
    f"{stem}{suffix}"
    for stem in ("model", "pytorch_model", "diffusion_pytorch_model")
    for suffix in (".safetensors", ".bin")
)
# torch.distributed.checkpoint, FileSystemWriter: the files that its .metadata names, as texts of a pickle.
_DISTRIBUTED_FILE: Final = re.compile(r"__[0-9]{1,6}_[0-9]{1,6}\.distcp")
_DISTRIBUTED: Final = re.compile(rb"__[0-9]{1,6}_[0-9]{1,6}\.distcp")
# transformers: the files of a tokenizer's own class, by what the name of the class begins with; tokenizer.json
# stands for all of them.
_WHOLE_TOKENIZER: Final = "tokenizer.json"
_TOKENIZERS: Final = {
    **dict.fromkeys(("Bert", "DistilBert", "Electra", "MobileBert", "LayoutLM", "MPNet"), ("vocab.txt",)),
    **dict.fromkeys(("GPT2", "Roberta", "Bart", "Longformer", "CLIP"), ("vocab.json", "merges.txt")),
    **dict.fromkeys(("XLMRoberta", "Camembert", "MBart"), ("sentencepiece.bpe.model",)),
    **dict.fromkeys(("T5", "Albert", "XLNet"), ("spiece.model",)),
    "Llama": ("tokenizer.model",),
    "DebertaV2": ("spm.model",),
    "Marian": ("vocab.json", "source.spm", "target.spm"),
}
_FILE: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,99}\.\w{1,9}", re.ASCII)
_TOKENIZER_CLASS: Final = re.compile(r"([A-Za-z0-9]+?)Tokenizer(?:Fast)?")
# What reads folders of the Hugging Face Hub's form, from a folder of the archive.
_HUB: Final = frozenset({"from_pretrained", "pipeline", "SentenceTransformer", "CrossEncoder", "load_adapter"})
_WITH_TOKENIZER: Final = frozenset({"AutoProcessor", "pipeline", "SentenceTransformer"})
_WITH_CODE: Final = frozenset({"trust_remote_code"})
_ADAPTERS: Final = frozenset({"PeftModel", "AutoPeftModel", "AutoPeftModelForCausalLM", "load_adapter"})
_SENTENCES: Final = frozenset({"SentenceTransformer", "CrossEncoder"})
_CONFIGURED: Final = (".Pooling", ".Dense")
# DeepSpeed: the text that names the folder of the newest state.
_STEP: Final = re.compile(rb"global_step[0-9]{1,12}\s*")
_STEPS: Final = frozenset(
    {"load_checkpoint", "get_fp32_state_dict_from_zero_checkpoint", "load_state_dict_from_zero_checkpoint"}
)
_CHECKPOINTS: Final = frozenset(
    {"load_sharded_checkpoint", "load_checkpoint_and_dispatch", "load_checkpoint_in_model"}
)
# 1.32.0; 1.18.1 puts it behind the model's own folder, and finds nothing.
_ABSOLUTE: Final = "onnxruntime: Absolute path not allowed for external data location, or it finds no such file"
_DISTRIBUTED_READERS: Final = frozenset({"FileSystemReader", "dcp_to_torch_save", "checkpoint"})


@frozen
class Part:
    """A file, ``name``, that the member ``whole`` names or needs; one that begins with ``/`` can never be packed.

    ``readers`` are the names by whose use a source reads them. ``effect`` is what such a reader says. ``least`` is
    how many bytes of it the whole refers to.
    """

    whole: str
    name: str
    readers: frozenset[str] = frozenset()
    effect: str
    least: int = 0


def parts_of(subject: Subject) -> Iterator[Part]:
    """Yield the parts that members name or need, there or not, each once."""
    seen: set[tuple[str, str]] = set()
    for part in _all(subject):
        if len(seen) >= _MOST_PARTS:
            return
        if (part.whole, part.name) not in seen:
            seen.add((part.whole, part.name))
            yield part


def _all(subject: Subject) -> Iterator[Part]:
    first = serialized_file(subject)
    for name in weights_files(subject):
        if name == first or name.lower().endswith(".onnx"):
            effect = "onnxruntime: External data path does not exist"
            weights = describe(subject, name)
            for part, least in zip(weights.parts, weights.part_sizes, strict=True):
                if _is_beside(part):
                    yield _beside(name, part, effect=effect, least=least)
                elif part.startswith("/"):
                    yield Part(whole=name, name=part, effect=_ABSOLUTE)
    yield from _shards(subject)
    for name in subject.names:
        base = posixpath.basename(name)
        if name.endswith(_INDEX):
            yield from _of_index(subject, name)
        elif base == ".metadata":
            found = dict.fromkeys(_DISTRIBUTED.findall(_text(subject, name)))
            effect = "FileNotFoundError: No such file or directory"
            for part in found:
                yield _beside(name, part.decode(), readers=_DISTRIBUTED_READERS, effect=effect)
        elif _DISTRIBUTED_FILE.fullmatch(base):
            yield from _of_distributed(subject, name)
        elif base == "modules.json":
            yield from _of_sentences(subject, name)
        elif base == "latest" and _STEP.fullmatch(_text(subject, name)):
            step = _text(subject, name).decode().strip()
            yield _beside(name, step, readers=_STEPS, effect="FileNotFoundError, or: Directory doesn't exist")
        elif base in _OF_HUB:
            yield from _OF_HUB[base](subject, name, json_object(_text(subject, name)))
        elif base.endswith("index.json"):
            yield from _of_index(subject, name)


def _text(subject: Subject, name: str) -> bytes:
    """Return a member that is no longer than texts are; of longer ones, and of too many, nothing is said."""
    left, size = subject.once(_left), subject.names[name]
    if size > LONGEST_TEXT or (name not in left.read and size > left.size):
        return b""
    if name not in left.read:
        left.read.add(name)
        left.size -= size
    return subject.read(name) or b""


@dataclass
class _Left:
    """How much may still be read, of which all is kept, and what has been."""

    size: int = _MOST_TEXT
    read: set[str] = field(default_factory=set)


def _left(subject: Subject) -> _Left:
    return _Left()


def _is_beside(location: str) -> bool:
    """Tell whether a place is one that lies below the file's own folder; others onnxruntime refuses."""
    path = posixpath.normpath(location)
    return bool(location) and not path.startswith(("/", "../", "*")) and path not in ("..", ".")


def _beside(whole: str, part: str, *, effect: str, readers: frozenset[str] = frozenset(), least: int = 0) -> Part:
    name = posixpath.normpath(posixpath.join(posixpath.dirname(whole), part))
    return Part(whole=whole, name=name, readers=readers, effect=effect, least=least)


def _of_index(subject: Subject, name: str) -> Iterator[Part]:
    """Yield the files that an index names, unless the file that it is the index of is there whole."""
    whole = name.removesuffix(_INDEX) if name.endswith(_INDEX) else ""
    stem = whole.removesuffix(".bin")
    better = [*filter(None, [whole]), *([f"{stem}.safetensors"] if stem != whole else [])]
    if stem.endswith("pytorch_model"):
        folder = posixpath.dirname(name)
        better += [posixpath.join(folder, other) for other in ("model.safetensors", f"model.safetensors{_INDEX}")]
    if any(subject.holds(other) for other in better):
        return
    places = json_object(_text(subject, name)).get("weight_map")
    if isinstance(places, dict):
        for part in dict.fromkeys(part for part in places.values() if isinstance(part, str)):
            if _is_beside(part):
                effect = f"FileNotFoundError: No such file or directory, or OSError: ... {part!r:.100}"
                yield _beside(name, part, readers=_HUB | _CHECKPOINTS, effect=effect)


def _of_distributed(subject: Subject, name: str) -> Iterator[Part]:
    """Yield what a file of a distributed checkpoint is found by, which its rank may have a file of its own for."""
    folder, base = posixpath.split(name)
    if not subject.holds(posixpath.join(folder, f"{base.rpartition('_')[0]}.metadata")):
        effect = "CheckpointException: ... No such file or directory: '.metadata'"
        yield _beside(name, ".metadata", readers=_DISTRIBUTED_READERS, effect=effect)


def _shards(subject: Subject) -> Iterator[Part]:
    """Yield the files whose names say that they are one of several, of which some are there."""
    seen: set[tuple[str, str, str]] = set()
    # Where an index lies elsewhere, its shards are looked for there.
    indexes = {posixpath.basename(name) for name in subject.names if name.endswith(_INDEX)}
    for name in subject.names:
        found = _SHARD.fullmatch(name)
        if found is None or (found["stem"], found["count"], found["suffix"]) in seen:
            continue
        seen.add((found["stem"], found["count"], found["suffix"]))
        whole = f"{found['stem']}{found['suffix']}"
        if int(found["count"]) > _MOST_PARTS or subject.holds(whole) or subject.holds(f"{whole}{_INDEX}"):
            continue
        if posixpath.basename(whole) in _INDEXED and f"{posixpath.basename(whole)}{_INDEX}" not in indexes:
            effect = f"from_pretrained: OSError: Error no file named {posixpath.basename(whole)}"
            yield Part(whole=name, name=f"{whole}{_INDEX}", readers=_HUB, effect=effect)
        first = 1 - subject.holds(f"{found['stem']}-00000-of-{found['count']}{found['suffix']}")
        for number in range(first, first + int(found["count"])):
            other = f"{found['stem']}-{number:05}-of-{found['count']}{found['suffix']}"
            effect = "FileNotFoundError: No such file or directory"
            yield Part(whole=name, name=other, readers=_HUB | _CHECKPOINTS, effect=effect)


def _of_tokenizer(subject: Subject, name: str, values: dict[str, Any]) -> Iterator[Part]:
    yield from _of_code(subject, name, values)
    if subject.holds(posixpath.join(posixpath.dirname(name), _WHOLE_TOKENIZER)):
        return
    kind = values.get("tokenizer_class")
    found = _TOKENIZER_CLASS.fullmatch(kind) if isinstance(kind, str) else None
    own = _TOKENIZERS.get(found[1], ()) if found is not None else ()
    said = (text for key, text in values.items() if key.endswith("_file") and isinstance(text, str))
    # A model may be read from the folder by itself.
    readers = frozenset(name for name in source_names(subject) if "Tokenizer" in name or name in _WITH_TOKENIZER)
    effect = "from_pretrained finds no vocabulary: TypeError, or, since transformers 5, every word is unknown"
    for part in dict.fromkeys((*own, *filter(_FILE.fullmatch, said))):
        yield _beside(name, part, readers=readers, effect=effect)


def _of_code(subject: Subject, name: str, values: dict[str, Any]) -> Iterator[Part]:
    """Yield the sources that ``auto_map`` names, as ``"modeling_mine.Model"``; ``--`` is in those of the Hub."""
    named = values.get("auto_map")
    for value in named.values() if isinstance(named, dict) else ():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and "--" not in text and re.fullmatch(r"\w+\.\w+", text, re.ASCII):
                part = f"{text.partition('.')[0]}.py"
                effect = f"from_pretrained: OSError: ... does not appear to have a file named {part}"
                yield _beside(name, part, readers=_WITH_CODE, effect=effect)


def _of_sentences(subject: Subject, name: str) -> Iterator[Part]:
    """Yield the configurations of the modules of sentence-transformers that cannot be without."""
    try:
        modules = json.loads(_text(subject, name) or b"null")
    except (ValueError, RecursionError):
        return
    for module in modules if isinstance(modules, list) else ():
        path, kind = (module.get("path"), module.get("type")) if isinstance(module, dict) else (None, None)
        if isinstance(path, str) and isinstance(kind, str) and _is_beside(path) and kind.endswith(_CONFIGURED):
            effect = "SentenceTransformer: TypeError: Pooling.__init__() missing 1 required argument, or the like"
            yield _beside(name, f"{path}/config.json", readers=_SENTENCES, effect=effect)


def _of_adapter(subject: Subject, name: str, values: dict[str, Any]) -> Iterator[Part]:
    folder = posixpath.dirname(name)
    if "peft_type" in values and not subject.holds(posixpath.join(folder, "adapter_model.bin")):
        effect = "PeftModel.from_pretrained: HFValidationError, or ValueError: Can't find the adapter's weights"
        yield _beside(name, "adapter_model.safetensors", readers=_ADAPTERS, effect=effect)


def _of_pipeline(subject: Subject, name: str, values: dict[str, Any]) -> Iterator[Part]:
    """Yield the folders of a pipeline of diffusers: each component is the name of a library and of a class."""
    for component, value in values.items():
        is_pair = isinstance(value, list) and len(value) == 2 and all(isinstance(item, str) for item in value)
        if "_class_name" in values and is_pair and not component.startswith("_") and _is_beside(component):
            effect = (
                "DiffusionPipeline.from_pretrained: OSError: Error no file named config.json found in directory"
            )
            yield _beside(name, component, readers=_HUB, effect=effect)


_OF_HUB: Final = {
    "tokenizer_config.json": _of_tokenizer,
    "config.json": _of_code,
    "adapter_config.json": _of_adapter,
    "model_index.json": _of_pipeline,
}
