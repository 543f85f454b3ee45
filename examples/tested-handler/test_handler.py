"""The handler answers as it should, and fails as it would on a server."""

from pathlib import Path

from marpack import plan_archive
from marpack.running import Request

# What would be packed: nothing need be written to be tried.
ARCHIVE = plan_archive(model_name="words", handler=Path(__file__).with_name("handler.py"))


def test_words_are_counted(mar_worker):
    response = mar_worker(ARCHIVE).predict(Request.text("one two three"))
    assert (response.status, response.json()) == (200, {"words": 3})


def test_what_is_no_text_fails_as_on_the_server(mar_worker):
    response = mar_worker(ARCHIVE).predict(Request.json({"text": "one two three"}))
    assert (response.status, response.json()["message"]) == (503, "Prediction failed")
