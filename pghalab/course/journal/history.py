"""What was done and how the cluster stood, side by side, for going back and forth in time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable

from pghalab.course.journal.journal import Journal
from pghalab.course.journal.story import Act, Changed, printed, read_story
from pghalab.course.journal.timeline import Timeline

MOST = 20_000
"""Moments that can be gone to, the newest."""


class History:
    """Moments, oldest first: one for each change of the cluster, each event, and each command's begin and end."""

    def __init__(self, timeline: Timeline, done: Iterable[Act | Changed], output: Callable[[Act], str]) -> None:
        """`output` gives what an act printed; it may read a file."""
        self.timeline = timeline
        self.output = output
        self.done = sorted((one for one in done if not isinstance(one, Act) or one.command), key=lambda one: one.at)
        """Commands and verbs of the lab."""
        begun = [one.at for one in self.done]
        ended = [one.ended for one in self.done if isinstance(one, Act) and one.ended]
        self.moments = sorted({*timeline.moments, *begun, *ended})[-MOST:]
        self._begun = begun

    def before(self, at: float) -> int:
        """How many commands had begun by a moment; the one before that is the last of them."""
        return bisect_right(self._begun, at)

    def place(self, at: float) -> int:
        """The place among the moments of the last one up to a time; 0 before all of them."""
        return max(0, bisect_right(self.moments, at) - 1)

    def command_beside(self, place: int, by: int) -> int:
        """The place of the next command's begin, or with a negative `by` of the one before; the same without any."""
        at = self.moments[place]
        index = bisect_right(self._begun, at) if by > 0 else bisect_left(self._begun, at) - 1
        return self.place(self._begun[index]) if 0 <= index < len(self._begun) else place


def read_history(journal: Journal) -> History:
    """What the journal of a lab tells; reads its files."""
    story = read_story(journal)
    done = [one for one in story.told if isinstance(one, (Act, Changed))]
    return History(Timeline(journal.stood.lines()), done, lambda act: printed(journal, act, journal.secrets))
