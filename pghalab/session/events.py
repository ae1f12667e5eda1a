"""What the session tells, in the past tense: plain values with one JSON form, see `pghalab.codec`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

from pghalab.codec import tagged, untagged
from pghalab.course.events import Outcome
from pghalab.session.demo.standing import Standing
from pghalab.values import dataclass

Severity = Literal["information", "warning", "error"]
Source = Literal["nodes", "etcd", "patroni", "event"]


@dataclass(frozen=True, slots=True)
class CourseRead:
    """The lessons were read."""


@dataclass(frozen=True, slots=True)
class LabOpened:
    """The lab, the runner and the monitor are at work."""


@dataclass(frozen=True, slots=True)
class TroubleChanged:
    """The lab cannot be used, for a new reason, or can be used again."""


@dataclass(frozen=True, slots=True)
class StatesChanged:
    """The state of a step, or the results of its checks, changed."""


@dataclass(frozen=True, slots=True)
class NoticesChanged:
    """Something was found wrong with the files of the lab or of its progress."""

    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusterSeen:
    """A new look at one source."""

    source: Source


@dataclass(frozen=True, slots=True)
class RunProgressed:
    """The step that runs printed something or looked at its checks."""


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The step that ran ended."""

    step: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ConfirmationAsked:
    """The step that runs waits for a yes or no on a change of the configuration: `Work.confirm` gives it."""

    diff: str


@dataclass(frozen=True, slots=True)
class VerbProgressed:
    """A verb of the lab printed something."""


@dataclass(frozen=True, slots=True)
class VerbFinished:
    """A verb of the lab ended."""


@dataclass(frozen=True, slots=True)
class ShellOpened:
    """A shell of the console is open; `again` when it is a new one in place of one that was lost."""

    number: int
    node: str
    user: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class ShellLost:
    """A shell of the console is gone with its node, for this reason; another one is opened when the node is back."""

    number: int
    node: str
    user: str
    reason: str
    unsure: int = 0
    """Bytes that were typed after the node's last word: whether they arrived is not known."""


@dataclass(frozen=True, slots=True)
class ShellClosed:
    """A shell of the console has ended, with its exit status, or for a reason, or because it was closed."""

    number: int
    node: str
    user: str
    status: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ShellMarked:
    """What is typed in a shell is told by its marks, or not any more, for this reason; or its prompt is another's."""

    number: int
    marked: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CommandTyped:
    """A command that was typed in a shell has ended."""

    step: str
    """The step that was open; empty when none was."""
    node: str
    user: str
    text: str
    """As it was entered, cleaned; empty when the shell does not know it."""
    status: int | None
    """Its exit status; None when the shell did not tell it."""
    at: float
    """When it ended, as `time.time`."""


@dataclass(frozen=True, slots=True)
class QuestionShown:
    """A question is put to the room."""

    step: str
    text: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuestionHidden:
    """The question is over, and nobody votes any more."""

    step: str


@dataclass(frozen=True, slots=True)
class VotesCounted:
    """How many of the room chose each option of a question so far, in the order of the options."""

    step: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ShowMoved:
    """A show in front of a room stands otherwise; once a second also when only time has passed."""

    standing: Standing


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something the learner has to know, for a moment."""

    text: str
    severity: Severity = "information"


SessionEvent = (
    CourseRead
    | LabOpened
    | TroubleChanged
    | StatesChanged
    | NoticesChanged
    | ClusterSeen
    | RunProgressed
    | RunFinished
    | ConfirmationAsked
    | VerbProgressed
    | VerbFinished
    | ShellOpened
    | ShellLost
    | ShellClosed
    | ShellMarked
    | CommandTyped
    | QuestionShown
    | QuestionHidden
    | VotesCounted
    | ShowMoved
    | Noticed
)
KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(SessionEvent)}

Listener = Callable[[SessionEvent], object]


def to_json(event: SessionEvent) -> dict[str, Any]:
    """An event as JSON: `{"event": "RunFinished", "step": "etcd-start", "outcome": "done"}`."""
    return tagged(event)


def from_json(data: dict[str, Any]) -> SessionEvent:
    """The event that `to_json` wrote; raises ValueError."""
    event: SessionEvent = untagged(KINDS, data)
    return event


class Bus:
    """Tells every listener what happened, in order."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Tell this listener too."""
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Tell this listener nothing more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def publish(self, event: SessionEvent) -> None:
        """Tell everyone."""
        for listener in tuple(self._listeners):
            listener(event)

    def notice(self, text: str, severity: Severity = "information") -> None:
        """Tell the learner something."""
        self.publish(Noticed(text, severity))
