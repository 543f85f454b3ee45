"""How the answers of other engines differ from TorchServe's: all of it, with the reasons. Pure.

The tests that hold an engine's answers against TorchServe's allow what is said here and nothing else.
"""

from __future__ import annotations

from marpack.frozen import frozen

_ASKS = ("get_request_header", "get_all_request_header", "get_request_property", "get_request_properties")


@frozen
class Difference:
    """Something that a client or a handler sees otherwise: ``what``, in a sentence, and ``why``, in another.

    - ``code`` is its stable name.
    - ``headers``: of an answer, in small letters, which are not TorchServe's.
    - ``status``: what is answered instead; None where the answer is TorchServe's in all else, or any.
    - ``names``: what a handler calls or raises to which it matters; none where it does not depend on the handler.
    """

    code: str
    what: str
    why: str
    headers: tuple[str, ...] = ()
    status: int | None = None
    names: tuple[str, ...] = ()


def _of_any(engine: str) -> tuple[Difference, ...]:
    """Return what holds for each engine whose HTTP server is one for ASGI applications, and for its batches."""
    return (
        Difference(
            code="reason",
            what="The reason phrase of an answer is the usual one of its status, and not the handler's.",
            why=f"{engine}'s HTTP server writes it: an ASGI application has no say in it.",
            names=("set_response_status",),
        ),
        Difference(
            code="answer-header-names",
            what="The names of an answer's headers are in small letters.",
            why=f"HTTP does not tell them apart, and {engine}'s HTTP server makes them so.",
            names=("set_response_header",),
        ),
        Difference(
            code="answer-headers",
            what="An answer has the headers date and server, too.",
            why=f"{engine}'s HTTP server adds them.",
            headers=("date", "server"),
        ),
        Difference(
            code="request-header-names",
            what=(
                "A handler is given the names of headers in small letters, unless they are told as header_names; "
                "of headers whose names differ in this alone it sees the last."
            ),
            why="TorchServe keeps them as the client spells them; ASGI has small letters.",
            names=_ASKS,
        ),
        Difference(
            code="expect",
            what="An Expect other than 100-continue is answered 417 once the body has come, and not in its place.",
            why=f"{engine}'s HTTP server lets each request wait for its body.",
        ),
        Difference(
            code="status",
            what="A status below 200 or above 599 is answered 500.",
            why=f"These are none of a final answer, and {engine}'s HTTP server sends none that it does not know.",
            status=500,
            names=("set_response_status", "PredictionException"),
        ),
        Difference(
            code="connection",
            what="To a client that asks for the end of the connection it is announced: connection: close.",
            why=f"{engine}'s HTTP server does so; TorchServe says keep-alive, and ends it.",
            headers=("connection",),
        ),
        Difference(
            code="streams",
            what="The parts of a stream come all at once, when the handler has returned.",
            why="A batch is answered when the worker has told all of it.",
            names=("send_intermediate_predict_response",),
        ),
    )


RAY: tuple[Difference, ...] = (
    *_of_any("Ray Serve"),
    Difference(
        code="request-id",
        what=(
            "The header x-request-id of an answer is the client's own where it sent one; of a request that has "
            "none the handler is given one, and its 52 bytes count among those of the headers."
        ),
        why="Ray Serve's proxy gives each request an id by this header, to tell requests apart in its logs.",
        headers=("x-request-id",),
        names=_ASKS,
    ),
    Difference(
        code="not-http",
        what=(
            "What is no HTTP to a strict reader, as a method of its own or control characters in a header's "
            "value, is answered 400 in text/plain."
        ),
        why="Ray Serve's HTTP server refuses it before anything else sees it; TorchServe's takes some of it.",
        status=400,
    ),
    Difference(
        code="own-paths",
        what=(
            "The description of the API (OPTIONS), workflows, management and metrics are not found: 404. "
            "/-/healthz and /-/routes are Ray Serve's own."
        ),
        why="Ray Serve has its own: serve status, its dashboard, its configuration.",
        status=404,
    ),
    Difference(
        code="large-bodies",
        what="A body that is larger than max_request_size is refused, 413, when Ray Serve's proxy has taken it.",
        why="The replica, which knows the limit, is asked behind the proxy; TorchServe does not read it.",
    ),
    Difference(
        code="health",
        what="/ping tells of the replica that is asked, or of several models nothing but that there is an answer.",
        why="Ray Serve watches its replicas itself: serve status tells of them.",
    ),
    Difference(
        code="queue",
        what=(
            "Requests wait without a limit; max_queued_requests of a deployment sets one. Those that wait in a "
            "replica (max_ongoing_requests: 100, or two batches) are lost if that process is killed: 500. If only "
            "its worker dies they are answered by the next."
        ),
        why=(
            "TorchServe answers 503 when 100 wait for a model (job_queue_size). Ray Serve counts otherwise, and "
            "has long pauses between its tries where replicas are told to take few."
        ),
    ),
    Difference(
        code="batches",
        what="Each replica gathers batches of what it was given, so that batches may be smaller.",
        why="TorchServe has one queue for all workers of a model, Ray Serve one in each replica.",
    ),
    Difference(
        code="gpu",
        what="A model has a GPU where it asks for one (deviceType: gpu) or is given one, and sees no other.",
        why="Ray gives out GPUs; TorchServe takes those that it finds for each model that does not refuse them.",
    ),
    Difference(
        code="metrics",
        what="What a handler counts by context.metrics goes nowhere.",
        why="Ray Serve has metrics of its own, and TorchServe's are read at an address of TorchServe's.",
        names=("metrics", "add_counter", "add_time", "add_size", "add_percent", "add_metric"),
    ),
    Difference(
        code="threads",
        what="OMP_NUM_THREADS is the replica's num_cpus, 1 unless told otherwise; environment sets another.",
        why="Ray gives each of its processes as many threads as CPUs; TorchServe leaves that to torch.",
    ),
)

