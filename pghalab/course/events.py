"""What happens while a step runs: the same events for the screen, the journal and the headless report."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from pghalab.codec import tagged, untagged
from pghalab.lab.types import Ended, Output
from pghalab.values import dataclass

StepState = Literal["todo", "done", "past", "broken"]
"""How a step stands.

- `todo`: it was never seen done.
- `done`: its own checks hold now; without checks, what is remembered of it says so.
- `past`: its own checks do not hold, and need not: a later step, named by `until` and seen done by its own checks since
  these nodes were created, replaced its effect; or one named by `undone_by` holds now; or its `needless_if` does. A
  later step that leaves a key of its own in etcd counts also when only its output is missing. Nothing is left to do,
  and it proves nothing.
- `broken`: it was done once, and its checks do not hold now or cannot be looked at.
"""
SETTLED: tuple[StepState, ...] = ("done", "past")
"""Nothing is left to do in these."""
Outcome = Literal["done", "already", "past", "failed", "stopped", "refused"]
Code = Literal["", "busy", "guard", "unseen", "order", "checks", "command", "lab", "fault", "stopped", "declined"]
"""Why a step is not done, for whatever decides by it; the words beside it are for people.

- `busy`: another step runs; `guard`: what has to hold before it does not; `unseen`: nobody could look whether it does;
  `order`: another node has to start first (`first` is the step that starts it).
- `checks`: they do not hold; `command`: it ended as it should not; `lab`: a node or the cluster gave no answer.
- `fault`: pghalab's own; `stopped`: somebody stopped it; `declined`: a change was not confirmed.
"""


Verdict = Literal["holds", "fails", "unknown"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check saw on one node (or on the cluster, `node` None) and what it wanted."""

    check: str
    """In words: `etcd runs as postgres`."""
    ok: bool
    saw: str
    wanted: str
    node: str | None = None
    known: bool = True
    """False when nobody could look: then it is not ok, and nobody has seen that it does not hold."""

    @property
    def verdict(self) -> Verdict:
        """What came of the look."""
        return "holds" if self.ok else "fails" if self.known else "unknown"


def explain(result: CheckResult) -> str:
    """A check that is not ok in one line: what was seen where, and what was wanted; or why nobody could look."""
    where = f"{result.node}: " if result.node and result.node not in result.saw else ""
    if not result.known:
        return f"{result.check} cannot be checked: {where}{result.saw}"
    return f"{where}{result.saw} (wanted {result.check}: {result.wanted})"


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step began."""

    step: str
    title: str


@dataclass(frozen=True, slots=True)
class CommandStarted:
    """A command on a node (`all` for every node), or an action of the lab (`node` is then empty), began.

    Its whole output goes to `log`.
    """

    step: str
    node: str
    user: str
    command: str
    log: Path
    typed: bool = False
    """The learner typed it in a shell while the step was open; its end follows at once, and no other event of a run."""


@dataclass(frozen=True, slots=True)
class Printed:
    """The step's command printed something."""

    step: str
    output: Output


@dataclass(frozen=True, slots=True)
class CommandEnded:
    """The step's command ended."""

    step: str
    ended: Ended


@dataclass(frozen=True, slots=True)
class ConfirmNeeded:
    """The step waits until the learner confirms a change; `diff` is what the tool printed."""

    step: str
    diff: str


@dataclass(frozen=True, slots=True)
class ChecksSeen:
    """One look at the step's checks; `final` when it is the last."""

    step: str
    results: tuple[CheckResult, ...]
    final: bool


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step ended; `reason` says why it is not done, in words, and `code` for the program."""

    step: str
    outcome: Outcome
    seconds: float
    reason: str = ""
    code: Code = ""
    first: str = ""
    """The step that has to come before, for the code `order`."""
    without: tuple[str, ...] = ()
    """For the code `unseen`: the nodes without which it can be run, if what only they have may be lost."""


RunEvent = StepStarted | CommandStarted | Printed | CommandEnded | ConfirmNeeded | ChecksSeen | StepEnded
KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(RunEvent)}


def to_json(event: RunEvent) -> dict[str, Any]:
    """An event as JSON, as the journal and `run --json` write it: `{"event": "StepStarted", "step": …}`."""
    return tagged(event)


def from_json(data: dict[str, Any]) -> RunEvent:
    """The event that `to_json` wrote; raises ValueError."""
    event: RunEvent = untagged(KINDS, data)
    return event
