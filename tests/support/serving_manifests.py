"""A manifest of what KServe takes, and texts that YAML would take for something else."""

from __future__ import annotations

from typing import Any

from marpack.serving import InferenceService, S3Access, ServingManifest
from marpack.serving.kserve.storage_access import access_documents

SECRETS = ("hunter2-id", "hunter2-key", "hunter2-token")
ACCESS = S3Access(access_key_id=SECRETS[0], secret_access_key=SECRETS[1], endpoint="http://minio:9000")


def manifest(*, with_credentials: bool = False, secret: bool = True, **changes: Any) -> ServingManifest:
    service = InferenceService(**{"name": "m", "storage_uri": "s3://b/m", **changes})
    account, keys = access_documents("m", ACCESS, with_credentials=with_credentials)
    return ServingManifest(
        inference_service=service, service_account=account if secret else None, secret=keys if secret else None
    )


AMBIGUOUS = (
    *(
        "",
        " ",
        "~",
        "null",
        "Null",
        "NO",
        "n",
        "Y",
        "on",
        "True",
        "1",
        "1.0",
        "1e3",
        "0x1F",
        "0o17",
        "017",
        "1_000",
    ),
    *("12:30:45", "2026-11-29", "2026-11-29T10:00:00Z", ".inf", "-.INF", ".nan", "=", "<<", "+1", ".5", "-", "--"),
    *(
        "- a",
        "a: b",
        "a #b",
        "# a",
        "'",
        '"',
        "{",
        "[",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "?",
        "? a",
        ":",
    ),
    *(
        "a\nb",
        "a\n",
        "\ta",
        "\x01",
        "\x07",
        "\x85",
        "\u2028",
        "\ufeff",
        "\u00e9",
        "\U0001f600",
        "---",
        "...",
        "a" * 9999,
    ),
)
