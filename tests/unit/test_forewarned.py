"""What a presenter is told before a step: where its text names another leader, and where nothing is left to do."""

from dataclasses import replace

import pytest

from pghalab.course.events import StepState
from pghalab.course.localise import Names
from pghalab.course.model import Course
from pghalab.session.demo.forewarned import forewarned, leads_in
from tests.shipped import shipped_course

NODES = tuple(f"pgha{number}" for number in range(1, 6))


@pytest.fixture(scope="module")
def course() -> Course:
    return shipped_course()


def warned(course: Course, step: str, leader: str | None, state: StepState = "todo") -> tuple[str, ...]:
    return forewarned(
        "the next step", course.step(step), leader=leader, nodes=NODES, state=state, text=Names().text
    )  # fmt: skip


def test_the_steps_of_the_course_that_take_a_leader_for_granted(course: Course) -> None:
    said = {step.id: name for step in course.steps if (name := leads_in(step, NODES, str))}
    assert said == {
        "leader-list": "pgha1",
        "leader-log": "pgha1",
        "replicas-list-two": "pgha1",
        "replicas-list-three": "pgha1",
        "replicas-list-final": "pgha1",
        "switchover-pgha2": "pgha1",
        "switchover-pgha3": "pgha2",
        "switchover-pgha1": "pgha3",
    }


def test_another_leader_than_the_text_s_is_told(course: Course) -> None:
    assert warned(course, "leader-list", "pgha3") == ("The leader is pgha3: the text of the next step says pgha1.",)
    assert warned(course, "leader-list", "pgha1") == ()
    assert warned(course, "leader-list", None) == (), "that nobody leads is another matter, and told by the cluster"


def test_who_is_named_follows_the_names_of_the_lab(course: Course) -> None:
    text = Names(prefix="cr").text
    nodes = tuple(text(name) for name in NODES)
    said = forewarned("it", course.step("leader-list"), leader="cr2", nodes=nodes, state="todo", text=text)
    assert said == ("The leader is cr2: the text of it says cr1.",)


@pytest.mark.parametrize(
    ("prose", "named"),
    [
        ("pgha2 leads now.", "pgha2"),
        ("A first sentence. There pgha2 leads, and others follow.", "pgha2"),
        ("If pgha2 leads already, there is nothing to switch.", ""),
        ("It is right as long as pgha2 leads.", ""),
        ("Now {{leader}} leads, and not pgha2 leads.", ""),
        ("whoever leads, it leads.", ""),
        ("pgha9 leads.", ""),
    ],
)
def test_a_sentence_that_says_who_leads(course: Course, prose: str, named: str) -> None:
    step = replace(course.step("back-lessons"), prose=prose)
    assert leads_in(step, NODES, str) == named


def test_what_has_nothing_left_to_do_is_told(course: Course) -> None:
    assert warned(course, "etcd-alone", None, "past") == ("A later step has replaced what the next step makes.",)
    assert warned(course, "leader-start", None, "done") == (
        "What the next step makes is there already: nothing will move.",
    )
    assert warned(course, "leader-log", "pgha1", "done") == (), "what only prints is printed once more"
    assert warned(course, "back-lessons", None, "done") == (), "what is only read moves nothing anyway"
