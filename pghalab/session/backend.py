"""What a session works on: the lab, the runner of its course, its monitor, and the right to drive."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pghalab.course.model import Course
from pghalab.lab.types import Container, Ended, Lab, LabError, LinkChanged, Output
from pghalab.values import dataclass

if TYPE_CHECKING:
    from pghalab.cluster.eventlog import EventLog
    from pghalab.cluster.model import ClusterEvent, Update
    from pghalab.cluster.services import Name
    from pghalab.course.runner import Runner
    from pghalab.lab.settings import LabSettings
    from pghalab.lab.snapshots.model import About, Place

Stream = AsyncGenerator[Output | Ended, None]
"""What a verb of the lab prints, and how it ended."""


class DrivenLab(Lab, Protocol):
    """The lab as a session drives it: what a course needs of it, and its opening, settings and notices."""

    @property
    def settings(self) -> LabSettings:
        """The settings in force."""

    @property
    def notices(self) -> Sequence[str]:
        """What the learner has to know about how this lab was found."""

    @property
    def no_engine(self) -> LabError | None:
        """Why no engine answers; None when one does, or nobody knows yet."""

    async def open(self) -> None:
        """Find the engine and keep the links to the nodes; raises LabError when the lab's files cannot be used."""

    def subscribe(self, callback: Callable[[LinkChanged | Container], None]) -> Callable[[], None]:
        """Call back in the loop when a link or a container changes, until the returned function is called."""

    async def close(self) -> None:
        """Let go of the nodes and of the engine; the lab itself runs on."""

    async def configure(self, settings: LabSettings) -> None:
        """Take other settings for a lab of the same name."""

    def snapshot(self, name: str | None = None, *, remove: bool = False, place: Place = ...) -> Stream:
        """Keep the lab as it is now, at a place of the course, or remove what was kept under this name."""

    def restore(self, name: str | None = None, *, begun: Callable[[About], object] = ...) -> Stream:
        """Bring the lab back to a snapshot, by default to the newest; `begun` is told once it is on its way."""

    async def snapshots(self) -> Sequence[About]:
        """What is kept, oldest first; raises LabError."""


class Watcher(Protocol):
    """Publishes how the cluster stands: the monitor, or what stands in its place."""

    async def run(self) -> None:
        """Publish until cancelled."""

    def refresh(self, node: str | None = None) -> None:
        """Look now, at a node or at everything."""

    def pause(self, paused: bool) -> None:
        """Stop looking, or go on."""

    def seen(self, node: str, service: Name, *, runs: bool = True) -> None:
        """Somebody has just seen a service's process on a node, or that there is none."""


class Shown(Protocol):
    """A recording that is shown in the place of a lab."""

    at: float
    """The moment that is shown, as `time.time` was then."""

    @property
    def title(self) -> str:
        """That it is recorded, of which moment and of what, in one line."""

    def events(self) -> Sequence[ClusterEvent]:
        """What had happened in the cluster by that moment."""


@dataclass(slots=True)
class Backend:
    """Everything a session works on."""

    lab: DrivenLab
    runner: Runner
    monitor: Callable[[Callable[[Update], None]], Watcher]
    """Makes the monitor, given where to publish."""
    event_log: EventLog | None = None
    """Where the events of the cluster are kept across restarts of the console."""
    folder: Path | None = None
    """The lab's state folder, where other programs of the same person look for the console that drives the lab."""
    driver: str = ""
    """Who drives the lab, when it is another console; this one then only looks."""
    driven: Callable[[], bool] = lambda: True
    """Whether any console drives the lab now."""
    claim: Callable[[], bool | None] = lambda: True
    """Takes the right to drive: None as long as there is no engine, false when another console has it. Blocks."""
    release: Callable[[], None] = lambda: None
    """Lets another console drive."""

    recorded: Shown | None = None
    """What is shown when it is a recording; then nothing of it is of now."""

    @property
    def notices(self) -> Sequence[str]:
        """What was found wrong so far with the files of the lab and of its progress; some of it only shows later."""
        return (*self.lab.notices, *self.runner.progress.notices)


Connect = Callable[[str, Course], Awaitable[Backend]]
"""Lab name, course -> backend; raises LabError."""
