"""Puts a backend together that shows a recording."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pghalab.course.journal import Journal
from pghalab.course.model import Course
from pghalab.course.progress import Progress
from pghalab.course.recorded import Recorded, is_of, misfits
from pghalab.lab.host.paths import state_dir
from pghalab.session.backend import Backend, Connect
from pghalab.session.replay.lab import NAME, RecordedLab
from pghalab.session.replay.monitor import RecordedMonitor
from pghalab.session.replay.position import Position
from pghalab.session.replay.runner import RecordedRunner

MOST_TOLD = 3
"""Places that do not fit that are named."""


def recorded_backend(position: Position) -> Connect:
    """How a session comes to work on a recording; what is played and answered in it is kept nowhere."""

    async def connect(lab_name: str, course: Course) -> Backend:
        folder = tempfile.TemporaryDirectory(prefix="pghalab-replay-", ignore_cleanup_errors=True)
        lab = RecordedLab(position, folder.cleanup)
        lab.notices = unfit(course, position.recorded)
        progress = Progress(Path(folder.name, "progress.json"), read_only=True)
        runner = RecordedRunner(course, lab, progress, Journal(Path(folder.name, "journal")), position)
        return Backend(
            lab=lab,
            runner=runner,
            monitor=lambda publish: RecordedMonitor(position, publish),
            folder=state_dir(NAME),
            recorded=position,
        )

    return connect


def unfit(course: Course, recorded: Recorded) -> tuple[str, ...]:
    """What the learner has to know of a recording that was made of another version of the course."""
    if is_of(course, recorded):
        return ()
    found = misfits(course, recorded)
    if not found:
        return ()
    more = f" and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
    return (f"This recording is of another version of the course: {'; '.join(found[:MOST_TOLD])}{more}.",)
