"""How KServe reaches an S3 store: the Secret with the credentials, and the ServiceAccount that names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class S3Access:
    """The credentials and the place of an S3 store (K330, K331); ``repr`` hides the secrets."""

    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    region: str | None = None
    endpoint: str | None = None
    use_https: bool | None = None
    verify_ssl: bool | None = None
    anonymous: bool | None = None
    ca_bundle: str | None = None

    @classmethod
    def from_variables(cls, body: Mapping[str, str]) -> S3Access:
        """Take the environment variables that S3 clients read (K197, K331)."""
        return cls(
            access_key_id=body.get("AWS_ACCESS_KEY_ID"),
            secret_access_key=body.get("AWS_SECRET_ACCESS_KEY"),
            session_token=body.get("AWS_SESSION_TOKEN"),
            region=body.get("AWS_REGION"),
            endpoint=body.get("S3_ENDPOINT"),
        )

    def __repr__(self) -> str:
        return "S3Access(...)"


def secret_document(
    name: str,
    access: S3Access,
    *,
    namespace: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    with_credentials: bool = False,
) -> dict[str, Any]:
    """Return the Secret; its keys are placeholders unless ``with_credentials``."""
    raise NotImplementedError


def service_account_document(
    name: str,
    *,
    secret_name: str | None = None,
    namespace: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the ServiceAccount that names the Secret."""
    raise NotImplementedError
