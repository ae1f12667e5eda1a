"""The shells beside the lesson: a tab for each, the one in front, and a line that says how it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Static

from pghalab.lab.types import LabError, User
from pghalab.session.events import SessionEvent, ShellClosed, ShellLost, ShellMarked, ShellOpened, StatesChanged
from pghalab.session.session import Session
from pghalab.session.shells import Draw, Shell
from pghalab.values import dataclass
from pghalab.widgets.glyphs import BAD, OK, QUIET, WARN
from pghalab.widgets.keys import said
from pghalab.widgets.terminal import TerminalView
from pghalab.widgets.text import plain

SIZE = (80, 24)
"""Of a terminal that is not arranged yet: columns, rows."""
_SIGNS = {"opening": ("◐", WARN), "open": ("●", OK), "lost": ("✗", BAD), "closed": ("■", QUIET)}


class Tab(Button):
    """The tab of one shell."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(_named(shell), compact=True)
        self.shell = shell

    def show(self, *, front: bool) -> None:
        """Say whose shell it is and how it stands."""
        named = _named(self.shell)
        if named != self.label:
            self.label = named
            # It is as wide as its words.
            self.refresh(layout=True)
        self.set_class(front, "-front")


def _named(shell: Shell) -> Content:
    sign, style = _SIGNS[shell.standing]
    node, user = shell.at
    return Content.assemble((f"{sign} ", style), plain(f"{user}@{node}"))


