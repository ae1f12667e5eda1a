"""What `make bench` makes of its parts."""

from __future__ import annotations

import json
import sys

import pytest

from tests.bench import __main__ as bench
from tests.bench import idle, keys, shell, viewers
from tests.bench.report import Figure


def test_a_part_that_fails_does_not_lose_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> list[Figure]:
        raise RuntimeError("only 1 lines/s came in")

    monkeypatch.setattr(keys, "measure", broken)
    monkeypatch.setattr(idle, "measure", lambda: [Figure("idle", 1.0, "%", 2.0)])
    monkeypatch.setattr(sys, "argv", ["bench", "--json", "keys", "idle"])
    assert bench.main() == 1
    shown = capsys.readouterr()
    assert [figure["name"] for figure in json.loads(shown.out)] == ["idle"]
    assert "not measured: keys" in shown.err and "only 1 lines/s" in shown.err
    monkeypatch.setattr(sys, "argv", ["bench", "--json", "idle"])
    assert bench.main() == 0


def test_a_part_for_which_there_is_no_time_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(idle, "measure", lambda: [Figure("idle", 1.0, "%", 2.0)])
    monkeypatch.setattr(sys, "argv", ["bench", "--json", "--minutes", "-1", "idle"])
    assert bench.main() == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out) == [] and "idle: not begun" in shown.err


def test_the_echo_of_a_pane_is_asked_by_itself_and_beside_ssh() -> None:
    pane, beside, idle_shell = shell.figures([0.01] * 149 + [0.02], [0.008] * 150, -0.1)
    assert pane.holds and beside.holds and idle_shell.value == 0.0
    pane, beside, _ = shell.figures([0.01] * 140 + [0.06] * 10, [0.008] * 150, 0.0)
    assert not pane.holds and not beside.holds and round(beside.value, 1) == 7.5


def test_a_machine_that_is_too_slow_still_has_a_figure() -> None:
    slow = keys.latency([0.02] * 200, 1234)
    assert round(slow.value) == 20 and "1,234 lines/s came in: too slow a machine" in slow.detail
    assert slow.limit is None, "the limit is asked at the full rate"
    fast = keys.latency([0.02] * 150 + [0.2] * 50, 5000)
    assert not fast.holds and "too slow" not in fast.detail


def test_a_room_of_viewers_is_asked_for_the_keys_and_for_what_a_viewer_sees() -> None:
    keys_hold, behind, _ = viewers.figures([0.004] * 150, [0.01] * 150, [0.06] * 150, 0.1)
    assert keys_hold.holds and behind.holds and round(behind.value) == 60 and "4.0 ms" in keys_hold.detail
    late, far_behind, server = viewers.figures([0.004] * 150, [0.01] * 145 + [0.06] * 5, [0.06] * 145 + [0.5] * 5, 0.9)
    assert not late.holds and not far_behind.holds and server.holds and round(server.value) == 90
