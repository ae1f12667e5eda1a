"""What the journal tells beside the events of a run: plain values with one JSON form, see `pghalab.codec`."""

from __future__ import annotations

from collections.abc import Mapping

from pghalab.course.events import CheckResult, RunEvent, StepState
from pghalab.values import dataclass


@dataclass(frozen=True, slots=True)
class Answered:
    """A question was answered with this choice, counted from 0."""

    step: str
    choice: int
    right: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """What a command printed was held beside what its lesson expects."""

    step: str
    fits: bool
    summary: str
    """In a few words."""
    misfits: tuple[str, ...] = ()
    """What does not fit, in words."""


@dataclass(frozen=True, slots=True)
class StepSeen:
    """A look at the checks of a step, outside a run of it, found that it stands otherwise than before."""

    step: str
    state: StepState
    results: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True)
class VerbRan:
    """A verb of the lab ended: what it is called, and whether it did what it should."""

    title: str
    well: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Versions:
    """What was at work from here on: pghalab, the course by its digest, and the programs of the image by name."""

    pghalab: str
    course: str
    image: Mapping[str, str]


Entry = RunEvent | Answered | Compared | StepSeen | VerbRan
"""What `journal.jsonl` tells, in order."""
