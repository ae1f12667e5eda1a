"""A show of some lessons in front of a room: which step, what of it is seen, and what each key of the presenter does.

It types and enters commands on a `Board`, has the console run what is not typed, and tells how it stands with
`ShowMoved`. Plain calls move it, and `tick` as time passes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random

from pghalab.course.events import SETTLED
from pghalab.course.kinds import Question, Read
from pghalab.course.model import Step
from pghalab.session.demo.board import Board
from pghalab.session.demo.countdown import Countdown, wait_in
from pghalab.session.demo.moving import Moving
from pghalab.session.demo.pace import Tempo
from pghalab.session.demo.performing import Performing, shows_again
from pghalab.session.demo.program import Program
from pghalab.session.demo.stand_in import StandIn
from pghalab.session.demo.standing import Phase, Standing
from pghalab.session.demo.switches import Switches
from pghalab.session.demo.told import standing
from pghalab.session.demo.trail import Trail
from pghalab.session.events import (
    ClusterSeen,
    CommandTyped,
    Noticed,
    QuestionHidden,
    QuestionShown,
    RunFinished,
    SessionEvent,
    ShowMoved,
    StatesChanged,
    VerbFinished,
    VotesCounted,
)
from pghalab.session.session import Session

SECOND = 1.0
LOOKS = 0.1
"""Seconds between two looks whether a command has ended."""
STAND = 30.0
"""Seconds after which a show that is repeated, with nobody there, begins anew when a step went wrong."""
MOST_NOTICES = 3


class Show(Switches):
    """One show; `close` it."""

    def __init__(
        self,
        session: Session,
        program: Program,
        board: Board,
        *,
        tempo: Tempo | None = None,
        auto: bool = False,
        loop: bool = False,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
    ) -> None:
        """With `auto` it goes on by itself, with `loop` it begins anew behind the end, from the lab as it was."""
        super().__init__(tempo or Tempo(), StandIn(clock, self.note))
        self.session, self.program, self.board = session, program, board
        self.auto, self.loop = auto or loop, loop
        self.phase: Phase = "moving"
        self.at = 0
        """The place of the step in the program."""
        self.why = ""
        """Why it is stopped."""
        self.votes: tuple[int, ...] = ()
        self.notices: list[str] = []
        """What the console told: the room does not see it."""
        self.clock, self.began = clock, clock()
        self.performing = Performing(session, board, self._to, self._stop, clock, random or Random())
        self._moving = Moving(session)
        self._forced = False
        """The step is run although it holds already."""
        self.on_the_way = False
        """What is missing before the step is being done, or could not be."""
        self._kept = False
        """There is a snapshot to begin anew from."""
        self._countdown = Countdown()
        self._last = self.began
        self._told: Standing | None = None
        self._wake = asyncio.Event()
        session.bus.listen(self._hear)

    @property
    def step(self) -> Step:
        """The step at hand."""
        return self.program.steps[self.at]

    def close(self) -> None:
        """It is over, wherever it is."""
        self._leave()
        self._moving.stop()
        self.performing.close()
        self.session.bus.unlisten(self._hear)

    # Time

    async def drive(self) -> None:
        """Begin, and move as time passes, until cancelled."""
        self.begin()
        while True:
            self._wake.clear()
            timer = asyncio.get_running_loop().call_later(self.tick(), self._wake.set)
            await self._wake.wait()
            timer.cancel()

    def tick(self) -> float:
        """Do what is due, and give the seconds after which something may be again."""
        now = self.clock()
        spent, self._last = (now - self._last) * self.tempo.speed, now
        if not self.held:
            if self._types_by_itself:
                self.performing.take() if self.tempo.instant else self.performing.advance(spent)
            if self.auto and self._countdown.advance(spent, lambda: self.board.pages):
                self._on_by_itself()
        self.performing.judge()
        self.stand_in.tick()
        self._tell()
        waits = [LOOKS if self.performing.tried else SECOND]
        if not self.held:
            soon = self.performing.soon if self._types_by_itself else None
            due = self._countdown.soon if self.auto else None
            waits += [seconds / self.tempo.speed for seconds in (soon, due) if seconds is not None]
        return min(waits)

    @property
    def _types_by_itself(self) -> bool:
        return self.performing.comes_out and not self.by_keys

    def _on_by_itself(self) -> None:
        self._anew() if self.phase == "stopped" else self._on()

    # Keys

    def next(self) -> None:
        """Go on: the next page, the command, Enter, what came of it, the next step."""
        self.paused = False
        if self.black or self.cluster:
            self.black = self.cluster = False
        elif self.trail.back is None:
            self._on()
        elif not self.board.more():
            self.trail.forward(here=self._page_is_here)
        self._moved()

    def _on(self) -> None:
        match self.phase:
            case "say" | "seen" if self.board.more():
                self._countdown.turn()
            case "say" if not self.performing.preparing:
                self._begin_step()
            case "typing":
                self.performing.take()
            case "ready" if not self.performing.preparing:
                self.performing.enter(self.step, again=self._forced)
            case "seen":
                self._advance()
            case "stopped":
                self._open(self.at) if self.on_the_way else self._to("seen")
            case _:
                pass

    def back(self) -> None:
        """Look back by one page of the show; from a step that went wrong back to its beginning, to run it again."""
        if self.black or self.cluster:
            self.black = self.cluster = False
        elif self.phase == "stopped" and self.trail.back is None:
            self._retry()
        elif not self.board.less():
            self.trail.backward(here=self._page_is_here)
        self._moved()

    def _retry(self) -> None:
        """Back to where the step begins, or to the way to it."""
        self._leave()
        if self.on_the_way:
            self._travel(self.at)
        else:
            self._forced = True
            self._to("say")

    @property
    def _page_is_here(self) -> bool:
        """The last page of the trail is what the room sees anyway."""
        return self.phase in ("say", "seen")

    def skip(self) -> None:
        """Leave the step as it is and go to the next one; on the way to a step, stop there."""
        self.present()
        active = self.session.work.active
        if self.phase == "moving" or (active is not None and active.step == self.step.id):
            self.session.work.stop()
        if self.phase not in ("moving", "over"):
            self._leave()
            self._advance()
        self._moved()

    def again(self) -> None:
        """Type and run the step's command again, whatever came of it; what has none is begun again."""
        self.present()
        if self.phase in ("moving", "over", "running"):
            return
        self._retry()
        if self.phase == "say" and self.step.kind.acts:
            self._begin_step()
        self._moved()

    def keystroke(self) -> bool:
        """A key was pressed that may bring out the next character; False when none is to come out by keys."""
        if not self.by_keys or self.held or not self.performing.comes_out:
            return False
        self.performing.take(1)
        self._moved()
        return True

    def take_back(self, *, touched: bool) -> None:
        """The keys are the show's again; a shell of the show that was `touched` may hold something else by now."""
        self.own_shell = False
        if touched and self.phase in ("typing", "ready"):
            if self.session.state.settled(self.step.id):
                self._leave()
                self._to("seen")
            else:
                self._leave()
                self._begin_step()
        self._moved()

    def jump(self, place: str) -> None:
        """Go to a lesson or a step, by its id, by doing what is missing before it; raises KeyError for none."""
        course = self.program.course
        lesson = next((each for each in course.lessons if each.id == place), None) or course.lesson_of(place)
        if lesson not in self.program.lessons:
            self.program = self.program.with_lesson(lesson)
        at = self.program.find(place)
        self.present()
        if at is not None and self.phase != "moving":
            self._leave()
            self._travel(at)

    def mend(self) -> None:
        """Have the console do what is missing up to the end of the step at hand."""
        course = self.program.course
        steps = course.steps
        behind = steps[steps.index(self.step) + 1 :]
        self.present()
        if self.phase in ("moving", "over"):
            return
        self._leave()
        if behind:
            self._to("moving")
            self._moving.go(behind[0].id, lambda why: self._stop(why) if why else self._to("seen"))
        elif self.session.work.run_step(self.step.id):
            self._to("running")
        else:
            self._stop(self.session.work.refusal())
        self._moved()

    # Steps

    def begin(self) -> None:
        """Begin with the first step, once the lab is where it begins."""
        self.began = self._last = self.clock()
        self.trail = Trail()
        self.performing.commands.clear()
        self._travel(0)

    def _travel(self, at: int) -> None:
        """Do what is missing before a step, and show it."""
        self.at, self.on_the_way = at, True
        self._to("moving")
        self._moving.go(self.step.id, lambda why: self._stop(why) if why else self._arrive())

    def _arrive(self) -> None:
        if self.loop and not self._kept:
            self._kept = True
            self._moving.keep(lambda why: self._stop(why) if why else self._open(self.at))
        else:
            self._open(self.at)

    def _anew(self) -> None:
        """Begin once more, from the lab as it was at the beginning."""
        self._leave()
        self.at = 0
        self._to("moving")
        self._moving.restore(lambda why: self._stop(why) if why else self.begin())

    def _open(self, at: int) -> None:
        self.at, self.notices, self.votes = at, [], ()
        self._forced = self.on_the_way = False
        self.session.learner.visit(self.step.id)
        self.session.keeping.entered(self.step.id)
        self._to("say")
        if isinstance(kind := self.step.kind, Question):
            text = self.session.state.text
            self.session.bus.publish(QuestionShown(self.step.id, text(kind.text), tuple(map(text, kind.choices))))

    def _advance(self) -> None:
        if self.at + 1 < len(self.program.steps):
            following = self.at + 1
            self._open(following) if self.program.follows(following) else self._travel(following)
        elif self.loop:
            self._anew()
        else:
            self._to("over")

    def _begin_step(self) -> None:
        step, state = self.step, self.session.state
        if isinstance(step.kind, Read):
            self.session.learner.mark_read(step.id)
            self._advance()
        elif isinstance(step.kind, Question):
            self.session.bus.publish(QuestionHidden(step.id))
            self.session.learner.answer(step.id, step.kind.right)
            self._to("seen")
        elif not self._forced and state.settled(step.id) and not shows_again(step, state.steps[step.id]):
            self._to("seen")
        else:
            self.performing.begin(step, self.tempo, again=self._forced)

    def _leave(self) -> None:
        """Let go of what was under way in the step."""
        self.performing.leave()
        if self.phase == "say" and isinstance(self.step.kind, Question):
            self.session.bus.publish(QuestionHidden(self.step.id))
        self._countdown.stop()

    def _to(self, phase: Phase) -> None:
        self.phase, self.why = phase, ""
        self.trail.at(self.at, phase)
        self.stand_in.runs(self.step if phase == "running" else None)
        self._countdown.stop()
        if (wait := wait_in(phase, self.step)) is not None:
            self._countdown.start(0.0 if self.tempo.instant else wait)
        self._moved()

    def _stop(self, why: str) -> None:
        """It went otherwise than expected: the presenter is told why, and decides."""
        self.performing.end()
        self._to("stopped")
        self.why = why
        if self.loop:
            self._countdown.start(STAND)
        self._tell()

    # What is told

    def note(self, text: str) -> None:
        """Something that the presenter has to know, and the room does not."""
        self.notices = [*(each for each in self.notices if each != text), text][-MOST_NOTICES:]
        self._moved()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the presenter is warned of now."""
        return standing(self).warnings

    def _hear(self, event: SessionEvent) -> None:
        match event:
            case CommandTyped():
                self.performing.heard(event)
            case RunFinished(step, outcome) if step == self.step.id and self.phase == "running":
                run = self.session.work.runs.get(step)
                if outcome in (*SETTLED, "already"):
                    self._to("seen")
                else:
                    self._stop(run.reason if run is not None and run.reason else f"It was {outcome}.")
            case VerbFinished() if self._moving.on_the_way:
                self._moving.ended()
            case VotesCounted(step, counts) if step == self.step.id:
                self.votes = counts
            case Noticed(text, severity) if severity != "information":
                self.note(text)
            case StatesChanged() | ClusterSeen():
                pass
            case _:
                return
        self._moved()

    def _moved(self) -> None:
        self._wake.set()
        self._tell()

    def _tell(self) -> None:
        now = standing(self)
        if now != self._told:
            self._told = now
            self.session.bus.publish(ShowMoved(now))
