"""One console's work on one lab, apart from any screen: screens ask it, and listen to what it tells."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pghalab.course.model import Course, Step
from pghalab.course.placeholders import used
from pghalab.lab.host.space import full
from pghalab.lab.types import LabError
from pghalab.session.backend import Backend, Connect
from pghalab.session.background import Background
from pghalab.session.demo.desk import NAME as NOTES
from pghalab.session.demo.desk import Desk
from pghalab.session.events import CourseRead, LabOpened, TroubleChanged
from pghalab.session.going_back import GoingBack
from pghalab.session.keeping import Keeping
from pghalab.session.learner import Learner
from pghalab.session.noticing import Noticing
from pghalab.session.rechecks import Rechecks
from pghalab.session.room import NAME, Room
from pghalab.session.serving import Serving
from pghalab.session.shells import Shells
from pghalab.session.state import State
from pghalab.session.visitors import Visitors
from pghalab.session.watch import Watch
from pghalab.session.work import Work

if TYPE_CHECKING:
    from pghalab.course.diagnoses import Diagnosis
    from pghalab.course.kinds import Where
    from pghalab.lab.doctor import Fact
    from pghalab.session.demo.show import Show

log = logging.getLogger(__name__)

RETRY = 5.0
"""Seconds between two tries to reach the engine."""
DRIVER_EVERY = 1.0
"""Seconds between two looks whether another console still drives the lab."""
FOLLOWS = 60.0
"""Seconds after its start within which a console takes over by itself from one that has gone.

