"""The messages between TorchServe's front end and its workers, the same since 0.5.2 (spec/worker.md). Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from marpack.frozen import frozen

_END = struct.pack(">i", -1)


@frozen
class WorkerRequest:
    """A request as a worker is given it: ``headers`` are pairs, ``parameters`` names, content types and values."""

    id: str
    headers: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str, bytes], ...]


@frozen
class WorkerAnswer:
    """What a worker says to one request: what the handler set, and the body."""

    id: str
    content_type: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@frozen
class PredictAnswer:
    """What a worker says to a batch: ``code`` is that of all, 200 where the handler answered."""

    code: int
    message: str
    answers: tuple[WorkerAnswer, ...]


def load_message(
    *, model_name: str, folder: str, batch_size: int, handler: str, gpu: int | None, envelope: str
) -> bytes:
    """Return the message that makes a worker load a model; no envelope is ""."""
    return b"".join(
        [
            b"L",
            _field(model_name),
            _field(folder),
            struct.pack(">i", batch_size),
            _field(handler),
            struct.pack(">i", -1 if gpu is None else gpu),
            _field(envelope),
            b"\1",  # limit_max_image_pixels, as the server has it unless it is told otherwise
        ]
    )


def predict_message(batch: Iterable[WorkerRequest]) -> list[bytes]:
    """Return the message that asks for the answers to a batch, in pieces that need not be joined."""
    pieces = [b"I"]
    for request in batch:
        pieces.append(_field(request.id))
        for name, value in request.headers:
            pieces += [_field(name), _field(value)]
        pieces.append(_END)
        for name, content_type, data in request.parameters:
            pieces += [_field(name), _field(content_type), struct.pack(">i", len(data)), data]
        pieces.append(_END)
    pieces.append(_END)
    return pieces


def _field(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">i", len(data)) + data
