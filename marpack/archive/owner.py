"""Whom the members of an archive belong to."""

from __future__ import annotations

import os
from contextlib import suppress

from marpack.frozen import frozen


@frozen
class Owner:
    """Whom the members of a tgz belong to (the other forms do not say)."""

    uid: int = 0
    gid: int = 0
    user: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        numbers: tuple[object, ...] = (self.uid, self.gid)
        names: tuple[object, ...] = (self.user, self.group)
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise ValueError(f"uid and gid are whole numbers from 0 on, not {numbers}")
        if not all(isinstance(name, str) and name.isprintable() for name in names):
            raise ValueError(f"user and group are names, not {names}")

    @classmethod
    def current(cls) -> Owner:
        """Return the user who runs this process, as the archiver's temporary files would belong to."""
        try:
            import grp
            import pwd
        except ImportError:  # Windows
            return cls()
        uid, gid = os.geteuid(), os.getegid()
        user = group = ""
        with suppress(KeyError):
            user = pwd.getpwuid(uid).pw_name
        with suppress(KeyError):
            group = grp.getgrgid(gid).gr_name
        return cls(uid=uid, gid=gid, user=user, group=group)
