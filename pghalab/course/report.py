"""Runs steps without a console and tells about it: lines for people, JSON for programs, JUnit for build servers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Protocol, TextIO

from pghalab.course.diagnoses import Diagnosis
from pghalab.course.events import (
    CheckResult,
    ChecksSeen,
    CommandEnded,
    CommandStarted,
    Outcome,
    Printed,
    RunEvent,
    StepEnded,
    explain,
    to_json,
)
from pghalab.course.expected.compare import misfits
from pghalab.course.expected.model import Comparison
from pghalab.course.expected.step import of_step
from pghalab.course.expected.words import summary
from pghalab.course.left_out import left_out
from pghalab.course.look import StepStatus
from pghalab.course.model import Course, Step
from pghalab.course.runner import Runner
from pghalab.course.tail import Tail
from pghalab.out import Bar, complain, say_json
from pghalab.text import one_line
from pghalab.values import dataclass

GOOD = ("done", "already", "past")
_WORDS: Mapping[Outcome, str] = {
    "done": "done", "already": "already", "past": "past", "failed": "FAILED", "stopped": "stopped",
    "refused": "REFUSED",
}  # fmt: skip


@dataclass(slots=True)
class StepReport:
    """What came of one step."""

    step: Step
    ended: StepEnded
    title: str = ""
    """In the lab's own names."""
    log: Path | None = None
    wrong: tuple[CheckResult, ...] = ()
    """The checks that failed at the last look."""
    diagnoses: tuple[Diagnosis, ...] = ()
    """The mistakes that show, of a step that is not done."""
    comparison: Comparison | None = None
    """What it printed beside what was expected; None when it ran nothing, or nothing is said of what it prints."""
    faults: tuple[str, ...] = ()
    """What speaks against the step although it may be done: see `prove`."""

    @property
    def ok(self) -> bool:
        """The step is done, or nothing is left to do in it."""
        return self.ended.outcome in GOOD and not self.faults


class Reporter(Protocol):
    """Tells about a run as it goes on."""

    def event(self, event: RunEvent) -> None:
        """Something happened."""

    def step(self, report: StepReport) -> None:
        """A step ended."""


@dataclass(slots=True)
class JsonReporter:
    """One event a line."""

    out: TextIO | None = None

    def event(self, event: RunEvent) -> None:
        """Print the event."""
        say_json({"at": round(time.time(), 3), **to_json(event)}, to=self.out)

    def step(self, report: StepReport) -> None:
        """The event of its end has said it all."""


class Quiet:
    """Tells nothing."""

    def event(self, event: RunEvent) -> None:
        """Nothing."""

    def step(self, report: StepReport) -> None:
        """Nothing."""


class TextReporter:
    """A line per step; on a terminal also a bar with the step that runs now.

    Of steps that do not count among the `total` the line has no number.
    """

    def __init__(
        self, total: int, out: TextIO | None = None, counts: Callable[[Step], bool] = lambda step: True
    ) -> None:
        self._total = total
        self._counts = counts
        self._numbers: dict[str, int] = {}
        self._bar = Bar(total, out)

    def __enter__(self) -> TextReporter:
        """Show the bar when there is a terminal."""
        self._bar.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the bar away."""
        self._bar.__exit__(kind, error, at)

    def total(self, steps: int) -> None:
        """So many steps are run in all, as far as is known by this time."""
        self._total = steps
        self._bar.total(steps)

    def event(self, event: RunEvent) -> None:
        """Name the step that runs beside the bar."""
        if title := getattr(event, "title", ""):
            self._bar.name(title)

    def step(self, report: StepReport) -> None:
        """Print the step's line, and after a failure what is known of it."""
        # A step that came first is met again in its place.
        counts, again = self._counts(report.step), report.step.id in self._numbers
        number = self._numbers.setdefault(report.step.id, len(self._numbers) + 1) if counts else 0
        total = max(number, self._total)
        ended = report.ended
        place = f"{number:>{len(str(total))}}/{total}"
        line = f"{place if counts else ' ' * len(place)}  {_WORDS[ended.outcome]:<8} {ended.seconds:7.1f} s  "
        self._bar.line(f"{line}{report.step.id}  {one_line(report.title or report.step.title)}")
        if ended.reason:
            self._bar.line(f"    {ended.reason}")
        if report.comparison is not None:
            self._bar.line(f"    output: {summary(report.comparison)}")
        if not report.ok:
            for result in report.wrong:
                self._bar.line(f"    check failed: {explain(result)}")
            for found in report.diagnoses:
                self._bar.line(f"    {found.says} {found.todo}")
            if report.log is not None:
                self._bar.line(f"    log: {report.log}")
        if counts and not again:
            self._bar.advance()


