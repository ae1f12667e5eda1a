"""The way back: snapshots of the lab with the place in the course that each keeps, and a lesson that starts over."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from pghalab.course.model import Course, Lesson
from pghalab.course.progress import Progress
from pghalab.lab.types import Ended, LabError, Output
from pghalab.session.backend import DrivenLab, Stream
from pghalab.session.keeping import Keeping
from pghalab.session.state import State
from pghalab.session.work import Work
from pghalab.values import dataclass

if TYPE_CHECKING:
    from pghalab.lab.snapshots.model import About, Place

NO_SNAPSHOT = "No snapshot of its beginning is there"


async def restore(lab: DrivenLab, name: str, back: Callable[[Place], Sequence[str]]) -> Stream:
    """Bring the lab back to a snapshot, and with `back` the course to its place there; `back` tells what it forgot."""
    forgotten: dict[str, None] = {}

    def begin(about: About) -> None:
        if about.place.done is not None:
            forgotten.update(dict.fromkeys(back(about.place)))

    async with contextlib.aclosing(lab.restore(name or None, begun=begin)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Ended) and forgotten:
                count = "1 step is" if len(forgotten) == 1 else f"{len(forgotten)} steps are"
                words = f"{count} open again, unless the lab shows that it was done; what was read and answered stays\n"
                yield Output("stdout", words)
            yield piece


async def keep(lab: DrivenLab, name: str, place: Place, *, anew: bool) -> Stream:
    """Make a snapshot at a place of the course; `anew` takes the place of one of that name."""
    if anew and any(each.name == name for each in await lab.snapshots()):
        async with contextlib.aclosing(lab.snapshot(name, remove=True)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Output) or piece.exit_status:
                    yield piece
    async with contextlib.aclosing(lab.snapshot(name or None, place=place)) as pieces:
        async for piece in pieces:
            yield piece


def snapshot_of(lab: DrivenLab, *, name: str | None = None, remove: bool = False) -> Stream:
    """Keep a lab that no console drives, with the progress on the disk, or remove what was kept under this name."""
    from pghalab.lab.snapshots.model import Place

    progress = _progress(lab)
    # One that cannot be read says nothing of what was done.
    place = Place("", progress.last, None if progress.notices else progress.done())
    return lab.snapshot(name, remove=remove, place=place)


def restore_of(lab: DrivenLab, *, name: str | None = None) -> Stream:
    """Bring a lab that no console drives back to a snapshot, the progress on the disk with it."""

    def back(place: Place) -> Sequence[str]:
        progress = _progress(lab)
        steps = progress.back_to(place.done or (), place.last)
        progress.save()
        return steps

    return restore(lab, name or "", back)


def _progress(lab: DrivenLab) -> Progress:
    from pghalab.lab.host.paths import lab_folder

    return Progress.load(lab_folder(lab.settings.name) / "progress.json")


@dataclass(frozen=True, slots=True)
class StartOver:
    """What it takes to begin a lesson anew."""

    lesson: Lesson
    about: About | None
    """The newest snapshot of its beginning, if there is one."""
    others: tuple[Lesson, ...] = ()
    """The other lessons of which something was done since."""

    def words(self, text: Callable[[str], str]) -> str:
        """What happens and what is lost by it, for the question; `text` puts a lesson's words into those of the lab."""
        title = f"“{text(self.lesson.title)}”"
        if self.about is None:
            return (
                f"{NO_SNAPSHOT}, so what {title} did in the lab stays. Its progress can be forgotten; what the lab "
                "shows to be done counts as done again."
            )
        at = time.strftime("%H:%M on %d %b", time.localtime(self.about.made))
        lost = "What was done in the lab since then is lost"
        if self.others:
            names = ", ".join(f"“{text(each.title)}”" for each in self.others[:3])
            more = f" and {len(self.others) - 3} more" if len(self.others) > 3 else ""
            lost += f", also of {names}{more}"
        return (
            f"The lab goes back to {at}, when {title} began (snapshot {self.about.name}). {lost}. What was read and "
            "answered stays."
        )


