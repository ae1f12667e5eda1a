"""A show without a room: what its lessons take on this machine, beside the time that is planned for them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from random import Random
from typing import Any

from pghalab.course.events import explain
from pghalab.course.kinds import EVERY_NODE, Wait
from pghalab.course.model import Lesson, Step
from pghalab.course.report import Reporter, StepReport, run_step, run_steps
from pghalab.course.runner import Runner
from pghalab.course.timing import pause, talk
from pghalab.course.way import go, look, way
from pghalab.session.demo.pace import Tempo, gaps
from pghalab.values import dataclass

RAN = "done"
"""The outcome of a step that was run, and so measured; the others were so already, or came to nothing."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What one lesson takes."""

    lesson: Lesson
    steps: tuple[Step, ...]
    """Those that are shown."""
    reports: tuple[StepReport, ...]
    """What came of those that were reached, in order; one that had to come first is among them."""
    typing: float
    """Seconds in which the commands come out."""
    reading: float
    """Seconds in which a room reads, and thinks about the questions."""

    @property
    def commands(self) -> float:
        """Seconds until what was run here had been seen to hold."""
        return sum(report.ended.seconds for report in self.reports if report.ended.outcome == RAN)

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """The steps that run something and were not run: they were done before, or past."""
        held = (report.step for report in self.reports if report.ended.outcome in ("already", "past"))
        return tuple(step.id for step in held if step.kind.acts and not isinstance(step.kind, Wait))

    @property
    def failed(self) -> StepReport | None:
        """The step that came to nothing, and ended the rehearsal."""
        return next((report for report in self.reports if not report.ok), None)

    @property
    def planned(self) -> float:
        """Seconds that are planned."""
        return 60.0 * self.lesson.minutes

    @property
    def takes(self) -> float:
        """Seconds in all: of the commands, as far as they were measured, the typing and the reading."""
        return self.commands + self.typing + self.reading

    def as_dict(self) -> dict[str, Any]:
        """The lesson as plain values, for JSON: seconds."""
        failed = self.failed
        return {
            "lesson": self.lesson.id,
            "planned": self.planned,
            "takes": round(self.takes, 1),
            "commands": round(self.commands, 1),
            "typing": round(self.typing, 1),
            "reading": round(self.reading, 1),
            "steps": len(self.steps),
            "reached": len({report.step.id for report in self.reports} & {step.id for step in self.steps}),
            "unmeasured": self.unmeasured,
            "failed": failed.step.id if failed else None,
            "why": why(failed) if failed else "",
        }


def why(report: StepReport) -> str:
    """Why a step came to nothing, in one line."""
    return report.ended.reason or "; ".join(map(explain, report.wrong)) or report.ended.outcome


async def missing(runner: Runner, lesson: Lesson, reporter: Reporter) -> list[StepReport]:
    """Do what is missing before a lesson, as a show does that begins there, and tell what came of it."""
    found = way(runner.course, lesson.id)
    reports: list[StepReport] = []

    async def run(step: Step, standing: Any) -> bool:
        reports.append(await run_step(runner, step, reporter, beside=True, seen=standing))
        return reports[-1].ok

    await go(runner, found, await look(runner, found), run)
    return reports


async def rehearse(
    runner: Runner, lesson: Lesson, reporter: Reporter, tempo: Tempo, *, optional: bool = True
) -> Rehearsed:
    """Run the steps of a lesson as they are shown, until one fails; nobody is waited for."""
    steps = tuple(step for step in lesson.steps if optional or not step.optional)
    reports: list[StepReport] = []
    await run_steps(runner, steps, reporter, reports)
    typed = sum(typing(runner, step, tempo) for step in steps)
    return Rehearsed(lesson, steps, tuple(reports), typed, sum(reading(step, tempo) for step in steps))


async def rehearse_all(
    runner: Runner, lessons: Sequence[Lesson], reporter: Reporter, tempo: Tempo, *, optional: bool = True
) -> AsyncGenerator[Rehearsed | list[StepReport], None]:
    """Rehearse lessons in order until a step fails.

    Before a lesson that does not follow the one before it comes what was missing before it, when anything was.
    """
    order = runner.course.lessons
    before: Lesson | None = None
    for lesson in lessons:
        if before is None or order.index(lesson) != order.index(before) + 1:
            reports = await missing(runner, lesson, reporter)
            if reports:
                yield reports
            if not all(report.ok for report in reports):
                return
        rehearsed = await rehearse(runner, lesson, reporter, tempo, optional=optional)
        yield rehearsed
        if rehearsed.failed:
            return
        before = lesson


def typing(runner: Runner, step: Step, tempo: Tempo) -> float:
    """Seconds in which the command of a step comes out."""
    card = step.kind.card
    if tempo.instant or card is None or not card.copyable or step.kind.where.node == EVERY_NODE:
        return 0.0
    text = step.kind.typed(runner.resolve(step).command)
    # The same command takes the same time in each rehearsal.
    return sum(gaps(text, tempo.jitter, Random(step.id))) / tempo.speed


def reading(step: Step, tempo: Tempo) -> float:
    """Seconds in which a step is read before and after it is run."""
    return 0.0 if tempo.instant else (talk(step) + pause(step)) / tempo.speed
