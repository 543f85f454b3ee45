"""Values that do not go together: ports, certificates, sockets, envelopes of another release."""

from __future__ import annotations

from tests.config.cases.case import Case

TOGETHER_CASES = [
    # Several values
    Case(
        "metrics_address=http://localhost:8080",
        {("port-clash", "error", "metrics_address")},
        "metrics_address=http://h:8080",
    ),
    Case(
        "inference_address=http://127.0.0.1:8081\nmanagement_address=http://localhost:8081",
        {("port-clash", "error", "management_address")},
        "inference_address=http://localhost:8081\nmanagement_address=http://localhost:8081",
    ),
    Case(
        "inference_address=http://0.0.0.0:7070",
        {("port-clash", "error", "inference_address")},
        "inference_address=http://10.0.0.1:7070",
    ),
    Case(
        "grpc_management_port=7070", {("port-clash", "error", "grpc_management_port")}, "grpc_management_port=7072"
    ),
    Case(
        "grpc_management_port=0\ngrpc_inference_port=9000\nmetrics_address=http://127.0.0.1:9000",
        {("port-clash", "error", "grpc_inference_port")},
        "grpc_inference_port=0\ngrpc_management_port=0\n",
    ),
    Case(
        "metrics_address=http://127.0.0.1:8081",
        {("port-clash", "error", "metrics_address")},
        "enable_metrics_api=false\nmetrics_address=http://127.0.0.1:8081",
    ),
    Case(
        "inference_address=https://h:1",
        {("https-key", "error", "inference_address")},
        "inference_address=https://h:1\nkeystore=k.p12",
    ),
    Case(
        "certificate_file=c.pem",
        {("https-key", "warning", "certificate_file")},
        "certificate_file=c.pem\nprivate_key_file=k.pem\nmetrics_address=https://h:1",
    ),
    Case("private_key_file=k.pem", {("https-key", "warning", "private_key_file")}, ""),
    Case(
        "use_native_io=false\ninference_address=unix:/s",
        {("unix-socket", "error", "inference_address")},
        "use_native_io=true\ninference_address=unix:/s",
    ),
    Case("service_envelope=kfserving", {("envelope", "warning", "service_envelope")}, "service_envelope=kserve"),
    Case(
        "service_envelope=kfservingv2",
        {("envelope", "error", "service_envelope")},
        "service_envelope=kservev2",
        told={"torchserve_version": "0.5.3"},
    ),
    Case(
        "service_envelope=kserve",
        {("envelope", "error", "service_envelope")},
        "service_envelope=kfserving",
        told={"torchserve_version": "0.5.2"},
    ),
]
