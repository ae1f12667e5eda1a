"""What happened in the cluster, kept across restarts of the console: the last few hundred events, a line of JSON each.

The file may be damaged or made by somebody else: what cannot be read is left out, and nothing in it can hold up the
console. Losing events is a nuisance and no reason to stop, so writing only logs what fails.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path
from typing import Final

from pghalab.cluster import codec
from pghalab.cluster.model import ClusterEvent
from pghalab.lab.host.files import Unfit, read_text, write_atomic

log = logging.getLogger(__name__)

NAME: Final = "events.jsonl"
KEEP: Final = 500
"""Events that are kept."""
LARGEST: Final = 256 * 1024
"""Bytes from which on the file is written anew with the next event."""
LIMIT: Final = 8 * 1024 * 1024
"""Bytes from which on the file is not read: it is not one of ours."""
LONGEST: Final = 4096
"""Bytes of one event; a longer one is cut when it is written and left out when it is read."""


class EventLog:
    """The events of one lab, in a file of its state folder."""

    def __init__(self, path: Path, keep: int = KEEP) -> None:
        self._path = path
        self._keep = keep
        self._lines: list[str] | None = None
        self._told = False

    def read(self) -> tuple[ClusterEvent, ...]:
        """The events as they are kept, the oldest first; none when the file cannot be read."""
        events, lines = [], []
        for line in self._tail():
            try:
                events.append(codec.read_event(json.loads(line)))
            except (ValueError, RecursionError):
                continue
            lines.append(line)
        self._lines = lines[-self._keep :]
        return tuple(events[-self._keep :])

    def append(self, event: ClusterEvent) -> None:
        """Keep one more event."""
        if self._lines is None:
            self.read()
        assert self._lines is not None
        line = json.dumps(codec.plain(event))
        if len(line) > LONGEST:
            short = ClusterEvent(event.at, event.kind, event.text[: LONGEST // 16], event.good)
            line = json.dumps(codec.plain(short))
        self._lines.append(line)
        try:
            if len(self._lines) >= 2 * self._keep or not self._is_ours():
                self._lines = self._lines[-self._keep :]
                write_atomic(self._path, "".join(f"{one}\n" for one in self._lines))
            else:
                self._add(line)
        except OSError as error:
            if not self._told:
                log.warning("events are not kept: %s", error)
            self._told = True
        else:
            self._told = False

    def _is_ours(self) -> bool:
        """The file is one that a line can be added to: a plain file, not too large, whole to its last byte."""
        try:
            found = self._path.lstat()
            if not stat.S_ISREG(found.st_mode) or not 0 < found.st_size <= LARGEST:
                return False
            with self._path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                return file.read(1) == b"\n"
        except OSError:
            return False

    def _add(self, line: str) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        try:
            os.write(handle, f"{line}\n".encode())
        finally:
            os.close(handle)

    def _tail(self) -> list[str]:
        try:
            text = read_text(self._path, LIMIT, errors="replace")
        except FileNotFoundError:
            return []
        except (OSError, Unfit) as error:
            log.warning("the events that were kept cannot be read: %s", error)
            return []
        return [line for line in text.split("\n") if line and len(line) <= LONGEST]
