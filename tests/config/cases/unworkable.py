"""Values that are good by themselves and let nothing work."""

from __future__ import annotations

from marpack import Manifest, ManifestModel
from tests.config.cases.case import Case

UNWORKABLE_CASES = [
    # What lets nothing work
    Case("max_response_size=10", {("response-size", "error", "max_response_size")}, "max_response_size=6553500"),
    Case(
        "max_response_size=20\nload_models=eight888=m.mar",
        {("response-size", "error", "max_response_size")},
        "max_response_size=1024\nload_models=eight888=m.mar",
    ),
    Case(
        "max_response_size=14\nload_models=m.mar",
        {("response-size", "error", "max_response_size")},
        "",
        told={"archives": {"m.mar": Manifest(model=ManifestModel(model_name="mm"))}},
    ),
    Case("max_response_size=14", {("response-size", "warning", "max_response_size")}, "max_response_size=1024"),
    Case("max_request_size=10", {("request-size", "warning", "max_request_size")}, "max_request_size=65536"),
    Case(
        "use_native_io=false\ninitial_worker_port=70000",
        {("worker-port", "error", "initial_worker_port")},
        "initial_worker_port=70000",
    ),
    Case(
        "unregister_model_timeout=0",
        {("range", "error", "unregister_model_timeout")},
        "unregister_model_timeout=1",
    ),
    Case("blacklist_env_vars=.*", {("worker-environment", "error", "blacklist_env_vars")}, "blacklist_env_vars="),
    Case(
        "blacklist_env_vars=(PY.*|HOME)",
        {("worker-environment", "error", "blacklist_env_vars")},
        "blacklist_env_vars=.*PASSWORD.*|.*USERNAME.*",
    ),
    Case(
        "blacklist_env_vars=P[A-Z]TH",
        {("worker-environment", "warning", "blacklist_env_vars")},
        "blacklist_env_vars=path",
    ),
    Case("vmargs=-Xmx512", {("heap", "error", "vmargs")}, "vmargs=-Xmx512m"),
    Case("vmargs=-Xmx4g -Xmx8m", {("heap", "error", "vmargs")}, "vmargs=-Xmx8m -Xmx4g"),
    Case("vmargs=-Xms2g -Xmx1024m", {("heap", "error", "vmargs")}, "vmargs=-Xms1g -Xmx1024m -Da=-Xmx1"),
    Case("debug=True", {("debug-workers", "warning", "debug")}, "debug=false"),
    Case(
        "token_expiration_min=0",
        {("token-expired", "error", "token_expiration_min")},
        "token_expiration_min=0\ndisable_token_authorization=true",
    ),
    Case(
        "token_expiration_min=-1.5",
        {("token-expired", "error", "token_expiration_min")},
        "token_expiration_min=-1.5",
        told_near={"torchserve_version": "0.9.0"},
    ),
]
