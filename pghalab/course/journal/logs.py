"""The whole output of each command, a file for each run."""

from __future__ import annotations

import logging
import os
import re
import time
from io import FileIO
from pathlib import Path
from types import TracebackType

from pghalab.course.journal.lines import AGE
from pghalab.redact import Removal, Secrets

LOG_LIMIT = 50_000_000
"""Bytes of one command's output that are kept on disk."""
LOGS_KEPT = 1000
"""Logs of a lab that are kept on disk; the oldest go first."""
LOGS_SIZE = 200_000_000
"""Bytes of the logs of a lab that are kept when a new one begins; the oldest go first."""
_log = logging.getLogger(__name__)


class LogFile:
    """The output of one run on disk, a line at a time and without secrets; its end says when it had to stop."""

    def __init__(self, path: Path, limit: int = LOG_LIMIT, secrets: Secrets | None = None) -> None:
        self.path = path
        self._limit = limit
        self._removal = Removal(secrets or Secrets())
        self._size = 0
        self._file: FileIO | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # A line of output is written as it comes: the log can be read while the step runs, and survives a crash.
            self._file = FileIO(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w")
        except OSError as error:
            _log.warning("the log %s cannot be written: %s", path, error)

    def write(self, text: str) -> None:
        """Append text; past the limit nothing more is kept, and the file says so."""
        if self._file is not None:
            self._keep(self._removal.feed(text))

    def _keep(self, text: str) -> None:
        if self._file is None or not text:
            return
        data = text.encode("utf-8", "replace")
        try:
            if self._size + len(data) > self._limit:
                self._file.write(data[: self._limit - self._size])
                self._file.write(f"\n[pghalab: the log ends here, after {self._limit} bytes]\n".encode())
                self._shut()
                return
            self._file.write(data)
            self._size += len(data)
        except OSError as error:
            _log.warning("the log %s ends early: %s", self.path, error)
            self._shut()

    def close(self) -> None:
        """Close the file; nothing more is kept."""
        self._keep(self._removal.close())
        self._shut()

    def _shut(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                _log.warning("the log %s ends early: %s", self.path, error)

    def __enter__(self) -> LogFile:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the file."""
        self.close()


def new_log(folder: Path, step: str, limit: int, secrets: Secrets) -> LogFile:
    """A log for one run of a step; logs that are too old, too many or too large are removed, the oldest first."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", step)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    path = folder / f"{stamp}-{name}.log"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{stamp}-{name}-{number}.log"
    log = LogFile(path, limit, secrets)
    _prune(folder)
    return log


def _prune(folder: Path) -> None:
    """Remove the oldest logs, but never the newest; their names begin with the time."""
    kept, oldest = 0, time.time() - AGE
    try:
        for number, log in enumerate(sorted(folder.glob("*.log"), reverse=True)):
            found = log.lstat()
            kept += found.st_size
            if number >= LOGS_KEPT or (number and (kept > LOGS_SIZE or found.st_mtime < oldest)):
                log.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("old logs in %s stay: %s", folder, error)
