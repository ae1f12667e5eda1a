"""Who drives a lab: one console at a time; the others may look."""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import IO

from pghalab.lab.host import paths
from pghalab.lab.types import LabError

LOOKED_AT = 0.2
"""Seconds for which those who look at the lock may be in the way of one who takes it."""


@dataclass(frozen=True, slots=True)
class Driver:
    """The console that drives a lab."""

    pid: int
    tty: str
    """Its terminal, empty when it has none."""
    since: float
    """When it began, seconds of `time.time`."""

    def __str__(self) -> str:
        """`process 4711 on /dev/pts/3, since 14:02`."""
        where = f" on {self.tty}" if self.tty else ""
        return f"process {self.pid}{where}, since {time.strftime('%H:%M', time.localtime(self.since))}"


class DriverLock:
    """The right to drive a lab, held as a lock on a file that the system drops with the process, however it ends."""

    def __init__(self, lab: str, *, todo: str = "Close that console, or wait until it is done.") -> None:
        self._path = paths.state_dir(lab) / "driver.lock"
        self._todo = todo
        self._file: IO[str] | None = None

    @property
    def held(self) -> bool:
        """This object holds the lock."""
        return self._file is not None

    def acquire(self) -> bool:
        """Become the driver; False when somebody else is; raises LabError when the file cannot be used."""
        if self._file is not None:
            return True
        file = self._open()
        until = time.monotonic() + LOOKED_AT
        while not _locked(file, fcntl.LOCK_EX):
            # Whoever only looks shares the lock for a moment; a driver does not share it.
            if not _locked(file, fcntl.LOCK_SH) or time.monotonic() > until:
                file.close()
                return False
            fcntl.flock(file, fcntl.LOCK_UN)
            time.sleep(0.001)
        self._file = file
        file.seek(0)
        file.truncate()
        json.dump(asdict(Driver(os.getpid(), _terminal(), time.time())), file)
        file.flush()
        return True

    def holder(self) -> Driver | None:
        """Who drives now, this process included; None when nobody does; raises LabError."""
        with self._open() as file:
            if self._file is None and _locked(file, fcntl.LOCK_SH):
                return None
            file.seek(0)
            try:
                told = json.load(file)
                return Driver(int(told["pid"]), str(told["tty"]), float(told["since"]))
            except (ValueError, KeyError, TypeError):
                # It took the lock a moment ago and has not written yet.
                return Driver(0, "", time.time())

    def release(self) -> None:
        """Let somebody else drive."""
        file, self._file = self._file, None
        if file is not None:
            file.truncate(0)
            file.close()

    def __enter__(self) -> DriverLock:
        """Become the driver; raises LabError that names the one who is."""
        if not self.acquire():
            raise LabError(f"The lab is driven by {self.holder() or 'somebody else'}.", todo=self._todo, kind="driven")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let somebody else drive."""
        self.release()

    def _open(self) -> IO[str]:
        try:
            return os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+", encoding="utf-8")
        except OSError as error:
            raise LabError(
                f"{self._path} cannot be used: {error.strerror}.", todo="Look at `pghalab doctor`.", kind="state-folder"
            ) from error


def _locked(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _terminal() -> str:
    for descriptor in (0, 1, 2):
        try:
            return os.ttyname(descriptor)
        except OSError:
            continue
    return ""
