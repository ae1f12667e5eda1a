"""Looking at every node at its own pace: who is looked at when, and when what was seen is shown."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from pghalab.cluster import sweep
from pghalab.cluster.sweep import Sweep


class Looks:
    """What is seen of three nodes, and how often each was looked at."""

    def __init__(self, every: float = 60.0) -> None:
        self.count: Counter[str] = Counter()
        self.done = 0
        self.failing: set[str] = set()
        self.broken: set[str] = set()
        self.holding: dict[str, asyncio.Event] = {}
        self.at_once = self.most = 0
        self._news = asyncio.Event()
        self.sweep = Sweep(("a", "b", "c"), self.look, self.shown, every)

    async def look(self, name: str) -> bool:
        self.count[name] += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self._news.set()
        try:
            await (self.holding[name].wait() if name in self.holding else asyncio.sleep(0))
        finally:
            self.at_once -= 1
        if name in self.broken:
            raise RuntimeError("a defect")
        return name not in self.failing

    def shown(self) -> None:
        self.done += 1
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                self._news.clear()
                await self._news.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.sweep.run())
        try:
            await self.until(lambda: self.done >= 1)
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_every_node_is_looked_at_together_and_then_shown_once() -> None:
    looks = Looks()
    async with looks.running():
        assert looks.count == {"a": 1, "b": 1, "c": 1} and looks.done == 1
        assert looks.most == 3


async def test_one_look_is_at_all_or_at_those_that_are_named() -> None:
    looks = Looks()
    await looks.sweep.once()
    await looks.sweep.once("b")
    assert looks.count == {"a": 1, "b": 2, "c": 1}
    assert looks.done == 0


async def test_who_is_asked_for_is_looked_at_now() -> None:
    looks = Looks()
    async with looks.running():
        looks.sweep.refresh("b")
        await looks.until(lambda: looks.done == 2)
        assert looks.count == {"a": 1, "b": 2, "c": 1}
        looks.sweep.refresh()
        await looks.until(lambda: looks.done == 3)
        assert looks.count == {"a": 2, "b": 3, "c": 2}


async def test_each_is_looked_at_again_and_again() -> None:
    looks = Looks(every=0.01)
    async with looks.running():
        await looks.until(lambda: min(looks.count.values()) >= 5)
        assert max(looks.count.values()) - min(looks.count.values()) <= 1


async def test_a_failure_is_looked_at_again_soon_and_then_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "AGAIN_SOON", 0.02)
    looks = Looks(every=60.0)
    looks.failing = {"b"}
    async with looks.running():
        await looks.until(lambda: looks.count["b"] == 2)
        await looks.until(lambda: looks.done == 2)
        # The next one comes after a minute or so: nothing is due now but what is asked for.
        looks.sweep.refresh("a")
        await looks.until(lambda: looks.done == 3)
        assert looks.count == {"a": 2, "b": 2, "c": 1}
        looks.failing = set()
        looks.sweep.refresh("b")
        await looks.until(lambda: looks.done == 4)
        looks.failing = {"b"}
        looks.sweep.refresh("b")
        # One that was well meanwhile is a first failure again.
        await looks.until(lambda: looks.count["b"] == 5)


async def test_a_defect_is_a_failure_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "AGAIN_SOON", 0.02)
    looks = Looks()
    looks.broken = {"c"}
    async with looks.running():
        await looks.until(lambda: looks.count["c"] == 2)
        assert looks.count["a"] == 1


async def test_a_slow_node_holds_nobody_up_and_is_shown_when_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "TOGETHER", 0.02)
    looks = Looks()
    looks.holding["a"] = asyncio.Event()
    async with looks.running():
        assert looks.done == 1 and looks.at_once == 1
        looks.sweep.refresh()
        await looks.until(lambda: looks.done == 2)
        assert looks.count == {"a": 1, "b": 2, "c": 2}, "never twice at the same time"
        looks.holding["a"].set()
        del looks.holding["a"]
        await looks.until(lambda: looks.count["a"] == 2 or looks.done >= 3)
        assert looks.done >= 3


async def test_a_pause_stops_the_looks_and_its_end_looks_at_everything() -> None:
    looks = Looks()
    async with looks.running():
        looks.sweep.pause(True)
        looks.sweep.pause(True)
        looks.sweep.refresh()
        # What is due would be looked at within a few turns of the loop.
        for _ in range(50):
            await asyncio.sleep(0)
        assert looks.count == {"a": 1, "b": 1, "c": 1}
        looks.sweep.pause(False)
        await looks.until(lambda: looks.done == 2)
        assert looks.count == {"a": 2, "b": 2, "c": 2}
