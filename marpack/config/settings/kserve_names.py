"""The names that KServe takes: of protocols, of services and their like in Kubernetes, and of files in a store."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias, get_args

# Of an InferenceService: what its requests look like (pkg/constants/constants.go, InferenceServiceProtocol).
ProtocolVersion: TypeAlias = Literal["v1", "v2", "grpc-v1", "grpc-v2"]
PROTOCOL_VERSIONS: tuple[ProtocolVersion, ...] = get_args(ProtocolVersion)

# RFC 1123, which Kubernetes holds the names of services to.
LONGEST_LABEL = 63
LABEL = re.compile(rf"[a-z0-9]([a-z0-9-]{{0,{LONGEST_LABEL - 2}}}[a-z0-9])?")

# An InferenceService begins with a letter (KServe's pkg/apis/serving/v1beta1/inference_service_validation.go), and
# Kubernetes' 63 characters hold for `<name>-predictor-default` too, which KServe makes of it.
SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LONGEST_SERVICE_NAME = LONGEST_LABEL - len("-predictor-default")
LONGEST_WITH_TRANSFORMER = LONGEST_LABEL - len("-transformer-default")


def is_kserve_file(name: str) -> bool:
    """Tell whether KServe's wrapper takes a file for a model: its only suffix, as pathlib counts them, is .mar."""
    return name.lstrip(".").split(".")[1:] == ["mar"]


def service_name_problem(name: str) -> str | None:
    """Return what keeps a name from being an InferenceService's, None where nothing does."""
    if not SERVICE_NAME.fullmatch(name):
        begins = "does not begin with a lower-case letter, as KServe asks"
        return (
            begins
            if LABEL.fullmatch(name)
            else "is not made of lower-case letters, digits and '-', or ends in '-'"
        )
    if len(name) > LONGEST_SERVICE_NAME:
        return f"has {len(name)} characters, and {LONGEST_SERVICE_NAME} are the most that KServe can lengthen"
    return None
