"""How a server would run a model: what its archive says, and what the caller says instead."""

from __future__ import annotations

from marpack.frozen import frozen

# Seconds, and bytes: the server's own defaults.
TIMEOUT = 120
LARGEST = 6_553_500


@frozen
class ModelSettings:
    """What the front end knows of a model: timeouts in seconds, sizes in bytes; no envelope is ""."""

    model_name: str
    version: str
    handler: str
    batch_size: int = 1
    envelope: str = ""
    gpu: int | None = None
    startup_timeout: float = TIMEOUT
    response_timeout: float = TIMEOUT
    asynchronous: bool = False
    max_request_size: int = LARGEST
    max_response_size: int = LARGEST
