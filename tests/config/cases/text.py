"""The text, its keys, and each value by itself."""

from __future__ import annotations

from tests.config.cases.case import KSERVE, SERVED, SNAPSHOT, Case, models

TEXT_CASES = [
    # The text
    Case("vmargs=-Da=\\u12", {("syntax", "error", "")}, "# \\u12"),
    Case(b"a=1\nvmargs=-Da=\\uzzzz", {("syntax", "error", "")}, b"! \\uzzzz"),
    Case(b"cors_allowed_origin=\xe9", {("encoding", "error", "")}, b"cors_allowed_origin=e"),
    Case("cors_allowed_origin=é", {("encoding", "error", "")}, "cors_allowed_origin=\\u00e9"),
    Case(b"# \xe9", {("encoding", "error", "")}, "# é"),
    Case(
        "number_of_gpu=1\nnumber_of_gpu=1",
        {("duplicate-key", "warning", "number_of_gpu")},
        "#number_of_gpu=1\nnumber_of_gpu=1",
    ),
    # Other readers
    Case("vmargs=-Da=b\\\\c", {("read-differently", "error", "vmargs")}, "vmargs=-Da=b/c"),
    Case("plugins_path:/plugins", {("read-differently", "error", "plugins_path")}, "plugins_path=/plugins"),
    Case(
        "management_address http://h:1",
        {("read-differently", "warning", "management_address")},
        "management_address=http://h:1",
    ),
    Case("grpc_inference_port:1", {("read-differently", "warning", "grpc_inference_port")}, "io_ratio:1"),
    Case(
        f"{SERVED}grpc_inference_port:1",
        {("read-differently", "error", "grpc_inference_port")},
        f"{SERVED}io_ratio:1",
        told=KSERVE,
    ),
    Case(
        "cpu_launcher_args=a\\\nvmargs=-Xmx1g",
        {("read-differently", "error", "vmargs")},
        "cpu_launcher_args=a vmargs=-Xmx1g\n # vmargs=-Xmx1g\n\t! vmargs=-Xmx1g",
    ),
    Case(
        f"model_snapshot={SNAPSHOT[:-1]}\\\n  {SNAPSHOT[-1:]}",
        {("read-differently", "warning", "model_snapshot")},
        f"model_snapshot=  {SNAPSHOT}",
    ),
    # Keys
    Case("colour=blue", {("unknown-key", "note", "colour")}, "# colour=blue"),
    Case(
        "inference_adress=http://h:1",
        {("misspelt-key", "error", "inference_adress")},
        "inference_address=http://h:1",
    ),
    Case("Job-Queue-Size=1", {("misspelt-key", "error", "Job-Queue-Size")}, "job_queue_size=1"),
    Case("number.of.gpu=1", {("misspelt-key", "error", "number.of.gpu")}, "number_of_gpu=1"),
    Case("max_requests_size_of=1", {("misspelt-key", "warning", "max_requests_size_of")}, "max_request_size=9000"),
    Case("num_workers=1", {("ignored-key", "warning", "num_workers")}, "NUM_WORKERS=1"),
    Case("batch_size=1", {("ignored-key", "warning", "batch_size")}, models(batchSize=1)),
    Case("maxBatchDelay=1", {("ignored-key", "warning", "maxBatchDelay")}, models(maxBatchDelay=1)),
    Case("deviceType=cpu", {("ignored-key", "warning", "deviceType")}, "number_of_gpu=0"),
    Case("metrics_format=prometheus", {("ignored-key", "warning", "metrics_format")}, "metrics_mode=prometheus"),
    Case("preload_model=false", {("ignored-key", "note", "preload_model")}, "load_models=m.mar"),
    Case("TS_MODEL_STORE=s", {("ignored-key", "warning", "TS_MODEL_STORE")}, ""),
    Case("minworkers=1", {("ignored-key", "warning", "minworkers")}, ""),
    Case("Batch-Size=1", {("ignored-key", "warning", "Batch-Size")}, ""),
    Case("PRELOAD_MODEL=1", {("ignored-key", "note", "PRELOAD_MODEL")}, ""),
    Case("default_timeout=1", {("ignored-key", "warning", "default_timeout")}, "default_response_timeout=1"),
    Case("model_name=m", {("ignored-key", "warning", "model_name")}, ""),
    Case("inference_port=8080", {("ignored-key", "warning", "inference_port")}, "grpc_inference_port=7080"),
    Case("min_workers=1", {("ignored-key", "warning", "min_workers")}, "default_workers_per_model=1"),
    Case("max_workers=1", {("ignored-key", "warning", "max_workers")}, ""),
    # One value
    Case("job_queue_size=ten", {("type", "error", "job_queue_size")}, "job_queue_size=+010"),
    Case("job_queue_size=", {("type", "error", "job_queue_size")}, "cors_allowed_origin="),
    Case("job_queue_size=1_0", {("type", "error", "job_queue_size")}, "job_queue_size=10"),
    Case("job_queue_size=4.0", {("type", "error", "job_queue_size")}, "token_expiration_min=4.0"),
    Case("max_request_size=2147483648", {("type", "error", "max_request_size")}, "max_request_size=2147483647"),
    Case(f"max_request_size={'9' * 5000}", {("type", "error", "max_request_size")}, ""),
    Case(f"grpc_inference_port={'9' * 5000}", {("type", "error", "grpc_inference_port")}, ""),
    Case(
        f"grpc_inference_max_connection_age_ms={2**63}",
        {("type", "error", "grpc_inference_max_connection_age_ms")},
        f"grpc_inference_max_connection_age_ms={2**63 - 1}",
    ),
    Case("debug=yes", {("type", "error", "debug")}, "async_logging=TrUe"),
    Case("token_expiration_min=1,5", {("type", "error", "token_expiration_min")}, "token_expiration_min=1.5e0"),
    Case("io_ratio=50 ", {("blank", "error", "io_ratio")}, "io_ratio=  50"),
    Case("debug=true\t", {("blank", "error", "debug")}, "debug\t=false"),
    Case("metrics_config=/m.yaml ", {("blank", "error", "metrics_config")}, "metrics_config=/m .yaml"),
    Case("cors_allowed_origin=* ", {("blank", "warning", "cors_allowed_origin")}, "cors_allowed_origin=a b"),
    Case("allowed_urls=https://h/.* ", {("blank", "warning", "allowed_urls")}, "allowed_urls=https://h/.*"),
    Case('metrics_config="/m.yaml"', {("quotes", "error", "metrics_config")}, 'metrics_config=/m".yaml"'),
    Case("debug='true'", {("quotes", "error", "debug")}, "cors_allowed_origin='"),
    Case("job_queue_size=0", {("range", "error", "job_queue_size")}, "job_queue_size=1"),
    Case("io_ratio=101", {("range", "error", "io_ratio")}, "io_ratio=100"),
    Case("grpc_inference_port=65536", {("range", "error", "grpc_inference_port")}, "grpc_inference_port=65535"),
    Case(
        "number_of_netty_threads=-1", {("range", "error", "number_of_netty_threads")}, "number_of_netty_threads=0"
    ),
    Case("service_envelope=jsn", {("choice", "error", "service_envelope")}, "service_envelope=json"),
    Case("metrics_mode=prom", {("choice", "warning", "metrics_mode")}, "metrics_mode=PROMETHEUS"),
    Case("metrics_mode=kfserving", {("choice", "warning", "metrics_mode")}, "metrics_mode=legacy"),
    Case("blacklist_env_vars=(", {("pattern", "warning", "blacklist_env_vars")}, "blacklist_env_vars=A.*"),
    Case("allowed_urls=file://.*,(", {("pattern", "warning", "allowed_urls")}, "allowed_urls=file://.*,()"),
    Case("allowed_urls=a{99999999999}", {("pattern", "warning", "allowed_urls")}, "allowed_urls=a{9}"),
    # Python warns of what it may understand otherwise one day; Java does not.
    Case("job_queue_size=0", {("range", "error", "job_queue_size")}, "allowed_urls=[[a]b]"),
    Case(
        "inference_address=http://h:80/",
        {("address", "error", "inference_address")},
        "inference_address=http://h:81",
    ),
    Case("inference_address=h:80", {("address", "error", "inference_address")}, "inference_address=HTTP://h"),
    Case("management_address=unix:s", {("address", "error", "management_address")}, "management_address=unix:/s"),
    Case(
        "metrics_address=http://[::1]:80", {("address", "error", "metrics_address")}, "metrics_address=http://h:0"
    ),
    Case(
        "inference_address=http://h:65535",
        {("port", "error", "inference_address")},
        "inference_address=http://h:65534",
    ),
    Case(f"inference_address=http://h:{'9' * 5000}", {("port", "error", "inference_address")}, ""),
]
