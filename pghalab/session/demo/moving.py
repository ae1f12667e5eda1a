"""What a show has the console do with the lab before it goes on: the way to a place, a snapshot, and back to that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pghalab.session.session import Session

SNAPSHOT = "demo-start"
"""The lab as it was when the show began that is repeated; each such show makes it anew."""
Then = Callable[[str], object]
"""Is told once it is done: why it was not, in words, or nothing."""


class Moving:
    """Does one thing at a time, as a verb that runs in the console."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._then: Then | None = None

    @property
    def on_the_way(self) -> bool:
        """Something is being done."""
        return self._then is not None

    def go(self, place: str, then: Then) -> None:
        """Do what is missing before a lesson or a step."""
        self._begin(lambda: self._session.jump(place), then)

    def keep(self, then: Then) -> None:
        """Keep the lab as it is now, in place of what an earlier show kept."""
        self._begin(lambda: self._session.back.keep(SNAPSHOT, anew=True), then)

    def restore(self, then: Then) -> None:
        """Bring the lab back to where it was kept."""
        self._begin(lambda: self._session.back.restore(SNAPSHOT), then)

    def stop(self) -> None:
        """End it; nobody is told."""
        if self._then is not None:
            self._then = None
            self._session.work.stop()

    def _begin(self, start: Callable[[], bool], then: Then) -> None:
        refusal = self._session.work.refusal()
        self._then = then
        if refusal or not start():
            self._end(refusal or "It cannot be done now.")

    def ended(self) -> None:
        """The verb has ended."""
        words, bad = self._session.work.verb_outcome()
        if self._session.state.backend is not None:
            # What it did is known, and the looks that follow it are still to come.
            self._session.state.take_steps()
        printed = [line.strip() for line in self._session.work.verb_output.lines if line.strip()]
        why = " ".join([words, *printed[-1:]]) if bad else ""
        # Who tells of it is not done itself yet, and nothing else could begin.
        asyncio.get_running_loop().call_soon(self._end, why)

    def _end(self, why: str) -> None:
        then, self._then = self._then, None
        if then is not None:
            then(why)
