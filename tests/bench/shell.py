"""A shell in the pane: from a key to its echo beside ssh in tmux on the same node, and what an idle one costs."""

from __future__ import annotations

import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pghalab.terminal.terminal import Terminal as Engine
from tests.bench.lab import LabHere, verb
from tests.bench.report import Figure
from tests.terminal import Terminal

KEYS = 240
"""Of each of the two, one after the other in turn."""
PACE = 0.02
"""Seconds between two keys."""
COLUMNS, ROWS = 120, 40
SECONDS = 5.0
"""How long an idle console is looked at, with a shell and without."""
LEAVE = "\x1d"


class Seen:
    """A program in a terminal, and its screen."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._engine = Engine(COLUMNS, ROWS, lambda reply: terminal.press(reply.decode()))

    def read(self, patience: float) -> str:
        """The screen, once something more was printed or the time is over."""
        data = self.terminal.read(patience)
        if data:
            self._engine.screen.feed(data)
            self._engine.screen.update()
        return self._engine.screen.text

    def until(self, holds: Callable[[str], object], what: str, limit: float = 30.0) -> None:
        """Wait until the screen is so; raises TimeoutError."""
        end = time.perf_counter() + limit
        while not holds(screen := self.read(0.05)):
            if time.perf_counter() > end:
                raise TimeoutError(f"{what} was not seen:\n{screen}")

    def echoed(self, text: str, key: str) -> float:
        """Seconds from a key until it stands behind the text that was typed before it."""
        began = time.perf_counter()
        self.terminal.press(key)
        while text + key not in self.read(1.0):
            if time.perf_counter() - began > 10:
                raise TimeoutError(f"the echo of {text + key!r} was not seen")
        return time.perf_counter() - began

    def drain(self, seconds: float) -> None:
        """Let it print for a while."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)


def _ssh(here: LabHere) -> list[str]:
    from pghalab.lab.engine.client import Engine as Docker

    docker = Docker.connect()
    try:
        found = docker.api.containers(filters={"label": f"pghalab.lab={here.name}"})
        ports = {one["Names"][0].lstrip("/"): one["Ports"] for one in found}
    finally:
        docker.close()
    first = min(ports)
    port = next(entry["PublicPort"] for entry in ports[first] if entry.get("PublicPort"))
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes")
    words = ["ssh", "-tt", "-F", "/dev/null", "-i", str(here.key), "-p", str(port)]
    return [*words, *(word for option in options for word in ("-o", option)), "root@127.0.0.1"]


def _pairs(pane: Seen, plain: Seen) -> tuple[list[float], list[float]]:
    """Seconds to each echo, in the pane and in ssh, one key each in turn."""
    took: tuple[list[float], list[float]] = ([], [])
    text = ""
    for number in range(KEYS):
        key = "abcdefghij"[number % 10]
        if len(text) == 50:
            text = ""
            for one in (pane, plain):
                # The line is emptied, so that it is never folded.
                one.terminal.press("\x15")
                one.until(lambda screen: "abcdefghij" not in screen, "an empty line")
        for one, seconds in zip((pane, plain), took, strict=True):
            seconds.append(one.echoed(text, key))
            time.sleep(PACE)
            one.drain(0)
        text += key
    return took


def _cpu(seen: Seen) -> float:
    return seen.terminal.idle(SECONDS) * 100


def _measure(folder: Path) -> list[Figure]:
    here = LabHere.prepare(folder, nodes=3)
    try:
        verb(here, "up", "-n", "3")
        argv = [sys.executable, "-m", "pghalab", "--lab", here.name]
        tmux = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null", "new-session", shlex.join(_ssh(here))]
        env = {**here.env, "TEXTUAL_ANIMATIONS": "none"}
        with (
            Terminal(argv, columns=COLUMNS, rows=ROWS, env=env) as console,
            Terminal(tmux, columns=COLUMNS, rows=ROWS, env=here.env) as other,
        ):
            pane, plain = Seen(console), Seen(other)
            pane.until(lambda screen: "3 of 3 nodes up" in screen, "the lab")
            console.press("c")
            pane.until(lambda screen: "Go on" in screen, "a lesson")
            pane.drain(2)
            without = _cpu(pane)
            console.press("s")
            pane.until(lambda screen: "$ " in screen or ":~$" in screen or ":~#" in screen, "the pane's prompt")
            plain.until(lambda screen: ":~#" in screen, "a prompt by ssh")
            ours, theirs = _pairs(pane, plain)
            console.press("\x15" + LEAVE)
            pane.drain(2)
            within = _cpu(pane)
            subprocess.run(["tmux", "-S", str(folder / "tmux"), "kill-server"], check=False, capture_output=True)
    finally:
        verb(here, "down", "-f", "--force")
    return figures(ours, theirs, within - without)


def figures(ours: Sequence[float], theirs: Sequence[float], idle: float) -> list[Figure]:
    """What was asked of the seconds to each echo, in the pane and in ssh, and of the share of a core."""
    mine, other = (statistics.quantiles(seconds, n=100)[98] * 1000 for seconds in (ours, theirs))
    medians = f"medians {statistics.median(ours) * 1000:.1f} and {statistics.median(theirs) * 1000:.1f} ms"
    return [
        Figure("shell: key -> echo in the pane, p99", mine, "ms", 50.0, f"{len(ours)} keys; {medians}"),
        Figure("shell: the same beside ssh in tmux, p99", mine / other, "times", 2.0, f"ssh in tmux {other:.1f} ms"),
        Figure("shell: an idle one, CPU", max(0.0, idle), "% of a core", 0.5, f"beside none, {SECONDS:.0f} s each"),
    ]


def measure() -> list[Figure]:
    """All of it, on a lab of three nodes without a cluster; tmux and ssh have to be on this machine."""
    if missing := [name for name in ("tmux", "ssh") if shutil.which(name) is None]:
        raise RuntimeError(f"{' and '.join(missing)} cannot be found on this machine")
    with tempfile.TemporaryDirectory() as folder:
        return _measure(Path(folder))
