"""Lines of requirements, and the modules that they bring."""

from __future__ import annotations

import keyword
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from marpack.checks.python.distribution_names import TABLE, distribution_of, normal_name, parse, table
from marpack.checks.python.distributions import WITH_SERVER, Distributions
from marpack.checks.python.requirement_lines import requirement_lines

if TYPE_CHECKING:
    from pathlib import Path


def test_the_end_of_a_name_is_taken_off_at_once() -> None:
    assert "numpy" in Distributions(b"numpy-cpu-gpu-cu118-headless").modules
    assert Distributions(b"kit" + b"-cpu" * 1000).modules == frozenset()


def test_requirements_have_one_grammar() -> None:
    text = b"\xef\xbb\xbfNumPy==1.0 --hash=sha256:00  # why\n# c\nscikit_\\\nlearn[x]>=1 ; python_version > '3'\n"
    text += b"git+https://x/y#egg=my-kit\n--index-url https://x\n"
    lines = requirement_lines(text)
    assert [(line.number, line.name, line.extras) for line in lines] == [
        (1, "numpy", []),
        (3, "scikit-learn", ["x"]),
        (5, None, []),
        (6, None, []),
    ]
    assert [line.extras for line in requirement_lines(b"a[]\na[ B_c , d ]>1")] == [[], ["b-c", "d"]]
    found = Distributions(text)
    assert (found.names, found.complete) == ({"numpy", "scikit-learn", "my-kit"}, True)
    for line in ("./kit", "kit-1.0-py3-none-any.whl", "-r more.txt", "${KIT}", "a" * 20_000, "kit = 1", "k\xff"):
        assert not Distributions(line.encode("latin-1")).complete, line


@pytest.mark.parametrize(
    ("listed", "modules"),
    [
        # Their own modules, called otherwise.
        ("grpcio lru-dict pyannote.audio openai-whisper", "grpc lru pyannote whisper"),
        ("Pillow opencv-python-headless opencv-contrib-python scikit-learn", "PIL cv2 sklearn"),
        ("PyYAML beautifulsoup4 python-dateutil attrs protobuf", "yaml bs4 dateutil attr attrs google"),
        (
            "faiss-cpu faiss-gpu python-Levenshtein PyMuPDF python-docx SimpleITK",
            "faiss Levenshtein fitz docx SimpleITK",
        ),
        (
            "mmcv-full umap-learn llama-cpp-python hydra-core open-clip-torch",
            "mmcv umap llama_cpp hydra open_clip",
        ),
        ("onnxruntime-gpu tensorflow-cpu psycopg2-binary mysqlclient", "onnxruntime tensorflow psycopg2 MySQLdb"),
        ("google-cloud-storage azure-storage-blob nvidia-ml-py", "google azure pynvml"),
        ("mecab-python3 biopython fasttext-wheel rdkit-pypi kafka-python", "MeCab Bio fasttext rdkit kafka"),
        # What comes with them.
        ("shap", "sklearn numba pandas scipy"),
        ("langchain", "langchain_core pydantic yaml tenacity"),
        ("transformers", "tokenizers huggingface_hub safetensors regex tqdm requests"),
        ("sentence-transformers", "transformers sklearn scipy nltk"),
        ("ultralytics", "cv2 pandas matplotlib seaborn torchvision"),
        ("librosa", "soundfile numba sklearn joblib"),
        ("fastapi", "pydantic starlette anyio"),
        ("pandas", "dateutil pytz"),
        ("spacy", "thinc srsly pydantic"),
        ("boto3", "botocore s3transfer jmespath"),
        ("lightning", "pytorch_lightning torchmetrics lightning_utilities"),
        ("mmdet", "mmcv mmengine pycocotools"),
        ("easyocr", "cv2 skimage shapely pyclipper"),
        ("datasets", "pyarrow pandas dill multiprocess xxhash"),
    ],
)
def test_a_listed_distribution_brings_its_modules_and_those_that_it_needs(listed: str, modules: str) -> None:
    found = Distributions("\n".join(listed.split()).encode())
    assert [module for module in modules.split() if module not in found.modules] == []
    assert all(found.brings(module) for module in modules.split())


