"""Where Continue leads, and what a lesson builds on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from textual.widgets import Button, Static

from pghalab.course.events import StepState
from pghalab.course.load import load_course
from pghalab.course.model import Course
from pghalab.screens.lesson import LessonScreen
from pghalab.session.next_step import lesson_state, next_step, unmet_needs
from tests.shipped import shipped_course
from tests.ui.stage import COURSE, opened, stage, until
from tests.ui.test_console import at_step, shown

ALL: dict[str, StepState] = dict.fromkeys(
    ("first-read", "first-table", "first-question", "second-start", "second-edit", "second-optional"), "done"
)


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(COURSE)


@pytest.mark.parametrize(
    ("states", "last", "skipped", "expected"),
    [
        ({}, "", set(), "first-read"),
        ({"first-read": "done"}, "", set(), "first-table"),
        # Left at a step that is to do, far ahead.
        ({"first-read": "done"}, "second-edit", set(), "second-edit"),
        # Left at the newest step, which is done: its result may be unread.
        ({"first-read": "done", "first-table": "done"}, "first-table", set(), "first-table"),
        # Looked back at an old one.
        ({"first-read": "done", "first-table": "done"}, "first-read", set(), "first-question"),
        # What is broken is told apart, and is the way on only when nothing else is left or it was left there.
        ({"first-read": "broken"}, "", set(), "first-table"),
        ({"first-read": "broken"}, "first-read", set(), "first-read"),
        (ALL | {"first-read": "broken"}, "", set(), "first-read"),
        # Passed over.
        (ALL | {"second-optional": "todo"}, "second-optional", set(), "second-optional"),
        (ALL | {"second-optional": "todo"}, "second-optional", {"second-optional"}, None),
        ({}, "first-read", {"first-read"}, "first-table"),
        (ALL, "second-optional", set(), None),
        ({}, "gone", set(), "first-read"),
        # Nothing is left to do in what is past.
        ({"first-read": "past"}, "", set(), "first-table"),
        (ALL | {"first-read": "past"}, "first-read", set(), None),
    ],
)
def test_the_way_on(
    course: Course, states: dict[str, StepState], last: str, skipped: set[str], expected: str | None
) -> None:
    found = next_step(course, states, last, skipped)
    assert (found[1].id if found else None) == expected


def test_a_lesson_builds_on_all_that_its_needs_build_on() -> None:
    course = shipped_course()
    states: dict[str, StepState] = {}
    by_id = {lesson.id: lesson for lesson in course.lessons}
    leader = by_id["leader"]
    numbers = unmet_needs(course, leader, states)
    assert {by_id[need].number for need in ("deploy", "etcd-config", "etcd-start", "patroni-config")} <= set(numbers)
    for need in ("image", "deploy", "etcd-config", "etcd-start"):
        states |= dict.fromkeys((step.id for step in by_id[need].steps), "done")
    assert unmet_needs(course, leader, states) == [by_id["patroni-config"].number]
    # Typed in another terminal, what it prints was read there; what it starts is seen to run or not.
    states |= dict.fromkeys((step.id for step in by_id["patroni-config"].steps), "done")
    assert unmet_needs(course, leader, states | {"etcd-members": "todo", "etcd-log": "todo"}) == []
    assert unmet_needs(course, leader, states | {"etcd-start-pgha4": "todo"}) == [by_id["etcd-start"].number]
    # What it started is past, and what it printed was seen here.
    states |= dict.fromkeys((step.id for step in by_id["etcd-start"].steps), "past")
    assert unmet_needs(course, leader, states | {"etcd-log": "done"}) == []
    assert unmet_needs(course, leader, states) == [by_id["etcd-start"].number]
    states |= dict.fromkeys((step.id for step in by_id["etcd-start"].steps), "done")
    # What is broken has a line of its own.
    states[by_id["etcd-start"].steps[-1].id] = "broken"
    assert unmet_needs(course, leader, states) == []
    assert unmet_needs(course, replace(leader, needs=("no-such-lesson",)), {}) == []


def test_what_is_past_counts_as_complete_and_proves_nothing() -> None:
    course = shipped_course()
    lesson = next(lesson for lesson in course.lessons if lesson.id == "etcd-config")
    after = next(lesson for lesson in course.lessons if lesson.needs == ("etcd-config",))
    states: dict[str, StepState] = dict.fromkeys((step.id for step in lesson.steps), "done")
    states[lesson.steps[4].id] = "past"
    assert lesson_state(lesson, states) == ("done", "done, 1 past")
    assert lesson.number not in unmet_needs(course, after, states)
    states |= dict.fromkeys((step.id for step in lesson.steps), "past")
    assert lesson.number in unmet_needs(course, after, states)
    states[lesson.steps[0].id] = "todo"
    count = sum(not step.optional for step in lesson.steps)
    assert lesson_state(lesson, states) == ("begun", f"{count - 1} of {count}, {count - 1} past")
    assert lesson_state(lesson, {}) == ("unseen", "not seen yet")


async def test_the_console_goes_on_where_it_was_left(folder: Path) -> None:
    built = stage(folder, last="second-edit", done=["first-read", "second-start"])
    async with built.app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, built)
        await until(pilot, lambda: "No longer true (B goes there)" in shown(built))
        button = built.app.screen.query_one("#continue", Button)
        assert str(button.label) == "Continue: 2 Starting etcd › Change the configuration"
        await at_step(built, pilot, "first-question")
        await until(pilot, lambda: built.runner.last == "first-question")


def on_step(screen: LessonScreen, step: str) -> bool:
    """Whether a step is on the screen."""
    return screen.step.id == step


async def test_one_key_leads_from_broken_step_to_broken_step(folder: Path) -> None:
    built = stage(folder)
    built.start_etcd()
    built.sources.dcs["config"] = '{"postgresql": {"parameters": {"max_connections": 200}}}'
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "first-read")
        await pilot.press("B")
        await until(pilot, lambda: any("Nothing that was done" in note.message for note in built.app._notifications))
        built.end_etcd()
        built.app.session.rechecks.soon(None, 0)
        await until(
            pilot, lambda: [one.step for one in built.app.session.state.broken()] == ["second-start", "second-edit"]
        )
        for step in ("second-start", "second-edit", "second-start"):
            await pilot.press("B")
            await until(pilot, partial(on_step, screen, step))
        await pilot.press("L")
        await until(pilot, lambda: not screen.is_active)
        await pilot.press("B")
        await until(pilot, lambda: screen.is_active)


async def test_a_lesson_says_once_what_it_builds_on(folder: Path, tmp_path: Path) -> None:
    lessons = tmp_path / "lessons"
    lessons.mkdir()
    for path in COURSE.iterdir():
        (lessons / path.name).write_text(path.read_text())
    steps = "".join(f"\n## {title}\n\n```yaml step\nid: {title}\nkind: read\n```\n" for title in ("begin", "go-on"))
    head = "id: third\ntitle: A third lesson\nminutes: 5\nneeds: [first, second]\ncredit: Somebody"
    (lessons / "03-third.md").write_text(f"---\n{head}\n---\nIntro.\n{steps}")
    built = stage(folder, lessons=lessons)
    async with built.app.run_test(size=(120, 40)) as pilot:
        screen = await at_step(built, pilot, "begin")
        line = screen.query_one("#needs", Static)
        await until(pilot, lambda: line.display)
        # What is only read or answered in lesson 1 is nothing that this lesson needs.
        assert "builds on 2: not done yet" in str(line.content)
        await pilot.press("n")
        await until(pilot, lambda: screen.step.id == "go-on" and not line.display)
        await pilot.press("p")
        await until(pilot, lambda: line.display)
        built.start_etcd()
        built.sources.dcs["config"] = '{"postgresql": {"parameters": {"max_connections": 200}}}'
        built.app.session.rechecks.soon(None, 0)
        await until(pilot, lambda: not line.display)
