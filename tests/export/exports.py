"""Archives and stores that tests export, and the golden files of their exports.

``python -m tests.export.exports dump`` writes ``golden.json`` anew: look at what has changed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import marpack
from marpack.export import ExportEntry, ExportPlan, plan_export
from marpack.export.targets import TARGETS
from tests.support.archives import T

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = Path(__file__).with_name("golden.json")
DIGITS = Path(__file__).parents[1] / "models" / "digits"

# It answers with all that an engine may pass on, or not.
SPEAKS = """\
def handle(data, context):
    if data is None:
        return None
    context.set_response_status(202, "Taken", idx=0)
    context.set_response_header(0, "x-mine", context.get_request_header(0, "X-Mine") or "none")
    context.metrics.add_counter("Asked", 1)
    return ["heard"] * len(data)
"""
SPEAKS_CONFIG = """\
minWorkers: 1
maxWorkers: 3
batchSize: 4
maxBatchDelay: 20
responseTimeout: 30
deviceType: gpu
deviceIds: [0, 1]
jobQueueSize: 7
handler:
  own: 1
"""
SECRET = "hunter2-in-a-file"


def digits(folder: Path) -> Path:
    """Pack the digits model, the same bytes always."""
    result = marpack.pack(
        model_name="digits",
        version="1.0",
        handler=DIGITS / "handler.py",
        model_file=DIGITS / "model.py",
        serialized_file=DIGITS / "digits.pt",
        extra_files=str(DIGITS / "index_to_name.json"),
        export_path=folder,
        timestamp=T,
    )
    return Path(result.path)


def speaks(folder: Path, *, version: str = "2.0", file_name: str = "speaks.mar") -> Path:
    """Pack a model whose handler and configuration use what engines do differently."""
    plan = marpack.plan_archive(
        model_name="speaks",
        version=version,
        handler={"speaks.py": SPEAKS.encode()},
        config_file={"model-config.yaml": SPEAKS_CONFIG.encode()},
        requirements_file=[
            "--index-url https://user:token@example.invalid/simple",
            "torch==2.13.0",
            "numpy>=1.26",
        ],
        timestamp=T,
    )
    return Path(marpack.write_archive(plan, folder / file_name).path)


def store(folder: Path) -> Path:
    """Write a deployment of both models, with a snapshot and settings that are secret, and return its settings."""
    place = folder / "model-store"
    place.mkdir()
    digits(place)
    speaks(place)
    snapshot = marpack.ModelSnapshot.from_archives(
        [place / "digits.mar", place / "speaks.mar"],
        min_workers=2,
        max_workers=2,
        batch_size=8,
        max_batch_delay=50,
    )
    lines = [
        "inference_address=http://0.0.0.0:9090",
        "management_address=http://127.0.0.1:9091",
        "enable_metrics_api=true",
        "job_queue_size=33",
        "service_envelope=body",
        "decode_input_request=false",
        f"keystore_pass={SECRET}",
        f"keystore=/srv/{SECRET}/keystore.p12",
        f"vmargs=-Djavax.net.ssl.trustStorePassword={SECRET}",
        f"my_api_token={SECRET}",
        "not_known=1",
        f"model_store=/srv/{SECRET}/store",
        f"model_snapshot={snapshot.to_json()}",
    ]
    path = folder / "config" / "config.properties"
    path.parent.mkdir()
    path.write_text("\n".join([*lines, ""]), encoding="ascii")
    return path


def plan(source: Path, to: str = "ray", **options: Any) -> Any:
    """Plan an export, of a target that may be any text."""
    return plan_export(source, to=to, with_marpack=False, **options)


def entries(planned: Any, word: str) -> list[ExportEntry]:
    """Return the entries that have a word in what they are of, or in where that was seen."""
    return [each for each in planned.entries if word in each.what or word in each.seen]


def golden_plans(folder: Path) -> Iterator[tuple[str, ExportPlan]]:
    """Yield the exports that the golden files are of, each by a name."""
    archive = digits(folder)
    settings = store(folder)
    for target in TARGETS:
        yield f"digits/{target}", plan(archive, target)
        if target != "sagemaker-ray":
            yield f"store/{target}", plan(settings, target)


def texts(planned: ExportPlan) -> dict[str, list[str]]:
    """Return the lines of all texts that an export writes."""
    return {name: text.split("\n") for name, text in sorted({**planned.files, **planned.about}.items())}


def files(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, by their names in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def main() -> None:
    """Write the golden files."""
    if sys.argv[1:] != ["dump"]:
        sys.exit("usage: python -m tests.export.exports dump")
    with tempfile.TemporaryDirectory() as folder:
        found = {name: texts(planned) for name, planned in golden_plans(Path(folder))}
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
