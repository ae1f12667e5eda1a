"""The verbs of the course: run, lint."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pghalab.out import complain, say

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pghalab.course.model import Course, Problem, Step
    from pghalab.course.record import Recording
    from pghalab.course.report import StepReport
    from pghalab.course.runner import Runner


def run(arguments: argparse.Namespace) -> int:
    """Run steps of the course; a signal ends the one that runs first."""
    return until_told(_run_steps(arguments))


def until_told(work: Coroutine[Any, Any, int]) -> int:
    """Run something on nodes; a signal ends what runs there before the program ends."""
    import asyncio
    import signal

    ended_by: list[int] = []

    async def until() -> int:
        task = asyncio.ensure_future(work)

        def end(number: int) -> None:
            ended_by.append(number)
            task.cancel()

        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, end, number)
        return await task

    try:
        return asyncio.run(until())
    except asyncio.CancelledError:
        return 128 + ended_by[0] if ended_by else 1


async def _run_steps(arguments: argparse.Namespace) -> int:
    from pghalab.course import report
    from pghalab.course.journal.watching import watched
    from pghalab.course.load import load_course
    from pghalab.course.runner import Runner
    from pghalab.lab.host.paths import state_dir
    from pghalab.lab.types import LabError

    course = load_course()
    for problem in course.problems:
        complain(f"{problem} (the lesson is left out)")
    try:
        steps = report.choose(
            course, lessons=arguments.lesson or (), to=arguments.to or "", optional=not arguments.no_optional
        )
    except KeyError as error:
        raise LabError(f"The course has no `{error.args[0]}`.", todo="`pghalab` shows the course.") from error
    reports: list[StepReport] = []
    started = _now()
    try:
        async with opened(arguments.lab) as lab:
            runner = Runner.open(lab, state_dir(arguments.lab), course=course)
            for notice in runner.progress.notices:
                complain(notice)
            for name in arguments.without:
                if name not in lab.nodes:
                    raise LabError(f"The lab has no node {name}.", todo=f"Its nodes: {', '.join(lab.nodes)}")
            started = _now()
            if arguments.prove:
                return await _prove(runner, steps, reports, started)
            async with watched(lab, runner.journal):
                if arguments.json:
                    await report.run_steps(runner, steps, report.JsonReporter(), reports, arguments.without)
                else:
                    with report.TextReporter(len(steps)) as reporter:
                        await report.run_steps(runner, steps, reporter, reports, arguments.without)
    finally:
        # Also of a run that a signal or an error ended: what was not reached counts as skipped.
        if arguments.junit:
            _write(arguments.junit, report.junit(course, steps, reports))
    return _summary(course, steps, reports, _now() - started, quiet=arguments.json)


async def _prove(runner: Runner, steps: list[Step], reports: list[StepReport], started: float) -> int:
    """Prove the steps, a line of TAP for each."""
    from pghalab.course.prove import Proof, prove, tap
    from pghalab.course.report import Quiet

    proofs: list[Proof] = []
    say("TAP version 14")
    say(f"1..{len(steps)}")
    async for proof in prove(runner, steps, Quiet()):
        proofs.append(proof)
        reports.append(replace(proof.report, faults=proof.faults))
        say(tap(len(proofs), proof))
    if len(proofs) < len(steps):
        say(f"Bail out! {proofs[-1].report.step.id} could not be done")
    bad = sum(not proof.ok for proof in proofs)
    say(f"# {len(proofs) - bad} of {len(steps)} proven in {_now() - started:.0f} s")
    return 1 if bad or len(proofs) < len(steps) or runner.course.problems else 0


def _write(path: str, text: str) -> None:
    from pathlib import Path

    from pghalab.lab.types import LabError

    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise LabError(f"{path} cannot be written: {error.strerror}.") from error


def _now() -> float:
    import time

    return time.monotonic()


def _summary(course: Course, steps: list[Step], reports: list[StepReport], seconds: float, *, quiet: bool) -> int:
    bad = [report for report in reports if not report.ok]
    left = len(steps) - len({report.step.id for report in reports} & {step.id for step in steps})
    if not quiet:
        # A step that came before its turn is met again when it is, and was not done twice.
        first = {report.step.id: report.ended.outcome for report in reversed(reports)}
        count = Counter(first.values())
        words = [f"{count['done']} done", f"{count['already']} already"]
        words += [f"{count['past']} past"] if count["past"] else []
        words += [f"{len(bad)} failed"] + ([f"{left} not reached"] if left else [])
        say(f"{', '.join(words)} in {seconds:.1f} s")
    return 1 if bad or left or course.problems else 0


def opened(name: str) -> Any:
    """The lab as an asynchronous context, with the nodes that run within reach and no other console driving."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def context() -> Any:
        from pghalab.lab.deploy.driving import COURSE, DriverLock
        from pghalab.lab.local import LocalLab
        from pghalab.lab.settings import load_settings

        with DriverLock(name, doing=COURSE):
            settings = load_settings(name)
            for notice in settings.notices:
                complain(notice)
            lab = LocalLab(settings)
            await lab.open()
            try:
                # Nobody removes or restarts what the course stands on, not even by force.
                async with lab.changing(COURSE):
                    await lab.settle()
                    yield lab
            finally:
                await lab.close()

    return context()


def lint(arguments: argparse.Namespace) -> int:
    """Print what is wrong with lesson files."""
    from pathlib import Path

    from pghalab.course.lint import lint as problems_of
    from pghalab.course.load import load_course

    folder = Path(arguments.folder) if arguments.folder else None
    course = load_course(folder, strict=False)
    more = ""
    if arguments.record:
        more = _record(arguments, course)
        course = load_course(folder, strict=False)
    problems = problems_of(course)
    if not problems and arguments.against_lab:
        problems, more = _against(arguments, course)
    for problem in problems:
        say(problem)
    if problems:
        return 1
    steps = sum(len(lesson.steps) for lesson in course.lessons)
    say(f"{len(course.lessons)} lessons, {steps} steps, no problems{more}")
    return 0


def _against(arguments: argparse.Namespace, course: Course) -> tuple[list[Problem], str]:
    """What does not fit between the lessons' expected outputs and the lab's last runs."""
    from pghalab.course.record import compare

    found = _recordings(arguments, course)
    return compare(found), f"; {len(found)} outputs fit"


def _record(arguments: argparse.Namespace, course: Course) -> str:
    """Write what drifted anew, and say of each what did."""
    from pghalab.course.record import drift, rewrite

    found = _recordings(arguments, course)
    written = rewrite(found)
    for one in written:
        say(f"{one.path}: {one.step.id} recorded")
        for words in drift(one):
            say(f"    {words}")
    return f"; {len(written)} of {len(found)} outputs recorded anew"


def _recordings(arguments: argparse.Namespace, course: Course) -> list[Recording]:
    """What the lab's last runs printed; raises LabError when there is none."""
    from pghalab.course import record
    from pghalab.course.journal import Journal
    from pghalab.course.localise import Names
    from pghalab.lab.host.paths import state_dir
    from pghalab.lab.settings import load_settings
    from pghalab.lab.types import LabError

    settings = load_settings(arguments.lab)
    names = Names(settings.prefix, settings.subnet, settings.auth_method)
    if arguments.record:
        record.require_width(names)
    journal = Journal(state_dir(arguments.lab) / "journal", read_only=True)
    found = record.recordings(course, journal, names, settings.password)
    if not found:
        raise LabError(
            f"The lab {arguments.lab} has no outputs of the course's commands.",
            todo=f"Run the course on it first: pghalab --lab {arguments.lab} run --all",
        )
    return found
