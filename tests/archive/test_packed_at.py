from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from marpack.archive.packed_at import PackedAt

FIRST, LAST = -62135596800, 253402300799


def test_the_manifests_text() -> None:
    assert PackedAt(0).created_on == "01/01/1970 00:00:00"
    assert PackedAt(FIRST).created_on == "01/01/0001 00:00:00"
    assert PackedAt(LAST).created_on == "31/12/9999 23:59:59"


def test_parts_of_a_second_are_dropped_towards_the_past() -> None:
    assert PackedAt.of(-0.5) == PackedAt(-1)
    assert PackedAt.of(1.9).nanoseconds == 10**9
    assert PackedAt.of(datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == PackedAt(0)


@pytest.mark.parametrize("when", [FIRST - 1, LAST + 1, 10**500, float("inf"), float("nan"), datetime(2020, 1, 1)])
def test_what_is_no_time(when: float | datetime) -> None:
    with pytest.raises(ValueError, match=r"between the years|no time zone"):
        PackedAt.of(when)


@pytest.mark.parametrize("when", ["now", None, True, b"0"])
def test_what_is_no_number(when: object) -> None:
    with pytest.raises(TypeError, match="must be seconds or a datetime"):
        PackedAt.of(when)
