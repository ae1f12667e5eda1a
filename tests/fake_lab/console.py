"""A real console on the lab in memory, for a terminal: `python -m tests.fake_lab.console` with a state folder set.

Its shells answer each line with itself; it drives the lab `pgha`, so that other programs find its door. SIGUSR1 lets it
put a question to the room, SIGUSR2 take it back; the votes are notices on its screen. SIGXCPU makes it fail.
"""

from __future__ import annotations

import signal
import sys

from pghalab import out
from pghalab.app import PghalabApp
from pghalab.lab.host.paths import lab_folder, setup_logging
from pghalab.session.events import QuestionHidden, QuestionShown, SessionEvent, VotesCounted
from tests.fake_lab.shell import EchoTerminal
from tests.ui.stage import stage

QUESTION = QuestionShown("quorum", "How many of five may fail?", ("one", "two", "three"))


def _publish(app: PghalabApp, event: QuestionShown | QuestionHidden) -> None:
    app.call_later(app.session.bus.publish, event)


def _fail() -> None:
    raise RuntimeError("a fault on purpose")


def _tell(app: PghalabApp, event: SessionEvent) -> None:
    if isinstance(event, VotesCounted):
        app.notify(f"votes for {event.step}: {', '.join(map(str, event.counts))}")


def main() -> int:
    """Open the console, and return its exit status."""
    out.prepare()
    setup_logging()
    built = stage(lab_folder("pgha"))
    for node in built.lab.nodes.values():
        node.opens = EchoTerminal
    app = built.app
    signal.signal(signal.SIGUSR1, lambda *_: _publish(app, QUESTION))
    signal.signal(signal.SIGUSR2, lambda *_: _publish(app, QuestionHidden(QUESTION.step)))
    signal.signal(signal.SIGXCPU, lambda *_: app.call_later(_fail))
    app.session.bus.listen(lambda event: _tell(app, event))
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
