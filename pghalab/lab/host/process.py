"""Who a process is, so that another one can tell later whether it still lives."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from dataclasses import asdict, field
from functools import cache
from pathlib import Path

from pghalab.codec import from_json
from pghalab.values import dataclass

PS_TIMEOUT = 5


@dataclass(frozen=True, slots=True)
class Driver:
    """A process that drives a lab, or changes it."""

    pid: int
    tty: str
    """Its terminal, empty when it has none."""
    since: float
    """When it began to, seconds of `time.time`."""
    doing: str = field(default="", compare=False)
    """What it does, as the rest of a sentence: `has the console open`."""
    started: str = field(default="", compare=False)
    """When the process itself began, as the system tells it: its number may have gone to another one since."""
    machine: str = field(default="", compare=False)
    """The boot of the machine, and the process numbers that count there."""
    host: str = field(default="", compare=False)

    def __str__(self) -> str:
        """`process 4711 on /dev/pts/3, since 14:02`."""
        where = f" on {self.tty}" if self.tty else ""
        if self.elsewhere:
            where += f" of {self.host or 'another machine'}"
        return f"process {self.pid}{where}, since {time.strftime('%H:%M', time.localtime(self.since))}"

    def tell(self) -> str:
        """This process as JSON, for another one to read."""
        return json.dumps(asdict(self))

    @classmethod
    def told(cls, text: str) -> Driver | None:
        """The process that `tell` told of; None when that cannot be understood."""
        try:
            driver: Driver = from_json(cls, json.loads(text))
        except (ValueError, RecursionError):
            return None
        return driver

    @property
    def elsewhere(self) -> bool:
        """Whether its process number means nothing here: another machine, or another container of this one."""
        return bool(self.machine) and self.machine != machine()

    @property
    def is_this_process(self) -> bool:
        """Whether it is this very process."""
        return self.pid == os.getpid() and not self.elsewhere

    @property
    def lives(self) -> bool:
        """Whether the process lives; one that cannot be seen from here counts as living."""
        if self.elsewhere:
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except (PermissionError, OverflowError):
            pass
        now = started(self.pid)
        return now != "gone" and (not self.started or not now or now == self.started)


def this_process(doing: str) -> Driver:
    """This process as one that drives from now on."""
    pid = os.getpid()
    return Driver(pid, _terminal(), time.time(), doing, started(pid), machine(), platform.node())


@cache
def machine() -> str:
    """What tells this boot of this machine, and these process numbers, from any other."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        # macOS has no container of its own processes; kern.bootsessionuuid is new with each boot.
        return f"{platform.node()} {_printed(['sysctl', '-n', 'kern.bootsessionuuid'])}"


def started(pid: int) -> str:
    """When a process began; `gone` when it has ended and only waits to be collected; empty when nobody says."""
    try:
        # proc_pid_stat(5): the name in parentheses may hold anything, field 3 is the state, field 22 the start.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return "gone" if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")
    except (OSError, IndexError):
        return _printed(["ps", "-o", "lstart=", "-p", str(pid)])


def _printed(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PS_TIMEOUT, check=False, env={**os.environ, "LC_ALL": "C"}
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _terminal() -> str:
    for descriptor in (0, 1, 2):
        try:
            return os.ttyname(descriptor)
        except OSError:
            continue
    return ""
