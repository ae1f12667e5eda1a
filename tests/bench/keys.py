"""From a key to the repaint that follows it, while a log streams at 5,000 lines/s and five nodes are watched."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from textual import events

from pghalab.app import PghalabApp
from tests.bench.cluster import STYLES, cluster, opened
from tests.bench.report import Figure

PRESSES = 300
KEYS = ("j", "k", "tab", "j", "shift+tab", "k")
PACE = 0.1
"""Seconds between two keys, a fast typist's."""
LINES_PER_SECOND = 5000
STREAM = f"""exec python3 -c '
import time
start = time.monotonic(); n = 0
while True:
    due = int((time.monotonic() - start) * {LINES_PER_SECOND})
    for i in range(n, due):
        print("Step", i, ": RUN unpacking package number", i, "of the build log")
    print(end="", flush=True); n = due; time.sleep(0.02)
'"""


class Timed(PghalabApp):
    """The console, noting when a key was handled and when the next paint was done."""

    CSS_PATH = STYLES  # paths are relative to the file of the class that names them

    def __init__(self, lab: str) -> None:
        super().__init__(lab)
        self.waiting: list[float] = []
        self.handled: list[float] = []
        self.latencies: list[float] = []

    async def on_event(self, event: events.Event) -> None:
        await super().on_event(event)
        if isinstance(event, events.Key) and self.waiting:
            self.handled.append(self.waiting.pop(0))

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        now = time.perf_counter()
        self.latencies += [now - pressed for pressed in self.handled]
        self.handled.clear()


async def _measure(folder: Path) -> list[Figure]:
    async with cluster("bench", folder) as (_, lab):
        app = Timed(lab.name)
        async with app.run_test(size=(120, 40)):
            await opened(app)
            app.open_step("replicas-list-final")
            async with asyncio.timeout(30):
                while app.session.busy:
                    await asyncio.sleep(0.05)
            assert app.session.run_step("replicas-list-final", command=STREAM, again=True)
            run = app.session.active
            assert run is not None
            async with asyncio.timeout(30):
                while run.buffer.total < LINES_PER_SECOND:
                    await asyncio.sleep(0.05)
            began, lines = time.perf_counter(), run.buffer.total
            for press in range(PRESSES):
                app.waiting.append(time.perf_counter())
                app.post_message(events.Key(KEYS[press % len(KEYS)], None))
                await asyncio.sleep(PACE)
            rate = (run.buffer.total - lines) / (time.perf_counter() - began)
            app.session.stop()
            async with asyncio.timeout(30):
                while app.session.busy:
                    await asyncio.sleep(0.05)
    worst = statistics.quantiles(app.latencies, n=100)[98] * 1000
    middle = statistics.median(app.latencies) * 1000
    detail = f"{len(app.latencies)} keys, median {middle:.1f} ms, {rate:,.0f} lines/s came in"
    return [Figure("key -> repaint, 99th percentile", worst, "ms", 50.0, detail)]


def measure() -> list[Figure]:
    """The 99th percentile."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))
