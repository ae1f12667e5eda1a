"""The record of what happened: one JSON line for each event, and the whole output of each command."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any

from pghalab.course.events import Printed, RunEvent, to_json
from pghalab.lab.host.files import Unfit, keep_aside, read_text

LOG_LIMIT = 100_000_000
"""Bytes of one command's output that are kept on disk."""
LOGS_KEPT = 200
"""Logs of a lab that are kept on disk; the oldest go first."""
LOGS_SIZE = 400_000_000
"""Bytes of the logs of a lab that are kept when a new one begins; the oldest go first."""
JOURNAL_LIMIT = 10_000_000
"""Bytes of the journal; then it goes on in a new file, and only the last one before it is kept."""
LONGEST_LINE = 1_000_000
"""Bytes of an event."""
_log = logging.getLogger(__name__)


class LogFile:
    """The output of one run on disk, as it comes; ends with a line that says so when it had to stop."""

    def __init__(self, path: Path, limit: int = LOG_LIMIT) -> None:
        self.path = path
        self._limit = limit
        self._size = 0
        self._file: FileIO | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # A piece of output is written as it comes: the log can be read while the step runs, and survives a crash.
            self._file = FileIO(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w")
        except OSError as error:
            _log.warning("the log %s cannot be written: %s", path, error)

    def write(self, text: str) -> None:
        """Append text; past the limit nothing more is kept, and the file says so."""
        if self._file is None:
            return
        data = text.encode("utf-8", "replace")
        try:
            if self._size + len(data) > self._limit:
                self._file.write(data[: self._limit - self._size])
                self._file.write(f"\n[pghalab: the log ends here, after {self._limit} bytes]\n".encode())
                self.close()
                return
            self._file.write(data)
            self._size += len(data)
        except OSError as error:
            _log.warning("the log %s ends early: %s", self.path, error)
            self._file = None

    def close(self) -> None:
        """Close the file; nothing more is kept."""
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


class Journal:
    """A folder with `journal.jsonl` and `logs/`; losing it loses no progress."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.folder = folder
        self.path = folder / "journal.jsonl"
        self.before = folder / "journal.1.jsonl"
        """What the journal was before it grew too large."""
        self.read_only = read_only

    def append(self, event: RunEvent) -> None:
        """Add an event in one write, so that a crash loses at most this line; what was printed is in the logs."""
        if self.read_only or isinstance(event, Printed):
            return
        line = {"at": round(time.time(), 3), **to_json(event)}
        data = (json.dumps(line) + "\n").encode()
        if len(data) > LONGEST_LINE:
            _log.warning("an event of %d bytes is not in the journal", len(data))
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = self._opened()
            try:
                size = os.fstat(handle).st_size
                if size > JOURNAL_LIMIT:
                    self.path.replace(self.before)
                    os.close(handle)
                    handle, size = self._opened(), 0
                if size and os.pread(handle, 1, size - 1) != b"\n":
                    data = b"\n" + data
                os.write(handle, data)
            finally:
                os.close(handle)
        except OSError as error:
            _log.warning("the journal %s cannot be written: %s", self.path, error)

    def entries(self) -> Iterator[dict[str, Any]]:
        """Every event that is kept, oldest first; lines that a crash tore are left out."""
        for path in (self.before, self.path):
            try:
                text = read_text(path, JOURNAL_LIMIT + LONGEST_LINE, errors="replace")
            except FileNotFoundError:
                continue
            except (OSError, Unfit) as error:
                _log.warning("the journal %s cannot be read: %s", path, error)
                continue
            for line in text.split("\n"):
                try:
                    entry = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(entry, dict):
                    yield entry

    def _opened(self) -> int:
        """The file for one more line; whatever else lies there under its name is moved aside and not waited for."""
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        except IsADirectoryError:
            keep_aside(self.path)
            return self._opened()
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            keep_aside(self.path)
            return self._opened()
        return handle

    def log(self, step: str, limit: int = LOG_LIMIT) -> LogFile:
        """A new log for one run of a step; the oldest logs beyond LOGS_KEPT are removed."""
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", step)
        stamp = time.strftime("%Y%m%d-%H%M%S")
        folder = self.folder / "logs"
        path = folder / f"{stamp}-{name}.log"
        number = 1
        while path.exists():
            number += 1
            path = folder / f"{stamp}-{name}-{number}.log"
        log = LogFile(path, limit)
        _prune(folder)
        return log


def _prune(folder: Path) -> None:
    """Remove the oldest logs, but never the newest; their names begin with the time."""
    kept = 0
    try:
        for number, log in enumerate(sorted(folder.glob("*.log"), reverse=True)):
            kept += log.lstat().st_size
            if number >= LOGS_KEPT or (number and kept > LOGS_SIZE):
                log.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("old logs in %s stay: %s", folder, error)
