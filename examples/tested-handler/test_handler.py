"""The handler answers as it should, and fails as it would on a server."""

from collections.abc import Callable
from pathlib import Path

from marpack import plan_archive
from marpack.running import Request, Worker

Load = Callable[..., Worker]
# What would be packed: nothing need be written to be tried.
ARCHIVE = plan_archive(model_name="words", handler=Path(__file__).with_name("handler.py"))


def test_words_are_counted(mar_worker: Load) -> None:
    response = mar_worker(ARCHIVE).predict(Request.text("one two three"))
    assert (response.status, response.json()) == (200, {"words": 3})


def test_a_batch_is_answered_in_its_order(mar_worker: Load) -> None:
    requests = [Request.text("one"), Request.text(""), Request.text("one two")]
    responses = mar_worker(ARCHIVE, batch_size=3).predict(requests)
    assert [response.json()["words"] for response in responses] == [1, 0, 2]


def test_what_is_no_text_fails_as_on_the_server(mar_worker: Load) -> None:
    worker = mar_worker(ARCHIVE)
    response = worker.predict(Request.json({"text": "one two three"}))
    assert (response.status, response.json()["message"]) == (503, "Prediction failed")
    assert "'dict' object has no attribute 'split'" in "\n".join(line.text for line in worker.log)
