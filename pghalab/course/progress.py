"""What the learner has done, as a file: a cache of what the checks say, and the only memory of what was read."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from pghalab.lab.host.files import Unfit, keep_aside, read_json, write_atomic
from pghalab.values import dataclass

VERSION = 1
MOST_RECORDS = 5_000
"""Steps of one course; the file is written anew with each step."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Record:
    """What is remembered of one step."""

    done: bool = False
    at: float = 0.0
    """When it was first seen done, as `time.time`."""
    read: bool = False
    choice: int | None = None
    """The last answer to its question."""
    right: bool = False
    """The question was once answered rightly."""
    skipped: bool = False
    exit_status: int | None = None
    """Of the last run of its command; None when it never ran to its end."""
    output: str | None = None
    """What the last run printed, for steps whose checks ask for it; the middle of a long one is left out."""
    by: str = ""
    """In whose shell the command was typed that made it done: `postgres@pgha1`; empty when none is known."""
    by_at: float = 0.0
    """When that command ended, as `time.time`."""
    replaced_by: str = ""
    """The later step that was seen to have replaced its effect, on the nodes that `Progress.nodes` names."""


class Progress:
    """The records of every step, by id; changes are on disk after `save`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.notices: list[str] = []
        """What went wrong with the file, in words for the learner."""
        self.last = ""
        """The step that was on the screen last."""
        self.nodes = ""
        """The containers on which effects were replaced; on others nothing is past yet."""
        self.turn = 0
        """How often something was forgotten: what was seen before that says nothing any more."""
        self._records: dict[str, Record] = {}
        self._saved = ""

    @classmethod
    def load(cls, path: Path, *, read_only: bool = False) -> Progress:
        """Read the file; one that cannot be understood is kept aside and said in `notices`."""
        progress = cls(path, read_only=read_only)
        try:
            data = read_json(path)
        except FileNotFoundError:
            return progress
        except (OSError, Unfit) as error:
            progress._give_up(str(error))
            return progress
        try:
            if not isinstance(data, dict) or data.get("version") != VERSION:
                raise ValueError(f"not progress of version {VERSION}")
            if len(data["steps"]) > MOST_RECORDS:
                raise ValueError(f"more than {MOST_RECORDS} steps")
            progress._records = {str(step): _record(item) for step, item in data["steps"].items()}
            progress.last = str(data.get("last", ""))
            progress.nodes = str(data.get("nodes", ""))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            progress._records = {}
            progress._give_up(str(error))
        return progress

    def _give_up(self, why: str) -> None:
        _log.warning("progress %s cannot be used: %s", self.path, why)
        if self.read_only:
            self.notices.append(f"The progress in {self.path} cannot be read; nothing was changed.")
            return
        try:
            aside = keep_aside(self.path)
        except OSError as error:
            self.notices.append(f"The progress in {self.path} cannot be read or moved ({error.strerror}).")
            return
        self.notices.append(f"The progress could not be read; it is kept as {aside} and begins anew.")

    def record(self, step: str) -> Record:
        """What is remembered of a step; a change to it is a change of the progress."""
        return self._records.setdefault(step, Record())

    def mark_done(self, step: str) -> None:
        """Remember that a step was seen done."""
        record = self.record(step)
        if not record.done:
            record.done, record.at = True, time.time()

    def on_nodes(self, nodes: str) -> None:
        """Take note of the containers that there are; what was past on others is to be shown anew."""
        if nodes != self.nodes:
            self.nodes = nodes
            for record in self._records.values():
                record.replaced_by = ""

    def done(self) -> tuple[str, ...]:
        """The steps that are remembered as done, by their ids."""
        return tuple(step for step, record in self._records.items() if record.done)

    def back_to(self, done: Collection[str], last: str) -> list[str]:
        """Forget what was done in other steps than these, which it gives; what was read and answered stays.

        `last` is the step that was on the screen.
        """
        since = [
            step
            for step, record in self._records.items()
            if step not in done and not record.read and not record.right and (record.done or record.output is not None)
        ]
        for step in since:
            before = self._records[step]
            self._records[step] = Record(choice=before.choice, skipped=before.skipped)
        self.last = last or self.last
        self.turn += 1
        return since

    def forget(self, steps: Iterable[str]) -> None:
        """Forget everything about some steps."""
        self.turn += 1
        for step in steps:
            self._records.pop(step, None)
            if self.last == step:
                self.last = ""

    def forget_all(self) -> None:
        """Forget everything about every step."""
        self.turn += 1
        self._records.clear()
        self.last = ""

    def save(self) -> None:
        """Write the file when something changed; a disk that refuses is said in `notices` and never stops a step."""
        if self.read_only:
            return
        blank = Record()
        steps = {step: asdict(record) for step, record in self._records.items() if record != blank}
        text = json.dumps({"version": VERSION, "last": self.last, "nodes": self.nodes, "steps": steps}, indent=1) + "\n"
        if text == self._saved:
            return
        try:
            write_atomic(self.path, text)
        except OSError as error:
            notice = f"The progress cannot be saved: {error.strerror or error}."
            if notice not in self.notices:
                self.notices.append(notice)
            _log.warning("%s", notice)
            return
        self._saved = text


def _record(item: Any) -> Record:
    if not isinstance(item, dict):
        raise ValueError("a step's record is no mapping")
    record = Record()
    for known in fields(Record):
        if known.name in item:
            value = item[known.name]
            if not isinstance(value, _TYPES[known.name]):
                raise ValueError(f"`{known.name}` is not what it should be")
            setattr(record, known.name, value)
    return record


_TYPES: dict[str, tuple[type, ...]] = {
    "done": (bool,),
    "at": (int, float),
    "read": (bool,),
    "choice": (int, type(None)),
    "right": (bool,),
    "skipped": (bool,),
    "exit_status": (int, type(None)),
    "output": (str, type(None)),
    "by": (str,),
    "by_at": (int, float),
    "replaced_by": (str,),
}
