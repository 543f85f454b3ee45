"""What becomes of what a model's own sources do: statuses, headers, streams, metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from marpack.export.entry import Entry, Fate
from marpack.export.model import ExportedModel
from marpack.export.targets import Target
from marpack.frozen import frozen


@frozen
class _Use:
    """Something that sources do by one of ``words``, and what becomes of it: fate, where, why."""

    words: tuple[str, ...]
    what: str
    fates: Mapping[Target, tuple[Fate, str, str]]


_RAY_STATUS = (
    "changed",
    "the status, with the phrase that belongs to it",
    "HTTP's own phrases are sent: a reason of the handler's is not",
)
_SAGEMAKER_HEADERS = "the container's adapter passes on Content-Type, Accept and X-Amzn-SageMaker-* alone"
_SMALL_LETTERS = "the engine does not keep how a client spells them: compare without regard to case"
_METRICS = (
    "changed",
    "lines of the replica's log",
    "TorchServe's metrics endpoint is its front end's: have the engine's own metrics, or read the log",
)
_USES = (
    _Use(
        words=("set_response_status", "report_status", "PredictionException"),
        what="a status of the handler's own",
        fates={
            "ray": _RAY_STATUS,  # type: ignore[dict-item]
            "sagemaker-ray": _RAY_STATUS,  # type: ignore[dict-item]
            "kserve": (
                "changed",
                "the status of an error",
                "KServe answers 200, or an error: another status of success is 200",
            ),
        },
    ),
    _Use(
        words=("set_response_header", "add_response_property"),
        what="headers of the handler's own",
        fates={
            "ray": ("carried", "the same headers", ""),
            "sagemaker-ray": (
                "lost",
                "",
                "the container's adapter passes on Content-Type and X-Amzn-SageMaker-* alone, in and out",
            ),
            "kserve": ("carried", "the same headers, of predictions", ""),
        },
    ),
    _Use(
        words=("set_response_content_type",),
        what="a content type of the handler's own",
        fates={
            "ray": ("carried", "the same", ""),
            "sagemaker-ray": ("carried", "the same", ""),
            "kserve": ("changed", "the same for bytes and texts", "a JSON answer is application/json to KServe"),
        },
    ),
    _Use(
        words=("get_request_header",),
        what="headers of requests",
        fates={
            "ray": ("carried", "the same, in the handler's spelling (header_names of the program)", ""),
            "sagemaker-ray": ("lost", "", _SAGEMAKER_HEADERS),
            "kserve": ("carried", "the same, in the handler's spelling (header_names of the program)", ""),
        },
    ),
    _Use(
        words=("get_all_request_header",),
        what="all headers of requests",
        fates={
            "ray": ("changed", "the same, their names in small letters", _SMALL_LETTERS),
            "sagemaker-ray": ("lost", "", _SAGEMAKER_HEADERS),
            "kserve": ("changed", "the same, their names in small letters", _SMALL_LETTERS),
        },
    ),
    _Use(
        words=("send_intermediate_predict_response", "TextIteratorStreamerBatch", "cl_socket"),
        what="an answer that is streamed",
        fates={
            "ray": ("changed", "the whole answer, at once", "an answer is passed on when all of it is there"),
            "sagemaker-ray": ("changed", "the whole answer, at once", "the container's adapter does not stream"),
            "kserve": ("changed", "the whole answer, at once", "an answer is passed on when all of it is there"),
        },
    ),
    _Use(
        words=(
            "add_counter",
            "add_time",
            "add_size",
            "add_percent",
            "add_error",
            "add_metric",
            "add_metric_to_cache",
        ),
        what="metrics",
        fates={"ray": _METRICS, "sagemaker-ray": _METRICS, "kserve": _METRICS},  # type: ignore[dict-item]
    ),
    _Use(
        words=("get_sequence_id",),
        what="sequences of requests",
        fates=dict.fromkeys(
            ("ray", "sagemaker-ray", "kserve"),
            ("lost", "", "requests go to any replica: nothing keeps those of a sequence together"),
        ),
    ),
)


def told_uses(model: ExportedModel, target: Target) -> Iterator[Entry]:
    """Yield what becomes of what a model's sources use, each with the place where they do first."""
    for use in _USES:
        word = next((word for word in use.words if word in model.uses.words), None)
        if word is not None:
            fate, becomes, why = use.fates[target]
            what = f"{use.what} ({word})"
            yield Entry(
                fate=fate, about=model.title, what=what, seen=model.uses.words[word], becomes=becomes, why=why
            )
    if model.settings.envelope and target != "kserve":
        yield Entry(
            fate="carried",
            about=model.title,
            what=f"the envelope {model.settings.envelope}",
            seen="service_envelope",
            becomes="the worker's own envelope of that name",
        )