# What Amazon's adapter, between SageMaker and Ray Serve, does beside (aws/deep-learning-containers,
# scripts/docker/ray/sagemaker_serve.py).
_BEHIND_THE_ADAPTER = frozenset(
    {"answer-header-names", "answer-headers", "request-id", "connection", "own-paths", "health", "expect"}
)
SAGEMAKER_RAY = (
    Difference(
        code="adapter-path",
        what="POST /invocations is asked alone, and GET /ping answers; a query is not passed on.",
        why="SageMaker knows no other paths, and its container's adapter asks Ray Serve at /.",
    ),
    Difference(
        code="adapter-request-headers",
        what="Of the client's headers a handler is given Content-Type, Accept and X-Amzn-SageMaker-* alone.",
        why="The container's adapter passes on nothing else.",
        names=_ASKS,
    ),
    Difference(
        code="adapter-answer-headers",
        what="Of an answer's headers the client gets Content-Type and X-Amzn-SageMaker-*, and no other.",
        why="The container's adapter passes on nothing else.",
        names=("set_response_header",),
    ),
    Difference(
        code="adapter-content-type",
        what=(
            "A request without Content-Type is application/json, and the type of an answer that has none is what "
            "the client's Accept says, be it */*, or application/json."
        ),
        why="The container's adapter fills them in.",
    ),
    Difference(
        code="adapter-health",
        what="/ping says that all is well as soon as Ray Serve runs, before the model is loaded.",
        why="The container's adapter asks Ray Serve's proxy, and not the model.",
    ),
    Difference(
        code="adapter-timeout",
        what="A request that takes more than 300 seconds is answered 504 (RAYSERVE_BACKEND_TIMEOUT).",
        why="The container's adapter waits no longer.",
        status=504,
    ),
    *(each for each in RAY if each.code not in _BEHIND_THE_ADAPTER),
)

KSERVE = (
    *_of_any("KServe"),
    Difference(
        code="paths",
        what=(
            "There are /v1/models/NAME:predict and :explain, and /v2/models/NAME/infer; not /predictions, "
            "/explanations, /invocations and /ping, and no explanation at /v2: 404. A version in a path is 501."
        ),
        why="These are KServe's routes; a version is a service of its own there.",
    ),
    Difference(
        code="methods",
        what="Models are asked by POST alone: GET of such a path is 404, and any other method 405.",
        why="KServe's routes name the method.",
    ),
    Difference(
        code="large-bodies",
        what="A body at /v2 that is larger than max_request_size is read before it is refused, 413.",
        why="KServe reads it before the model is given it; at /v1 it is shown no more than shows that.",
    ),
    Difference(
        code="unknown-model",
        what='A model that there is none of is {"error": ...} with 404, and one that is not ready with 503.',
        why="KServe looks for the model before anybody is asked, and answers in its own words.",
    ),
    Difference(
        code="v2-bodies",
        what=(
            "At /v2 a body that is no request of that protocol is answered 400 or 422 by KServe, whatever the "
            "envelope: without one a handler gets no images there, and no JSON of another form."
        ),
        why="KServe reads it before the model is given it. At /v1 bodies pass as they are.",
    ),
    Difference(
        code="not-http",
        what="A header's value with control characters in it is answered 400 in text/plain.",
        why="KServe's HTTP server refuses it before anything else sees it; TorchServe's takes some of it.",
        status=400,
    ),
    Difference(
        code="workers",
        what="A model has one worker; minReplicas and maxReplicas of the InferenceService say how many there are.",
        why="KServe starts pods; what it has for several processes in one (--workers) copies a model into each.",
    ),
    Difference(
        code="queue",
        what="Requests wait without a limit; containerConcurrency of the InferenceService sets one.",
        why="TorchServe answers 503 when 100 wait for a model (job_queue_size). KServe counts before the pod.",
    ),
    Difference(
        code="batches",
        what="Each replica gathers batches of what it was given, so that batches may be smaller.",
        why="TorchServe has one queue for all workers of a model, KServe one in each pod.",
    ),
    Difference(
        code="sequences",
        what="Requests of one sequence may come to different pods.",
        why="KServe knows of no sequences; minReplicas and maxReplicas of 1 keep them together.",
        names=("get_sequence_id",),
    ),
    Difference(
        code="gpu",
        what="A model has a GPU where it asks for one (deviceType: gpu) or is given one.",
        why="KServe gives a pod the GPUs that its resources name; TorchServe takes those that it finds.",
    ),
    Difference(
        code="metrics",
        what="What a handler counts by context.metrics goes nowhere.",
        why="/metrics is KServe's, with its own histograms; TorchServe's are read at an address of TorchServe's.",
        names=("metrics", "add_counter", "add_time", "add_size", "add_percent", "add_metric"),
    ),
    Difference(
        code="grpc",
        what="gRPC is KServe's: a handler is given its tensors as /v2 gives them, and an error has no status.",
        why="TorchServe's own gRPC is another service; KServe's has no status and headers of HTTP.",
    ),
    Difference(
        code="unload",
        what="Whoever may ask for predictions may also end a model: POST /v2/repository/models/NAME/unload.",
        why=(
            "KServe's model server has this route at the same port, and no option without it: let a gateway pass "
            "the paths of predictions alone. The model is back when the pod is started anew."
        ),
    ),
    Difference(
        code="own-paths",
        what="Management, tokens and workflows are not there.",
        why="KServe has its own: the InferenceService, the cluster's gateway, an InferenceGraph.",
    ),
)