def test_what_surely_does_not_come_is_told_from_what_nobody_knows() -> None:
    nobodys = "nosuch_module_of_anybody"
    assert Distributions(b"").brings(nobodys) is False
    assert Distributions(b"grpcio\nopencv-python==4.1\nshap").brings(nobodys) is False
    for line in (b"kit-of-ours", b"transformers[nosuch]", b"numpy\nkit-of-ours", b"git+https://x/y#egg=my-kit"):
        assert Distributions(line).brings(nobodys) is None, line
    assert Distributions(b"-r more.txt").brings(nobodys) is True
    assert Distributions(b"kit-of-ours").brings("kit_of_ours") is True
    assert Distributions(b"grpcio\nkit-of-ours\nuvicorn[standard,more]").unknown == {"kit-of-ours", "uvicorn"}
    assert Distributions(b"tritonclient[HTTP]").brings(nobodys) is False
    assert Distributions(b"tritonclient[HTTP]").brings("geventhttpclient") is True
    assert Distributions(b"tritonclient").brings("geventhttpclient") is False


def install(folder: Path, name: str, needs: str, modules: str) -> None:
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in (*modules.split(), f"{info.name}/METADATA")))


def test_what_is_installed_here_is_asked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = "Requires-Dist: kit.inner-extra (>=1)\nRequires-Dist: kit-more ; extra == 'more'"
    install(
        tmp_path, "kit-of-ours", needs, "ourkit/__init__.py single.py kit.libs/x.so _fast.cpython-311-x86_64.so"
    )
    install(tmp_path, "kit-inner-extra", "", "innermost/a.py")
    install(tmp_path, "kit-more", "", "more_kit/a.py")
    # A grpcio with another module than any that the table knows.
    install(tmp_path, "grpcio", "", "grpc/__init__.py grpc_next/__init__.py")
    modules = ("ourkit", "single", "_fast", "innermost", "more_kit", "grpc_next")
    listed = b"Kit_of.ours\ngrpcio\n"
    assert [Distributions(listed).brings(module) for module in modules] == [None] * 6
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [Distributions(listed).brings(module) for module in modules] == [True] * 4 + [None, True]
    # It never makes anything certain, and what is not listed does not count.
    assert Distributions(b"kit-of-ours").brings("nosuch_module") is None
    assert Distributions(b"grpcio").brings("ourkit") is False


def test_a_broken_installation_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "kit-of-ours", "", "ourkit/__init__.py")
    (tmp_path / "kit_of_ours-1.0.dist-info" / "METADATA").write_bytes(b"\xff\xfe\x00")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert Distributions(b"kit-of-ours").brings("ourkit") is None
    assert Distributions("\n".join(f"kit-{number}" for number in range(9999)).encode()).brings("ourkit") is None


def test_the_table_is_well_formed() -> None:
    lines = Path(TABLE).read_text(encoding="utf-8").splitlines()
    assert "made on 20" in lines[0]
    names = [line.partition("=")[0].partition(":")[0].strip() for line in lines if not line.startswith("#")]
    assert names == sorted(set(names))
    assert len(names) > 1500
    for name, known in table().items():
        assert name.partition("[")[0] == normal_name(name.partition("[")[0])
        assert all(module.isidentifier() and not keyword.iskeyword(module) for module in known.modules or ()), name
        assert all(need == normal_name(need) for need in known.needs or ()), name
    assert Path(TABLE).stat().st_size < 100_000


def test_its_lines_say_what_is_known() -> None:
    found = parse(["# x", "", "a-b: c", "a-b[x]: y", "d = e f:", "g = ?: h", "i = -:", "j = k"])
    assert {name: (known.modules, known.needs) for name, known in found.items()} == {
        "a-b": (("a_b",), ("c",)),
        "a-b[x]": ((), ("y",)),
        "d": (("e", "f"), ()),
        "g": (None, ("h",)),
        "i": ((), ()),
        "j": (("k",), None),
    }


def test_the_distribution_of_a_module_is_named_where_its_name_is_another() -> None:
    modules = ("cv2", "sklearn", "grpc", "PIL", "torch", "google", "nosuch_module")
    names = ["opencv-python", "scikit-learn", "grpcio", "pillow", None, None, None]
    assert list(map(distribution_of, modules)) == names


def test_of_what_is_installed_here_the_table_is_right() -> None:
    """Another version may have a module more, or need something more: nine of ten must agree."""
    wrong, right = [], 0
    for installed in metadata.distributions():
        name = normal_name(installed.metadata["Name"])
        known = table().get(name)
        if known is None or known.needs is None or known.modules is None:
            continue
        found = Distributions(name.encode())
        tops = {top for top in (installed.read_text("top_level.txt") or "").split() if top[:1] != "_"}
        lines = [text for text in installed.requires or () if "extra" not in text]
        needs = {line.name for line in requirement_lines("\n".join(lines).encode()) if line.name}
        if tops <= {*found.modules, *WITH_SERVER} and needs <= set(known.needs):
            right += 1
        else:
            wrong.append((name, tops - found.modules, needs - set(known.needs)))
    assert right > 15
    assert len(wrong) * 10 <= right, wrong
