"""One command that was entered in a shell, until it is clear what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from pghalab.course.checks.output import CHECK as PRINTED
from pghalab.course.events import CheckResult, explain
from pghalab.course.model import Step
from pghalab.course.stage import GRACE
from pghalab.session.background import Background
from pghalab.session.demo.board import Board
from pghalab.session.events import CommandTyped
from pghalab.session.noticing import SEEN
from pghalab.session.session import Session

AGAIN = 0.5
"""Seconds between two looks at what came of it."""


class Verdict(NamedTuple):
    """What came of it."""

    well: bool
    reason: str = ""
    """Why it went otherwise than expected, in words."""


class Trial:
    """Judges by what the checks see once the shell waits again, as a run of the step does."""

    def __init__(
        self, step: Step, session: Session, board: Board, background: Background, clock: Callable[[], float]
    ) -> None:
        self._step, self._session, self._board = step, session, board
        self._background, self._clock = background, clock
        self._entered = clock()
        self._prompts = board.prompts
        self._ended: float | None = None
        self._status: int | None = None
        self._look: asyncio.Task[None] | None = None
        self._looked = False
        """A look that began after the command had ended is over."""
        self._next = 0.0

    def typed(self, event: CommandTyped) -> None:
        """A command of some shell has ended."""
        if event.step == self._step.id:
            self._status = event.status

    def judge(self) -> Verdict | None:
        """What came of it; None as long as that is not clear."""
        now, step = self._clock(), self._step
        if trouble := self._board.trouble:
            return Verdict(False, trouble)
        if self._ended is None and self._board.prompts > self._prompts:
            self._ended = now
        if self._ended is None and not self._board.blind:
            limit = step.kind.timeout + SEEN
            late = now - self._entered > limit
            return Verdict(False, f"The command has not ended within {limit:.0f} s.") if late else None
        if not step.checks:
            well = self._status is None or (self._status != 0) == step.kind.fails
            return Verdict(well, "" if well else f"The command ended with status {self._status}.")
        return self._by_checks(now)

    def _by_checks(self, now: float) -> Verdict | None:
        step, state = self._step, self._session.state
        results = state.results.get(step.id, ())
        if self._looked and (state.steps.get(step.id) == "past" or (results and all(result.ok for result in results))):
            return Verdict(True)
        patience = max(spec.within for spec in step.checks)
        if self._failed:
            patience = min(patience, GRACE)
        since = self._ended if self._ended is not None else self._entered + step.kind.timeout
        if self._looked and now - since > patience + SEEN:
            return Verdict(False, self._reason())
        if now >= self._next and (self._look is None or self._look.done()):
            self._next = now + AGAIN
            self._look = self._background.spawn(self._look_now(), "looking at what was shown")
        return None

    @property
    def _failed(self) -> bool:
        return bool(self._status) and not self._step.kind.fails

    async def _look_now(self) -> None:
        self._session.rechecks.soon([self._step.id], 0)
        await self._session.rechecks.wait()
        self._looked = True

    def _reason(self) -> str:
        state = self._session.state
        results = [result for result in state.results.get(self._step.id, ()) if not result.ok]
        wrong = [state.text(_words(result)) for result in results]
        words = wrong[0] if wrong else "Its checks could not be looked at"
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        status = f"; the command ended with status {self._status}" if self._failed else ""
        return f"{words}{more}{status}."


def _words(result: CheckResult) -> str:
    """What did not hold; of the output, that it was none, or another."""
    return f"It did not print what is wanted: {result.wanted}" if result.check == PRINTED else explain(result)
