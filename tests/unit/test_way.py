"""The way to a place in the course: what is on it, what is missing, and what nothing leads back to."""

from __future__ import annotations

import pytest

from pghalab.course.checks.output import CHECK
from pghalab.course.events import CheckResult, StepState
from pghalab.course.load import load_course
from pghalab.course.look import StepStatus
from pghalab.course.way import missing, way

COURSE = load_course()


def ids(place: str) -> list[str]:
    return [step.id for step in way(COURSE, place).steps]


def test_the_way_to_a_lesson_ends_before_its_first_step() -> None:
    found = way(COURSE, "etcd-start")
    assert found.to == COURSE.lesson_of("etcd-start-pgha1").steps[0]
    assert {COURSE.lesson_of(step.id).id for step in found.steps} == {"image", "deploy", "etcd-config"}
    assert way(COURSE, "welcome").steps == ()


def test_the_way_to_a_step_has_those_before_it_in_its_lesson() -> None:
    assert [each for each in ids("etcd-start-pgha3") if each not in ids("etcd-start")] == [
        "etcd-start-pgha1", "etcd-alone", "etcd-start-pgha2",
    ]  # fmt: skip


def test_the_way_is_in_order_and_has_nothing_optional_and_nothing_to_read() -> None:
    found = ids("looking-back")
    order = [step.id for step in COURSE.steps]
    assert found == sorted(found, key=order.index)
    steps = [COURSE.step(each) for each in found]
    assert all(step.kind.acts and not step.optional for step in steps)
    assert not any(COURSE.lesson_of(each).optional for each in found)


def test_what_only_prints_and_is_replaced_on_the_way_is_left_out() -> None:
    found = ids("pg-hba")
    assert not {"etcd-alone", "etcd-two-away", "etcd-three-away", "leader-log"} & set(found)
    assert {"etcd-five", "etcd-back", "patroni-empty", "leader-start", "replicas-streaming"} <= set(found)
    # Before its replacement is on the way, it is a step like the others.
    assert "etcd-two-away" in ids("etcd-three-away")


def test_a_place_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        way(COURSE, "nowhere")


@pytest.mark.parametrize(
    ("state", "printed", "made", "wanted"),
    [
        ("todo", False, True, False),
        ("todo", False, False, True),
        ("broken", True, False, True),
        ("done", True, True, False),
        ("past", False, False, False),
    ],
)
def test_a_step_that_printed_nothing_here_but_made_all_there_is_is_not_missing(
    state: StepState, printed: bool, made: bool, wanted: bool
) -> None:
    step = COURSE.step("etcd-back")
    results = (CheckResult(CHECK, printed, "", ""), CheckResult("the key", made, "", ""))
    assert missing(step, StepStatus(state, results)) is wanted


def test_a_step_that_makes_something_is_missing_until_it_is_done() -> None:
    step = COURSE.step("leader-start")
    assert missing(step, StepStatus("todo", (CheckResult("patroni runs", True, "", ""),)))
    assert not missing(step, StepStatus("done"))
