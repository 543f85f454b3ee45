"""What becomes of a worker's answers where no server of the tests can be made to show it (J24 to J26)."""

from __future__ import annotations

import pytest

from marpack.running import Request, Response
from marpack.running.answers import no_worker, refusal, responses
from marpack.running.messages import PredictAnswer, WorkerAnswer, WorkerRequest
from marpack.running.parameters import worker_request


def said(*bodies: bytes, code: int = 200, message: str = "", more: str | None = None) -> PredictAnswer:
    headers = () if more is None else (("ts_stream_next", more),)
    return PredictAnswer(
        code=code,
        message=message,
        answers=tuple(
            WorkerAnswer(id=str(number), content_type="", status=200, reason="", headers=headers, body=body)
            for number, body in enumerate(bodies)
        ),
    )


@pytest.mark.parametrize(("exit_status", "status"), [(None, 500), (0, 500), (1, 500), (-11, 500), (137, 507)])
def test_a_worker_that_was_killed_had_no_memory(exit_status: int | None, status: int) -> None:
    [response] = responses([], ["0"], exit_status=exit_status)
    assert response.status == status
    assert response.json() == {"code": status, "type": "InternalServerException", "message": "Worker died."}
    assert response.header("X-Request-ID") == "0"


def test_who_has_an_answer_keeps_it() -> None:
    answered, died = responses([said(b"a")], ["0", "1"])
    assert (answered.body, answered.ok) == (b"a", True)
    assert (died.status, died.reason, died.ok) == (500, "Internal Server Error", False)


def test_an_answer_to_nobody_ends_the_worker() -> None:
    [response] = responses([said(b"a", b"b")], ["1"], exit_status=137)
    assert response.status == 500


def test_a_stream_without_its_end_is_broken_off() -> None:
    parts = [said(b"a", more="true"), said(b"", more="true"), said(b"b", more="true")]
    for more in ([], [said(b"error", code=503, message="m")]):
        [response] = responses([*parts, *more], ["0"])
        assert (response.status, response.parts, response.complete) == (200, (b"a", b"b"), False)
        assert not response.ok
    [response] = responses([*parts, said(b"c", more="false")], ["0"])
    assert (response.parts, response.body, response.ok) == ((b"a", b"b", b"c"), b"abc", True)
    assert response.header("content-length") is None


def test_what_is_said_after_an_error_is_said_to_nobody() -> None:
    [response] = responses([said(b"error", code=413, message="m"), said(b"late")], ["0"])
    assert response.json() == {"code": 507, "type": "InternalServerException", "message": "m"}


def test_an_answer_that_says_it_is_the_end_of_a_stream_is_all_of_it() -> None:
    [response] = responses([said(b"a", more="false")], ["0"])
    assert (response.parts, response.header("content-length")) == ((b"a",), "1")


def test_a_model_without_a_worker_says_so() -> None:
    told = no_worker("m", None, request_id="1", server=(0, 12, 0)).json()
    assert (told["code"], told["type"]) == (503, "ServiceUnavailableException")
    assert told["message"].startswith(
        'Model "m" has no worker to serve inference request. Please use scale workers'
    )
    assert told["message"].endswith("or exceeds maxSequenceJobQueueSize")
    told = no_worker("m", "2.0", server=(0, 9, 0)).json()
    assert told["message"].startswith('Model "m" Version 2.0" has no worker')
    assert told["message"].endswith("to add workers.")


def test_an_error_may_have_no_message() -> None:
    assert refusal(500, "X", None).text() == '{\n  "code": 500,\n  "type": "X"\n}\n'
    assert refusal(500, "X", None).content_type == "application/json"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/ping"),
        ("GET", "/api-description"),
        ("OPTIONS", "/"),
        ("OPTIONS", "/predictions/m"),
        ("POST", "/wfpredict/w"),
    ],
)
def test_what_is_answered_without_the_model_is_not_restated(method: str, path: str) -> None:
    with pytest.raises(ValueError, match="not restated"):
        given(Request(method=method, path=path))
    assert isinstance(given(Request(method="OPTIONS", path="/predictions/other")), Response)


def given(request: Request) -> WorkerRequest | Response:
    return worker_request(
        request, request_id="1", model_name="m", version="1.0", max_request_size=9, server=(0, 12, 0)
    )
