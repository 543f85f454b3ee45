"""The rule on what no other rule looked into; it comes after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marpack.checks.frame.rule import Problem, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marpack.checks.frame.subject import Subject

__all__ = ["UNREAD"]

UNREAD = "container-unread"


@rule(UNREAD, "warning")
def find_unread(subject: Subject) -> Iterator[Problem]:
    """Keep texts as short as texts are: what is longer is not looked into.

    Taking them apart costs memory and time, which an archive must not have as much of as it likes: a Python source
    is parsed up to 1 MiB, and compiled up to 128 KiB; all of them together up to 4 MiB; a configuration or the
    specification of a workflow is read up to 1 MiB, a requirements file up to 10,000 lines, and any other text up
    to 8 MiB. The server runs a handler of more than 1 MiB as any other [server]. It is an error where nothing is
    known of the manifest.

    It is told whatever rules are chosen.
    """
    for name, message in subject.unread.items():
        yield Problem(
            message=message,
            fix="make it shorter, and pack data as files of their own",
            effect="",
            member=name,
            severity="error" if name == subject.manifest_name else None,
        )
