"""A room of a hundred: how soon a key shows at the console meanwhile, and how far behind it a viewer is.

Nothing but this machine is needed: the console stands on the lab in memory, everything else is real and in processes of
its own. While the keys are typed a program paints a part of the screen anew, twenty times a second.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from pghalab.terminal.screen import Screen
from pghalab.terminal.terminal import ignore
from tests.bench.report import Figure
from tests.terminal import Terminal

ROOT = Path(__file__).parents[2]
VIEWERS = 100
KEYS = 120
PACE = 0.05
"""Seconds between two keys, beside what they take: all who type are slower."""
COLUMNS, ROWS = 120, 40
LIMIT = 20.0
"""Seconds until something is seen at all."""
_TICKS = os.sysconf("SC_CLK_TCK")


class Crowd(asyncio.Protocol):
    """A viewer who takes everything and looks at nothing, or takes nothing after the beginning."""

    def __init__(self, path: str, seen: asyncio.Event, reads: bool) -> None:
        self._path, self._seen, self._reads = path, seen, reads

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(f"GET {self._path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self._seen.set()
        if not self._reads:
            self._transport.pause_reading()


async def crowd(url: str, number: int) -> None:
    """Be so many viewers, one of whom stops reading, until standard input ends."""
    where = urlsplit(url)
    loop = asyncio.get_running_loop()
    all_seen = []
    for each in range(number):
        seen = asyncio.Event()
        all_seen.append(seen.wait())
        made = socket.create_connection((where.hostname or "", where.port or 0))
        made.setblocking(False)
        if not each:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.create_connection(partial(Crowd, f"{where.path}stream", seen, reads=each > 0), sock=made)
    await asyncio.gather(*all_seen)
    print("all are there", flush=True)
    await asyncio.to_thread(sys.stdin.read)


class Viewer:
    """One viewer who looks."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self.socket = socket.create_connection((where.hostname or "", where.port or 0))
        self.socket.sendall(f"GET {where.path}stream HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self.seen = b""

    def read(self) -> None:
        """Take what is there."""
        self.seen = (self.seen + self.socket.recv(1 << 20))[-200_000:]


class Watched:
    """The console in its terminal, and a viewer of it."""

    def __init__(self, terminal: Terminal, url: str) -> None:
        self.terminal = terminal
        self.viewer = Viewer(url)
        self._screen = Screen(COLUMNS, ROWS, ignore)
        self._screen.feed(terminal.seen)

    def read(self, patience: float) -> str:
        """The screen of the terminal, once something more was printed or told, or the time is over."""
        viewer, terminal = self.viewer.socket.fileno(), self.terminal.descriptor
        ready, _, _ = select.select([viewer, terminal], [], [], patience)
        if viewer in ready:
            self.viewer.read()
        if terminal in ready:
            self._screen.feed(self.terminal.read(0))
        self._screen.update()
        return self._screen.text

    def until(self, words: str, key: str) -> None:
        """Type something and wait for these words at the console; raises TimeoutError."""
        self.terminal.press(key)
        end = time.perf_counter() + LIMIT
        while words not in (screen := self.read(0.5)):
            if time.perf_counter() > end:
                raise TimeoutError(f"the console did not show {words!r}:\n{screen}")

    def both(self, words: str, key: str) -> tuple[float, float]:
        """Type a key; seconds until these words are at the console, and at the viewer's."""
        self.viewer.seen = b""
        began = time.perf_counter()
        self.terminal.press(key)
        at = [0.0, 0.0]
        while not all(at):
            screen = self.read(0.5)
            now = time.perf_counter() - began
            at[0] = at[0] or (now if words in screen else 0.0)
            at[1] = at[1] or (now if words.encode() in self.viewer.seen else 0.0)
            if now > LIMIT:
                raise TimeoutError(
                    f"{words!r} was not seen {'by the viewer' if at[0] else 'at the console'}:\n{screen}"
                )
        return at[0], at[1]

    def rest(self, seconds: float) -> None:
        """Let it all go on for a while."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)


def _typed(watched: Watched) -> tuple[list[float], list[float]]:
    """Seconds from each key to the console's and to the viewer's screen."""
    console, viewer = [], []
    text = ""
    for number in range(KEYS):
        if len(text) == 30:
            text = ""
            watched.terminal.press("\x15")
            watched.rest(0.3)
        text += "abcdefghij"[number % 10]
        one, other = watched.both(f"$ {text}", text[-1])
        console.append(one)
        viewer.append(other)
        watched.rest(PACE)
    watched.terminal.press("\x15")
    watched.rest(0.3)
    return console, viewer


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def _served(env: dict[str, str]) -> Iterator[tuple[str, int]]:
    argv = [sys.executable, "-u", "-m", "pghalab", "serve"]
    with subprocess.Popen(argv, env={**os.environ, **env}, cwd=ROOT, text=True, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            yield next(line for line in server.stdout if "http://" in line).strip(), server.pid
        finally:
            server.terminate()


@contextmanager
def _crowd(url: str) -> Iterator[None]:
    argv = [sys.executable, "-m", "tests.bench.viewers", url, str(VIEWERS - 1)]
    with subprocess.Popen(argv, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        if "all are there" not in process.stdout.readline():
            raise RuntimeError("the viewers did not come in")
        yield
        process.stdin.close()


def _measure(folder: Path) -> list[Figure]:
    env = {"PGHALAB_STATE_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-m", "tests.fake_lab.console"]
    with _served(env) as (url, pid), Terminal(argv, columns=COLUMNS, rows=ROWS, env=env) as terminal:
        terminal.wait_for("Starting etcd")
        watched = Watched(terminal, url)
        for key, words in (("c", "What is read"), ("s", "\n$"), ("flood", "$ flood"), ("\r", "turn 5 ")):
            watched.until(words, key)
        alone, _ = _typed(watched)
        with _crowd(url):
            before, began = _cpu(pid), time.perf_counter()
            console, viewer = _typed(watched)
            share = (_cpu(pid) - before) / (time.perf_counter() - began)
    behind = [max(0.0, later - first) for first, later in zip(console, viewer, strict=True)]
    return figures(alone, console, behind, share)


def figures(alone: Sequence[float], keys: Sequence[float], behind: Sequence[float], share: float) -> list[Figure]:
    """What was asked: of seconds to the repaint with a single viewer and with all, to a viewer's, and of the server."""
    worst = [statistics.quantiles(seconds, n=100)[98] * 1000 for seconds in (alone, keys, behind)]
    middle = [statistics.median(seconds) * 1000 for seconds in (alone, keys, behind)]
    one = f"with one viewer {worst[0]:.1f} ms, median {middle[0]:.1f}"
    all_of_them = f"{VIEWERS} viewers, 20 pictures a second"
    return [
        Figure(f"viewers: key -> repaint with {VIEWERS}, p99", worst[1], "ms", 50, f"median {middle[1]:.1f} ms; {one}"),
        Figure(
            "viewers: behind the terminal, p99", worst[2], "ms", 300, f"median {middle[2]:.1f} ms; one reads nothing"
        ),
        Figure("viewers: the server, CPU", share * 100, "% of a core", None, all_of_them),
    ]


def measure() -> list[Figure]:
    """All of it; no engine is needed."""
    with tempfile.TemporaryDirectory() as folder:
        return _measure(Path(folder))


if __name__ == "__main__":
    asyncio.run(crowd(sys.argv[1], int(sys.argv[2])))
