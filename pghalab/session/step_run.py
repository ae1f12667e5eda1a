"""What the console knows of one run of a step, gathered from the runner's events."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pghalab.course.events import (
    CheckResult,
    ChecksSeen,
    CommandEnded,
    CommandStarted,
    ConfirmNeeded,
    Outcome,
    Printed,
    RunEvent,
    StepEnded,
)
from pghalab.course.kinds import Where
from pghalab.lab.types import Ended, Part, User
from pghalab.session.output import OutputBuffer
from pghalab.session.typed import Typed
from pghalab.text import one_line

if TYPE_CHECKING:
    from pghalab.course.expected.model import Comparison


def how_far(part: Part | None) -> str:
    """How far long work is and what goes on, after its name; empty when it does not tell."""
    if part is None:
        return ""
    words = one_line(part.words)
    return f" · {part.number} of {part.of}: {words if len(words) <= 50 else words[:49] + '…'}"


class StepRun:
    """One run of a step, from its start to its outcome."""

    def __init__(self, step: str, clock: Callable[[], float] = time.monotonic, *, fails: bool = False) -> None:
        self.step = step
        self.fails = fails
        """The command is expected to fail."""
        self.command = ""
        self.where = ""
        """As whom and where it runs, in words; empty for what is done to the lab itself."""
        self.log: Path | None = None
        self.buffer = OutputBuffer()
        self.ended: Ended | None = None
        self.results: tuple[CheckResult, ...] = ()
        self.part: Part | None = None
        """How far it is, when it tells."""
        self.comparison: Comparison | None = None
        """What it printed beside what was expected, once its command has ended."""
        self.outcome: Outcome | None = None
        self.reason = ""
        self.without: tuple[str, ...] = ()
        """The nodes without which it can be run, if what only they have may be lost."""
        self.waits_for_confirmation = False
        self.stopping = False
        """It was told to end."""
        self.first = ""
        """What is done before it begins, in words."""
        self.typed: Typed | None = None
        """The learner typed it in a shell."""
        self._clock = clock
        self._started = clock()
        self._seconds: float | None = None

    def take(self, event: RunEvent) -> None:
        """Remember what an event tells."""
        self.waits_for_confirmation = isinstance(event, ConfirmNeeded)
        match event:
            case CommandStarted():
                self.command, self.log = event.command, event.log
                self.where = Where(event.node, cast("User", event.user)).who if event.node else ""
                self.ended = None
            case Printed():
                text = event.output.text
                self.buffer.feed(text)
                self.part = text if isinstance(text, Part) else self.part
            case CommandEnded():
                self.buffer.close()
                self.ended = event.ended
            case ChecksSeen():
                self.results = event.results
            case StepEnded():
                self.end(event.outcome, event.reason)
                self.without = event.without
            case _:
                pass

    def end(self, outcome: Outcome, reason: str, seconds: float | None = None) -> None:
        """The run is over, by its own clock or after so many seconds."""
        self.buffer.close()
        self.outcome, self.reason = outcome, reason
        self._seconds = self._clock() - self._started if seconds is None else seconds

    @property
    def active(self) -> bool:
        """It has not ended."""
        return self.outcome is None

    @property
    def as_expected(self) -> bool:
        """The command failed, as it should, and the step is done."""
        return self.fails and self.outcome == "done" and self.ended is not None and bool(self.ended.exit_status)

    @property
    def seconds(self) -> float:
        """How long it has taken, or took."""
        return self._clock() - self._started if self._seconds is None else self._seconds

    @property
    def status(self) -> str:
        """Where it is, in words."""
        if self.active:
            if self.stopping:
                return "stopping…"
            if self.waits_for_confirmation:
                return "waiting for your confirmation"
            if self.first:
                return f"{self.first} {self.seconds:.0f} s"
            if self.command and self.ended is None:
                return f"running {self.seconds:.0f} s{how_far(self.part)}"
            return f"checking {self.seconds:.0f} s"
        words = [str(self.outcome)]
        if self.typed is not None:
            words.append(f"typed in {self.typed.who}")
        if self.as_expected and self.ended is not None:
            words.append(f"the command failed, as expected · status {self.ended.exit_status}")
        elif self.ended is not None and self.ended.exit_status is not None:
            words.append(f"exit status {self.ended.exit_status}")
        elif self.ended is not None and self.typed is not None:
            words.append("its exit status was not told")
        elif self.ended is not None and self.ended.how != "exited":
            words.append({"timeout": "time ran out", "stopped": "stopped", "lost": "connection lost"}[self.ended.how])
        words.append(f"{self.seconds:.1f} s")
        return " · ".join(dict.fromkeys(words))
