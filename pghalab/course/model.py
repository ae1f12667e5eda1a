"""The course as values: lessons, steps, checks and questions, as one Markdown file per lesson gives them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pghalab.course.expected.rules import NONE, Rules
from pghalab.course.kinds import Kind
from pghalab.values import dataclass


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One check of a step: its name in the registry, its parameters, and how long it may take to hold."""

    name: str
    params: Mapping[str, Any]
    within: float
    line: int
    otherwise: str = ""
    """What to do when it does not hold, for a guard."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a lesson."""

    id: str
    """Unique in the course."""
    title: str
    kind: Kind
    """What it is, with all that belongs to this kind alone."""
    prose: str
    """Markdown before the step's card."""
    after: str = ""
    """Markdown to be read once the step is done: what its output means."""
    optional: bool = False
    expect: str = ""
    """What it prints on a healthy lab, for the reader; recorded from a real run."""
    match: Rules = NONE
    """What may be otherwise in it, beyond the values that are told by their shape."""
    silent: bool = False
    """It prints nothing when all is well."""
    checks: tuple[CheckSpec, ...] = ()
    until: tuple[str, ...] = ()
    """Ids of later steps that replace its effect: once one of them is seen done, this one is past."""
    undone_by: tuple[str, ...] = ()
    """Ids of later steps that undo it for a while, on purpose: as long as one of them holds, this one is past."""
    needless_if: tuple[CheckSpec, ...] = ()
    """While these hold its command has nothing to do: then it is past."""
    needs: tuple[str, ...] = ()
    """Ids of the earlier steps that its command needs, for who jumps past it; without any it needs all of them."""
    guard: tuple[CheckSpec, ...] = ()
    """The command is refused unless these hold now."""
    guard_reason: str = ""
    widget: Literal["", "quorum-table"] = ""
    hints: tuple[str, ...] = ()
    diagnoses: tuple[str, ...] = ()
    """The mistakes that are common here, in the order in which they are looked for; see `course/diagnoses`."""
    notes: str = ""
    """For a presenter."""
    pause: int | None = None
    """Seconds that a show waits once the step is seen, where its words do not say it; see `course/timing.py`."""
    correction: str = ""
    """Where the source text is wrong: what it says, and what is so or was just seen."""
    errata: tuple[str, ...] = ()
    """For authors: the numbers of the source text's errors that the correction is about (`T7`)."""
    line: int = 0

    @property
    def reads_output(self) -> bool:
        """One of its checks reads what its command printed, which nobody sees who types it in another terminal."""
        return any(spec.name == "output" for spec in self.checks)


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson: one Markdown file."""

    id: str
    number: int
    title: str
    minutes: int
    """The time that is planned for it."""
    credit: str
    optional: bool
    needs: tuple[str, ...]
    """Ids of the lessons that must be done before."""
    intro: str
    steps: tuple[Step, ...]
    path: Path


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a lesson file; prints as `file:line: message`."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        """`file:line: message`."""
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Course:
    """Every lesson that could be read, in order, and what was wrong with the others."""

    lessons: tuple[Lesson, ...]
    problems: tuple[Problem, ...]

    @property
    def steps(self) -> list[Step]:
        """Every step, in order."""
        return [step for lesson in self.lessons for step in lesson.steps]

    def step(self, step_id: str) -> Step:
        """The step with this id; raises KeyError."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def lesson_of(self, step_id: str) -> Lesson:
        """The lesson that holds the step with this id; raises KeyError."""
        for lesson in self.lessons:
            if any(step.id == step_id for step in lesson.steps):
                return lesson
        raise KeyError(step_id)
