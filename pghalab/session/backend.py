"""What a session works on: the lab, the runner of its course, its monitor, and the right to drive."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pghalab.course.model import Course
from pghalab.lab.types import Ended, Output

if TYPE_CHECKING:
    from pghalab.cluster.eventlog import EventLog
    from pghalab.cluster.model import Update
    from pghalab.cluster.monitor import Monitor
    from pghalab.course.runner import Runner
    from pghalab.lab.local import LocalLab

Stream = AsyncGenerator[Output | Ended, None]
"""What a verb of the lab prints, and how it ended."""


@dataclass(slots=True)
class Backend:
    """Everything a session works on."""

    lab: LocalLab
    runner: Runner
    monitor: Callable[[Callable[[Update], None]], Monitor]
    """Makes the monitor, given where to publish."""
    event_log: EventLog | None = None
    """Where the events of the cluster are kept across restarts of the console."""
    driver: str = ""
    """Who drives the lab, when it is another console; this one then only looks."""
    driven: Callable[[], bool] = lambda: True
    """Whether any console drives the lab now."""
    release: Callable[[], None] = lambda: None
    """Lets another console drive."""

    @property
    def notices(self) -> Sequence[str]:
        """What was found wrong so far with the files of the lab and of its progress; some of it only shows later."""
        return (*self.lab.notices, *self.runner.progress.notices)


Connect = Callable[[str, Course], Awaitable[Backend]]
"""Lab name, course -> backend; raises LabError."""
