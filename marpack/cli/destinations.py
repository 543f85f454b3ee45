"""Where the commands that pack put an archive: at a path, at a URL, or on standard output."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

from marpack.archive.plan.plan import ArchivePlan, Plan
from marpack.archive.result import WriteResult
from marpack.archive.write.write import require_target, suffix_warning, write_archive
from marpack.cli.stores import is_url, silent_stores
from marpack.cli.terminal import BinaryOutput
from marpack.disk.file_names import without_last_separator
from marpack.display import hidden_url
from marpack.findings import Issue
from marpack.packing import export_path_issues


class Output(ABC):
    """A place: ``name`` is for programs, the text what a person calls it; neither shows secrets."""

    name: str

    def __str__(self) -> str:
        return self.name

    def issues(self) -> list[Issue]:
        """Return what is wrong with the place, as far as that is known before anything is written."""
        return []

    def warnings(self, plan: Plan) -> list[str]:
        """Return what the server makes of the name, if there is one."""
        return []

    def check(self, plan: Plan, *, force: bool) -> None:  # noqa: B027
        """Raise what ``write`` would raise because of the place, as far as that is known."""

    @abstractmethod
    def write(self, plan: Plan, *, force: bool, **how: Any) -> WriteResult:
        """Write the archive; ``how`` are more arguments of ``write_archive``."""


def output_for(target: str) -> Output:
    """Return the place that ``--output`` names; a ``file://`` URL is a path."""
    if target == ToStandardOutput.name:
        return ToStandardOutput()
    if is_url(target):
        from marpack.remote.upload import target_path

        path = target_path(target)
        return ToUrl(target) if path is None else ToPath(path)
    return ToPath(target)


def _with_form(plan: Plan, warnings: list[str]) -> list[str]:
    """Say in warnings of a suffix what is written all the same."""
    written = "a gzip-compressed tar" if plan.archive_format == "tgz" else "a zip"
    choice = ", unless --archive-format names another form" if isinstance(plan, ArchivePlan) else ""
    return [f"{warning}; what is written is {written}{choice}" for warning in warnings]


class ToPath(Output):
    """A file, or a folder for ``no-archive``."""

    def __init__(self, path: str) -> None:
        self.name = path

    def issues(self) -> list[Issue]:
        """Return what is wrong with the folder that it lies in."""
        folder = os.path.dirname(without_last_separator(self.name))
        return [replace(issue, argument="output") for issue in export_path_issues(folder)]

    def warnings(self, plan: Plan) -> list[str]:
        """Warn of a suffix that is not the form's; where a folder is in the way, that is the error."""
        is_folder = plan.archive_format == "no-archive"
        if is_folder and without_last_separator(self.name).endswith((".mar", ".war", ".tar.gz", ".tgz")):
            return [f"{self.name!r} will be a folder: for an archive of that name, give another --archive-format"]
        return [] if is_folder or os.path.isdir(self.name) else _with_form(plan, suffix_warning(plan, self.name))

    def check(self, plan: Plan, *, force: bool) -> None:
        """Ask the disk."""
        require_target(plan, self.name, force=force)

    def write(self, plan: Plan, *, force: bool, **how: Any) -> WriteResult:
        """Write the archive to the path."""
        return write_archive(plan, self.name, force=force, **how)


class ToUrl(Output):
    """A file in a store, which nobody asks before it is written; a bad URL is not made one."""

    def __init__(self, url: str) -> None:
        self.name = hidden_url(url)
        self._url = url

    def warnings(self, plan: Plan) -> list[str]:
        """Warn of a suffix that is not the form's."""
        from marpack.remote.upload import url_warning

        return _with_form(plan, url_warning(plan, self._url))

    def write(self, plan: Plan, *, force: bool, **how: Any) -> WriteResult:
        """Upload the archive."""
        from marpack.remote.upload import upload_archive

        with silent_stores():
            return upload_archive(plan, self._url, force=force, **how)


class ToStandardOutput(Output):
    """The next program, nothing but the archive for it; a terminal may be shown what would be packed."""

    name = "-"

    def __str__(self) -> str:
        return "standard output"

    def write(self, plan: Plan, *, force: bool, **how: Any) -> WriteResult:
        """Write the archive; ``force`` means nothing."""
        return write_archive(plan, BinaryOutput(), **how)
