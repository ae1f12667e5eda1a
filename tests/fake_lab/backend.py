"""What a session works on, over a lab in memory: the real runner and, as a test wants it, the real monitor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from pghalab.cluster.eventlog import EventLog
from pghalab.cluster.model import Update
from pghalab.cluster.monitor import Monitor
from pghalab.cluster.services import Name
from pghalab.course.events import RunEvent
from pghalab.course.journal import Journal
from pghalab.course.look import StepStatus
from pghalab.course.model import Course
from pghalab.course.progress import Progress
from pghalab.course.runner import Runner
from pghalab.course.stage import Confirm
from pghalab.session.backend import Backend
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources


@dataclass(frozen=True)
class Ran:
    """What a runner was asked to run."""

    step: str
    command: str | None = None
    again: bool = False
    elsewhere: bool = False
    without: tuple[str, ...] = ()


class WatchedRunner(Runner):
    """The real runner, and what was asked of it."""

    def __init__(
        self, course: Course, lab: FakeLab, progress: Progress, journal: Journal, sources: FakeSources
    ) -> None:
        super().__init__(course, lab, progress, journal, sources)
        self.ran: list[Ran] = []
        self.closed: list[str] = []
        """The steps whose runs are over."""
        self.looked: list[list[str] | None] = []
        """The looks that are over: at these steps, or at all."""

    async def evaluate(
        self, step_ids: Iterable[str] | None = None, *, without: Collection[str] = ()
    ) -> dict[str, StepStatus]:
        """Look, and remember at what."""
        wanted = None if step_ids is None else list(step_ids)
        found = await super().evaluate(wanted, without=without)
        self.looked.append(sorted(found) if wanted is None and without else wanted)
        return found

    async def run(
        self,
        step_id: str,
        *,
        command: str | None = None,
        confirm: Confirm | None = None,
        again: bool = False,
        elsewhere: bool = False,
        without: Collection[str] = (),
        beside: bool = False,
        seen: StepStatus | None = None,
    ) -> AsyncGenerator[RunEvent, None]:
        """Run, and remember what."""
        self.ran.append(Ran(step_id, command, again, elsewhere, tuple(without)))
        run = super().run(
            step_id,
            command=command,
            confirm=confirm,
            again=again,
            elsewhere=elsewhere,
            without=without,
            beside=beside,
            seen=seen,
        )
        try:
            async with aclosing(run) as events:
                async for event in events:
                    yield event
        finally:
            self.closed.append(step_id)


def runner_on(
    lab: FakeLab, sources: FakeSources, folder: Path, course: Course, progress: Progress | None = None
) -> WatchedRunner:
    """A runner with the journal of a state folder, and its progress unless another is given."""
    progress = progress or Progress.load(folder / "progress.json")
    journal = Journal(folder / "journal", read_only=progress.read_only)
    return WatchedRunner(course, lab, progress, journal, sources)


class StillMonitor(Monitor):
    """A monitor that looks at nothing: what it publishes is what a test feeds."""

    def __init__(self, lab: FakeLab, publish: Callable[[Update], None]) -> None:
        super().__init__(lab, publish)
        self.publish = publish
        self.refreshed = 0
        self.processes: list[tuple[str, str, bool]] = []
        """What it was told to have been seen."""

    @property
    def paused(self) -> bool:
        """It was told to stand still."""
        return self._paused

    async def run(self) -> None:
        """Wait to be ended."""
        await asyncio.Event().wait()

    def refresh(self, node: str | None = None) -> None:
        """Remember that it was asked to look."""
        self.refreshed += 1

    def seen(self, node: str, service: Name, *, runs: bool = True) -> None:
        """Remember what somebody saw."""
        self.processes.append((node, service, runs))


@dataclass
class Bench:
    """A lab in memory and all that stands on it."""

    folder: Path
    """The state of the lab on this machine."""
    lab: FakeLab = field(default_factory=FakeLab)
    sources: FakeSources = field(default_factory=FakeSources)
    done: Iterable[str] = ()
    """The steps that were done before."""
    replaced: Mapping[str, str] = field(default_factory=dict)
    """The steps that are past, each with the one that replaced its effect."""
    last: str = ""
    """The step that was on the screen last."""
    driver: str = ""
    """Who drives the lab, when it is somebody else."""
    claim: Callable[[], bool | None] = lambda: True
    """What the session is told when it takes the right to drive."""
    event_log: EventLog | None = None
    watches: bool = False
    """The monitor is the real one; `wired` gives it something to see."""
    runner: WatchedRunner = field(init=False)
    still: StillMonitor = field(init=False)
    released: int = 0

    async def connect(self, lab_name: str, course: Course) -> Backend:
        """A `Connect`."""
        progress = Progress.load(self.folder / "progress.json", read_only=bool(self.driver))
        for step in self.done:
            course.step(step).kind.take(progress.record(step))
            progress.mark_done(step)
        for step, later in self.replaced.items():
            progress.record(step).replaced_by = later
        progress.last = self.last or progress.last
        self.runner = runner_on(self.lab, self.sources, self.folder, course, progress)
        return Backend(
            lab=self.lab,
            runner=self.runner,
            monitor=self._monitor,
            event_log=self.event_log,
            folder=self.folder,
            driver=self.driver,
            driven=lambda: bool(self.driver),
            claim=self.claim,
            release=self._release,
        )

    def _monitor(self, publish: Callable[[Update], None]) -> Monitor:
        if self.watches:
            return Monitor(self.lab, publish)
        self.still = StillMonitor(self.lab, publish)
        return self.still

    def _release(self) -> None:
        self.released += 1

    @property
    def opened(self) -> bool:
        """The session is open, and has looked at the checks once."""
        return hasattr(self, "still") and bool(self.runner.looked)

    def feed(self, *updates: Update) -> None:
        """Let the still monitor publish."""
        for update in updates:
            self.still.publish(update)
