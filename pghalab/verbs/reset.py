"""The verb that starts a lesson over, or forgets what was done."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pghalab.out import complain, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pghalab.course.model import Course, Lesson


def reset(arguments: argparse.Namespace) -> int:
    """Start a lesson over, or forget progress."""
    from pghalab.course.load import load_course

    course = load_course()
    if arguments.start_over:
        return _start_over(arguments, course)
    return _forget(arguments, [] if arguments.all else [_lesson(course, arguments.lesson)])


def _lesson(course: Course, name: str) -> Lesson:
    from pghalab.lab.types import LabError

    for lesson in course.lessons:
        if lesson.id == name:
            return lesson
    known = ", ".join(lesson.id for lesson in course.lessons)
    raise LabError(f"The course has no lesson `{name}`.", todo=f"Lessons: {known}")


def _forget(arguments: argparse.Namespace, lessons: Sequence[Lesson]) -> int:
    """Forget the progress of these lessons, without any that of all."""
    from pghalab.course.progress import Progress
    from pghalab.lab.deploy.driving import DriverLock
    from pghalab.lab.host.paths import state_dir

    # What a console or a run forgets here, it would store again with its next step.
    with DriverLock(arguments.lab):
        progress = Progress.load(state_dir(arguments.lab) / "progress.json")
        if lessons:
            progress.forget([step.id for lesson in lessons for step in lesson.steps])
        else:
            progress.forget_all()
        progress.save()
    for notice in progress.notices:
        complain(notice)
    say(f"Forgot {lessons[0].title if lessons else 'everything'}; the lab itself is as it was.")
    return 0


def _start_over(arguments: argparse.Namespace, course: Course) -> int:
    """Take the lab back to where a lesson began, where a snapshot knows that."""
    import asyncio

    from pghalab.course.localise import Names
    from pghalab.course.progress import Progress
    from pghalab.lab.deploy.driving import DriverLock
    from pghalab.lab.host.paths import lab_folder
    from pghalab.lab.settings import load_settings
    from pghalab.session.going_back import start_over
    from pghalab.verbs.lab import drive
    from pghalab.verbs.snapshots import kept

    lesson = _lesson(course, arguments.start_over)
    progress = Progress.load(lab_folder(arguments.lab) / "progress.json", read_only=True)
    settings = load_settings(arguments.lab, look_only=True)
    names = Names(settings.prefix, settings.subnet, settings.auth_method)
    # Nobody is asked for what would be refused.
    with DriverLock(arguments.lab):
        plan = start_over(course, lesson, progress.done(), asyncio.run(kept(arguments.lab)))
        say(plan.words(names.text))
        question = "Forget its progress?" if plan.about is None else "Start it over?"
        if not arguments.yes and not _agreed(question):
            return 1
    if plan.about is None:
        return _forget(arguments, [lesson])
    return drive(argparse.Namespace(lab=arguments.lab, verb="restore", name=plan.about.name, force=False))


def _agreed(question: str) -> bool:
    """Whether who sits before the terminal says yes; raises LabError without one."""
    import sys

    from pghalab.lab.types import LabError

    if not sys.stdin.isatty():
        raise LabError("There is nobody to ask.", todo="Say that it is meant: --yes", kind="no-terminal")
    say(f"{question} [y/N] ", end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
