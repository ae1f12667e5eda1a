"""From a key to the repaint that follows it, while a log streams at 5,000 lines/s and five nodes are watched."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from typing import Any

from textual import events

from pghalab.app import PghalabApp
from pghalab.widgets.step_view import StepView
from tests.bench.cluster import SHARED, STYLES, console
from tests.bench.report import Figure

PRESSES = 120
KEYS = ("j", "j", "k", "k")
"""Each of them scrolls the lesson, so that a repaint must follow."""
PACE = 0.1
"""Seconds between two keys, a fast typist's."""
LINES_PER_SECOND = 5000
BEGUN = 20_000
"""Lines after which the stream is under way, and what comes with the start of a console and of a run is over."""
SENT_PER_SECOND = 6000
"""The sender is told more than is wanted, since it loses some time between its bursts."""
STREAM = f"""exec python3 -c '
import time
start = time.monotonic(); n = 0
while True:
    due = int((time.monotonic() - start) * {SENT_PER_SECOND})
    for i in range(n, due):
        print("Step", i, ": RUN unpacking package number", i, "of the build log")
    print(end="", flush=True); n = due; time.sleep(0.02)
'"""


class Timed(PghalabApp):
    """The console, noting when the scrolling that a key asked for is painted."""

    CSS_PATH = STYLES  # paths are relative to the file of the class that names them

    def __init__(self, lab: str) -> None:
        super().__init__(lab)
        self.latencies: list[float] = []
        self.painted = asyncio.Event()
        self._pressed = 0.0
        self._at = 0.0

    @property
    def lesson(self) -> StepView:
        """What the keys scroll."""
        return self.screen.query_one(StepView)

    def press(self, key: str) -> None:
        """Send a key, as the driver does."""
        self.painted.clear()
        self._at = self.lesson.scroll_y
        self._pressed = time.perf_counter()
        self.post_message(events.Key(key, None))

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        if self._pressed and self.lesson.scroll_y != self._at:
            self.latencies.append(time.perf_counter() - self._pressed)
            self._pressed = 0.0
            self.painted.set()


async def _measure() -> list[Figure]:
    async with SHARED.cluster() as (_, lab):
        app = Timed(lab.name)
        async with console(app, (120, 24)):
            app.open_step("replicas-list-final")
            async with asyncio.timeout(30):
                while app.session.work.busy:
                    await asyncio.sleep(0.05)
            assert app.session.work.run_step("replicas-list-final", command=STREAM, again=True)
            run = app.session.work.active
            assert run is not None
            async with asyncio.timeout(60):
                while run.buffer.total < BEGUN:
                    if not run.active:
                        raise RuntimeError(f"the stream ended: {run.outcome}, {run.reason}, {list(run.buffer.lines)}")
                    await asyncio.sleep(0.05)
            began, lines = time.perf_counter(), run.buffer.total
            app.lesson.focus()
            app.lesson.scroll_home(animate=False)
            await asyncio.sleep(PACE)
            for press in range(PRESSES):
                app.press(KEYS[press % len(KEYS)])
                async with asyncio.timeout(10):
                    await app.painted.wait()
                await asyncio.sleep(PACE)
            rate = (run.buffer.total - lines) / (time.perf_counter() - began)
            app.session.work.stop()
            async with asyncio.timeout(30):
                while app.session.work.busy:
                    await asyncio.sleep(0.05)
    return [latency(app.latencies, rate)]


def latency(seconds: Sequence[float], rate: float) -> Figure:
    """The 99th percentile, at the rate that came in; the limit is asked at the full rate, and told at a lower one."""
    worst = statistics.quantiles(seconds, n=100)[98] * 1000
    middle = statistics.median(seconds) * 1000
    detail = f"{len(seconds)} keys, median {middle:.1f} ms, {rate:,.0f} lines/s came in"
    if rate < LINES_PER_SECOND:
        detail += f": too slow a machine now for {LINES_PER_SECOND:,}"
    return Figure("key -> repaint, 99th percentile", worst, "ms", 50.0 if rate >= LINES_PER_SECOND else None, detail)


def measure() -> list[Figure]:
    """The 99th percentile."""
    return asyncio.run(_measure())