async def run_step(
    runner: Runner,
    step: Step,
    reporter: Reporter,
    without: Collection[str] = (),
    *,
    beside: bool = False,
    seen: StepStatus | None = None,
) -> StepReport:
    """Run one step, as `Runner.run` does; whatever it needs confirmed is confirmed."""
    log: Path | None = None
    wrong: tuple[CheckResult, ...] = ()
    printed, comparison = Tail(), None
    ended = StepEnded(step.id, "stopped", 0.0)
    async with aclosing(runner.run(step.id, without=without, beside=beside, seen=seen)) as events:
        async for event in events:
            if isinstance(event, CommandStarted):
                log = event.log
            elif isinstance(event, Printed):
                printed.add(event.output.text)
            elif isinstance(event, CommandEnded) and event.ended.how == "exited":
                comparison = of_step(step, printed.text(), runner.names)
                if comparison is not None:
                    runner.compared(step.id, comparison)
            elif isinstance(event, ChecksSeen):
                wrong = tuple(result for result in event.results if not result.ok)
            elif isinstance(event, StepEnded):
                ended = event
            reporter.event(event)
    report = StepReport(step, ended, runner.names.text(step.title), log, wrong, comparison=comparison)
    if not report.ok:
        report.diagnoses = (*await left_out(runner, step.id), *await runner.diagnose(step.id))
    reporter.step(report)
    return report


async def run_steps(
    runner: Runner,
    steps: Sequence[Step],
    reporter: Reporter,
    reports: list[StepReport],
    without: Collection[str] = (),
) -> None:
    """Run steps in order until one fails; what came of each is added to `reports`.

    A step that has to come first so that no row is lost (who led last starts first) is run first; what only the nodes
    in `without` have may be lost.
    """
    told = len(runner.progress.notices)
    for step in steps:
        first = await runner.comes_first(step.id, without)
        for one in (runner.course.step(first), step) if first else (step,):
            report = await run_step(runner, one, reporter, without)
            reports.append(report)
            for notice in runner.progress.notices[told:]:
                complain(notice)
            told = len(runner.progress.notices)
            if not report.ok:
                return


def choose(course: Course, *, lessons: Sequence[str] = (), to: str = "", optional: bool = True) -> list[Step]:
    """The steps of a run: of some lessons, up to and with a step, or all; raises KeyError with an unknown id."""
    known = {lesson.id for lesson in course.lessons}
    for name in lessons:
        if name not in known:
            raise KeyError(name)
    if to:
        course.step(to)
    chosen: list[Step] = []
    for lesson in course.lessons:
        if lessons and lesson.id not in lessons:
            continue
        for step in lesson.steps:
            if optional or not (lesson.optional or step.optional) or step.id == to:
                chosen.append(step)
            if step.id == to:
                return chosen
    return chosen


def junit(course: Course, steps: Sequence[Step], reports: Sequence[StepReport]) -> str:
    """A JUnit report: a suite per lesson, a case per step.

    Steps that were never reached and past ones, which prove nothing, are skipped.
    """
    from xml.etree import ElementTree

    by_step = {report.step.id: report for report in reports}
    root = ElementTree.Element("testsuites", name="pghalab")
    for lesson in course.lessons:
        mine = [step for step in steps if course.lesson_of(step.id).id == lesson.id]
        if not mine:
            continue
        seen = [by_step[step.id] for step in mine if step.id in by_step]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=lesson.id,
            tests=str(len(mine)),
            failures=str(sum(not report.ok for report in seen)),
            skipped=str(len(mine) - len(seen) + sum(report.ended.outcome == "past" for report in seen)),
            time=f"{sum(report.ended.seconds for report in seen):.3f}",
        )
        for step in mine:
            report = by_step.get(step.id)
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=lesson.id,
                name=step.id,
                time=f"{report.ended.seconds if report else 0:.3f}",
            )
            if report is None:
                ElementTree.SubElement(case, "skipped")
            elif report.ended.outcome == "past":
                ElementTree.SubElement(case, "skipped", message=_xml(f"past: {report.ended.reason}"))
            elif not report.ok:
                words = "; ".join(report.faults) or report.ended.reason
                failure = ElementTree.SubElement(case, "failure", message=_xml(words))
                lines = [explain(result) for result in report.wrong]
                lines += [f"{found.says} {found.todo}" for found in report.diagnoses]
                lines += [f"log: {report.log}"] if report.log else []
                failure.text = _xml("\n".join(lines))
            if report is not None and report.comparison is not None:
                said = [f"output: {summary(report.comparison)}", *misfits(report.comparison)]
                ElementTree.SubElement(case, "system-out").text = _xml("\n".join(said))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _xml(text: str) -> str:
    """Without the control characters that XML has no place for."""
    return "".join(char for char in text if char in "\t\n" or ord(char) >= 32)
