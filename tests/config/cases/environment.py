"""Variables of the environment, and what archives ask for."""

from __future__ import annotations

from tests.config.cases.case import KSERVE, SERVED, SNAPSHOT, Case, manifests

ENVIRONMENT_CASES = [
    # The environment and the archives
    Case(
        f"model_snapshot={SNAPSHOT.replace('m.mar', '$$FILE$$')}",
        {("variable-unknown", "note", "model_snapshot")},
        f"model_snapshot={SNAPSHOT.replace('m.mar', '$$FILE$$')}",
        told_near={"environ": {"FILE": "m.mar"}},
    ),
    Case(
        "job_queue_size=$$QUEUE$$",
        {("variable", "error", "job_queue_size")},
        "job_queue_size=$$QUEUE$$",
        told={"environ": {}},
        told_near={"environ": {"QUEUE": "7"}},
    ),
    Case(
        "metrics_config=$$FILE$$",
        {("variable", "error", "metrics_config")},
        "metrics_config=$$FILE$$",
        told={"environ": {"FILE": "C:\\"}},
        told_near={"environ": {"FILE": "C:/"}},
    ),
    Case(
        "job_queue_size=$$QUEUE$$",
        {("range", "error", "job_queue_size")},
        "job_queue_size=$$QUEUE$$",
        told={"environ": {"QUEUE": "0"}},
        told_near={},
    ),
    Case("vmargs=$$ARGS$$", {("variable-elsewhere", "warning", "vmargs")}, "cpu_launcher_args=$$ARGS$$"),
    Case(
        f"{SERVED}grpc_inference_port=$$PORT$$",
        {("variable-elsewhere", "warning", "grpc_inference_port")},
        f"{SERVED}grpc_inference_port=$$PORT$$",
        told=KSERVE,
        told_near={},
    ),
    Case(
        "",
        {("requirements-ignored", "warning", "install_py_dep_per_model")},
        "install_py_dep_per_model=true",
        told={"archives": manifests(requirements_file="r.txt")},
    ),
    Case(
        "install_py_dep_per_model=false",
        {("requirements-ignored", "warning", "install_py_dep_per_model")},
        "",
        told={"archives": manifests(requirements_file="r.txt")},
        told_near={"archives": manifests()},
    ),
]
