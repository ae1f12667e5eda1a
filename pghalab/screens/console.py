"""What every screen may ask of the app that shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import App

from pghalab.course.model import Step
from pghalab.lab.types import User

if TYPE_CHECKING:
    from pghalab.screens.doctor import FactLike
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

    async def examine(self) -> list[FactLike]:
        """What the doctor finds; raises LabError."""
        raise NotImplementedError
