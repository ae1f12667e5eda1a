"""When the checks of the steps are looked at."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Iterable
from typing import Literal

from pghalab.course.events import SETTLED
from pghalab.course.journal.kinds import StepSeen
from pghalab.course.kinds import Wait
from pghalab.course.model import Course, Step
from pghalab.session.background import Background
from pghalab.session.events import StatesChanged
from pghalab.session.state import State
from pghalab.session.work import Work

SETTLE = 1.5
"""Seconds without a change of the cluster after which the checks are looked at again."""
UNREST = 4 * SETTLE
"""Seconds after which they are looked at although the cluster goes on changing."""
CONFIRM = 1.0
"""Seconds after which a step that was found broken is looked at again."""
SHOWN_EVERY = 2.0
"""Seconds between two looks at the checks of the step on the screen, as long as it is not done."""
OLD = 2 * SHOWN_EVERY
"""Seconds after which what was seen of a step that is not done is not shown again before it was looked at anew."""
SETTLED_EVERY = 10.0
"""The same once it is done: what breaks it is nearly always an event, which is looked at when it comes."""
ALL_EVERY = 60.0
"""The same for the checks of every step."""
ALL_APART = 30.0
"""At least so many seconds lie between two looks at every step that nothing but events of the cluster ask for."""
_TRACES = ("login", "marker")
"""Checks that write to the database, or to its log when they do not hold."""


class Rechecks:
    """Looks at the checks, one look at a time."""

    def __init__(self, state: State, work: Work, background: Background) -> None:
        self._state, self._work, self._background = state, work, background
        self._all_at = self._events_at = self._shown_at = 0.0
        """When every check was looked at last, when because of events, and when those of the step on the screen."""
        self._seen_at: dict[str, float] = {}
        """When each step was looked at last."""
        self._due = False
        """Events have happened since, for which every check is still to be looked at."""
        self._task: asyncio.Task[None] | None = None
        self._wanted: set[str] = set()
        self._quietly: set[str] = set()
        """What is wanted only as far as looking leaves no traces."""
        self._all: Literal["", "quietly", "wholly"] = ""
        """Every step is wanted as well: without those whose checks leave traces, or with them."""
        self._suspected: set[str] = set()
        """What the last look found broken."""
        self._when, self._by = 0.0, math.inf
        """When what is wanted is looked at; changes of the cluster move that on, but not beyond `_by`."""
        self._first: list[tuple[frozenset[str], asyncio.Future[None]]] = []
        """What is looked at before all that, and who waits for it."""
        self._called = asyncio.Event()
        self._tried, self._patience = "", 0.0
        """The step for which a command has ended, and until when it may come to be done by it."""

    def soon(self, step_ids: Iterable[str] | None, delay: float = SETTLE) -> None:
        """Look at the checks of these steps (None: all) once the cluster has been quiet for `delay` seconds."""
        if step_ids is None:
            self._all = "wholly"
        else:
            self._wanted.update(step_ids)
        self._begin(delay)

    async def look(self, step_ids: Iterable[str]) -> None:
        """Look at these steps before anything else that is wanted; return once a look that begins from now is over."""
        seen: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._first.append((frozenset(step_ids), seen))
        self._called.set()
        self._run()
        await seen

    def command_ended(self, step_id: str) -> None:
        """Somebody may have done this step by hand: for as long as that may take, looking may leave traces."""
        assert self._state.course is not None
        within = max((spec.within for spec in self._state.course.step(step_id).checks), default=0.0)
        self._tried, self._patience = step_id, time.monotonic() + within

    def happened(self) -> None:
        """Something happened in the cluster: look at the lesson that is open, and not too often at all the others."""
        now = time.monotonic()
        if self._due or now - self._events_at < ALL_APART:
            self._due = True
            self._quietly.update(self._open_steps())
        else:
            self._events_at = now
            self._all = self._all or "quietly"
        self._begin(SETTLE)

    def visited(self, step_id: str) -> None:
        """A step has come on the screen: look at it now; where nobody knows how it stands, that may leave traces."""
        state = self._state
        if state.course is not None and step_id in state.results:
            self._add(state.course, step_id)
            old = time.monotonic() - self._seen_at.get(step_id, -OLD) >= OLD
            if old and state.steps.get(step_id) not in SETTLED and self._is_worth_a_look(state.course, step_id):
                # What was seen a while ago would be read as what is so now, beside panes that say otherwise.
                del state.results[step_id]
                state.bus.publish(StatesChanged())
        else:
            self._wanted.add(step_id)
        self._begin(0)

    def shown(self) -> None:
        """Look at the checks of the step on the screen now, where they can have changed and that leaves no traces."""
        state = self._state
        if state.course is not None and state.shown and self._is_worth_a_look(state.course, state.shown):
            self._shown_at = time.monotonic()
            self._add(state.course, state.shown)
            self._begin(0)

    def _is_worth_a_look(self, course: Course, step_id: str) -> bool:
        return is_worth_a_look(course, step_id) or self._is_awaited(course, step_id)

    def _is_awaited(self, course: Course, step_id: str) -> bool:
        """Whether a step may be done any moment: a command has just ended, or none is to be typed."""
        may_come = (step_id == self._tried and time.monotonic() < self._patience) or isinstance(
            course.step(step_id).kind, Wait
        )
        return may_come and self._state.steps.get(step_id) not in SETTLED

    def _add(self, course: Course, step_id: str) -> None:
        (self._wanted if self._is_awaited(course, step_id) else self._quietly).add(step_id)

    def _open_steps(self) -> list[str]:
        """The steps of the lesson that is open, and what is broken or seems to be, where looking leaves no traces."""
        course, shown = self._state.course, self._state.shown
        if course is None:
            return []
        lesson = [step.id for step in course.lesson_of(shown).steps] if shown else []
        steps = {*lesson, *self._state.seen_broken, *self._suspected}
        return [step for step in steps if is_worth_a_look(course, step)]

    def _begin(self, delay: float) -> None:
        now = time.monotonic()
        self._by = min(self._by, now + UNREST if delay else now)
        self._when = min(now + delay, self._by)
        self._run()

    def _run(self) -> None:
        if self._state.backend is None:
            self._wanted, self._quietly, self._all = set(), set(), ""
            self._answer(self._take_first()[1])
        elif not self._under_way and self._asked:
            self._task = self._background.spawn(self._look_when_quiet(), "looking at the checks")

    def _take_first(self) -> tuple[set[str], list[asyncio.Future[None]]]:
        first, self._first = self._first, []
        self._called.clear()
        return {step for steps, _ in first for step in steps}, [seen for _, seen in first]

    @staticmethod
    def _answer(waiting: list[asyncio.Future[None]]) -> None:
        for seen in waiting:
            if not seen.done():
                seen.set_result(None)

    async def wait(self) -> None:
        """Return once every look that was asked for is over."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    @property
    def _asked(self) -> bool:
        return bool(self._first or self._wanted or self._quietly or self._all)

    @property
    def _under_way(self) -> bool:
        return self._task is not None and not self._task.done()

    async def _look_when_quiet(self) -> None:
        while self._asked:
            while not self._first and (wait := self._when - time.monotonic()) > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._called.wait(), wait)
            # A look while a step runs would see it half done.
            await self._work.wait()
            first, waiting = self._take_first()
            try:
                if first:
                    await self._look(first, self._leave_traces(but=first))
            finally:
                self._answer(waiting)
            if self._asked and not self._first and self._when <= time.monotonic():
                await self._look_at_wanted()

    async def _look_at_wanted(self) -> None:
        wanted, quietly, whole = self._wanted, self._quietly, self._all
        self._wanted, self._quietly, self._all, self._by = set(), set(), "", math.inf
        without = frozenset() if whole == "wholly" else self._leave_traces(but=wanted)
        await self._look(None if whole else wanted | quietly - without, without)
        if whole:
            self._all_at, self._due = time.monotonic(), False

    async def _look(self, step_ids: set[str] | None, without: frozenset[str]) -> None:
        """Look at these steps (None: all) but for those `without`, and say what is otherwise than before."""
        state = self._state
        assert state.backend is not None
        steps = None if step_ids is None else sorted(step_ids)
        seen = await state.backend.runner.evaluate(steps, without=without)
        results = {**state.results, **{step: tuple(status.results) for step, status in seen.items()}}
        changed = results != state.results or state.backend.runner.states != state.steps
        state.results = results
        self._seen_at.update(dict.fromkeys(seen, time.monotonic()))
        changed |= self._confirm({step for step, status in seen.items() if status.state == "broken"}, set(seen))
        if changed:
            before = state.steps
            state.take_steps()
            self._note([step for step in seen if state.steps.get(step) != before.get(step)])
        state.tell_notices()

    def _note(self, steps: list[str]) -> None:
        """The journal knows of each step that stands otherwise than before, and what its checks saw."""
        state = self._state
        if state.backend is not None and not state.read_only:
            for step in steps:
                seen = StepSeen(step, state.steps[step], state.results.get(step, ()))
                state.backend.runner.journal.append(seen)

    def _confirm(self, broken: set[str], looked_at: set[str]) -> bool:
        """What is found broken is looked at again before it is said; true when something is to be said now, or no more.

        A look that came while a step was changing things, or before they had settled, says nothing yet.
        """
        state = self._state
        before = set(state.seen_broken)
        state.seen_broken -= looked_at - broken
        state.seen_broken |= broken & self._suspected
        self._suspected = (self._suspected - looked_at) | broken
        if unsaid := broken - state.seen_broken:
            self.soon(unsaid, CONFIRM)
        return before != state.seen_broken

    async def regularly(self) -> None:
        """What is done in another terminal makes a step done as well, and nothing tells of it."""
        state = self._state
        while True:
            await asyncio.sleep(SHOWN_EVERY)
            if self._work.busy or state.paused or state.trouble is not None or self._under_way:
                continue
            now = time.monotonic()
            if now - self._all_at >= ALL_EVERY or (self._due and now - self._events_at >= ALL_APART):
                self._events_at = now if self._due else self._events_at
                self._all = self._all or "quietly"
                self._begin(0)
            elif state.steps.get(state.shown) not in SETTLED or now - self._shown_at >= SETTLED_EVERY:
                self.shown()

    def _leave_traces(self, *, but: set[str]) -> frozenset[str]:
        """The steps whose checks leave traces, but for those and what may have replaced or undone them."""
        steps = {step.id: step for step in self._state.course.steps} if self._state.course is not None else {}
        asked = {later for step in but if step in steps for later in (step, *steps[step].until, *steps[step].undone_by)}
        return frozenset(name for name, step in steps.items() if leaves_traces(step)) - asked


def leaves_traces(step: Step) -> bool:
    """Whether a look at a step leaves traces."""
    return any(spec.name in _TRACES for spec in step.checks)


def is_worth_a_look(course: Course, step_id: str) -> bool:
    """Whether something outside the console can change what a step's checks see, and looking leaves no traces."""
    step = course.step(step_id)
    return any(spec.name != "output" for spec in step.checks) and not leaves_traces(step)
