"""Switches that scripts set, and variables that stand for them until then (K107, K256)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from marpack.kaptain import envs
from marpack.serving.kaptain.values.told import tell

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("VERBOSE", "DEBUG", "LOG_TIMEFORMAT"):
        monkeypatch.delenv(f"KAPTAIN_SDK_{name}", raising=False)
    before = dict(vars(envs))
    yield
    vars(envs).clear()
    vars(envs).update(before)


def test_as_the_sdk_has_them() -> None:
    assert (envs.VERBOSE, envs.DEBUG, envs.LOG_TIMEFORMAT) == (False, False, "%Y-%m-%d %H:%M:%S,%f")
    assert envs.DOCKER_BUILDER_CPU_REQUEST == "500m"
    assert envs.KAPTAIN_SDK_TTL_SECONDS_AFTER_FINISHED is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("YES", True), ("y", True), ("1", True), ("on", False), ("0", False), ("", False)],
)
def test_a_variable_stands_for_a_switch(text: str, value: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAPTAIN_SDK_VERBOSE", text)
    assert envs.VERBOSE is value


def test_what_is_set_goes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAPTAIN_SDK_VERBOSE", "false")
    envs.VERBOSE = True
    envs.LOG_TIMEFORMAT = "%H"
    assert (envs.VERBOSE, envs.LOG_TIMEFORMAT) == (True, "%H")


def test_what_no_switch_can_be_is_refused() -> None:
    with pytest.raises(TypeError, match="True or False"):
        envs.VERBOSE = "yes"  # type: ignore[assignment]
    with pytest.raises(TypeError, match="text"):
        envs.LOG_TIMEFORMAT = 5  # type: ignore[assignment]
    with pytest.raises(AttributeError, match=r"no switch 'VERBOS'.*VERBOSE, DEBUG"):
        envs.VERBOS = True  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="no switch 'VERBOS'"):
        envs.VERBOS  # type: ignore[attr-defined]  # noqa: B018


def test_a_form_of_the_time_that_is_no_text_is_shown_escaped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was done is done when it is told: that must not fail."""
    monkeypatch.setenv("KAPTAIN_SDK_LOG_TIMEFORMAT", "\udcff")
    monkeypatch.setattr(logging.Logger, "hasHandlers", lambda _: False)
    tell("deployed")
    assert capsys.readouterr().err == "\\udcff INFO deployed\n"
