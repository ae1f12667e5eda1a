"""The board of a show on the console's screen: its shells, and the pages that are turned."""

from __future__ import annotations

from collections.abc import Callable

from pghalab.lab.types import LabError, User
from pghalab.widgets.room_shells import RoomShells


class ScreenBoard:
    """What a show has before it, see `pghalab.session.demo.board`."""

    def __init__(
        self, shells: RoomShells, pages: Callable[[], int], turn: Callable[[int], bool], comes: Callable[[], str]
    ) -> None:
        """`pages` and `turn` are about what is shown now; `comes` is told when the room is to see the shells.

        It gives the id of the lesson.
        """
        self._shells, self._pages, self._turn, self._comes = shells, pages, turn, comes

    @property
    def pages(self) -> int:
        """How many screenfuls there are of what is shown now."""
        return self._pages()

    def more(self) -> bool:
        """Show the next of them; False when the last one is shown."""
        return self._turn(1)

    def less(self) -> bool:
        """Show the one before; False when the first one is shown."""
        return self._turn(-1)

    async def shell(self, node: str, user: User) -> None:
        """Bring a shell to the front that shows its prompt; raises LabError, TimeoutError."""
        lesson = self._comes()
        try:
            await self._shells.ready(lesson, node, user)
        except TimeoutError:
            view = self._shells.view
            if view is not None and view.missing:
                raise LabError(view.missing, node=node) from None
            raise

    def type(self, text: str) -> None:
        """Type at its prompt; a new line stays within what is typed."""
        self._shells.type(text)

    def enter(self) -> None:
        """Enter what was typed."""
        self._shells.enter()

    def clear(self) -> None:
        """Take back what was typed and not entered."""
        self._shells.drop()

    @property
    def prompts(self) -> int:
        """How many prompts the shell has shown, each behind all that was entered before."""
        shell = self._shells.shown
        return 0 if shell is None else shell.prompts

    @property
    def trouble(self) -> str:
        """Why nothing can be typed into it, in words; empty when it can."""
        return self._shells.trouble

    @property
    def blind(self) -> str:
        """Why nobody is told what its commands do; empty when somebody is."""
        shell = self._shells.shown
        return "" if shell is None else shell.blind
