"""What tests of pushes have in common: a layout, how it is pushed, and what a registry asks for."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from marpack.images import PushResult, plan_image, push_image, write_image
from tests.images.layouts import store
from tests.images.registry_peer import Answer, RegistryPeer, Told
from tests.support.documents import blocks

PASSWORD = "open-sesame"
BASIC = base64.b64encode(f"ali:{PASSWORD}".encode()).decode()


def layout_of(folder: Path, *names: str, target: str = "image", **options: Any) -> Path:
    write_image(plan_image(store(folder / f"{target}-of", *names or ("a",)), **options), folder / target)
    return folder / target


def push(layout: Path, peer: RegistryPeer, name: str = "team/models:1.0", **options: Any) -> PushResult:
    return push_image(layout, f"{peer.host}/{name}", plain_http=True, **options)


def asks_for(scheme: str) -> Any:
    def answer(told: Told) -> Answer | None:
        return None if told.authorization else Answer(401, {"WWW-Authenticate": scheme})

    return answer


def page_commands() -> list[str]:
    """Return the commands of docs/images.md, in their order."""
    return "".join(each.text for each in blocks("docs/images.md") if each.language == "sh").splitlines()
