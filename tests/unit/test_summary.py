"""What the end of the course says was measured."""

from __future__ import annotations

from pghalab.cluster.model import ClusterEvent
from pghalab.course.events import StepState
from pghalab.session.summary import summary
from tests.shipped import shipped_course


def test_the_time_without_writes_is_from_the_first_word_to_the_next_server() -> None:
    events = [
        ClusterEvent(10.0, "leader", "pgha1 leads", True),
        ClusterEvent(10.5, "writes", "pgha1 takes writes", True),
        ClusterEvent(20.0, "writes", "pgha1 takes no writes any more: read-only", False),
        ClusterEvent(21.0, "writes", "pgha1 takes no writes any more: stopped", False),
        ClusterEvent(23.5, "writes", "pgha2 takes writes", True),
        ClusterEvent(24.0, "leader", "pgha2 leads", True),
        ClusterEvent(30.0, "writes", "pgha2 takes no writes any more: stopped", False),
    ]
    found = summary(shipped_course(), {}, events)
    assert found.gaps == (3.5,) and found.leaders == 2


def test_what_is_left_counts_required_steps_only() -> None:
    course = shipped_course()
    required = [
        step.id for lesson in course.lessons if not lesson.optional for step in lesson.steps if not step.optional
    ]
    assert summary(course, {}, []).left == len(required)
    states: dict[str, StepState] = dict.fromkeys(required, "done")
    assert summary(course, states, []).left == 0
    assert {word for lesson, word, _ in summary(course, states, []).lessons if not lesson.optional} == {"done"}
