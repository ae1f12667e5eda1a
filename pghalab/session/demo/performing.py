"""What a show does in one step: finds out what is typed and whether it may be, types, enters, and sees the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from pghalab.course.events import SETTLED, StepState
from pghalab.course.kinds import Wait
from pghalab.course.model import Step
from pghalab.course.placeholders import used
from pghalab.lab.types import LabError
from pghalab.session.background import Background
from pghalab.session.demo.board import Board
from pghalab.session.demo.pace import Keystrokes, Tempo, gaps
from pghalab.session.demo.program import is_typed
from pghalab.session.demo.standing import Command, Phase
from pghalab.session.demo.trial import Trial
from pghalab.session.events import CommandTyped
from pghalab.session.session import Session


class Performing:
    """One step at a time; `to` is told each phase that it comes to, and `stop` why it cannot go on."""

    def __init__(
        self,
        session: Session,
        board: Board,
        to: Callable[[Phase], object],
        stop: Callable[[str], object],
        clock: Callable[[], float],
        random: Random,
    ) -> None:
        self._session, self._board = session, board
        self._to, self._stop = to, stop
        self._clock, self._random = clock, random
        self._background = Background(session.bus)
        self.commands: list[Command] = []
        """What was entered so far."""
        self._text = ""
        self._stands = False
        """Something was typed that was not entered."""
        self._task: asyncio.Task[None] | None = None
        self._keys: Keystrokes | None = None
        self._trial: Trial | None = None

    def close(self) -> None:
        """Nothing goes on."""
        self._background.cancel()

    # Before

    @property
    def preparing(self) -> bool:
        """It is not clear yet whether it may be typed, or entered."""
        return self._task is not None and not self._task.done()

    def begin(self, step: Step, tempo: Tempo, *, again: bool) -> None:
        """Bring its command before the room, unless it is seen to be done, as is remembered, and not run `again`."""
        self._spawn(self._make_ready(step, tempo, again))

    def enter(self, step: Step, *, again: bool) -> None:
        """Run what stands there; `again` although the step holds already."""
        self._spawn(self._enter(step, again))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except TimeoutError:
                self._stop("The shell shows no prompt.")
            except LabError as error:
                self._stop(str(error))

        self._task = self._background.spawn(guarded(), "a step of the show")
        # Of a task that is ended before its first turn nobody would ever await the work.
        self._task.add_done_callback(lambda _: work.close())

    async def _make_ready(self, step: Step, tempo: Tempo, again: bool) -> None:
        session = self._session
        if not again and await self._is_there(step):
            self._to("seen")
            return
        if is_typed(step):
            self._to("typing")
        await session.keeping.wait()
        if session.state.backend is None or session.state.read_only:
            raise LabError(session.work.refusal())
        if used(step.kind.where.node, step.kind.where.command):
            await session.ask(step)
        runner = session.state.backend.runner
        if refusal := await runner.refusal(step.id):
            raise LabError(refusal)
        where = runner.resolve(step)
        self._text = _typed(step, where.command)
        if is_typed(step):
            await self._board.shell(where.node, where.user)
            self._keys = Keystrokes(self._text, gaps(self._text, tempo.jitter, self._random))
            self._to("typing")
        elif isinstance(step.kind, Wait):
            await self._enter(step, False)
        else:
            self._to("ready")

    async def _is_there(self, step: Step) -> bool:
        """Whether a step that is only remembered as done is seen to be; it may have been done on a lab that is gone."""
        state = self._session.state
        if state.backend is None or state.steps.get(step.id) not in SETTLED or state.settled(step.id):
            return False
        status = (await state.backend.runner.evaluate([step.id]))[step.id]
        return status.state in SETTLED and not shows_again(step, status.state)

    async def _enter(self, step: Step, again: bool) -> None:
        session = self._session
        assert session.state.backend is not None
        runner = session.state.backend.runner
        # Minutes may have passed since it was asked.
        if refusal := await runner.refusal(step.id):
            raise LabError(refusal)
        where = runner.resolve(step)
        if _typed(step, where.command) != self._text:
            raise LabError("The cluster is not as it was when the command was typed: it would name another node now.")
        if is_typed(step):
            if trouble := self._board.trouble:
                raise LabError(trouble)
            if step.reads_output:
                session.show_anew(step.id)
            self._trial = Trial(step, session, self._board, self._background, self._clock)
            self._board.enter()
            self._stands = False
        elif not session.work.run_step(step.id, again=again):
            raise LabError(session.work.refusal())
        words = step.kind.card.words if step.kind.card is not None else ""
        self.commands.append(Command(step.id, where.who if where.command else "", self._text or words))
        self._to("running")

    # Meanwhile

    @property
    def comes_out(self) -> bool:
        """Characters are still to come out."""
        return self._keys is not None

    @property
    def soon(self) -> float | None:
        """Seconds at speed 1 until the next one; None when there is none."""
        return None if self._keys is None else self._keys.soon

    def advance(self, seconds: float) -> None:
        """So many seconds later at speed 1."""
        if self._keys is not None:
            self._out(self._keys.advance(seconds))

    def take(self, count: int | None = None) -> None:
        """The next characters at once, by default all of them."""
        if self._keys is not None:
            self._out(self._keys.take(count))

    def _out(self, text: str) -> None:
        if text:
            self._stands = True
            self._board.type(text)
        if self._keys is not None and not self._keys.left:
            self._keys = None
            self._to("ready")

    @property
    def tried(self) -> bool:
        """A command was entered in the shell, and it is not clear yet what came of it."""
        return self._trial is not None

    def heard(self, event: CommandTyped) -> None:
        """A command of some shell has ended."""
        if self._trial is not None:
            self._trial.typed(event)

    def judge(self) -> None:
        """Look whether it is clear what came of the command."""
        verdict = self._trial.judge() if self._trial is not None else None
        if verdict is not None:
            self._trial = None
            self._to("seen") if verdict.well else self._stop(verdict.reason)

    def end(self) -> None:
        """Nothing more happens by itself; what was typed stands there still."""
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._task = self._keys = self._trial = None

    def leave(self) -> None:
        """The same, and what was typed and not entered is taken back."""
        self.end()
        if self._stands:
            self._stands = False
            self._board.clear()


def shows_again(step: Step, state: StepState) -> bool:
    """What only prints is shown once more where it was done; where it is past it would print something else."""
    return state == "done" and step.reads_output


def _typed(step: Step, command: str) -> str:
    return step.kind.typed(command).rstrip("\n")
