"""What a session is made of, and how the real parts are put together."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pghalab.course.events import CheckResult, RunEvent, StepState
from pghalab.course.model import Course, Step
from pghalab.lab.settings import LabSettings
from pghalab.lab.types import Ended, Lab, Output, User

Verb = AsyncGenerator[Output | Ended, None]


class LabParts(Lab, Protocol):
    """The lab as the console uses it: what the course needs, and the verbs of the lab menu."""

    @property
    def settings(self) -> LabSettings:
        """The settings in force."""

    async def configure(self, settings: LabSettings) -> None:
        """Take other settings for a lab of the same name."""

    async def open(self) -> None:
        """Connect to the engine and the nodes; raises LabError."""

    async def close(self) -> None:
        """Let go of everything."""

    def build(self) -> Verb:
        """Build the image."""

    def up(self, *, auto: bool = False) -> Verb:
        """Create and start the nodes."""

    def start(self) -> Verb:
        """Start the nodes."""

    def stop(self) -> Verb:
        """Stop the nodes."""

    def restart(self) -> Verb:
        """Stop and start the nodes."""

    def rm(self) -> Verb:
        """Remove the containers and keep the volumes."""

    def rmvolumes(self) -> Verb:
        """Remove the volumes."""

    def down(self, *, volumes: bool = False) -> Verb:
        """Remove containers and network, and with `volumes` the data."""


class StepStatusLike(Protocol):
    """The runner's `StepStatus`."""

    @property
    def state(self) -> StepState:
        """The step's state."""

    @property
    def results(self) -> Sequence[CheckResult]:
        """What its checks saw."""


class ResolvedLike(Protocol):
    """The runner's `Resolved`."""

    @property
    def node(self) -> str:
        """Where a command runs."""

    @property
    def user(self) -> User:
        """As whom."""

    @property
    def command(self) -> str:
        """Its text."""


class RunnerParts(Protocol):
    """The runner as the console uses it."""

    @property
    def states(self) -> Mapping[str, StepState]:
        """The states as they were seen last."""

    @property
    def last(self) -> str:
        """The step that was on the screen last."""

    @property
    def skipped(self) -> Collection[str]:
        """The steps that the learner passes over."""

    def resolve(self, step: Step) -> ResolvedLike:
        """Where a step's command runs, by the last look."""

    async def ask(self, step: Step) -> ResolvedLike:
        """Where a step's command runs, by asking the cluster now; raises LabError."""

    def run(
        self,
        step_id: str,
        *,
        command: str | None = None,
        confirm: Callable[[str], Awaitable[bool]] | None = None,
        again: bool = False,
        elsewhere: bool = False,
    ) -> AsyncGenerator[RunEvent, None]:
        """Run a step."""

    async def evaluate(self, step_ids: Iterable[str] | None = None) -> Mapping[str, StepStatusLike]:
        """Look at the checks once."""

    def answer(self, step_id: str, choice: int) -> bool:
        """Answer a question."""

    def mark_read(self, step_id: str) -> None:
        """A read step was read."""

    def skip(self, step_id: str) -> None:
        """Leave a step out."""

    def visit(self, step_id: str) -> None:
        """Remember a step as the place to go on from."""

    def reset(self, step_ids: Iterable[str]) -> None:
        """Forget what was done in some steps."""


class MonitorParts(Protocol):
    """The monitor as the console uses it."""

    async def run(self) -> None:
        """Watch until cancelled."""

    def refresh(self) -> None:
        """Look now."""

    def pause(self, paused: bool) -> None:
        """Stop looking, or go on."""


@dataclass(slots=True)
class Parts:
    """Everything a session works with."""

    lab: LabParts
    runner: RunnerParts
    monitor: Callable[[Callable[[Any], None]], MonitorParts]
    """Makes the monitor, given where to publish."""
    names: Callable[[str], str]
    """Turns the names in a lesson's text into those of the lab."""
    driver: str = ""
    """Who drives the lab, when it is another console; this one then only looks."""
    driven: Callable[[], bool] = lambda: True
    """Whether any console drives the lab now."""
    notices: Callable[[], Sequence[str]] = tuple
    """What was found wrong so far; some of it only shows later."""
    release: Callable[[], None] = lambda: None
    """Lets another console drive."""


Connect = Callable[[str, Course], Awaitable[Parts]]
"""Lab name, course -> parts; raises LabError."""
