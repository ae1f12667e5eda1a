"""Where the learner goes on, and what a lesson builds on."""

from __future__ import annotations

from collections.abc import Container, Mapping

from pghalab.course.events import SETTLED, StepState
from pghalab.course.model import Course, Lesson, Step

States = Mapping[str, StepState]


def lesson_state(lesson: Lesson, states: States) -> tuple[str, str]:
    """A lesson's state (`unseen`, `todo`, `begun`, `done`, `broken`) and the words for it; past steps count as done."""
    wanted = [step for step in lesson.steps if not step.optional]
    if not any(step.id in states for step in lesson.steps):
        return "unseen", "not seen yet"
    seen = [states.get(step.id, "todo") for step in wanted]
    past = seen.count("past")
    settled = seen.count("done") + past
    broken = seen.count("broken")
    said = f", {past} past" if past else ""
    if broken:
        return "broken", f"broken: {broken} of {len(wanted)}"
    if wanted and settled == len(wanted):
        return "done", f"done{said}"
    return ("begun", f"{settled} of {len(wanted)}{said}") if settled else ("todo", "to do")


def next_step(course: Course, states: States, last: str, skipped: Container[str]) -> tuple[Lesson, Step] | None:
    """The place that was left, unless it is done or skipped and there is more; None when there is nothing to do.

    A step that is done is still the place to go on from while nothing behind it is done: its result may be unread.
    """
    places = [(lesson, step) for lesson in course.lessons for step in lesson.steps]
    required = [
        (lesson, step)
        for lesson, step in places
        if not lesson.optional and not step.optional and step.id not in skipped and states.get(step.id) not in SETTLED
    ]
    # What is broken is told apart from this, with a way of its own.
    todo = next((place for place in required if states.get(place[1].id) != "broken"), None)
    at = next((index for index, (_, step) in enumerate(places) if step.id == last), None)
    if at is not None and last not in skipped:
        newest = todo is not None and all(states.get(step.id) != "done" for _, step in places[at + 1 :])
        if states.get(last) not in SETTLED or newest:
            return places[at]
    return todo or (required[0] if required else None)


def unmet_needs(course: Course, lesson: Lesson, states: States) -> list[int]:
    """The numbers of the lessons that this one needs, directly or not, and in which something is left to do.

    A question or a text that was passed over leaves nothing to do that another lesson would need, and what a step
    prints may have been read in another terminal. Steps that are past prove nothing: a lesson in which nothing else is
    settled is not done.
    """
    by_id = {each.id: each for each in course.lessons}
    needed: dict[str, Lesson] = {}
    waiting = list(lesson.needs)
    for need in waiting:
        if need in by_id and need not in needed:
            needed[need] = by_id[need]
            waiting += by_id[need].needs

    def lacks(lesson: Lesson) -> bool:
        acts = [step for step in lesson.steps if step.kind.acts and not step.optional]
        left = any(states.get(step.id) not in (*SETTLED, "broken") for step in acts if not step.reads_output)
        return left or (bool(acts) and not {"done", "broken"} & {states.get(step.id) for step in acts})

    return sorted(each.number for each in needed.values() if lacks(each))
