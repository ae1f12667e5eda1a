"""What the journal tells, put together: each command with what it printed, how it ended and what was checked."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from pghalab.cluster.model import ClusterEvent
from pghalab.codec import from_json
from pghalab.course.events import CheckResult
from pghalab.course.journal.journal import Journal
from pghalab.course.journal.kinds import Versions
from pghalab.course.journal.lines import happened_at
from pghalab.course.journal.states import States
from pghalab.lab.host.files import Unfit, open_regular
from pghalab.redact import Secrets
from pghalab.text import clean
from pghalab.values import dataclass

MOST = 20_000
"""Acts and events that are told of one journal, the newest; the longest course has some hundred."""
LONGEST = 100_000
"""Characters of a text and entries of a list in a journal that are read."""
SHOWN = 65_536
"""Bytes of an output that are told: so many of its beginning, and as many of its end."""


@dataclass(slots=True)
class Act:
    """One run of a step, or a command that was typed."""

    at: float
    """When its command began, as `time.time`."""
    step: str
    """Empty where none was open."""
    node: str = ""
    """`all` for every node, empty for what was done to the lab itself."""
    user: str = ""
    command: str = ""
    """Empty for a step that runs none."""
    log: str = ""
    """The name of the file in `logs/` with what it printed."""
    typed: bool = False
    how: str = ""
    """How the command ended; empty when nobody knows."""
    status: int | None = None
    seconds: float = 0.0
    """That its command took."""
    ended: float = 0.0
    """When it was over, its checks too; 0 when nobody knows."""
    outcome: str = ""
    """What came of the step; empty for what was typed, until it was seen."""
    reason: str = ""
    results: tuple[CheckResult, ...] = ()
    """What its checks saw last."""
    fits: bool | None = None
    """Whether it printed what was expected; None when nobody compared."""
    summary: str = ""
    misfits: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        """It did what it should, as far as is known."""
        return self.outcome in ("done", "already", "past") if self.outcome else self.status == 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A question was answered."""

    at: float
    step: str
    choice: int
    right: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """A verb of the lab was run from the console."""

    at: float
    title: str
    well: bool
    seconds: float


Told = Act | Answer | Changed | ClusterEvent


@dataclass(slots=True)
class Story:
    """Everything that a journal tells, oldest first."""

    told: list[Told] = field(default_factory=list)
    versions: Versions | None = None
    """What was at work last."""
    created: float = 0.0
    """Until when no node of the lab was there, as was seen last; 0 when that was never seen."""

    @property
    def acts(self) -> list[Act]:
        """What was run and typed."""
        return [one for one in self.told if isinstance(one, Act)]


def read_story(journal: Journal) -> Story:
    """Put together what a journal tells; what makes no sense, or is of a kind that is not known, is passed over."""
    versions, created, events = _stood(journal.stood.entries())
    told: list[Told] = [*_done(journal.entries()), *events]
    told.sort(key=lambda one: one.at)
    return Story(told[-MOST:], versions, created)


def _stood(entries: Iterable[Mapping[str, Any]]) -> tuple[Versions | None, float, list[ClusterEvent]]:
    versions, created, states = None, 0.0, States()
    events: deque[ClusterEvent] = deque(maxlen=MOST)
    for entry in entries:
        at = happened_at(entry)
        if at is None:
            continue
        try:
            if entry.get("event") == "Happened":
                events.append(from_json(ClusterEvent, entry, LONGEST))
            elif entry.get("event") == "Versions":
                versions = from_json(Versions, entry, LONGEST)
            elif states.take(entry, at) and _nothing_there(states):
                created = at
        except ValueError:
            continue
    return versions, created, list(events)


def _nothing_there(states: States) -> bool:
    nodes = states.nodes
    return (
        nodes is not None
        and bool(nodes.value)
        and nodes.error is None
        and all(row.container == "absent" for row in nodes.value or ())
    )


def _done(entries: Iterable[Mapping[str, Any]]) -> Iterator[Told]:
    """The acts, answers and verbs, in the order in which they ended."""
    kept: deque[Told] = deque(maxlen=MOST)
    running: dict[str, Act] = {}
    last: dict[str, Act] = {}
    for entry in entries:
        at = happened_at(entry)
        if at is not None:
            try:
                _take(entry, at, kept, running, last)
            except (ValueError, TypeError):
                continue
    # What a crash interrupted has no end.
    kept.extend(act for act in running.values() if act.command)
    return iter(kept)


def _take(
    entry: Mapping[str, Any], at: float, kept: deque[Told], running: dict[str, Act], last: dict[str, Act]
) -> None:
    """Take the next entry; raises ValueError or TypeError for one that makes no sense."""

    def text(key: str) -> str:
        value: str = from_json(str, entry.get(key, ""), LONGEST)
        return value

    step = text("step")
    act = running.get(step)
    match entry.get("event"):
        case "StepStarted":
            running[step] = Act(at, step)
        case "CommandStarted":
            typed = entry.get("typed") is True
            begun = Act(at, step, text("node"), text("user"), text("command"), Path(text("log")).name, typed)
            if typed:
                last[step] = begun
                kept.append(begun)
            else:
                running[step] = begun
        case "CommandEnded":
            ended = entry.get("ended")
            ended = ended if isinstance(ended, Mapping) else {}
            found = last.get(step) if act is None else act
            if found is not None and not found.how:
                found.how = from_json(str, ended.get("how"), LONGEST)
                found.status = from_json(int | None, ended.get("exit_status"))
                found.seconds = from_json(float, ended.get("seconds"))
                found.ended = at
                if found.typed:
                    found.at -= found.seconds
        case "ChecksSeen" if act is not None:
            act.results = from_json(tuple[CheckResult, ...], entry.get("results"), LONGEST)
        case "Compared":
            found = act or last.get(step)
            if found is not None:
                found.fits = from_json(bool, entry.get("fits"))
                found.summary = text("summary")
                found.misfits = from_json(tuple[str, ...], entry.get("misfits"), LONGEST)
        case "StepEnded" if act is not None:
            act.outcome, act.reason, act.ended = text("outcome"), text("reason"), at
            del running[step]
            if act.command or act.results or act.outcome == "already":
                kept.append(act)
                last[step] = act
        case "StepSeen":
            found = act or last.get(step)
            if found is not None and (found is act or found.typed):
                found.outcome = text("state") if entry.get("state") in ("done", "past") else found.outcome
                found.results = from_json(tuple[CheckResult, ...], entry.get("results"), LONGEST)
        case "Answered":
            kept.append(Answer(at, step, from_json(int, entry.get("choice")), entry.get("right") is True))
        case "VerbRan":
            kept.append(Changed(at, text("title"), entry.get("well") is True, from_json(float, entry.get("seconds"))))


def printed(journal: Journal, act: Act, secrets: Secrets) -> str:
    """What an act printed, clean and without secrets; the middle of a long output is left out, and that is said.

    Only a file in the journal's own folder of logs is read. Empty when there is none.
    """
    if not act.log:
        return ""
    try:
        with open_regular(journal.folder / "logs" / act.log) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            if size <= 2 * SHOWN:
                text = _text(file.read(2 * SHOWN))
            else:
                head = _text(file.read(SHOWN))
                file.seek(-SHOWN, os.SEEK_END)
                text = f"{head}\n[… {size - 2 * SHOWN} bytes are left out here …]\n{_text(file.read(SHOWN))}"
    except (OSError, Unfit):
        return ""
    return secrets.removed(clean(text)).strip("\n")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
