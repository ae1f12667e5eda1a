"""How long steps and lessons are planned to take: what follows from the words, and what a lesson says itself."""

from pathlib import Path

import pytest

from pghalab.course import timing
from pghalab.course.load import load_course
from pghalab.course.model import Course, Step
from tests.fake_lab.course import write_course
from tests.shipped import shipped_course

COMMAND = "id: a\nkind: command\nnode: pgha1\ncommand: ls\nno_check: x\n"
WORDS = 30 * "word "


def step(folder: Path, text: str) -> Step:
    return write_course(folder, text).steps[0]


def test_a_pause_is_what_the_lesson_says(tmp_path: Path) -> None:
    assert timing.pause(step(tmp_path, COMMAND + "pause: 600\nsilent: true")) == 600


def test_without_one_what_is_read_then_decides(tmp_path: Path) -> None:
    bare = step(tmp_path / "bare", COMMAND + "silent: true")
    printed = step(tmp_path / "printed", f"{COMMAND}expect: {WORDS}")
    endless = step(tmp_path / "endless", f"{COMMAND}expect: {WORDS * 100}")
    corrected = step(tmp_path / "corrected", f"{COMMAND}expect: {WORDS}\ncorrection: {WORDS}\nerrata: [T1]")
    seconds = [timing.pause(one) for one in (bare, printed, endless, corrected)]
    assert seconds == [timing.SHORTEST, 10, 20, 20]


def test_what_is_only_read_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "01-one.md").write_text(
        f"---\nid: one\ntitle: One\ncredit: Somebody\n---\n## Read\n\n{WORDS}\n", encoding="utf-8"
    )
    (read,) = load_course(tmp_path).steps
    assert (timing.talk(read), timing.pause(read)) == (0, 10)


def test_a_question_is_thought_about_before_its_choices_are_explained(tmp_path: Path) -> None:
    choices = f"[{{text: 'one two', explain: '{WORDS}', right: true}}, {{text: 'three four', explain: '{WORDS}'}}]"
    asked = step(tmp_path, f"id: a\nkind: question\nquestion: {{text: '{WORDS}', choices: {choices}}}")
    words_before = 1 + 30 + 4
    assert timing.talk(asked) == round(words_before / timing.WORDS_A_SECOND) + timing.THINKING
    assert timing.pause(asked) == round((1 + 30 + 30) / timing.WORDS_A_SECOND)


def test_the_steps_of_a_lesson_sum_up_to_its_minutes_and_longer_ones_have_more(tmp_path: Path) -> None:
    course = write_course(
        tmp_path,
        COMMAND + "silent: true",
        COMMAND.replace("id: a", "id: b") + f"expect: {WORDS}",
        COMMAND.replace("id: a", "id: c") + "silent: true\npause: 300",
    )
    planned = timing.planned(course.lessons[0])
    assert sum(planned.values()) == pytest.approx(60 * course.lessons[0].minutes)
    assert planned["a"] < planned["b"] < planned["c"]


@pytest.fixture(scope="module")
def whole() -> Course:
    return shipped_course()


def test_every_lesson_of_the_course_has_time_enough_to_be_read(whole: Course) -> None:
    for lesson in whole.lessons:
        needed = timing.reading(lesson.intro) + sum(timing.talk(one) + timing.pause(one) for one in lesson.steps)
        assert needed < 60 * lesson.minutes, lesson.id
        assert sum(timing.planned(lesson).values()) == pytest.approx(60 * lesson.minutes)