class ShellPane(Vertical):
    """Owns the terminals of the session's shells; it says when one is left, and what was copied."""

    DEFAULT_CSS = """
    ShellPane { height: 1fr; }
    ShellPane #shell-tabs { height: 1; width: 1fr; background: $panel; }
    ShellPane #shell-tabs Button { min-width: 4; margin: 0 1 0 0; }
    ShellPane #shell-tabs Tab { color: $foreground 70%; background: $panel; }
    ShellPane #shell-tabs Tab.-front { text-style: bold reverse; }
    ShellPane #shell-line { height: 1; width: 1fr; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    ShellPane TerminalView { display: none; }
    ShellPane TerminalView.-front { display: block; }
    """
    ALLOW_MAXIMIZE = True
    QUIET: ClassVar[bool] = False
    """That a shell is lost is not written into it."""

    @dataclass
    class Left(Message):
        """The learner wants the focus back, or no shell is left."""

        to: str = "lesson"
        """What is wanted instead, `lesson` or `live`."""

    @dataclass
    class Copied(Message):
        """Text that was marked."""

        text: str

    @dataclass
    class FullScreen(Message):
        """The shell in front is wanted on the whole screen."""

        node: str
        user: User

    @dataclass
    class Wanted(Message):
        """Another shell is wanted."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._session = session
        self._views: dict[int, TerminalView] = {}
        self._tabs: dict[int, Tab] = {}
        self._below: dict[int, int] = {}
        self._front = 0
        """The number of the shell in front; 0 when there is none, or none yet."""
        self._ahead = b""
        """What was typed for a shell that is not there yet."""

    def compose(self) -> ComposeResult:
        """The tabs, the terminals, the line."""
        with Horizontal(id="shell-tabs"):
            yield Button("+", id="shell-new", compact=True)
        yield Static("", id="shell-line")

    def on_mount(self) -> None:
        """Hear what becomes of the shells."""
        self._session.bus.listen(self._heard)

    def on_unmount(self) -> None:
        """Hear no more."""
        self._session.bus.unlisten(self._heard)

    def _heard(self, event: SessionEvent) -> None:
        if isinstance(event, ShellClosed):
            self.call_later(self._shell_closed, event)
        elif isinstance(event, (ShellOpened, ShellLost, ShellMarked, StatesChanged)):
            self.call_later(self._show)

    @property
    def shell(self) -> Shell | None:
        """The shell in front."""
        tab = self._tabs.get(self._front)
        return tab.shell if tab is not None else None

    @property
    def view(self) -> TerminalView | None:
        """The terminal in front."""
        return self._views.get(self._front)

    def find(self, node: str, user: User) -> Shell | None:
        """A shell whose prompt is that of a user on a node, also within another one; that in front before others."""
        tabs = sorted(self._tabs.values(), key=lambda tab: tab.shell.number != self._front)
        fits = (tab.shell for tab in tabs if tab.shell.at == (node, user))
        return next((shell for shell in fits if shell.standing != "closed"), None)

    def expect(self) -> None:
        """Take what is typed from now on, for the shell that is opened next: no key of it is anybody else's."""
        if NEXT not in self._views:
            self._views[NEXT] = TerminalView(self._typed)
            self.mount(self._views[NEXT], before="#shell-line")
        self._front = NEXT
        self._show()
        self.screen.set_focus(self._views[NEXT])

    def expect_no_more(self, instead: Shell | None = None) -> None:
        """No shell is opened, and this one, or the newest of those that are there, is in front."""
        view = self._views.pop(NEXT, None)
        ahead, self._ahead = self._ahead, b""
        if view is None:
            return
        view.remove()
        if instead is not None:
            instead.write(ahead)
        if number := instead.number if instead is not None else next(reversed(self._tabs), 0):
            self.bring(number)

    async def open(self, node: str, user: User) -> Shell:
        """Open a shell and bring it to the front; raises LabError."""
        expected = NEXT in self._views
        view = self._views[NEXT] if expected else TerminalView(self._typed)
        try:
            shell = self._session.shells.open(node, user, SIZE, self.drawn_by(view), quiet=self.QUIET)
        except LabError:
            self.expect_no_more()
            raise
        self._views.pop(NEXT, None)
        tab = Tab(shell)
        self._views[shell.number], self._tabs[shell.number] = view, tab
        if expected:
            if view.content_size:
                # It has its size already, and nobody was told.
                shell.resize(*view.room)
            shell.write(self._ahead)
            self._ahead = b""
            self.bring(shell.number)
        await self.query_one("#shell-tabs").mount(tab, before="#shell-new")
        if not expected:
            await self.mount(view, before="#shell-line")
            self.bring(shell.number)
        return shell

    def drawn_by(self, view: TerminalView) -> Draw:
        """What draws what a shell prints."""
        return view.take

    def bring(self, number: int) -> None:
        """Bring a shell to the front and give it the focus."""
        self._front = number
        self._show()
        if (view := self.view) is not None:
            view.focus()

    def turn(self, by: int) -> None:
        """Bring the next shell to the front, or the one before."""
        numbers = list(self._tabs)
        if self._front in numbers:
            self.bring(numbers[(numbers.index(self._front) + by) % len(numbers)])

    async def put(self, text: str) -> None:
        """Put text at the prompt of the shell in front, as a paste, which runs nothing by itself.

        A shell that was just opened is waited for: before it reads its line, a paste would be shown as it is sent.
        """
        shell, view = self.shell, self.view
        if shell is None or view is None:
            return
        async with asyncio.timeout(READY):
            while shell.standing == "opening" or not view.reads_pastes:
                await view.fed()
        if text:
            view.paste(text)

    async def enter_line(self, line: str, done: Callable[[Shell], bool]) -> None:
        """Enter a line in the shell in front and wait for what it does; raises TimeoutError."""
        await self.put("")
        shell, view = self.shell, self.view
        if shell is None or view is None:
            return
        view.type(line.encode() + b"\r")
        async with asyncio.timeout(READY):
            while not done(shell):
                await view.fed()

    def _show(self) -> None:
        for number, view in self._views.items():
            view.set_class(number == self._front, "-front")
        for number, tab in self._tabs.items():
            tab.show(front=number == self._front)
        shell = self.shell
        line, keys = self.query_one("#shell-line", Static), said(self, _KEYS)
        if shell is None:
            line.update("")
            return
        below = self._below.get(shell.number, 0)
        if shell.standing in ("lost", "closed"):
            another = said(self, "{lesson.another-shell} opens another one")
            back = "a new shell is opened when it is back" if shell.standing == "lost" else another
            line.update(Content.assemble(("✗ ", BAD), plain(f"{shell.reason} · {back}", BAD)))
        elif shell.blind:
            line.update(plain(f"! not marked: {shell.blind}. {self._instead()} · {keys}", WARN))
        elif below:
            line.update(plain(f"↓ {below} lines below · {said(self, '{shell.page-down} scrolls')} · {keys}", WARN))
        elif self.has_focus_within and self._session.state.steps.get(self._session.state.shown) == "done":
            line.update(Content.assemble(("✓ this step is done", OK), plain(f" · {keys}", QUIET)))
        else:
            line.update(plain(keys, QUIET))

    def _instead(self) -> str:
        """What makes the step done although nobody is told what is typed."""
        state = self._session.state
        if state.course is not None and state.shown and state.course.step(state.shown).reads_output:
            return "This step wants its command's output: leave that first."
        return "The checks see what it does."

    async def _shell_closed(self, event: ShellClosed) -> None:
        if event.number not in self._tabs:
            return
        if event.reason:
            # Why it is gone stays to be read, and what it showed.
            self._show()
            return
        await self._remove(event.number)

    async def _remove(self, number: int) -> None:
        had = self._front == number and self.has_focus_within
        tab, view = self._tabs.pop(number), self._views.pop(number)
        await tab.remove()
        await view.remove()
        if self._front == number:
            self._front = next(reversed(self._tabs), 0)
        self._show()
        if self._front and had:
            self.bring(self._front)
        elif had or not self._front:
            self.post_message(self.Left())

    def _number(self, view: TerminalView) -> int:
        return next((number for number, one in self._views.items() if one is view), 0)

    @on(Button.Pressed)
    async def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if isinstance(event.button, Tab):
            shell = event.button.shell
            if shell.standing == "closed":
                await self._remove(shell.number)
            else:
                self.bring(shell.number)
        else:
            self.post_message(self.Wanted())

    def _typed(self, view: TerminalView, data: bytes) -> None:
        if (tab := self._tabs.get(self._number(view))) is not None:
            tab.shell.write(data)
        elif view is self._views.get(NEXT):
            self._ahead += data

    @on(TerminalView.Resized)
    def _resized(self, event: TerminalView.Resized) -> None:
        event.stop()
        if (tab := self._tabs.get(self._number(event.view))) is not None:
            tab.shell.resize(event.columns, event.rows)

    @on(TerminalView.Moved)
    def _moved(self, event: TerminalView.Moved) -> None:
        event.stop()
        self._below[self._number(event.view)] = event.below
        self._show()

    @on(TerminalView.Left)
    def _left(self, event: TerminalView.Left) -> None:
        event.stop()
        self.post_message(self.Left(event.to))

    @on(TerminalView.Copied)
    def _copied(self, event: TerminalView.Copied) -> None:
        event.stop()
        self.post_message(self.Copied(event.text))

    @on(TerminalView.FullScreenWanted)
    def _full(self, event: TerminalView.FullScreenWanted) -> None:
        event.stop()
        if (shell := self.shell) is not None:
            self.post_message(self.FullScreen(shell.node, shell.user))


NEXT = 0
"""In the place of a number, for the shell that is opened next."""
READY = 10.0
"""Seconds in which a new shell shows its prompt."""
_KEYS = "{shell.leave} leads out · {lesson.previous-shell} {lesson.next-shell} other shells · {shell.search} searches"
