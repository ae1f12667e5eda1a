"""The terminal: bytes a second, a key while 20 MB of `seq` go through, and what another one costs."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from textual import events
from textual.app import App, ComposeResult

from pghalab.terminal.terminal import Terminal
from pghalab.widgets.terminal import TerminalView
from tests.bench.report import Figure

COLUMNS, ROWS = 120, 40
SEQ = 2_800_000
"""The last number; what `seq` prints up to it are 21 MB on a terminal, with \\r\\n."""
PACE = 0.02
"""Seconds between two keys: all who type are slower."""
PASSES = 4
"""So many times it all goes through: a few dozen keys are too few to tell one of a hundred."""
TURNS = 5
ANOTHER = 4
"""Terminals that are opened to see what one costs."""


def seq() -> bytes:
    """What `seq` prints on a terminal."""
    return b"".join(b"%d\r\n" % number for number in range(1, SEQ + 1))


class Alone(App[None]):
    """One terminal, noting when what was typed is handed on."""

    def __init__(self) -> None:
        super().__init__()
        self.view = TerminalView(lambda *_: self.answered.set())
        self.answered = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield self.view


async def keys_meanwhile(data: bytes) -> tuple[list[float], float]:
    """Seconds from each key to its bytes while all this is drawn, and how long that took."""
    app = Alone()
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        app.view.focus()
        async with asyncio.timeout(10):
            while app.view.terminal is None:
                await pilot.pause(0.01)
        began = time.perf_counter()
        app.view.feed(data)
        took = []
        while app.view.backlog:
            app.answered.clear()
            pressed = time.perf_counter()
            app.post_message(events.Key("x", "x"))
            await app.answered.wait()
            took.append(time.perf_counter() - pressed)
            await asyncio.sleep(PACE)
        return took, time.perf_counter() - began


def fed(data: bytes) -> float:
    """Bytes a second that are taken in without a widget, the best of some turns."""
    best = 0.0
    for _ in range(TURNS):
        terminal = Terminal(COLUMNS, ROWS, lambda reply: None)
        began = time.perf_counter()
        terminal.screen.feed(data)
        best = max(best, len(data) / (time.perf_counter() - began))
        terminal.close()
    return best


def redrawn() -> float:
    """Seconds to read a whole screen of coloured text, the median."""
    terminal = Terminal(COLUMNS, ROWS, lambda reply: None)
    took = []
    for turn in range(50):
        line = b"".join(b"\x1b[3%dmword %d \x1b[m" % (turn % 8, turn) for turn in range(turn, turn + 12))
        terminal.screen.feed(b"\x1b[H" + line * ROWS)
        began = time.perf_counter()
        terminal.screen.update()
        took.append(time.perf_counter() - began)
    terminal.close()
    return statistics.median(took)


MEMORY = f"""
import gc
from pathlib import Path
from pghalab.terminal.terminal import Terminal
def resident():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
def opened(fill):
    terminal = Terminal({COLUMNS}, {ROWS}, lambda reply: None)
    terminal.screen.feed(b"".join(b"%d some words of output as a command prints them\\r\\n" % n for n in range(fill)))
    terminal.screen.update()
    while terminal.screen.rest():
        pass
    return terminal
first = opened(12_000)
before = resident()
more = [opened(FILL) for _ in range({ANOTHER})]
print((resident() - before) / {ANOTHER})
"""


def another(lines: int) -> float:
    """Bytes that one more terminal costs a process that has one, after it drew so many lines and rested."""
    code = MEMORY.replace("FILL", str(lines))
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def p99(values: Sequence[float]) -> float:
    """The value that one of a hundred exceeds."""
    return sorted(values)[int(len(values) * 0.99)]


def measure() -> list[Figure]:
    """All of it; no lab is needed."""
    data = seq()
    took: list[float] = []
    lasted = 0.0
    for _ in range(PASSES):
        more, lasted = asyncio.run(keys_meanwhile(data))
        took += more
    size = len(data) / 1e6
    return [
        Figure("terminal: a key while seq prints, p99", p99(took) * 1000, "ms", 50,
               f"{len(took)} keys; median {statistics.median(took) * 1000:.1f} ms; {size:.0f} MB in {lasted:.1f} s"),
        Figure("terminal: seq taken in", fed(data) / 1e6, "MB/s", None, "no widget"),
        Figure("terminal: a whole screen read", redrawn() * 1000, "ms", 16, f"{COLUMNS}x{ROWS}, in colours"),
        Figure("terminal: one more, new", another(0) / 1e6, "MB", 5),
        Figure("terminal: one more, full", another(12_000) / 1e6, "MB", 5, "10,000 lines kept, at rest"),
    ]  # fmt: skip
