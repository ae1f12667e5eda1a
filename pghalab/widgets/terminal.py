"""A terminal as a widget: draws what a program on a node writes, and says what the learner types.

It does not know where its bytes come from: `feed` it, and give it a function that sends what is typed. Its size is in
`Resized`.
"""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from pghalab.terminal.engine import NoEngineError, load
from pghalab.terminal.screen import LEAST
from pghalab.terminal.terminal import Terminal
from pghalab.text import one_line
from pghalab.values import dataclass
from pghalab.widgets.keys import keys
from pghalab.widgets.paint import paint_now
from pghalab.widgets.terminal_input import Mouse, key_name
from pghalab.widgets.terminal_look import strip
from pghalab.widgets.terminal_pump import Pump
from pghalab.widgets.terminal_search import SearchLine

OWN_KEYS = ("shell.page-up", "shell.page-down", "shell.search", "shell.copy")
"""What keys do here instead of going to the program, beside the one that leads out."""


class TerminalView(Widget, can_focus=True):
    """Draws one terminal; while it has the focus, every key but those of the place `shell` goes to the program."""

    DEFAULT_CSS = """
    TerminalView { height: 1fr; background: $background; color: $foreground; }
    """
    ALLOW_SELECT: ClassVar[bool] = False
    takes_every_key: ClassVar[bool] = True
    """The keys of the whole console are the program's too."""

    @dataclass
    class Resized(Message):
        """The terminal has this size from now on; also the first one."""

        view: TerminalView
        columns: int
        rows: int

    @dataclass
    class Left(Message):
        """A key that leads out was pressed."""

        view: TerminalView
        to: str = "lesson"
        """What is wanted instead, `lesson` or `live`."""

    @dataclass
    class Copied(Message):
        """Text was marked with the mouse, or is to be copied."""

        view: TerminalView
        text: str

    @dataclass
    class Moved(Message):
        """Another part of what the program wrote is shown; `below` lines are further down, 0 at the end."""

        view: TerminalView
        below: int

    @dataclass
    class FullScreenWanted(Message):
        """There is no engine on this machine, and Enter asked for the shell on the whole screen."""

        view: TerminalView

    def __init__(
        self,
        send: Callable[[TerminalView, bytes], object],
        *,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        """`send` takes the bytes for the program: keys, mouse, paste, or what the terminal answers.

        It is called where a message would be posted: each message costs a key a turn of the loop, and an echo has few
        milliseconds.
        """
        super().__init__(id=id, classes=classes)
        self._send = send
        self.watched = False
        """Somebody looks on while another one types: its cursor is that of a terminal with the focus."""
        self.missing = ""
        """Why there is no engine on this machine; empty where there is one."""
        self._pump = Pump(self.show, self.type)
        self._mouse = Mouse(self)
        self._early: list[events.Key | events.Paste] = []
        """What was typed before the engine was loaded."""
        self._below = 0
        self._flows = (0, 0)
        """The columns and rows for which its lines were arranged last."""
        self._is_left = False
        self._drawn = asyncio.Event()  # set for a moment with each frame

    @property
    def terminal(self) -> Terminal | None:
        """The terminal in memory, as soon as the engine is there."""
        return self._pump.terminal

    def compose(self) -> ComposeResult:
        """The line for searching, which is shown when it is asked for."""
        yield SearchLine()

    def on_mount(self) -> None:
        """Load the engine, beside everything else that goes on."""
        self.run_worker(self._open())

    async def _open(self) -> None:
        try:
            await asyncio.to_thread(load)
            self._pump.start(Terminal(*self.room))
        except NoEngineError as error:
            self.missing = f"{error}; the full-screen shell works"
            self.refresh()
            return
        for event in self._early:
            self._take(event)
        self._early.clear()
        self.refresh()

    def on_unmount(self) -> None:
        """Give the engine's memory back."""
        self._pump.close()

    @property
    def backlog(self) -> int:
        """Bytes that were fed and are not drawn yet."""
        return self._pump.backlog

    @property
    def reads_pastes(self) -> bool:
        """The program has asked for pastes to be marked as such: a shell reads its line."""
        return self.terminal is not None and self.terminal.screen.modes.paste

    async def fed(self) -> None:
        """Wait until more of what was fed is drawn."""
        await self._drawn.wait()

    def paste(self, text: str) -> None:
        """Send text as a paste."""
        if self.terminal is not None:
            self.to_end()
            self.type(self.terminal.keys.paste(text))

    def feed(self, data: bytes) -> None:
        """Draw what the program wrote, in any pieces: at once, or bit by bit when there is much of it."""
        self._pump.feed(data)

    async def take(self, data: bytes) -> None:
        """Feed, and wait as long as there is much to draw; so a node waits too, and an interrupt shows at once."""
        await self._pump.take(data)

    def show(self) -> None:
        """Paint the rows that changed, and the cursor's old and new one."""
        drawn, self._drawn = self._drawn, asyncio.Event()
        drawn.set()
        if self.terminal is None:
            return
        screen = self.terminal.screen
        before = screen.cursor
        rows = set(screen.update())
        if before != screen.cursor:
            rows |= {cursor.y for cursor in (before, screen.cursor) if cursor}
        if rows:
            self.refresh(*(Region(0, row, screen.columns, 1) for row in rows))
            paint_now(self)
        if (below := screen.scrolled.below) != self._below:
            self._below = below
            self.post_message(self.Moved(self, below))

    def render_line(self, y: int) -> Strip:
        """One row."""
        base = self.visual_style.rich_style
        width = self.content_size.width
        if self._flows != (room := self.room):
            # Textual tells nothing of a size that it found out while it was asked where something is.
            self._flows = room
            self.call_next(self.on_resize)
        if self.terminal is None:
            said = self._said(width)
            return Strip([Segment(said[y], base)] if y < len(said) else []).adjust_cell_length(width, base)
        screen = self.terminal.screen
        if y >= len(screen.lines):
            return Strip.blank(width, base)
        cursor = screen.cursor
        if cursor is not None and not (self.has_focus or self.watched):
            cursor = cursor._replace(shape="hollow")
        here = cursor if cursor is not None and cursor.y == y else None
        return strip(screen.lines[y], width, base, screen.selection[y], here)

    def _said(self, width: int) -> list[str]:
        """What stands there instead of a terminal."""
        said = one_line(f"{self.missing}: press Enter.") if self.missing else ""
        return textwrap.wrap(said, max(1, width))

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows of what a program gets."""
        width, height = self.content_size
        return max(LEAST, width), max(LEAST, height)

    def on_resize(self) -> None:
        """The lines flow anew."""
        if not self.content_size:
            return  # not shown: the program keeps the size that it had
        columns, rows = self._flows = self.room
        if self.terminal is not None:
            self.terminal.screen.resize(columns, rows)
            self.show()
            self.refresh()
        self.post_message(self.Resized(self, columns, rows))

    def watch_has_focus(self, has_focus: bool) -> None:
        """The cursor looks otherwise; a program that asked is told."""
        super().watch_has_focus(has_focus)
        if has_focus:
            self._is_left = False
        if self.terminal is not None:
            self.refresh()
            self.type(self.terminal.keys.focus(has_focus))

    def type(self, data: bytes) -> None:
        """Send bytes to the program."""
        if data:
            self._send(self, data)

    def _forward_event(self, event: events.Event) -> None:
        """Take a key at once that would be the only message waiting: its echo has few milliseconds."""
        waits = self.message_queue_size or self._pending_message is not None or self._is_left or not self.has_focus
        late = waits or self.terminal is None
        if isinstance(event, events.Key) and key_name(event)[0] and not (late or self._leads_to(event.key)):
            event._set_forwarded()
            self._take(event)
        else:
            super()._forward_event(event)

    def _leads_to(self, key: str) -> str:
        """What a key leads to, out of here; empty for every other one."""
        if key in keys(self, "shell.cluster"):
            return "live"
        return "lesson" if key in keys(self, "shell.leave") else ""

    def on_key(self, event: events.Key) -> None:
        """Every key is the program's, but for those that lead out, scroll and search."""
        if self._is_left:
            event.stop()
            event.prevent_default()
            self.app.post_message(events.Key(event.key, event.character))
            return
        if not self.has_focus:
            return  # the search line's
        name, _ = key_name(event)
        if not name:
            return
        event.stop()
        event.prevent_default()
        if to := self._leads_to(event.key):
            # The next key is the console's, also one that is under way already.
            self._is_left = True
            self.screen.set_focus(None)
            self.post_message(self.Left(self, to))
        elif self.missing:
            if event.key == "enter":
                self.post_message(self.FullScreenWanted(self))
        elif self.terminal is None:
            self._early.append(event)
        else:
            self._take(event)

    def on_paste(self, event: events.Paste) -> None:
        """A paste goes to the program, marked as one if it asked for that."""
        if not self.has_focus:
            return
        event.stop()
        event.prevent_default()
        if self.terminal is not None:
            self._take(event)
        elif not self.missing:
            self._early.append(event)

    def take_late(self, event: events.Key | events.Paste) -> bool:
        """Take what was on its way to something else when this got the focus; False when it is nobody's."""
        if isinstance(event, events.Paste):
            self.post_message(events.Paste(event.text))
        elif key_name(event)[0]:
            self.post_message(events.Key(event.key, event.character))
        else:
            return False
        return True

    def _take(self, event: events.Key | events.Paste) -> None:
        if self.terminal is None:
            return
        if isinstance(event, events.Paste):
            self.paste(event.text)
            return
        page = self.terminal.screen.rows - 1
        match next((name for name in OWN_KEYS if event.key in keys(self, name)), ""):
            case "shell.page-up":
                self.scroll(-page)
            case "shell.page-down":
                self.scroll(page)
            case "shell.search":
                self.search()
            case "shell.copy":
                self.copy()
            case _:
                name, modifiers = key_name(event)
                self.type(self.terminal.keys.key(name, modifiers))
                self.to_end()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A button went down."""
        if self.terminal is not None:
            event.stop()
            self._mouse.down(event, self.terminal)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The mouse moved."""
        if self.terminal is not None:
            self._mouse.move(event, self.terminal)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """A button came up."""
        if self.terminal is not None:
            self._mouse.up(event, self.terminal)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel turned up."""
        self._wheel(event, up=True)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel turned down."""
        self._wheel(event, up=False)

    def _wheel(self, event: events.MouseEvent, *, up: bool) -> None:
        if self.terminal is not None:
            event.stop()
            event.prevent_default()
            self._mouse.wheel(event, up, self.terminal)

    def scroll(self, lines: int) -> None:
        """Show what is further down, or up when negative."""
        if self.terminal is not None:
            self.terminal.screen.scroll(lines)
            self.show()

    def to_end(self) -> None:
        """Show where the program writes, with nothing marked."""
        if self.terminal is not None:
            self.terminal.marking.clear()
            if self._below:
                self.terminal.screen.scroll_to_end()
            self.show()

    def copy(self) -> None:
        """Post what is marked, if anything is."""
        if self.terminal is not None and (text := self.terminal.marking.text):
            self.post_message(self.Copied(self, text))

    def find(self, needle: str, *, back: bool = False) -> tuple[int, int]:
        """Show and mark the next place of a text, upwards from the end; its number and how many there are."""
        if self.terminal is None:
            return 0, 0
        found = self.terminal.marking.find(needle, back=back)
        self.show()
        return found

    def search(self) -> None:
        """Open the line in which one writes what is searched for."""
        self.query_one(SearchLine).open()

    def on_search_line_sought(self, event: SearchLine.Sought) -> None:
        """The next place of what stands in the search line."""
        event.stop()
        event.line.tell(*self.find(event.needle, back=event.back))

    def on_search_line_ended(self, event: SearchLine.Ended) -> None:
        """The search line was left."""
        event.stop()
        if self.terminal is not None:
            self.terminal.marking.end_search()
        self.screen.set_focus(self)
