"""Where the commands that pack put an archive: at a path, at a URL, or on standard output.

Each place has a ``name`` for programs, and as text what a person calls it; neither shows secrets.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from marpack.archive.write.write import require_target, suffix_warning, write_archive
from marpack.cli.terminal import BinaryOutput
from marpack.packing import check_export_path

if TYPE_CHECKING:
    from marpack.archive.plan.plan import Plan
    from marpack.archive.result import WriteResult
    from marpack.findings import Issue

__all__ = ["Output", "ToPath", "ToStandardOutput", "ToUrl", "output_for"]

Output: TypeAlias = "ToPath | ToUrl | ToStandardOutput"


def output_for(target: str) -> Output:
    """Return the place that ``--output`` names; a ``file://`` URL is a path."""
    if target == ToStandardOutput.name:
        return ToStandardOutput()
    if "://" in target:  # or none of this need be loaded
        from marpack.remote.upload import target_path
        from marpack.remote.urls import is_url

        if is_url(target):
            path = target_path(target)
            return ToUrl(target) if path is None else ToPath(path)
    return ToPath(target)


class ToPath:
    """A file, or a folder for ``no-archive``."""

    def __init__(self, path: str) -> None:
        self.name = path

    def __str__(self) -> str:
        return self.name

    def issues(self) -> list[Issue]:
        """Return what is wrong with the folder that it lies in."""
        return [
            replace(issue, argument="output")
            for issue in check_export_path(os.path.dirname(self.name.rstrip(os.sep)))
        ]

    def warnings(self, plan: Plan) -> list[str]:
        """Return what the server makes of the name."""
        return suffix_warning(plan, self.name)

    def check(self, plan: Plan, *, force: bool) -> None:
        """Raise what ``write`` would raise because of the path."""
        require_target(plan, self.name, force=force)

    def write(self, plan: Plan, *, force: bool, **how: Any) -> WriteResult:
        """Write the archive; ``how`` are more arguments of ``write_archive``."""
        return write_archive(plan, self.name, force=force, **how)


class ToUrl:
    """A file in a store, which nobody asks before it is written."""

    def __init__(self, url: str) -> None:
        from marpack.display import hidden_url

        self.name = hidden_url(url)
        self._url = url

    def __str__(self) -> str:
        return self.name

    def issues(self) -> list[Issue]:
        """Return nothing: a bad URL is not made an output."""
        return []

    def warnings(self, plan: Plan) -> list[str]:
        """Return what the server makes of the name."""
        from marpack.remote.upload import url_warning

        return url_warning(plan, self._url)

    def check(self, plan: Plan, *, force: bool) -> None:
        """Raise nothing: the store would have to be asked."""

    def write(self, plan: Plan, *, force: bool, **how: Any) -> WriteResult:
        """Upload the archive; ``how`` are more arguments of ``upload_archive``."""
        import logging

        from marpack.remote.upload import upload_archive

        # What goes wrong is an exception. The libraries of stores log it as well, with whole tracebacks, and where
        # nobody has set up logging, they would be printed.
        silence = logging.NullHandler()
        logging.getLogger().addHandler(silence)
        try:
            return upload_archive(plan, self._url, force=force, **how)
        finally:
            logging.getLogger().removeHandler(silence)


class ToStandardOutput:
    """The next program; nothing but the archive may go there."""

    name = "-"

    def __str__(self) -> str:
        return "standard output"

    def issues(self) -> list[Issue]:
        """Return nothing."""
        return []

    def warnings(self, plan: Plan) -> list[str]:
        """Return nothing: there is no name."""
        return []

    def check(self, plan: Plan, *, force: bool) -> None:
        """Raise nothing: a terminal may be shown what would be packed."""

    def write(self, plan: Plan, *, force: bool, **how: Any) -> WriteResult:
        """Write the archive; ``how`` are more arguments of ``write_archive``, ``force`` means nothing."""
        return write_archive(plan, BinaryOutput(), **how)
