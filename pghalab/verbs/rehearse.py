"""The verb that rehearses a show: what its lessons take here, what fails, and what the room needs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pghalab.out import complain, say, say_json, table

if TYPE_CHECKING:
    from typing import Any

    from pghalab.course.model import Course, Lesson
    from pghalab.course.report import Reporter, StepReport
    from pghalab.session.demo.rehearsal import Rehearsed


def rehearse(arguments: argparse.Namespace) -> int:
    """Look at the room, then run the lessons; a signal ends the step that runs first."""
    from pghalab.verbs.course import until_told

    return until_told(_rehearse(arguments))


async def _rehearse(arguments: argparse.Namespace) -> int:
    from pghalab.course import report
    from pghalab.course.load import load_course
    from pghalab.lab.doctor import healthy
    from pghalab.lab.host.paths import lab_folder
    from pghalab.lab.settings import load_settings
    from pghalab.serve.preflight import viewers
    from pghalab.session.demo.preflight import preflight
    from pghalab.session.demo.program import chosen
    from pghalab.verbs.doctor import print_facts

    course = load_course()
    for problem in course.problems:
        complain(f"{problem} (the lesson is left out)")
    lessons = list(chosen(course, arguments.lessons).lessons)
    facts = [*await preflight(load_settings(arguments.lab, look_only=True)), viewers(lab_folder(arguments.lab))]
    well = healthy(facts) and not course.problems
    if arguments.json:
        say_json({"room": [fact.as_dict() for fact in facts], "ok": healthy(facts)})
    else:
        print_facts(facts)
    if arguments.room:
        return 0 if well else 1
    if arguments.json:
        done = await _run(arguments, course, lessons, report.Quiet())
    else:
        say()
        with report.TextReporter(sum(len(lesson.steps) for lesson in lessons)) as reporter:
            done = await _run(arguments, course, lessons, reporter)
        say()
        for line in summary(done, len(lessons)):
            say(line)
    return 0 if well and len(done) == len(lessons) and not any(one.failed for one in done) else 1


async def _run(
    arguments: argparse.Namespace, course: Course, lessons: list[Lesson], reporter: Reporter
) -> list[Rehearsed]:
    """Rehearse the lessons on the lab, and tell programs of each as it ends."""
    from pghalab.course.runner import Runner
    from pghalab.lab.host.paths import state_dir
    from pghalab.session.demo.rehearsal import Rehearsed, rehearse_all
    from pghalab.session.demo.settings import load
    from pghalab.verbs.course import opened

    wanted, wrong = load()
    for line in wrong:
        complain(line)
    done: list[Rehearsed] = []
    async with opened(arguments.lab) as lab:
        runner = Runner.open(lab, state_dir(arguments.lab), course=course)
        for notice in runner.progress.notices:
            complain(notice)
        optional = not arguments.no_optional
        async for one in rehearse_all(runner, lessons, reporter, wanted.tempo, optional=optional):
            if isinstance(one, Rehearsed):
                done.append(one)
            if arguments.json:
                say_json(one.as_dict() if isinstance(one, Rehearsed) else _before(one))
    return done


def _before(reports: list[StepReport]) -> dict[str, Any]:
    """What was done before a lesson, as plain values."""
    from pghalab.session.demo.rehearsal import why

    return {
        "before": [report.step.id for report in reports],
        "seconds": round(sum(report.ended.seconds for report in reports), 1),
        "failed": [{"step": report.step.id, "why": why(report)} for report in reports if not report.ok],
    }


def summary(done: list[Rehearsed], wanted: int) -> list[str]:
    """What the lessons take beside what is planned, as lines: a table, then what to know of it."""
    from pghalab.cluster.units import clock
    from pghalab.session.demo.rehearsal import why

    rows: list[tuple[str, ...]] = [("lesson", "planned", "takes", "commands", "typing", "reading", "")]
    for one in done:
        seconds = (one.planned, one.takes, one.commands, one.typing, one.reading)
        rows.append((f"{one.lesson.number:>2} {one.lesson.id}", *map(clock, seconds), _remark(one)))
    lines = table(rows).splitlines() if done else []
    for one in done:
        if one.unmeasured:
            lines.append(f"{one.lesson.id}: not measured, since it was done before: {', '.join(one.unmeasured)}")
        if one.failed:
            lines.append(f"{one.lesson.id}: stopped at {one.failed.step.id}: {why(one.failed)}")
    if len(done) < wanted:
        lines.append(f"{wanted - len(done)} of {wanted} lessons were not reached")
    return lines


def _remark(one: Rehearsed) -> str:
    from pghalab.cluster.units import clock

    if one.failed:
        return "STOPPED"
    return f"{clock(one.takes - one.planned)} too long" if one.takes > one.planned else ""
