"""How soon something is painted again."""

from __future__ import annotations

import pytest

from pghalab.widgets.pace import Pace

INTERVAL = 0.25


def times(pace: Pace, asked: list[float]) -> list[float]:
    """When it is done, if it is asked for at these moments."""
    done = []
    now = 0.0
    for moment in asked:
        now = max(now, moment)
        now += pace.wait(now)
        pace.done(now)
        done.append(now)
    return done


def test_a_few_at_once_and_then_evenly() -> None:
    assert times(Pace(INTERVAL, 3), [10.0] * 6) == [10.0, 10.0, 10.0, 10.25, 10.5, 10.75]


def test_a_burst_of_one_is_an_even_pace_from_the_last_time_on() -> None:
    assert times(Pace(INTERVAL, 1), [10.0, 10.1, 10.6, 10.7]) == [10.0, 10.25, 10.6, pytest.approx(10.85)]


def test_what_was_not_used_is_not_saved_up_beyond_the_burst() -> None:
    assert times(Pace(INTERVAL, 2), [10.0, 99.0, 99.0, 99.0]) == [10.0, 99.0, 99.0, 99.25]


def test_slower_than_its_pace_it_never_waits() -> None:
    asked = [10.0 + number * 0.3 for number in range(20)]
    assert times(Pace(INTERVAL, 1), asked) == asked