That one was just being closed, then. Who has looked on for longer may want to go on looking, and is asked.
"""


class Session:
    """What the console knows (`state`) and does, in parts; lives in one event loop and never touches a widget."""

    def __init__(self, lab_name: str, *, connect: Connect | None = None, lessons: Path | None = None) -> None:
        self.state = State(lab_name)
        self.bus = self.state.bus
        self._background = Background(self.bus)
        self.keeping = keeping = Keeping(self.state, self._background, typed=lambda: self.noticing.running())
        self.work = Work(
            self.state,
            changed=lambda: self.watch.refresh(),
            ended=lambda: self.rechecks.soon(None),
            first=keeping.before,
        )
        self.back = GoingBack(self.state, self.work, keeping)
        self.rechecks = Rechecks(self.state, self.work, self._background)
        self.watch = Watch(self.state, self.rechecks)
        self.learner = Learner(self.state, self.work, self.rechecks)
        self.noticing = Noticing(
            self.state, self.work, self.rechecks, self._background, changed=lambda: self.watch.refresh()
        )
        self.shells = Shells(self.state, self._background, self.noticing)
        self.room = Room(self.state, self.work)
        self.serving = Serving(lab_name)
        self.visitors = Visitors(self.shells.listen)
        self.visitors.welcome(NAME, self.room.host)
        self.desk = Desk(self.bus)
        self.visitors.welcome(NOTES, self.desk.host)
        self._show: Show | None = None
        self._connect = connect
        self._lessons = lessons
        self._began = time.monotonic()
        self._taking_over = False
        self._reopening: asyncio.Task[None] | None = None

    @property
    def show(self) -> Show | None:
        """The show that goes on before a room, if one does."""
        return self._show

    @show.setter
    def show(self, show: Show | None) -> None:
        self._show = show
        self.desk.take(show)

    # Opening and closing

    async def open(self) -> None:
        """Read the course, then connect to the lab, as often as it takes; returns once it is connected."""
        if self.state.course is None:
            await self.read_course()
        while self.state.backend is None:
            try:
                await self._open_backend()
            except (LabError, OSError) as error:
                trouble = error if isinstance(error, LabError) else full(error)
                if trouble is None:
                    raise
                self._set_trouble(trouble)
                await asyncio.sleep(RETRY)

    def titles(self) -> Course:
        """The lessons without their steps, at once, for as long as the course is not read."""
        from pghalab.course.titles import read_titles

        return read_titles(self._lessons)

    async def read_course(self) -> None:
        """Read the lessons; raises LabError."""
        from pghalab.course.load import load_course

        self.state.course = await asyncio.to_thread(load_course, self._lessons)
        self.state.remember_notices()
        self.bus.publish(CourseRead())

    async def _open_backend(self) -> None:
        state = self.state
        assert state.course is not None
        if self._connect is None:
            from pghalab.session.connect import connect

            self._connect = connect
        state.backend = backend = await self._connect(state.lab_name, state.course)
        state.driver = backend.driver
        state.read_only = bool(backend.driver)
        self.learner.catch_up()
        state.remember_notices()
        state.steps = dict(backend.runner.states)
        self.bus.publish(LabOpened())
        self._background.spawn(self.watch.run(backend), "watch")
        self._background.spawn(self._keep_open(backend), "open")
        self._background.spawn(self.rechecks.regularly(), "looking at the checks")
        if backend.driver:
            self._background.spawn(self._wait_for_driver(backend), "waiting for the driver")
        else:
            self._background.spawn(self._claim(backend), "the right to drive")
            if backend.folder is not None:
                # With the engine or without: who follows this console wants no lab.
                self._background.spawn(self._receive(backend.folder), "visitors")

    async def _keep_open(self, backend: Backend) -> None:
        while True:
            try:
                await backend.lab.open()
            except LabError as error:
                self._set_trouble(error)
                await asyncio.sleep(RETRY)
            else:
                self._set_trouble(None)
                self.state.tell_notices()
                await backend.runner.note_versions()
                self.rechecks.soon(None, 0)
                return

    async def _claim(self, backend: Backend) -> None:
        """Take the right to drive on the engine, which may come after the console; look only if somebody was first."""
        # An engine that starts tells nobody.
        while (claimed := await asyncio.to_thread(backend.claim)) is None:  # noqa: ASYNC110
            await asyncio.sleep(RETRY)
        if not claimed:
            # Not in the background, whose tasks it ends.
            self._reopening = asyncio.create_task(self._reopen(), name="opening read-only")

    async def _receive(self, folder: Path) -> None:
        """Open the door, to shells in other terminals, whose commands count too, and to who follows this console."""
        try:
            await self.visitors.receive(folder)
        except OSError as error:
            log.warning("shells in other terminals are not heard", exc_info=True)
            self.bus.notice(f"What is typed in other terminals is not heard: {full(error) or error}", "warning")

    async def _wait_for_driver(self, backend: Backend) -> None:
        """Take over when the console that drives has gone soon after this one came; later only say that it has gone."""
        # Another process drops a lock on a file without a word.
        while await asyncio.to_thread(backend.driven):  # noqa: ASYNC110
            await asyncio.sleep(DRIVER_EVERY)
        if time.monotonic() - self._began < FOLLOWS:
            self._reopening = asyncio.create_task(self._follow(), name="driving once nobody does")
            return
        self.state.driver = "Nobody drives the lab now: T takes over."
        self.bus.notice(self.state.driver)
        self.bus.publish(LabOpened())

    async def _follow(self) -> None:
        """Take over when what runs has ended, unless that goes on already; somebody else may be quicker."""
        await self.work.wait()
        if not self._taking_over:
            await self.take_over()

    async def take_over(self) -> None:
        """Drive the lab from here, if no other console does; else stay read-only and say who drives."""
        state = self.state
        if self._taking_over or state.backend is None:
            self.bus.notice(str(state.trouble or "The lab is still being opened."))
            return
        if not state.read_only:
            self.bus.notice("This console drives the lab already.")
            return
        self._taking_over = True
        try:
            await self._reopen()
        finally:
            self._taking_over = False
        words = f"Still read-only. {state.driver}" if state.read_only else "This console drives the lab now."
        self.bus.notice(words)

    async def _reopen(self) -> None:
        """Open the lab anew, to drive it where nobody does."""
        await self.close()
        self.state.backend, self.state.read_only, self.state.driver = None, False, ""
        await self.open()

    def _set_trouble(self, error: LabError | None) -> None:
        if str(error) != str(self.state.trouble):
            self.state.trouble = error
            self.bus.publish(TroubleChanged())

    async def close(self) -> None:
        """Stop what runs, close the lab, let another console drive."""
        reopening = self._reopening
        if reopening is not None and reopening is not asyncio.current_task() and not reopening.done():
            reopening.cancel()
            await asyncio.wait({reopening})
        if not self.work.stopping:
            self.work.stop()
        self._background.cancel()
        await self.work.wait()
        # What ends may begin something in its turn: a shell that is closed has the checks looked at.
        while tasks := self._background.cancel():
            await asyncio.wait(tasks)
        backend = self.state.backend
        if backend is not None:
            try:
                await backend.lab.close()
            except (LabError, OSError):
                log.exception("closing the lab")
            backend.release()

    def jump(self, place: str = "") -> bool:
        """Run what is missing before a place of the course, by default the step on the screen.

        False (and a notice) when that cannot be now.
        """
        from pghalab.session.jump import jump

        state = self.state
        if (refusal := self.work.refusal()) or state.backend is None:
            self.bus.notice(refusal, "warning")
            return False
        place = place or state.at
        if not place:
            self.bus.notice("No step was on the screen yet: open the one to jump to.", "warning")
            return False
        runner = state.backend.runner
        return self.work.run_verb("Jump", lambda: jump(runner, place))

    def show_anew(self, step_id: str) -> None:
        """What a step prints is to be seen once more: what it printed before does not count."""
        self.noticing.forget(step_id)
        self.learner.show_anew(step_id)

    # What a screen asks

    def resolve(self, step: Step) -> Where | None:
        """Where a step's command runs, by the last look; None before the lab is open."""
        return self.state.backend.runner.resolve(step) if self.state.backend is not None else None

    async def ask(self, step: Step) -> None:
        """Ask the cluster now what a step's command leaves to it, as a run would; raises LabError when it cannot tell.

        `resolve` knows the answers from then on.
        """
        if not used(step.kind.where.node, step.kind.where.command):
            return
        if self.state.backend is None:
            raise self.state.trouble or LabError("the lab is not open yet.")
        await self.state.backend.runner.ask(step)

    async def diagnose(self, step_id: str) -> tuple[Diagnosis, ...]:
        """What is known to be wrong with a step now: typed elsewhere, a step left out, the mistakes that show.

        Nothing before the lab is open.
        """
        from pghalab.course.left_out import left_out

        if (backend := self.state.backend) is None:
            return ()
        before, shown = await asyncio.gather(left_out(backend.runner, step_id), backend.runner.diagnose(step_id))
        return (*self.noticing.misplaced(step_id), *before, *shown)

    async def examine(self) -> list[Fact]:
        """What the doctor finds, of the machine and of the lab that is open; raises LabError."""
        from pghalab.course.diagnoses.survey import as_facts
        from pghalab.lab.doctor import examine
        from pghalab.lab.settings import load_settings

        facts = list(await examine(load_settings(self.state.lab_name)))
        if (backend := self.state.backend) is not None:
            facts += as_facts(await backend.runner.survey())
        return facts
