"""One run of a step: what its kind works with while it acts, and the judgement of what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from itertools import chain

from pghalab.course.events import (
    CheckResult,
    ChecksSeen,
    Code,
    CommandEnded,
    CommandStarted,
    ConfirmNeeded,
    Outcome,
    Printed,
    RunEvent,
    StepEnded,
    explain,
)
from pghalab.course.journal import Journal
from pghalab.course.kinds import Where
from pghalab.course.look import AGAIN, CONNECTING, Look
from pghalab.course.model import CheckSpec, Step
from pghalab.course.tail import Tail
from pghalab.lab.types import Ended, Lab, LabError, Node, Output

INTERVALS = (0.1, 0.2, 0.4)
"""Seconds between two looks at the checks; the last goes on."""
GRACE = 5.0
"""Seconds for the checks after a command that failed: they seldom come true then."""
WAY_BACK = "`pghalab start` starts or wakes a node, `pghalab doctor` tells what else is wrong with it."

Confirm = Callable[[str], Awaitable[bool]]


class Stage:
    """One run of one step."""

    def __init__(
        self,
        step: Step,
        look: Look,
        journal: Journal,
        ask: Callable[[Step, str | None], Awaitable[Where]],
        *,
        command: str | None = None,
        confirm: Confirm | None = None,
        elsewhere: bool = False,
    ) -> None:
        self.step = step
        self.elsewhere = elsewhere
        """What it creates takes the next free subnet."""
        self.ended: Ended | None = None
        """How its command ended."""
        self.over = False
        self._command = command
        self._look = look
        self._record = look.progress.record(step.id)
        self._journal = journal
        self._ask = ask
        self._confirm = confirm
        self._output = Tail()
        self._started = time.monotonic()

    @property
    def lab(self) -> Lab:
        """The lab it runs on."""
        return self._look.lab

    def end(
        self, outcome: Outcome, reason: str = "", *, code: Code = "", first: str = "", without: tuple[str, ...] = ()
    ) -> StepEnded:
        """The end of the run."""
        self.over = True
        return StepEnded(self.step.id, outcome, time.monotonic() - self._started, reason, code, first, without)

    async def where(self) -> Where:
        """Where the command runs, by asking the cluster now; raises LabError when it cannot tell.

        What the console is only just connecting to is waited for.
        """
        until = time.monotonic() + CONNECTING
        while True:
            try:
                return await self._ask(self.step, self._command)
            except LabError as error:
                if error.kind != "connecting" or time.monotonic() > until:
                    raise
            await asyncio.sleep(AGAIN)

    async def place(self) -> tuple[Node, Where]:
        """The node and the command, by asking the cluster now; raises LabError when it cannot tell."""
        where = await self.where()
        node = self.lab.nodes.get(where.node)
        if node is None:
            raise LabError(f"this lab has no node {where.node}")
        return node, where

    def needs(self, diff: str) -> ConfirmNeeded:
        """A change waits to be confirmed."""
        return ConfirmNeeded(self.step.id, diff)

    async def confirmed(self, diff: str) -> bool:
        """Whether the learner confirms a change; without anybody to ask it is."""
        return self._confirm is None or await self._confirm(diff)

    async def stream(
        self, node: str, user: str, command: str, source: AsyncGenerator[Output | Ended, None]
    ) -> AsyncGenerator[RunEvent, None]:
        """Tell of a command as it runs, and remember how it ended."""
        step = self.step.id
        with self._journal.log(step) as log:
            yield CommandStarted(step, node, user, command, log.path)
            async with aclosing(source) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Output):
                        log.write(piece.text)
                        self._output.add(piece.text)
                        yield Printed(step, piece)
                    else:
                        self.ended = piece
        if self.ended is None:
            raise LabError("the command ended without a word on how", node=node or None)
        self._record.exit_status = self.ended.exit_status
        if self.step.reads_output:
            self._record.output = self._output.text()
        yield CommandEnded(step, self.ended)
        if self.ended.how == "stopped":
            yield self.end("stopped", "it was stopped", code="stopped")

    async def refusal(self) -> tuple[Code, str]:
        """Why its guard refuses it, as a code and in words; two empty texts when it does not."""
        groups = await self._look.patiently(lambda: self._look.once(self.step.guard), chain.from_iterable)
        for spec, group in zip(self.step.guard, groups, strict=True):
            wrong = [explain(result) for result in group if result.verdict == "fails"]
            if wrong:
                reason, otherwise = (self._look.names.text(text) for text in (self.step.guard_reason, spec.otherwise))
                return "guard", " ".join(part for part in (reason, f"Seen: {'; '.join(wrong)}.", otherwise) if part)
        seen = [result for result in chain.from_iterable(groups) if not result.ok]
        if seen:
            return "unseen", f"{'; '.join(dict.fromkeys(map(explain, seen)))}. {WAY_BACK}"
        return "", ""

    def _link(self, result: CheckResult) -> str:
        """How the link to the node that a check could not look at stands."""
        node = self.lab.nodes.get(result.node or "")
        return node.link if node is not None and not result.known else ""

    async def judge(self) -> AsyncGenerator[RunEvent, None]:
        """Poll the checks until each holds or its time is over, and end the run."""
        trouble = "" if self.ended is None else _trouble(self.ended, self.step)
        if not self.step.checks:
            yield self.end("failed", trouble, code="command") if trouble else self.end("done")
            return
        results: tuple[CheckResult, ...] = ()
        start = time.monotonic()
        attempt = 0
        while True:
            groups = await self._look.once(self.step.checks, self._record.output)
            seen = tuple(result for group in groups for result in group)
            spent = time.monotonic() - start
            # A node that lets nobody in does so a minute later, too.
            settled = any(self._link(result) == "refused" for result in seen) or all(
                all(result.ok for result in group) or spent >= _patience(spec, bool(trouble))
                for spec, group in zip(self.step.checks, groups, strict=True)
            )
            if settled or seen != results:
                results = seen
                yield ChecksSeen(self.step.id, seen, settled)
            if settled:
                break
            await asyncio.sleep(INTERVALS[min(attempt, len(INTERVALS) - 1)])
            attempt += 1
        wrong = [result for result in results if not result.ok]
        if wrong:
            words = explain(wrong[0]) + (f", and {len(wrong) - 1} more" if len(wrong) > 1 else "")
            yield self.end("failed", f"{words}; {trouble}" if trouble else words, code="checks")
            return
        yield self.end("done", f"{trouble}, but every check holds" if trouble else self._expected())

    def _expected(self) -> str:
        if not self.step.kind.fails or self.ended is None:
            return ""
        return f"failed, as expected (status {self.ended.exit_status})"


def _patience(spec: CheckSpec, hopeless: bool) -> float:
    return min(spec.within, GRACE) if hopeless else spec.within


def _trouble(ended: Ended, step: Step) -> str:
    if ended.how == "timeout":
        return f"the command did not end within {step.kind.timeout:g} s and was ended"
    if ended.how == "lost":
        return "the connection was lost while the command ran"
    if step.kind.fails:
        return "" if ended.exit_status else "the command was expected to fail, and ended with status 0"
    return "" if ended.exit_status == 0 else f"the command ended with status {ended.exit_status}"
