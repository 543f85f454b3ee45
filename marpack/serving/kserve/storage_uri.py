"""Where KServe fetches a model from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

from marpack.display import SURROGATE, brief_repr, hidden_url, is_secret_name
from marpack.findings import Finding, Issue

# KServe, pkg/controller/v1beta1/inferenceservice/utils/utils.go, SupportedStorageURIPrefixList. A cluster may know
# others (ClusterStorageContainer), so only what is meant for one of these is refused.
# How an image gets there the cluster says (ociModelMode), or the words behind the plus (pkg/utils/storage.go).
_IMAGES = ("oci", "oci+native", "oci+fetch", "oci+modelcar")
_SCHEMES = ("s3", "gs", "https", "http", "hdfs", "webhdfs", "pvc", *_IMAGES, "hf")
_KNOWN = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
# Meant for one of these, also in capitals, or with another number of slashes.
_MEANT = re.compile(rf"({'|'.join(map(re.escape, _SCHEMES))}):/*", re.IGNORECASE)
# A bucket, a volume or a host comes first; Hadoop's may be the one that is set up.
_TAKEN = re.compile(r"(?:s3|gs|https?|pvc|oci(?:\+(?:native|fetch|modelcar))?|hf)://(?!/)|(?:web)?hdfs://")
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
    elif (meant := _MEANT.match(uri)) and not _TAKEN.match(uri):
        message = f"{shown} is not how KServe knows it: begin it with {meant[1].lower()}://"
    elif meant and meant.end() == len(uri):
        message = f"{shown} names no place: write {uri}BUCKET/PATH, or what stands for it there"
    else:
        return
    yield Issue(code="bad-value", argument=argument, message=message)


def storage_uri_findings(uri: str, setting: str, *, is_torchserve: bool) -> tuple[Finding, ...]:
    """Return what KServe cannot do with a good ``storageUri``, of which ``setting`` is the name.

    ``is_torchserve``: what is served is PyTorch's, by KServe's own image, which starts TorchServe with
    ``/mnt/models/config/config.properties`` (charts/kserve-runtime-configs/files/runtimes/resources.yaml).
    """
    scheme, mark, rest = uri.partition("://")
    fix = "give a place that the cluster reaches, as s3://bucket/models, or upload the folder and write its URL"
    if not mark:
        message = f"{uri!r} is a path, which KServe looks for in its own container: the pod never starts"
    elif scheme.lower() == "file":
        message = f"{uri!r} is a folder of this machine, and no pod of a cluster sees that: it never starts"
    elif not _TAKEN.match(uri):
        message = f"{uri!r} is in a store that KServe does not read by itself: the pod never starts"
        fix = f"give a place in one that it reads: {_KNOWN}"
    elif is_torchserve and rest.lower().endswith(".mar"):
        message = f"{uri!r} is an archive, and KServe's TorchServe starts from a folder with settings for it"
        fix = (
            "give the folder that marpack serve-build uploads; or one with the archive in model-store, and the "
            "config/config.properties that marpack config init --preset kserve --archives model-store writes"
        )
    else:
        return ()
    return (Finding(code="kserve-storage-uri", severity="warning", key=setting, message=message, fix=fix),)


def _holds_secret(uri: str) -> bool:
    if "://" not in uri:
        return False
    address, *parameters = re.split("[?#]", uri)
    names = [name for part in parameters for name, _ in parse_qsl(part, keep_blank_values=True)]
    # What is shown of an address lacks its credentials, also those that make it none.
    return ("@" in uri and hidden_url(address) != address) or any(map(is_secret_name, names))
