"""What was known of one lab at an earlier moment."""

from __future__ import annotations

from pghalab.course.journal.timeline import Timeline, as_of_now
from pghalab.session.state import State

SHOWN_EVENTS = 200
"""Events before the moment that are shown."""


class Then(State):
    """The knowledge of another time, for the panes: nothing of it is of now."""

    title = ""

    def go(self, timeline: Timeline, at: float, title: str) -> None:
        """Know what was known at a moment."""
        frame = as_of_now(timeline.frame(at))
        self.nodes, self.etcd, self.patroni, self.title = frame.nodes, frame.etcd, frame.patroni, title
        self.events.clear()
        self.events.extend(timeline.happened(0.0, at)[-SHOWN_EVENTS:])

    @property
    def recorded(self) -> str:
        """That it is of then."""
        return self.title
