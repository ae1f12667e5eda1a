"""When what a program writes is drawn: at once while it is little, with rests between when it is much."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pghalab.terminal.terminal import Terminal
from pghalab.widgets import terminal_pump
from pghalab.widgets.terminal_pump import FRAME, LITTLE, PACE, REST, Pump

KEY = 0.025
"""Seconds between two keys of somebody who types as fast as one can."""


class Clock:
    """A loop on which nothing but the time goes by, and a terminal that only takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.due: list[tuple[float, Callable[[], None]]] = []
        self.painted: list[float] = []
        monkeypatch.setattr(terminal_pump, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(asyncio, "get_running_loop", lambda: self)
        self.pump = Pump(lambda: self.painted.append(self.now), lambda reply: None)
        screen = SimpleNamespace(feed=lambda data: None, rest=lambda: False)
        self.pump.start(cast("Terminal", SimpleNamespace(screen=screen)))
        self.let(REST)
        self.painted.clear()

    def call_later(self, wait: float, call: Callable[[], None]) -> Any:
        """As a loop does."""
        entry = (self.now + wait, call)
        self.due.append(entry)

        def cancel() -> None:
            if entry in self.due:
                self.due.remove(entry)

        return SimpleNamespace(cancel=cancel)

    def let(self, seconds: float) -> None:
        """Let the time go by."""
        until = self.now + seconds
        while self.due and min(self.due, key=lambda entry: entry[0])[0] <= until:
            entry = min(self.due, key=lambda entry: entry[0])
            self.due.remove(entry)
            self.now = max(self.now, entry[0])
            entry[1]()
        self.now = until

    def echo(self, data: bytes) -> float:
        """Seconds until this is painted."""
        began, before = self.now, len(self.painted)
        self.pump.feed(data)
        while len(self.painted) == before:
            self.let(PACE / 100)
        return self.painted[-1] - began


def test_each_key_of_a_fast_typist_is_painted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    for _ in range(200):
        assert clock.echo(b"x") == 0.0
        # A completion redraws the line in several pieces.
        assert [clock.echo(piece) for piece in (b"\r", b"\x1b[K")] == [0.0, 0.0]
        clock.let(3 * KEY)


def test_a_program_that_always_writes_a_little_is_painted_at_an_even_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    for _ in range(1000):
        clock.pump.feed(b".")
        clock.let(0.001)
    assert len(clock.painted) <= 1.0 / PACE + terminal_pump.BURST


def test_behind_much_there_is_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    for _ in range(1000):
        clock.pump.feed(b"x" * (LITTLE + 1))
        clock.let(0.001)
    assert len(clock.painted) <= 1.0 / FRAME + 1
