"""From a folder with a model to an archive on a shelf, or behind a URL."""

import json
import urllib.request
from pathlib import Path

import marpack


class PublishError(Exception):
    """A model cannot be published; the message has a line for everything that is wrong with it."""


def plan(model_dir: Path) -> marpack.ArchivePlan:
    """Say what the archive of a model will be; nothing is written, and none of its code is run."""
    try:
        about = json.loads((model_dir / "model.json").read_text(encoding="utf-8"))
        name, version, handler = (about[key] for key in ("name", "version", "handler"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PublishError(f"{model_dir} has no model.json with name, version and handler: {error!r}") from error
    try:
        planned = marpack.plan_archive(
            model_name=name,
            version=version,
            handler=model_dir / handler,
            extra_files=model_dir / "files",
            archive_format="zip-store",  # stored, not deflated: the bytes depend on no build of zlib
            reproducible=True,
        )
    except marpack.PlanError as error:
        raise PublishError("\n".join(issue.message for issue in error.issues)) from error
    refused = [finding for finding in marpack.check(planned) if finding.severity == "error"]
    if refused:
        raise PublishError("\n".join(f"{finding.message}: {finding.fix}" for finding in refused))
    return planned


def publish(model_dir: Path, shelf: Path) -> Path:
    """Write the archive and return its path; it appears there whole, or not at all."""
    planned = plan(model_dir)
    try:
        written = marpack.write_archive(planned, shelf / planned.file_name, force=True)
    except marpack.TargetError as error:
        raise PublishError(str(error)) from error
    return Path(written.path)


def upload(model_dir: Path, url: str) -> None:
    """Send the archive to a URL, by a PUT, as it is made: no file is written on the way."""
    request = urllib.request.Request(url, data=marpack.iter_archive(plan(model_dir)), method="PUT")
    urllib.request.urlopen(request).close()
