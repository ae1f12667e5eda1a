"""The shells before the room: a show types into one of them, and now and then the presenter does."""

from __future__ import annotations

import asyncio
import re

from textual.screen import Screen

from pghalab.lab.types import LabError, User
from pghalab.session.shells import Draw, Shell
from pghalab.widgets.shell_pane import READY
from pghalab.widgets.step_shells import StepShells
from pghalab.widgets.terminal import TerminalView
from pghalab.widgets.veil import Veil

_CLEARS = b"\x0c"
"""Ctrl+L: the prompt comes first, and the room sees this step alone."""
_DROPS = b"\x03"
_ENTERS = b"\r"
_PIECE = re.compile(r"[^\x00-\x1f\x7f]+|[\x00-\x1f\x7f]+")


class RoomShells(StepShells):
    """Nothing but the terminal in front is seen, and it has the keys only while they are lent to the presenter."""

    DEFAULT_CSS = """
    RoomShells #shell-tabs, RoomShells #shell-line { display: none; }
    """
    ALLOW_MAXIMIZE = False
    QUIET = True
    veil: Veil | None = None
    """What the room must not see of what is printed."""
    _own = 0
    """The number of the shell that is the presenter's own."""
    _shows = 0
    """The number of the shell that the show types into."""
    _lent = False
    _lesson = ""
    """The lesson for which the shells of the show were opened."""

    def drawn_by(self, view: TerminalView) -> Draw:
        """What the node prints, without what the room must not see."""
        view.watched = True
        return view.take if self.veil is None else self.veil.over(view.take, view.feed)

    def bring(self, number: int) -> None:
        """Bring a shell to the front; the keys stay where they are."""
        self._front = number
        self._show()
        for other, view in self._views.items():
            view.can_focus = self._lent and other == number
            if view.can_focus:
                view.focus()

    # What the show does

    async def ready(self, lesson: str, node: str, user: User) -> None:
        """Bring a shell to the front that waits at its prompt; raises LabError, TimeoutError.

        Each lesson has shells of its own: those of one before do not know what that has put into their profile.
        """
        if lesson != self._lesson:
            self._lesson = lesson
            await self._let_go()
        found = self._waiting(node, user)
        if found is not None:
            self._shows = found.number
            self.bring(found.number)
        else:
            before = set(self._tabs)
            try:
                await self.open_as_a_step_does(node, user)
            finally:
                # One that was opened and is not at its prompt yet is this one all the same.
                self._shows = next((number for number in self._tabs if number not in before), self._shows)
        await self.put("")
        shell, view = self.shell, self.view
        if shell is None or view is None:
            raise LabError("the shell was closed.", node=node)
        async with asyncio.timeout(READY):
            while not shell.waits:
                await view.fed()
        view.type(_CLEARS)

    async def _let_go(self) -> None:
        """Hang up where nothing runs any more; what was started there for good goes on."""
        idle = [tab.shell for number, tab in self._tabs.items() if number != self._own and tab.shell.waits]
        await asyncio.gather(*(shell.close() for shell in idle))

    def _waiting(self, node: str, user: User) -> Shell | None:
        fits = (tab.shell for number, tab in self._tabs.items() if number != self._own)
        return next((shell for shell in fits if shell.at == (node, user) and shell.waits), None)

    def type(self, text: str) -> None:
        """Type at the prompt; what is no character, as a new line, goes there as a paste and stays within it."""
        view = self._views.get(self._shows)
        if view is None or view.terminal is None:
            return
        view.to_end()
        for piece in _PIECE.findall(text):
            view.type(piece.encode() if piece.isprintable() else view.terminal.keys.paste(piece))

    def enter(self) -> None:
        """Press Enter."""
        self._press(_ENTERS)

    def drop(self) -> None:
        """Take back what was typed, where it was not entered."""
        self._press(_DROPS)

    def _press(self, key: bytes) -> None:
        if (view := self._views.get(self._shows)) is not None:
            view.type(key)

    @property
    def shown(self) -> Shell | None:
        """The shell that the show types into."""
        tab = self._tabs.get(self._shows)
        return tab.shell if tab is not None else None

    @property
    def trouble(self) -> str:
        """Why nothing can be typed into it, in words."""
        shell = self.shown
        if shell is None:
            return "The shell was closed."
        if shell.standing in ("lost", "closed"):
            return f"{shell.node}: {shell.reason or 'the shell has ended.'}"
        return ""

    # What the presenter does

    async def lend(self, node: str, user: User, *, own: bool) -> None:
        """Lend the keys: to a shell that is the presenter's `own`, else to that of the show; raises LabError."""
        self._lent = True
        if not own and self._shows in self._tabs:
            self.bring(self._shows)
        elif self._own in self._tabs and self._tabs[self._own].shell.standing != "closed":
            self.bring(self._own)
        else:
            before = set(self._tabs)
            await self.open(node, user)
            self._own = next(number for number in self._tabs if number not in before)

    def take_back(self) -> None:
        """The keys are the show's again, whose shell comes to the front."""
        self._lent = False
        self.bring(self._shows if self._shows in self._tabs else self._front)
        screen: Screen[object] = self.screen
        screen.set_focus(None)

    @property
    def lent(self) -> bool:
        """The presenter has the keys."""
        return self._lent
