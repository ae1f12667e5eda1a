"""Proves steps on a lab: the checks fail before, the solution passes, they hold after, a second run changes nothing.

And no mistake is named where none was made. That each is named where it was, `tests/live/test_diagnoses.py` proves: to
make one takes what no lesson should have a recipe for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence

from pghalab.course.events import CommandStarted, StepEnded, explain
from pghalab.course.kinds import Wait
from pghalab.course.model import Step
from pghalab.course.report import GOOD, Reporter, StepReport, run_step
from pghalab.course.runner import Runner
from pghalab.text import one_line
from pghalab.values import dataclass

SETTLES = 20.0
"""Seconds within which what a step has mended shows no more."""
INTERVAL = 1.0


@dataclass(frozen=True, slots=True)
class Proof:
    """What was seen of one step."""

    report: StepReport
    seen: tuple[str, ...] = ()
    """What holds, in words: `fails before`, `done`, `holds after`, `no mistake`, `nothing the second time`."""
    faults: tuple[str, ...] = ()
    """What does not, in words."""

    @property
    def ok(self) -> bool:
        """Nothing speaks against the step."""
        return not self.faults


async def prove(runner: Runner, steps: Sequence[Step], reporter: Reporter) -> AsyncGenerator[Proof, None]:
    """Prove steps in their order on a lab on which none of them is done, until one cannot be done.

    What a step waits for may come true by itself once the steps before it have ended, so that its checks are looked at
    before the first step of its lesson, or before the first of `steps`.
    """
    early: dict[str, bool] = {}
    lesson = ""
    for at, step in enumerate(steps):
        mine = runner.course.lesson_of(step.id).id
        if mine != lesson:
            lesson = mine
            waits = [
                one.id
                for one in steps[at:]
                if isinstance(one.kind, Wait) and runner.course.lesson_of(one.id).id == mine
            ]
            early = {one: await holds(runner, one) for one in waits} if waits else {}
        proof = await _one(runner, step, reporter, early)
        yield proof
        if not proof.report.ok:
            return


async def holds(runner: Runner, step_id: str) -> bool:
    """A step's own checks hold now, whatever later steps say."""
    results = (await runner.evaluate([step_id]))[step_id].results
    return all(result.ok for result in results)


async def _one(runner: Runner, step: Step, reporter: Reporter, early: dict[str, bool]) -> Proof:
    seen: list[str] = []
    faults: list[str] = []
    judged = step.kind.acts and bool(step.checks)
    if judged:
        held = early[step.id] if step.id in early else await holds(runner, step.id)
        (faults if held else seen).append("holds before it was done" if held else "fails before")
    report = await run_step(runner, step, reporter)
    # What is waited for may have come true since the lesson began.
    good = GOOD if step.id in early or faults else ("done",)
    if report.ended.outcome not in good:
        reason = f": {report.ended.reason}" if report.ended.reason else ""
        wrong = "".join(f"; {explain(result)}" for result in report.wrong)
        return Proof(report, tuple(seen), (*faults, f"{report.ended.outcome}{reason}{wrong}"))
    seen.append(report.ended.outcome)
    if judged:
        after = await holds(runner, step.id)
        (seen if after else faults).append("holds after" if after else "does not hold after it was done")
    if step.diagnoses:
        spoke = await _spoke(runner, step)
        (faults if spoke else seen).append(spoke or "no mistake")
    again = await _again(runner, step)
    (faults if again else seen).append(again or "nothing the second time")
    return Proof(report, tuple(seen), tuple(faults))


async def _spoke(runner: Runner, step: Step) -> str:
    """Which mistakes are named although the step is done, in words; what has just been mended may show for a while."""
    until = time.monotonic() + SETTLES
    while found := await runner.diagnose(step.id):
        if time.monotonic() > until:
            return "; ".join(f"a mistake is named where none was made: {one.name}: {one.says}" for one in found)
        await asyncio.sleep(INTERVAL)
    return ""


async def _again(runner: Runner, step: Step) -> str:
    """What a second run did, in words; empty when it did nothing."""
    did, outcome = "", ""
    async for event in runner.run(step.id):
        if isinstance(event, CommandStarted):
            did = f"the second time it ran: {event.command}"
        elif isinstance(event, StepEnded):
            outcome = event.outcome
    return did or ("" if outcome in ("already", "past") else f"the second time it was {outcome}")


def tap(number: int, proof: Proof) -> str:
    """A line of TAP, version 14, and what does not hold below it; see https://testanything.org."""
    said = f"{number} - {proof.report.step.id}: {', '.join(proof.seen) or 'nothing was seen'}"
    lines = [f"{'ok' if proof.ok else 'not ok'} {_escaped(said)}"]
    lines += [f"# {one_line(fault)}" for fault in proof.faults]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace("#", "\\#")
