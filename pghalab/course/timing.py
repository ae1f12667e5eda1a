"""How long a lesson is planned to take in front of a room, from what its file says alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pghalab.course.kinds import Question
from pghalab.course.model import Lesson, Step

WORDS_A_SECOND = 3.0
"""How fast a room reads: 180 words a minute."""
SHORTEST, LONGEST = 3, 600
"""Seconds of a pause that is derived, and of any pause."""
READ_OF_OUTPUT = 60
"""Words of an output that are read: a long one is looked through."""
THINKING = 10
"""Seconds for which a room thinks about a question before it is answered."""
_WORD = re.compile(r"\w[\w'’.-]*")


def reading(*texts: str) -> float:
    """Seconds in which a room reads these texts."""
    return sum(len(_WORD.findall(text)) for text in texts) / WORDS_A_SECOND


def talk(step: Step) -> int:
    """Seconds before anything happens in a step: its prose is read, or its question and choices; 0 where nothing does.

    A step that is only read is seen at once, and all its words belong to its pause.
    """
    if isinstance(step.kind, Question):
        return round(reading(step.prose, step.kind.text, *step.kind.choices)) + THINKING
    return round(reading(step.prose)) if step.kind.acts else 0


def pause(step: Step) -> int:
    """Seconds for which a show that goes on by itself waits once a step is seen: its own, or for the words to read.

    Those are what it printed, what is said of that, and where the source text is wrong; of a step that is only read
    its prose, of a question the explanations of its choices.
    """
    if step.pause is not None:
        return step.pause
    seconds = reading(step.after, step.correction)
    if isinstance(step.kind, Question):
        seconds += reading(*step.kind.explain)
    elif step.kind.acts:
        seconds += min(reading(step.expect), READ_OF_OUTPUT / WORDS_A_SECOND)
    else:
        seconds += reading(step.prose)
    return round(min(max(seconds, SHORTEST), LONGEST))


def planned(lesson: Lesson) -> Mapping[str, float]:
    """Seconds that are planned for each step, by its id: shares of the lesson's minutes, which they sum up to.

    A step's share follows from its talk and its pause; the lesson's introduction belongs to its first step.
    """
    weights = {step.id: float(talk(step) + pause(step)) for step in lesson.steps}
    if lesson.steps:
        weights[lesson.steps[0].id] += reading(lesson.intro)
    whole = sum(weights.values())
    return {step: 60 * lesson.minutes * weight / whole for step, weight in weights.items()}
