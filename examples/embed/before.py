"""What shelf.publish was before: the internals of torch-model-archiver. Kept to be compared with."""

import json
import sys
from pathlib import Path

from model_archiver.model_archiver_config import ModelArchiverConfig
from model_archiver.model_packaging import package_model
from model_archiver.model_packaging_utils import ModelExportUtils


def publish(model_dir: Path, shelf: Path) -> Path:
    """Write the archive and return its path."""
    about = json.loads((model_dir / "model.json").read_text(encoding="utf-8"))
    config = ModelArchiverConfig(
        model_name=about["name"],
        version=about["version"],
        handler=str(model_dir / about["handler"]),
        extra_files=str(model_dir / "files"),
        export_path=str(shelf),
        force=True,
    )
    package_model(config, manifest=ModelExportUtils.generate_manifest_json(config))
    return shelf / f"{about['name']}.mar"


if __name__ == "__main__":
    print(publish(Path(sys.argv[1]), Path(sys.argv[2])))
