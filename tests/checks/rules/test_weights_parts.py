"""Files that belong together: which are needed, and which only look like it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.archive.inspection.test_onnx import model, tensor
from tests.checks.cases.case import Archive
from tests.checks.cases.weights import BASE
from tests.support.checking import found

CODE = "weights-part-missing"
HUB = """
from transformers import AutoModel
class Handler:
    def initialize(self, context):
        self.model = AutoModel.from_pretrained(context.system_properties["model_dir"])
    def handle(self, data, context):
        return [1] * len(data)
"""
OTHER = HUB.replace("AutoModel.from_pretrained", "AutoModel.made")
ONNX = model(tensor("net.onnx.data"))
SHARDS = tuple(f"model-{number:05}-of-00003.safetensors" for number in (1, 2, 3))
INDEX = {"weight_map": {"a": SHARDS[0], "b": SHARDS[1], "c": SHARDS[2], "d": SHARDS[0]}}


def missing(files: Mapping[str, Any], *, handler: str = HUB, **named: str) -> dict[str, str]:
    """Return what is said to be missing, and how bad that is; values that are no bytes are written as JSON."""
    held: dict[str, str | bytes] = {
        name: data if isinstance(data, (bytes, str)) else json.dumps(data) for name, data in files.items()
    }
    archive = Archive(files={"handler.py": handler, **held}, model={"handler": "handler.py", **named})
    said = [finding for finding in found(archive) if finding.code == CODE]
    return {finding.message.split("'")[1]: finding.severity for finding in said}


def of(*names: str) -> dict[str, bytes]:
    return dict.fromkeys(names, b"x")


def test_data_of_onnx() -> None:
    loads = "import onnxruntime\n" + OTHER + "\nNAME = 'net.onnx'\n"
    assert missing({"net.onnx": ONNX}, handler=BASE, serializedFile="net.onnx") == {"net.onnx.data": "error"}
    assert missing({"net.onnx": ONNX}, handler=OTHER, serializedFile="net.onnx") == {"net.onnx.data": "warning"}
    sure = "import onnxruntime\nNET = onnxruntime.InferenceSession('net.onnx')\n" + OTHER
    assert missing({"net.onnx": ONNX}, handler=sure) == {"net.onnx.data": "error"}
    assert missing({"net.onnx": ONNX}, handler=loads) == {"net.onnx.data": "warning"}
    assert missing({"net.onnx": ONNX}, handler=OTHER) == {"net.onnx.data": "note"}
    assert missing({"nets/net.onnx": ONNX, "net.onnx.data": b""}, handler=loads) == {
        "nets/net.onnx.data": "warning"
    }


@pytest.mark.parametrize(
    "files",
    [
        {"net.onnx": ONNX, "net.onnx.data": bytes(16)},
        {"nets/net.onnx": ONNX, "nets/net.onnx.data": bytes(16)},
        {"net.onnx": model(tensor("./a/../net.onnx.data")), "net.onnx.data": bytes(16)},
        {"net.onnx": model(tensor("weights/net.bin")), "weights/net.bin": bytes(16)},
        # What onnxruntime refuses for other reasons, or takes from memory.
        {"net.onnx": model(tensor("../up"), tensor("*/_ORT_MEM_ADDR_/*"), tensor("."))},
        {"net.onnx": model(tensor("net.onnx.data", external=False))},
    ],
)
def test_onnx_that_is_whole(files: dict[str, bytes]) -> None:
    assert missing(files, serializedFile=next(iter(files))) == {}


def test_an_absolute_place() -> None:
    """Nothing that is packed helps; onnxruntime itself says so in ``test_onnx.py``."""
    data = model(tensor("/export/net.bin"))
    for more in ({}, of("net.bin"), of("export/net.bin")):
        files = {"net.onnx": data, **more}
        assert missing(files, handler=BASE, serializedFile="net.onnx") == {"/export/net.bin": "error"}
    assert missing({"net.onnx": data}, handler=OTHER) == {"/export/net.bin": "note"}


def test_shards_of_an_index() -> None:
    index = {"model.safetensors.index.json": INDEX}
    assert missing({**index, **of(SHARDS[0])}) == {SHARDS[1]: "warning", SHARDS[2]: "warning"}
    assert missing({**index, **of(SHARDS[0])}, handler=OTHER) == {SHARDS[1]: "note", SHARDS[2]: "note"}
    named = OTHER + "NAME = 'model.safetensors.index.json'\n"
    assert missing({**index, **of(*SHARDS[1:])}, handler=named) == {SHARDS[0]: "warning"}
    below = {"llm/model.safetensors.index.json": INDEX, **of(*SHARDS, f"llm/{SHARDS[0]}", f"llm/{SHARDS[2]}")}
    assert missing(below) == {f"llm/{SHARDS[1]}": "warning"}


@pytest.mark.parametrize(
    "files",
    [
        {"model.safetensors.index.json": INDEX, **of(*SHARDS)},
        {"llm/model.safetensors.index.json": INDEX, **of(*(f"llm/{name}" for name in SHARDS))},
        # What is read in place of the shards.
        {"model.safetensors.index.json": INDEX, **of("model.safetensors")},
        {
            "pytorch_model.bin.index.json": {"weight_map": {"a": "pytorch_model-00001-of-00002.bin"}},
            **of("pytorch_model.bin"),
        },
        {
            "pytorch_model.bin.index.json": {"weight_map": {"a": "pytorch_model-00001-of-00002.bin"}},
            **of("model.safetensors"),
        },
        # What is no index of weights.
        {"words.index.json": {"weight_map": [1, 2]}},
        {"words.index.json": {"weight_map": {"a": 1, "b": "/etc/passwd", "c": "../up", "d": ""}}},
        {"words.index.json": [1]},
        {"words.index.json": b"\xff{"},
        {"words.index.json": b"[" * 100_000},
        # Names that only look like shards of several.
        of("photo-1-of-3.bin", "model-00001-of-00001.safetensors"),
    ],
)
def test_what_is_whole_or_no_index(files: dict[str, Any]) -> None:
    assert {name for name, severity in missing(files).items() if not name.endswith(".index.json")} == set()


def test_shards_that_say_how_many_they_are() -> None:
    assert missing(of("net-00001-of-00002.pt"), handler=OTHER) == {"net-00002-of-00002.pt": "note"}
    assert missing(of(*SHARDS)) == {"model.safetensors.index.json": "warning"}
    assert missing(of(*SHARDS), handler=OTHER) == {"model.safetensors.index.json": "note"}
    assert missing(of(*SHARDS, "model.safetensors")) == {}
    assert missing(of("a-00001-of-99999.bin")) == {}
    assert missing(of("words-00000-of-00002.json", "words-00001-of-00002.json")) == {}


def test_folders_of_the_hub() -> None:
    words = HUB.replace("AutoModel", "AutoTokenizer")
    bert = {"tok/tokenizer_config.json": {"tokenizer_class": "BertTokenizerFast"}}
    assert missing(bert, handler=words) == {"tok/vocab.txt": "warning"}
    assert missing(bert) == {"tok/vocab.txt": "note"}
    assert missing(bert, handler=OTHER) == {"tok/vocab.txt": "note"}
    guarded = words + "\nHAS = any(name.startswith('vocab.') for name in ())\n"
    assert missing(bert, handler=guarded) == {"tok/vocab.txt": "note"}
    assert missing({**bert, **of("tok/vocab.txt")}) == {}
    assert missing({**bert, **of("tok/tokenizer.json")}) == {}
    roberta = {"tokenizer_config.json": {"tokenizer_class": "RobertaTokenizer"}}
    assert missing({**roberta, **of("vocab.json")}, handler=words) == {"merges.txt": "warning"}
    for other in ("PreTrainedTokenizerFast", "MyTokenizer", 5, None, "x" * 100_000):
        assert missing({"tokenizer_config.json": {"tokenizer_class": other}}) == {}
    code = {
        "config.json": {"auto_map": {"AutoModel": "modeling_mine.Mine", "AutoConfig": "org/repo--configuration.C"}}
    }
    trusting = HUB.replace('context.system_properties["model_dir"]', "'.', trust_remote_code=True")
    assert missing(code, handler=trusting) == {"modeling_mine.py": "warning"}
    assert missing(code) == {"modeling_mine.py": "note"}
    assert missing({**code, "modeling_mine.py": "class Mine: pass\n"}) == {}
    adapter = {"lora/adapter_config.json": {"peft_type": "LORA"}}
    adapted = HUB.replace("AutoModel", "PeftModel")
    assert missing(adapter, handler=adapted) == {"lora/adapter_model.safetensors": "warning"}
    assert missing({**adapter, **of("lora/adapter_model.bin")}) == {}
    named = {"tokenizer_config.json": {"vocab_file": "words.model", "merges_file": None, "name_file": "/a/b.txt"}}
    assert missing(named, handler=words) == {"words.model": "warning"}
    assert missing({**named, **of("tokenizer.json")}, handler=words) == {}
    modules = [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        {"path": "../3", "type": "sentence_transformers.models.Dense"},
        *({"path": 1}, "x", None),
    ]
    sentences = HUB.replace("AutoModel.from_pretrained", "SentenceTransformer")
    assert missing({"modules.json": modules}, handler=sentences) == {"1_Pooling/config.json": "warning"}
    assert missing({"modules.json": modules}) == {"1_Pooling/config.json": "note"}
    assert missing({"modules.json": modules, **of("1_Pooling/config.json")}, handler=sentences) == {}
    for text in (b"[" * 100_000, b"\xff", b"{}", b"5"):
        assert missing({"modules.json": text}) == {}
    pipeline = {"_class_name": "P", "unet": ["diffusers", "U"], "safety_checker": [None, None], "size": [1, 2]}
    assert missing({"model_index.json": pipeline}) == {"unet": "warning"}
    assert missing({"model_index.json": pipeline, **of("unet/config.json")}) == {}


def test_files_of_a_distributed_checkpoint() -> None:
    metadata = {"ckpt/.metadata": b"\x80\x02X\x0c\0\0\0__0_0.distcpq\0X\x0c\0\0\0__1_0.distcpq\1\x86."}
    reader = "from torch.distributed.checkpoint import FileSystemReader\n" + OTHER
    assert missing({**metadata, **of("ckpt/__0_0.distcp")}, handler=reader) == {"ckpt/__1_0.distcp": "warning"}
    assert missing({**metadata, **of("ckpt/__0_0.distcp")}, handler=OTHER) == {"ckpt/__1_0.distcp": "note"}
    assert missing({**metadata, **of("ckpt/__0_0.distcp", "ckpt/__1_0.distcp")}, handler=reader) == {}
    assert missing({".metadata": b"anything"}, handler=reader) == {}
    long = Archive(
        files={"handler.py": reader, ".metadata": bytes(9 << 20), "net.safetensors.index.json": bytes(9 << 20)}
    )
    assert {finding.code for finding in found(long)} == {"import-missing"}


def test_the_newest_state_of_deepspeed() -> None:
    reader = HUB.replace("from_pretrained", "load_checkpoint")
    state = "ckpt/global_step10/mp_rank_00_model_states.pt"
    assert missing({"ckpt/latest": b"global_step10"}, handler=reader) == {"ckpt/global_step10": "warning"}
    assert missing({"ckpt/latest": b"global_step10\n", **of(state)}, handler=reader) == {}
    assert missing({"latest": b"version 3", "a/latest": b"global_step\xd9\xa3"}, handler=reader) == {}


def test_a_part_that_lies_elsewhere_is_named() -> None:
    archive = Archive(
        files={
            "handler.py": HUB,
            "model.safetensors.index.json": json.dumps(INDEX),
            **of(*(f"w/{name}" for name in SHARDS)),
        }
    )
    fixes = [finding.fix for finding in found(archive) if finding.code == CODE]
    assert fixes[0] == f"pack '{SHARDS[0]}' too: 'w/{SHARDS[0]}' lies elsewhere"


@pytest.mark.slow
def test_a_distributed_checkpoint_as_torch_writes_it(tmp_path: Path) -> None:
    """What torch misses is what is said to be missing."""
    script = """
