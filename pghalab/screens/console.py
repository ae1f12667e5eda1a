"""What every screen may ask of the app that shows it, and what every screen has."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import App
from textual.screen import Screen
from textual.worker import Worker

from pghalab.course.model import Step
from pghalab.lab.types import User

if TYPE_CHECKING:
    from pghalab.lab.doctor import Fact
    from pghalab.screens.session import Session


class Console(App[int]):
    """The app as the screens see it; `PghalabApp` is the one there is."""

    session: Session

    def open_step(self, step_id: str) -> None:
        """Show a step."""
        raise NotImplementedError

    def show_live(self) -> None:
        """Bring the live panes of the lesson to the front."""
        raise NotImplementedError

    def go_home(self) -> None:
        """Close everything above home."""
        raise NotImplementedError

    def ask(self, question: str, yes: str, then: Callable[[], object], *, danger: bool = False) -> None:
        """Ask, and do it on yes."""
        raise NotImplementedError

    def copy(self, text: str, what: str) -> None:
        """Copy text to the terminal's clipboard, and say so."""
        raise NotImplementedError

    def lesson_text(self, text: str) -> str:
        """Text of a lesson in the lab's own names."""
        raise NotImplementedError

    async def resolve(self, step: Step) -> tuple[str, User, str] | None:
        """Node, user and command of a step as the lab at hand has them."""
        raise NotImplementedError

    async def examine(self) -> list[Fact]:
        """What the doctor finds; raises LabError."""
        raise NotImplementedError

    def worker_changed(self, event: Worker.StateChanged) -> None:
        """Tell of a worker that failed."""
        raise NotImplementedError


class ConsoleScreen(Screen[None]):
    """A screen that listens to the session."""

    @property
    def console(self) -> Console:
        """The app."""
        return cast("Console", self.app)

    def on_mount(self) -> None:
        """Listen."""
        self.console.session.listen(self.post_message)

    def on_unmount(self) -> None:
        """Listen no more."""
        self.console.session.unlisten(self.post_message)

    @on(Worker.StateChanged)
    def _worker_changed(self, event: Worker.StateChanged) -> None:
        # Textual tells it to the screen that the worker belongs to, and to nobody else.
        self.console.worker_changed(event)

    @property
    def shows_what_runs(self) -> bool:
        """What runs now is on this screen."""
        return False

    def action_stop(self) -> None:
        """Stop what runs, and say what that is unless it is on the screen."""
        session = self.console.session
        if session.busy and not session.stopping and not self.shows_what_runs:
            self.notify(f"Stopping {session.running}.", markup=False)
        session.stop()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer Stop only while there is something to stop."""
        return self.console.session.busy if action == "stop" else True
