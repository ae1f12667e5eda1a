"""What the session tells every screen, in the past tense; none of them bubbles."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from textual.message import Message

from pghalab.course.events import Outcome

Severity = Literal["information", "warning", "error"]


class SessionMessage(Message, bubble=False):
    """Something changed in the session."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Keep every kind from bubbling: each listener gets a message of its own, the app too."""
        super().__init_subclass__(**{**options, "bubble": False})


class CourseRead(SessionMessage):
    """The lessons were read."""


class LabOpened(SessionMessage):
    """The lab, the runner and the monitor are at work."""


class TroubleChanged(SessionMessage):
    """The lab cannot be used, for a new reason, or can be used again."""


class StatesChanged(SessionMessage):
    """The state of a step, or the results of its checks, changed."""

    def can_replace(self, message: Message) -> bool:
        """One look at the states is enough."""
        return isinstance(message, StatesChanged)


class NoticesChanged(SessionMessage):
    """Something was found wrong with the files of the lab or of its progress."""

    def __init__(self, new: tuple[str, ...]) -> None:
        super().__init__()
        self.new = new


class ClusterSeen(SessionMessage):
    """A new look at one source: `nodes`, `etcd`, `patroni` or `event`."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source

    def can_replace(self, message: Message) -> bool:
        """Only the newest look at a source counts."""
        return isinstance(message, ClusterSeen) and message.source == self.source


class RunProgressed(SessionMessage):
    """The step that runs printed something or looked at its checks."""

    def can_replace(self, message: Message) -> bool:
        """One look at the run is enough."""
        return isinstance(message, RunProgressed)


class RunFinished(SessionMessage):
    """The step that ran ended."""

    def __init__(self, step: str, outcome: Outcome) -> None:
        super().__init__()
        self.step = step
        self.outcome = outcome


class ConfirmationAsked(SessionMessage):
    """The runner waits for a yes or no on a change of the configuration."""

    def __init__(self, diff: str, answer: asyncio.Future[bool]) -> None:
        super().__init__()
        self.diff = diff
        self.answer = answer


class VerbProgressed(SessionMessage):
    """A verb of the lab printed something."""

    def can_replace(self, message: Message) -> bool:
        """One look at the verb is enough."""
        return isinstance(message, VerbProgressed)


class VerbFinished(SessionMessage):
    """A verb of the lab ended."""


class Noticed(SessionMessage):
    """Something the learner has to know, for a moment."""

    def __init__(self, text: str, severity: Severity = "information") -> None:
        super().__init__()
        self.text = text
        self.severity = severity
