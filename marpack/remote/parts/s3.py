"""Parts of objects in a store that speaks S3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marpack.remote.parts.parts import Head, RangedParts
from marpack.remote.parts.web import on_loop_of, read_exactly
from marpack.remote.urls import within

# Its library asks up to five times, and waits for a minute each time.
_ANSWER_SECONDS = 300


class S3Parts(RangedParts):
    """Asks by ``GetObject`` alone, so that who may do nothing else can read."""

    def __init__(self, url: str, filesystem: Any, path: str) -> None:
        super().__init__(url)
        self._filesystem = filesystem
        bucket, key, version = filesystem.split_path(path)
        self._object = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}

    def _send(self, spelled: str, judge: Callable[[Head], int]) -> bytes:
        return on_loop_of(self._filesystem, self._answer(spelled, judge))

    async def _answer(self, spelled: str, judge: Callable[[Head], int]) -> bytes:
        options = self._filesystem.kwargs
        asked = self._filesystem._call_s3("get_object", options, **self._object, Range=spelled)
        return await _read(await within(_ANSWER_SECONDS, asked, "does not come to its answer"), judge)


async def _read(answer: Any, judge: Callable[[Head], int]) -> bytes:
    try:
        return await read_exactly(answer["Body"].read, judge(_head(answer)))
    finally:
        answer["Body"].close()


def _head(answer: Any) -> Head:
    return Head(
        content_range=answer.get("ContentRange"),
        length=answer.get("ContentLength"),
        encoding=answer.get("ContentEncoding"),
        state=answer.get("ETag") or str(answer.get("LastModified", "")) or None,
    )