import sys
import torch
from torch.distributed.checkpoint import FileSystemWriter, save
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save
folder = sys.argv[1]
if sys.argv[2:]:
    dcp_to_torch_save(folder, sys.argv[2])
else:
    save({"a": torch.zeros(4), "b": torch.ones(2)}, storage_writer=FileSystemWriter(folder), no_dist=True)
"""
    command = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / "ckpt")]
    subprocess.run(command, check=True, capture_output=True)
    files = {f"ckpt/{path.name}": path.read_bytes() for path in (tmp_path / "ckpt").iterdir()}
    assert set(files) > {"ckpt/.metadata"}
    reader = "from torch.distributed.checkpoint.format_utils import dcp_to_torch_save\n" + OTHER
    assert missing(files, handler=reader) == {}
    [part, *_] = sorted(name for name in files if name.endswith(".distcp"))
    (tmp_path / part).unlink()
    without = {name: data for name, data in files.items() if name != part}
    assert missing(without, handler=reader) == {part: "warning"}
    done = subprocess.run([*command, str(tmp_path / "out.pt")], capture_output=True, text=True, check=False)
    assert done.returncode
    assert f"No such file or directory: '{tmp_path}/{part}'" in done.stderr


def test_a_file_of_an_onnx_model_that_is_too_short() -> None:
    for size, expected in ((16, {}), (400, {}), (15, {"net.onnx.data": "error"}), (0, {"net.onnx.data": "error"})):
        files = {"net.onnx": ONNX, "net.onnx.data": bytes(size)}
        assert missing(files, handler=BASE, serializedFile="net.onnx") == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", {"net.onnx.data": "error"}),
        ("open('net.onnx.data', 'wb').close()\n", {}),
        ("import urllib.request\nurllib.request.urlretrieve('https://a.example/w', 'net.onnx.data')\n", {}),
        ("import zipfile\nzipfile.ZipFile('w.zip').extractall()\n", {}),
        ("open('another.bin', 'wb').close()\n", {"net.onnx.data": "error"}),
    ],
)
def test_a_part_that_the_handler_may_write_first(before: str, expected: dict[str, str]) -> None:
    handler = f"import onnxruntime\n{before}NET = onnxruntime.InferenceSession('net.onnx')\n{OTHER}"
    assert missing({"net.onnx": ONNX, "w.zip": b""}, handler=handler) == expected


def test_an_index_of_another_name() -> None:
    index = {"weight_map": {"a": "one.pt", "b": "two.pt"}}
    named = OTHER + "\nINDEX = 'index.json'\n"
    assert missing({"index.json": index, "one.pt": b"x"}, handler=named) == {"two.pt": "warning"}
    assert missing({"index.json": index, "one.pt": b"x"}, handler=OTHER) == {"two.pt": "note"}
    assert missing({"index.json": index, **of("one.pt", "two.pt")}, handler=named) == {}
    assert missing({"index.json": {"files": {"a": "one.pt"}, "weight_map": ["two.pt"]}}, handler=named) == {}


@pytest.mark.parametrize(
    "imported", ["import torch.distributed.checkpoint as dcp", "from torch.distributed import *"]
)
def test_a_distributed_checkpoint_without_its_hidden_file(imported: str) -> None:
    handler = f"{imported}\n{OTHER}"
    expected = "warning" if "checkpoint" in imported else "note"
    assert missing(of("ckpt/__0_0.distcp", "ckpt/__1_0.distcp"), handler=handler) == {"ckpt/.metadata": expected}
    assert missing(of("ckpt/__0_0.distcp", "ckpt/.metadata"), handler=handler) == {}
    assert missing(of("ckpt/__0_0.distcp", "ckpt/__0.metadata"), handler=handler) == {}


def test_texts_are_read_up_to_a_size() -> None:
    """What is read is kept for other rules: of very many long texts the rest is left alone."""
    index = json.dumps({"weight_map": {"a": "part.bin"}}).ljust(7 << 20)
    files = {f"w{number}/model.safetensors.index.json": index for number in range(6)}
    assert missing(files, handler=HUB) == {f"w{number}/part.bin": "warning" for number in range(4)}
