"""What KServe does with the documents that it is given, up to where a model server starts.

The download is KServe's own (``kserve-storage``). What its controller, which is no Python, does before it is told
again here, from its sources: from which Secret the download gets which variables
(``pkg/credentials/service_account_credentials.go``, ``pkg/credentials/s3``), and what the server is told
(``pkg/apis/serving/v1beta1/inference_service_defaults.go``, ``config/runtimes/kserve-torchserve.yaml``).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]

from tests.support import environments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.kserve_models import Judge

Document = dict[str, Any]

VERSION = "0.21.0"
# Where KServe mounts what was downloaded; the settings of a server name it.
MOUNT = "/mnt/models"

# As the entry point of the image does that downloads.
DOWNLOAD = "import sys; from kserve_storage import Storage; Storage.download_files([sys.argv[1]], [sys.argv[2]])"

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
# The annotation of a Secret, without its prefix, and the variable that its value goes to.
ANNOTATIONS = {
    "s3-region": "AWS_DEFAULT_REGION",
    "s3-verifyssl": "S3_VERIFY_SSL",
    "s3-useanoncredential": "awsAnonymousCredential",
    "s3-usevirtualbucket": "S3_USER_VIRTUAL_BUCKET",
    "s3-useaccelerate": "S3_USE_ACCELERATE",
    "s3-cabundle": "AWS_CA_BUNDLE",
}


class Cluster:
    """The documents that were applied, each under its kind, namespace and name; none has a fault."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._documents: dict[tuple[str, str, str], Document] = {}

    def apply(self, text: str) -> list[Document]:
        """Take all documents of a file, each in the place of an older one, as ``kubectl apply`` does."""
        assert self._judge.faults_of_text(text) == []
        documents = list(yaml.safe_load_all(text))
        for document in documents:
            self._documents[document["kind"], _namespace(document), document["metadata"]["name"]] = document
        return documents

    def service(self, name: str) -> Document:
        """Return an InferenceService as it is."""
        return self._named("InferenceService", name)

    def predictor(self, name: str) -> Document:
        """Return the part of a service that says how its model is served."""
        predictor: Document = self.service(name)["spec"]["predictor"]
        return predictor

    def fill_secret(self, name: str, variables: Mapping[str, str]) -> None:
        """Put the real keys in the place of those of a Secret, as who applies it does."""
        self._named("Secret", name)["stringData"] |= {key: variables[key] for key in KEYS}

    def storage_uri(self, name: str) -> str:
        """Return what is downloaded for a service."""
        return str(self._implementation(name)["storageUri"])

    def download_variables(self, name: str) -> dict[str, str]:
        """Return the variables that the download for a service gets, all of them from its account's Secrets."""
        # A pod sees what is in its own namespace.
        place = _namespace(self.service(name))
        account = self._documents["ServiceAccount", place, self.predictor(name)["serviceAccountName"]]
        found: dict[str, str] = {}
        for reference in account["secrets"]:
            found |= _variables(self._documents["Secret", place, reference["name"]])
        return found

    def server_variables(self, name: str) -> dict[str, str]:
        """Return the variables that the server of a service gets beside those of the document."""
        implementation = self._implementation(name)
        protocol = implementation.get("protocolVersion", "v1")
        envelope = "kservev2" if protocol in ("v2", "grpc-v2") else "kserve"
        told = {each["name"]: each["value"] for each in implementation.get("env", [])}
        # The runtime's, and those of the service in their place (MergeRuntimeContainers in
        # pkg/controller/v1beta1/inferenceservice/utils/utils.go).
        return {"TS_SERVICE_ENVELOPE": envelope, "PROTOCOL_VERSION": protocol} | told

    def mount(self, name: str, folder: Path, cache: Path) -> Path:
        """Download for a service, and return the folder that its server sees as ``MOUNT``."""
        folder.mkdir()
        variables = self.download_variables(name)
        # A store of the tests takes any keys, and one in the world no placeholders.
        assert not [key for key in KEYS if variables.get(key, "").startswith("<")]
        python = environments.environment(cache, f"kserve-storage-{VERSION}", [f"kserve-storage=={VERSION}"])
        mine = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "NO_PROXY": "127.0.0.1",
            # Only what the documents say counts, never what the machine has.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        mounted = folder / "models"
        command = [str(python), "-I", "-c", DOWNLOAD, self.storage_uri(name), str(mounted)]
        done = subprocess.run(
            command, cwd=folder, env=mine | variables, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise OSError(f"KServe cannot download {self.storage_uri(name)}: {done.stderr[-2000:]}")
        return mounted

    def _named(self, kind: str, name: str) -> Document:
        [found] = [each for (of, _, called), each in self._documents.items() if (of, called) == (kind, name)]
        return found

    def _implementation(self, name: str) -> Document:
        predictor = self.predictor(name)
        [form] = {"model", "pytorch"} & set(predictor)
        implementation: Document = predictor[form]
        return implementation


def _namespace(document: Document) -> str:
    return str(document["metadata"].get("namespace", "default"))


def _variables(secret: Document) -> dict[str, str]:
    """Return what a Secret becomes; nothing where KServe does not take it for one of S3."""
    data: Mapping[str, str] = secret.get("stringData", {})  # the cluster encodes it
    if KEYS[1] not in data:
        return {}
    # A pod does not start whose variable names a key that the Secret has not.
    found = {key: data[key] for key in KEYS}
    noted = secret["metadata"].get("annotations", {})

    def value(annotation: str, key: str) -> str:
        return str(noted.get(f"serving.kserve.io/{annotation}", data.get(key, "")))

    if endpoint := value("s3-endpoint", "S3_ENDPOINT").strip():
        https = value("s3-usehttps", "S3_USE_HTTPS")
        scheme, separator, host = endpoint.partition("://")
        if separator:
            https = "0" if scheme.lower() == "http" else "1"
        else:
            host = endpoint
        found |= {"S3_ENDPOINT": host, "AWS_ENDPOINT_URL": f"{'http' if https == '0' else 'https'}://{host}"}
        found |= {"S3_USE_HTTPS": https} if https else {}
    for annotation, variable in ANNOTATIONS.items():
        if text := value(annotation, variable):
            found[variable] = text
    return found