def start_over(course: Course, lesson: Lesson, done: Collection[str], snapshots: Sequence[About]) -> StartOver:
    """How a lesson can begin anew, when these steps of the course are done."""
    about = next((each for each in reversed(snapshots) if each.before == lesson.id), None)
    if about is None:
        return StartOver(lesson, None)
    since = set(done) - set(about.place.done or ())
    others = [
        each
        for each in course.lessons
        if each.id != lesson.id and any(step.id in since and step.kind.acts for step in each.steps)
    ]
    return StartOver(lesson, about, tuple(others))


class GoingBack:
    """What a console does with snapshots; each is refused with a notice when it cannot be done now."""

    def __init__(self, state: State, work: Work, keeping: Keeping) -> None:
        self._state, self._work, self._keeping = state, work, keeping

    def refusal_to_keep(self) -> str:
        """Why no snapshot can be made now; empty when one can."""
        return self._work.refusal() or self._keeping.refusal()

    async def snapshots(self) -> Sequence[About]:
        """The snapshots of the lab, oldest first; raises LabError."""
        return await self._lab.snapshots()

    async def start_over(self) -> StartOver:
        """How the lesson that is open, or the next one, can begin anew; raises LabError."""
        state, lab = self._state, self._lab
        assert state.course is not None and state.backend is not None
        next_one = state.next_step()
        if not state.at and next_one is None:
            raise LabError("No lesson is open.", todo="Open the one that is to begin anew.")
        lesson = state.course.lesson_of(state.at) if state.at or next_one is None else next_one[0]
        return start_over(state.course, lesson, state.backend.runner.progress.done(), await lab.snapshots())

    @property
    def _lab(self) -> DrivenLab:
        if (refusal := self._work.refusal()) or self._state.backend is None:
            raise LabError(refusal)
        return self._state.backend.lab

    def keep(self, name: str, *, anew: bool = False) -> bool:
        """Make a snapshot, of the time when it has no name; `anew` takes the place of one of that name."""
        if refusal := self.refusal_to_keep():
            self._state.bus.notice(refusal, "warning")
            return False
        place = self._keeping.place()
        return self._run("Snapshot", lambda lab: keep(lab, name, place, anew=anew))

    def restore(self, name: str) -> bool:
        """Bring the lab and the course back to a snapshot."""
        return self._run(f"Restore {name}", lambda lab: restore(lab, name, self._back))

    def remove(self, name: str) -> bool:
        """Remove a snapshot."""
        return self._run(f"Remove snapshot {name}", lambda lab: lab.snapshot(name, remove=True))

    def forget(self, lesson: Lesson) -> bool:
        """Forget the progress of one lesson; the lab stays as it is."""
        if (refusal := self._work.refusal()) or self._state.backend is None:
            self._state.bus.notice(refusal, "warning")
            return False
        steps = [step.id for step in lesson.steps]
        self._state.backend.runner.reset(steps)
        self._forgotten(steps)
        self._state.bus.notice("Its progress is forgotten. What the lab shows to be done counts as done.")
        return True

    def _run(self, title: str, runs: Callable[[DrivenLab], Stream]) -> bool:
        backend = self._state.backend
        if backend is None:
            self._state.bus.notice(self._work.refusal(), "warning")
            return False
        lab = backend.lab
        return self._work.run_verb(title, lambda: runs(lab))

    def _back(self, place: Place) -> Sequence[str]:
        assert self._state.backend is not None
        steps = self._state.backend.runner.back_to(place.done or (), place.last)
        self._keeping.went_back(place.before)
        self._forgotten(steps)
        return steps

    def _forgotten(self, steps: Sequence[str]) -> None:
        for step in steps:
            self._work.runs.pop(step, None)
            self._state.results.pop(step, None)
        self._state.seen_broken.difference_update(steps)
        self._state.take_steps()
