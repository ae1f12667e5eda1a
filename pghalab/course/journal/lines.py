"""Lines of JSON in a file that only grows, survives a crash, and is kept within a size and an age."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pghalab.lab.host.files import Unfit, keep_aside, open_regular

LIMIT = 10_000_000
"""Bytes of a file; then it goes on in a new one, and only the last one before it is kept."""
AGE: Final = 90 * 86_400.0
"""Seconds after which what was kept is gone: the file goes on in a new one after half of it."""
LONGEST = 1_000_000
"""Bytes of a line."""
LOOK_EVERY: Final = 3600.0
"""Seconds between two looks at the age."""
_AT = re.compile(rb'"at": ?(\d{1,12}(?:\.\d{1,6})?)')
_log = logging.getLogger(__name__)


class Lines:
    """A file of JSON lines, each with its time `at`, and the file before it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.before = path.with_suffix(f".1{path.suffix}")
        """What the file was before it grew too large or too old."""
        self._looked = float("-inf")
        self._told = False
        """It was said that it cannot be written; the next line that can be ends that."""

    def append(self, text: str, at: float) -> bool:
        """Add a line in one write, so that a crash loses at most this one; true when it is the first of its file.

        What cannot be written is logged and lost: it is no reason to stop.
        """
        data = (text + "\n").encode()
        if len(data) > LONGEST:
            _log.warning("an event of %d bytes is not in %s", len(data), self.path)
            return False
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            aged = self._aged(at)
            handle = self._opened()
            try:
                size = os.fstat(handle).st_size
                if size > LIMIT or (aged and size):
                    self.path.replace(self.before)
                    os.close(handle)
                    handle, size = self._opened(), 0
                if size and os.pread(handle, 1, size - 1) != b"\n":
                    data = b"\n" + data
                os.write(handle, data)
                self._told = False
                return not size
            finally:
                os.close(handle)
        except OSError as error:
            if not self._told:
                _log.warning("%s cannot be written: %s", self.path, error)
            self._told = True
            return False

    def lines(self) -> Iterator[bytes]:
        """Every line that is kept, oldest first, however large the files are."""
        for path in (self.before, self.path):
            yield from _lines(path)

    def entries(self) -> Iterator[dict[str, Any]]:
        """What every line says; what a crash tore is left out."""
        for line in self.lines():
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(entry, dict):
                yield entry

    def size(self) -> int:
        """Bytes of both files."""
        return sum(path.lstat().st_size for path in (self.before, self.path) if path.is_file())

    def _aged(self, now: float) -> bool:
        """Whether the file is to begin anew for its age; one before it that is too old goes."""
        if abs(now - self._looked) < LOOK_EVERY:
            return False
        self._looked = now
        try:
            if self.before.lstat().st_mtime < now - AGE / 2:
                self.before.unlink()
        except FileNotFoundError:
            pass
        began = _began(self.path)
        return began is not None and began < now - AGE / 2

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


def happened_at(entry: Mapping[str, Any]) -> float | None:
    """When an entry happened; None when it does not say."""
    at = entry.get("at")
    return float(at) if isinstance(at, (int, float)) and not isinstance(at, bool) else None


def _began(path: Path) -> float | None:
    """The time of the first line of a file, if it says one."""
    for line in _lines(path):
        found = _AT.search(line[:4096])
        return float(found[1]) if found else None
    return None


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a regular file, those that are too long left out; none when it cannot be read."""
    try:
        with open_regular(path) as file:
            whole = True
            while line := file.readline(LONGEST + 1):
                ends = line.endswith(b"\n")
                if whole and (ends or len(line) <= LONGEST):
                    yield line
                whole = ends
    except FileNotFoundError:
        return
    except (OSError, Unfit) as error:
        _log.warning("%s cannot be read: %s", path, error)
