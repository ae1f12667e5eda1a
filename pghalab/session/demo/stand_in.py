"""What the room can see of a slow step while it runs: the same step as it was recorded, in less time."""

from __future__ import annotations

from collections.abc import Callable

from pghalab.course.model import Step
from pghalab.course.recorded import SHIPPED, read_recorded
from pghalab.lab.types import LabError
from pghalab.session.replay.position import Position
from pghalab.text import clean
from pghalab.values import dataclass

SLOW = 10.0
"""Seconds after which the presenter is told that there is a recorded run."""
LASTS = 20.0
"""Seconds in which a recorded run is played at most, so that all of it is seen before the real one ends."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The recorded run of one step."""

    title: str
    """That it is recorded, of when and of which versions."""
    lines: tuple[str, ...]
    seconds: float
    """That it is played in."""


class StandIn:
    """The recorded run of the step that runs, and whether the room sees it."""

    def __init__(self, clock: Callable[[], float], note: Callable[[str], None]) -> None:
        """`note` tells the presenter."""
        self._clock, self._note = clock, note
        self._step: Step | None = None
        self._runs = 0.0
        self._told = False
        self._found: Recording | None = None
        self._began = 0.0

    def runs(self, step: Step | None) -> None:
        """A step has begun to run, or none runs any more: the room sees the real one."""
        self._step, self._runs, self._told, self._found = step, self._clock(), False, None

    def tick(self) -> None:
        """Tell the presenter of the recorded run of a step that is slow, once."""
        if self._step is not None and not self._told and self._clock() - self._runs >= SLOW:
            self._told = True
            if self._read() is not None:
                self._note("This takes a while: the room can see the recorded run of it meanwhile.")

    def turn(self) -> None:
        """Let the room see the recorded run, or the real one again."""
        if self._found is not None:
            self._found = None
        elif self._step is None:
            self._note("A recorded run can be shown while the real one goes on: now nothing runs.")
        elif (found := self._read()) is None:
            self._note("No recorded run of this step has any output to show.")
        else:
            self._found, self._began = found, self._clock()

    @property
    def seen(self) -> Recording | None:
        """What the room sees in place of the real run: so many of its lines as were printed by now."""
        if (found := self._found) is None:
            return None
        share = (self._clock() - self._began) / found.seconds
        return Recording(found.title, found.lines[: max(1, int(share * len(found.lines)))], found.seconds)

    def _read(self) -> Recording | None:
        assert self._step is not None
        try:
            recorded = read_recorded(SHIPPED)
        except LabError as error:
            self._note(str(error))
            return None
        played = recorded.steps.get(self._step.id)
        if played is None or not played.output.strip():
            return None
        position = Position(recorded)
        position.move(played.began)
        lines = tuple(clean(played.output).split("\n"))
        return Recording(position.title, lines, min(LASTS, max(1.0, played.seconds)))
