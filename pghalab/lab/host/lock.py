"""Who uses a lab's state folder: one process at a time writes its progress and settings; the others may look."""

from __future__ import annotations

import fcntl
import os
import time
from typing import IO

from pghalab.lab.host import paths
from pghalab.lab.host.files import Unfit, require_regular
from pghalab.lab.host.process import Driver, this_process
from pghalab.lab.types import LabError

LONGEST = 10_000
"""Bytes of what the file says that are read."""
LOOKED_AT = 0.2
"""Seconds for which those who look at the lock may be in the way of one who takes it."""


class FolderLock:
    """A lock on a file that the system drops with the process, however it ends."""

    def __init__(self, lab: str) -> None:
        self._path = paths.lab_folder(lab) / "driver.lock"
        self._file: IO[str] | None = None

    @property
    def held(self) -> bool:
        """This object holds the lock."""
        return self._file is not None

    def acquire(self, doing: str = "") -> bool:
        """Take the lock; False when somebody else has it; raises LabError when the file cannot be used."""
        if self._file is not None:
            return True
        paths.state_dir(self._path.parent.name)
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
        file.write(this_process(doing).tell())
        file.flush()
        return True

    def holder(self) -> Driver | None:
        """Who has it, this process included; None when nobody does; raises LabError."""
        if not self._path.exists():
            return None
        with self._open() as file:
            if self._file is None and _locked(file, fcntl.LOCK_SH):
                return None
            file.seek(0)
            # Without a word it took the lock a moment ago and has not written yet.
            return Driver.told(file.read(LONGEST)) or Driver(0, "", time.time())

    def release(self) -> None:
        """Let somebody else have it."""
        file, self._file = self._file, None
        if file is not None:
            file.truncate(0)
            file.close()

    def _open(self) -> IO[str]:
        flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            descriptor = os.open(self._path, flags, 0o600)
            try:
                require_regular(os.fstat(descriptor))
            except Unfit:
                os.close(descriptor)
                raise
        except (OSError, Unfit) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise LabError(
                f"{self._path} cannot be used: {why}.", todo="Look at `pghalab doctor`.", kind="state-folder"
            ) from error
        return os.fdopen(descriptor, "r+", encoding="utf-8", errors="replace")


def _locked(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
