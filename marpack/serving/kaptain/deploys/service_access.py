"""How KServe reaches what was deployed: by which URI, and which account may read there (K330, K331)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from marpack.errors import PlanError
from marpack.findings import Finding, Issue
from marpack.remote.storage import StorageFolder
from marpack.remote.urls import scheme_of
from marpack.serving.kaptain.deploys.findings import find_no_account
from marpack.serving.kaptain.values.config import Config
from marpack.serving.kaptain.values.environment import BOTO_ENDPOINTS, variables
from marpack.serving.kserve.storage_access import S3Access, access_documents

# What an access calls otherwise than the provider that it comes from.
_PROVIDERS_NAMES = {
    "access_key_id": "aws_access_key_id",
    "secret_access_key": "aws_secret_access_key",
    "session_token": "aws_session_token",
    "region": "region_name",
    "endpoint": "s3_endpoint",
}

# The stores that fsspec has under other names too than KServe has.
_SAME_STORE = {"s3a": "s3", "gcs": "gs"}


def service_uri(folder: StorageFolder | str) -> str:
    """Return a folder as the ``storageUri`` of a service: under the scheme that KServe has, and a path as a URL.

    A text is a URL that marpack does not reach, and is KServe's to read.
    """
    if isinstance(folder, str):
        return folder
    if folder.path is not None:
        return f"file://{quote(os.path.abspath(folder.path))}"
    scheme = scheme_of(folder.location)
    return f"{_SAME_STORE.get(scheme, scheme)}://{folder.location.partition('://')[2]}"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Access:
    """The documents by which a service may read its folder, and what to tell the user where there are none."""

    service_account_name: str | None = None
    service_account: dict[str, Any] | None = None
    secret: dict[str, Any] | None = None
    findings: tuple[Finding, ...] = ()


def access_for(
    uri: str, name: str, *, account: str | None, config: Config, with_credentials: bool, about: Mapping[str, Any]
) -> Access:
    """Return the account of a service: the cluster's own if it is named, else one with a Secret, for S3.

    ``config`` says how the store is reached; ``about`` are the namespace, the labels and the annotations. Raises
    ``PlanError`` for what a Secret cannot have of what the provider says, in the provider's words.
    """
    scheme = scheme_of(uri)
    if account is not None or scheme == "file":
        return Access(service_account_name=account)
    if scheme != "s3":
        return Access(findings=tuple(find_no_account(uri)))
    # The endpoint that boto finds by itself is that of the uploads, too (K331).
    said = {**variables(BOTO_ENDPOINTS), **config.variables()}
    try:
        made, secret = access_documents(
            name, S3Access.from_variables(said), with_credentials=with_credentials, **about
        )
    except PlanError as error:
        raise PlanError([_in_the_providers_words(issue) for issue in error.issues]) from None
    return Access(service_account_name=made["metadata"]["name"], service_account=made, secret=secret)


def _in_the_providers_words(issue: Issue) -> Issue:
    message = issue.message
    if issue.argument == "session_token":  # a provider names no role, which is the access's other way out
        message = (
            "is not handed on by KServe, so its keys would be refused: give lasting keys, or name an account of "
            "the cluster that may read the store, service_account_name="
        )
    return replace(issue, argument=_PROVIDERS_NAMES.get(issue.argument, issue.argument), message=message)


def credentials_issue(uri: str, account: str | None) -> Issue | None:
    """Return why real keys cannot be written although that was asked: there is no Secret."""
    if scheme_of(uri) != "s3":
        problem = f"is for a Secret, which a place at {scheme_of(uri)}:// does not get: leave it out"
    elif account is not None:
        problem = "is for a Secret, and service_account_name has its own: leave one of them out"
    else:
        return None
    return Issue(code="bad-value", argument="with_credentials", message=problem)
