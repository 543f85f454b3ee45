"""Where KServe fetches a model from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

from marpack.display import SURROGATE, brief_repr, hidden_url, is_secret_name
from marpack.findings import Issue

# KServe, pkg/controller/v1beta1/inferenceservice/utils/utils.go, SupportedStorageURIPrefixList. A cluster may know
# others (ClusterStorageContainer), so only what is meant for one of these is refused.
_KNOWN = "s3://, gs://, https://, http://, hdfs://, webhdfs://, pvc://, oci://, hf://"
_AZURE = "https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH"
_OTHER_NAMES = {
    "gcs": "gs://BUCKET/PATH",
    **dict.fromkeys(("s3a", "s3n"), "s3://BUCKET/PATH"),
    **dict.fromkeys(("az", "adl", "abfs", "abfss", "wasb", "wasbs"), _AZURE),
}


def storage_uri_issues(argument: str, uri: object) -> Iterator[Issue]:
    """Yield what is wrong with a ``storageUri``; a secret in it is not shown.

    A path is not refused: KServe takes it for a folder in the container (ValidateStorageURI, the same file).
    """
    if not isinstance(uri, str):
        yield Issue(code="bad-type", argument=argument, message=f"must be text, not {type(uri).__name__}")
        return
    shown = brief_repr(hidden_url(uri), 200)
    if not uri:
        message = f"is empty: name the folder that KServe shall fetch, by one of {_KNOWN}"
    elif SURROGATE.search(uri) or re.search(r"[\s\x00-\x1f\x7f]", uri):
        message = f"{shown} holds a space or what cannot be written: escape it, or name another folder"
    elif _holds_secret(uri):
        message = f"{shown} holds credentials, which anybody can read there: put them into a Secret (S3Access)"
    elif known := _OTHER_NAMES.get(uri.partition("://")[0].lower()):
        message = f"{shown} is not known to KServe by this scheme: write {known}"
    else:
        return
    yield Issue(code="bad-value", argument=argument, message=message)


def _holds_secret(uri: str) -> bool:
    if "://" not in uri:
        return False
    address, *parameters = re.split("[?#]", uri)
    names = [name for part in parameters for name, _ in parse_qsl(part, keep_blank_values=True)]
    # What is shown of an address lacks its credentials, also those that make it none.
    return ("@" in uri and hidden_url(address) != address) or any(map(is_secret_name, names))
