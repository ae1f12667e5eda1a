"""Writes the journal of a lab, and gives what was written."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pghalab.cluster.model import Snapshot, Update
from pghalab.codec import tagged, to_json
from pghalab.course.events import Printed
from pghalab.course.journal.kinds import Entry, Versions
from pghalab.course.journal.lines import Lines
from pghalab.course.journal.logs import LOG_LIMIT, LogFile, new_log
from pghalab.course.journal.states import Recorder, Source
from pghalab.redact import Secrets


class Journal:
    """A folder with `journal.jsonl`, `lab.jsonl` and `logs/`; losing it loses no progress."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.folder = folder
        self.read_only = read_only
        self.done = Lines(folder / "journal.jsonl")
        """What was done."""
        self.stood = Lines(folder / "lab.jsonl")
        """How the lab stood, and what happened in it."""
        self._recorder = Recorder()
        self._versions: Versions | None = None
        self._hidden: Callable[[], tuple[str, ...]] = tuple
        self._secrets: tuple[tuple[str, ...], Secrets] = (), Secrets()

    @property
    def path(self) -> Path:
        """The file of what was done."""
        return self.done.path

    def hide(self, values: Callable[[], tuple[str, ...]]) -> None:
        """Keep these values out of whatever is written: passwords of the lab, as they are at that time."""
        self._hidden = values

    @property
    def secrets(self) -> Secrets:
        """What is kept out of it."""
        values = self._hidden()
        if values != self._secrets[0]:
            self._secrets = values, Secrets(values)
        return self._secrets[1]

    def append(self, event: Entry) -> None:
        """Add what was done; what a command printed is in its log."""
        if not isinstance(event, Printed):
            self._write(self.done, tagged(event), time.time())

    def saw(self, update: Update) -> None:
        """Add what a monitor published, where it tells something new."""
        if self.read_only:
            return
        match update:
            case ("event", event):
                self._write(self.stood, {"event": "Happened", **to_json(event)}, event.at)
            case ("nodes" | "etcd" | "patroni" as source, snapshot):
                self._stood(source, snapshot)

    def _stood(self, source: Source, snapshot: Snapshot[Any]) -> None:
        now = time.time()
        entry = self._recorder.take(source, snapshot, now)
        if entry is not None and self._write(self.stood, entry, now) and entry["event"] == "ClusterMoved":
            # The file before may go at any time: this one has to make sense without it.
            self._recorder.begin_anew()
            self._stood(source, snapshot)

    def versions(self, versions: Versions) -> None:
        """Add what is at work from now on, unless that was said already."""
        if versions != self._versions:
            self._versions = versions
            self._write(self.stood, tagged(versions), time.time())

    def entries(self) -> Iterator[dict[str, Any]]:
        """Everything that was done and is kept, oldest first; lines that a crash tore are left out."""
        return self.done.entries()

    def log(self, step: str, limit: int = LOG_LIMIT) -> LogFile:
        """A new log for one run of a step; the oldest logs go when there are too many."""
        return new_log(self.folder / "logs", step, limit, self.secrets)

    def _write(self, lines: Lines, entry: Mapping[str, Any], at: float) -> bool:
        """Add a line; true when it is the first of its file."""
        if self.read_only:
            return False
        whole = {"at": round(at, 3), **entry}
        return lines.append(json.dumps(self.secrets.within(whole)), at)
