"""A program in a pseudo-terminal: start it, wait for words on its screen, press keys, measure its process."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path
from types import TracebackType

_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_].*?\x1b\\|[@-Z\\-_])")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _environment() -> dict[str, str]:
    # Processes that test side by side are told a size of their own; the program asks its terminal.
    return {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}


def _set_size(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Terminal:
    """One program in a terminal of its own; leaving the context ends it."""

    def __init__(
        self, argv: list[str], *, columns: int = 120, rows: int = 40, env: dict[str, str] | None = None
    ) -> None:
        self.started = time.perf_counter()
        master, slave = pty.openpty()
        _set_size(slave, columns, rows)
        self._process = subprocess.Popen(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**_environment(), "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})},
        )
        os.close(slave)
        self._master = master
        self.seen = b""

    def __enter__(self) -> Terminal:
        """The running program."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the program, kindly first."""
        self._process.send_signal(signal.SIGTERM)
        deadline = time.perf_counter() + 10
        while self._process.poll() is None and time.perf_counter() < deadline:
            self.read(0.1)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self._process.pid

    @property
    def descriptor(self) -> int:
        """Readable when the program has printed something."""
        return self._master

    @property
    def is_running(self) -> bool:
        """The program has not ended."""
        return self._process.poll() is None

    def read(self, patience: float) -> bytes:
        """What the program printed within `patience` seconds; empty when nothing came."""
        ready, _, _ = select.select([self._master], [], [], patience)
        if not ready:
            return b""
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other side is closed
            return b""
        self.seen = (self.seen + data)[-400_000:]
        return data

    def wait_for(self, words: str, limit: float = 60.0) -> float:
        """Seconds from the start until `words` stood on the screen; raises TimeoutError with what was there."""
        deadline = time.perf_counter() + limit
        wanted = words.encode()
        while time.perf_counter() < deadline:
            if self.read(0.05) and wanted in _ESCAPE.sub(b"", self.seen):
                return time.perf_counter() - self.started
            if self._process.poll() is not None:
                break
        tail = _ESCAPE.sub(b" ", self.seen)[-600:].decode(errors="replace")
        raise TimeoutError(f"{words!r} did not appear; the screen ended with: {tail}")

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size, and tell the program, whose controlling terminal it is not."""
        _set_size(self._master, columns, rows)
        self._process.send_signal(signal.SIGWINCH)

    def hang_up(self) -> None:
        """Close the terminal's other side, as a window that is closed; the program is told."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDONLY)
        self._process.send_signal(signal.SIGHUP)

    def signal(self, number: signal.Signals, limit: float = 60.0) -> int:
        """Send a signal and return how the program ended; raises TimeoutError when it goes on."""
        self._process.send_signal(number)
        deadline = time.perf_counter() + limit
        # A program that gives the terminal back blocks when nobody reads.
        while self._process.poll() is None and time.perf_counter() < deadline:
            self.read(0.05)
        if self._process.returncode is None:
            raise TimeoutError(f"it still runs {limit:g} s after {number.name}")
        return self._process.returncode

    def idle(self, seconds: float) -> float:
        """Let it run for a while and return the share of one core it used, as a fraction."""
        before, start = self._cpu(), time.perf_counter()
        while time.perf_counter() < start + seconds:
            self.read(0.2)
        return (self._cpu() - before) / (time.perf_counter() - start)

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> int:
        """Resident bytes of the process."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE
