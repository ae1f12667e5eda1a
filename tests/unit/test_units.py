"""Sizes, ages, times and positions in few characters."""

from __future__ import annotations

import pytest

from pghalab.cluster.units import ago, clock, lsn, size


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_940, "9.9 kB"), (10_000, "10 kB"), (999_000, "999 kB"),
        (1_000_000, "1.0 MB"), (25_000_000, "25 MB"), (3_000_000_000, "3.0 GB"), (5_000_000_000_000, "5000 GB"),
    ],
)  # fmt: skip
def test_a_size_is_printed_as_etcdctl_prints_it(count: int, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (0.9, "0 s"), (89.9, "89 s"), (90, "1 min"), (5399, "89 min"), (5400, "1 h"), (7200, "2 h")],
)
def test_an_age_has_one_number(seconds: float, words: str) -> None:
    assert ago(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (3600, "1:00:00"), (7325, "2:02:05")],
)
def test_a_time_is_what_a_clock_counts(seconds: float, words: str) -> None:
    assert clock(seconds) == words


def test_a_position_is_printed_as_postgresql_prints_it() -> None:
    assert [lsn(one) for one in (None, 0x4000060, 0x1F_0000_00AB)] == ["", "0/4000060", "1F/AB"]
