"""What a server's front end reads of an archive's manifest when the model is registered (J60 to J62). Pure.

It reads with Gson, which takes more than JSON, into classes of strings; its worker reads the same file again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marpack.archive.manifest import MODEL_STRINGS, RUNTIMES, RUNTIMES_IN_CAPITALS, TOP_STRINGS, Runtime
from marpack.config.text import lenient_json
from marpack.frozen import frozen
from marpack.running.registration_errors import (
    NO_MANIFEST,
    NO_MODEL,
    NO_NAME,
    NO_RUNTIME,
    UNPARSED,
    bad_request,
    server_error,
)
from marpack.strict_json import StrictJSONError

_RUNTIMES: dict[str, Runtime] = {**{runtime: runtime for runtime in RUNTIMES}, **RUNTIMES_IN_CAPITALS}


@frozen
class RegisteredManifest:
    """What counts of a manifest; ``handler`` is empty where there is none, the files None."""

    model_name: str
    version: str
    handler: str
    runtime: Runtime
    requirements_file: str | None
    config_file: str | None


def registered(manifest: bytes | None) -> RegisteredManifest:
    """Read a manifest, None where there is none; raises ``NotRegisteredError`` with what is answered."""
    document: Any = {}
    if manifest is not None:
        document = _parsed(manifest.decode("utf-8", "replace").removeprefix("\ufeff"))
    if document is None:
        raise server_error(NO_MANIFEST)
    model, runtime = document.get("model", {}), document.get("runtime", "python")
    _texts(document, TOP_STRINGS)
    texts = {} if model is None else _texts(model, MODEL_STRINGS)
    if isinstance(runtime, (bool, dict, list)):
        raise bad_request(UNPARSED)
    if model is None:
        raise server_error(NO_MODEL)
    if not texts.get("modelName"):
        raise bad_request(NO_NAME)
    if runtime not in _RUNTIMES:
        raise bad_request(NO_RUNTIME)
    version = texts.get("modelVersion")
    return RegisteredManifest(
        model_name=texts["modelName"],
        version="1.0" if version is None else version,
        handler=texts.get("handler", ""),
        runtime=_RUNTIMES[runtime],
        requirements_file=texts.get("requirementsFile"),
        config_file=texts.get("configFile"),
    )


def _parsed(text: str) -> Any:
    if not text.strip():
        return None
    try:
        document = lenient_json.loads_as_texts(text)
    except StrictJSONError:
        raise bad_request(UNPARSED) from None
    if document is not None and not isinstance(document, dict):
        raise bad_request(UNPARSED)
    return document


def _texts(value: object, keys: tuple[str, ...]) -> dict[str, str]:
    """Return the texts under these keys, without what is null, or refuse."""
    if not isinstance(value, Mapping):
        raise bad_request(UNPARSED)
    found: dict[str, str] = {}
    for key in keys:
        text = value.get(key)
        if isinstance(text, (dict, list)):
            raise bad_request(UNPARSED)
        if text is not None:
            found[key] = str(text).lower() if isinstance(text, bool) else text
    return found
