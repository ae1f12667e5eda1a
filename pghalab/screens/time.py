"""The cluster as it was: a scrubber over the moments that the journal tells of, with the commands beside them."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar, get_args

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from pghalab.cluster.units import ago
from pghalab.course.journal.history import History
from pghalab.course.journal.story import Act, Changed
from pghalab.course.kinds import EVERY_NODE
from pghalab.screens.console import ConsoleScreen
from pghalab.session.events import Source
from pghalab.session.then import Then
from pghalab.text import clean, one_line, shortened
from pghalab.widgets.glyphs import BAD, OK, QUIET, WARN
from pghalab.widgets.keyline import KeyLine
from pghalab.widgets.keys import bindings
from pghalab.widgets.pane_column import PaneColumn
from pghalab.widgets.steady import SteadyText
from pghalab.widgets.text import plain

NEARBY = 5
"""Commands before and after the one at hand that are named."""
LINES = 200
"""Lines of an output that are shown, the last ones."""


class TimeScreen(ConsoleScreen):
    """One moment: what had been done last, and the panes as they would have been."""

    DEFAULT_CSS = """
    TimeScreen #when, TimeScreen #bar { height: 1; width: 1fr; padding: 0 1; background: $panel; }
    TimeScreen #bar { text-wrap: nowrap; }
    TimeScreen #sides { height: 1fr; }
    TimeScreen #done { width: 1fr; height: 1fr; padding: 0 1; overflow: auto auto; }
    TimeScreen #done > Static { width: auto; height: auto; text-wrap: nowrap; }
    TimeScreen PaneColumn { width: 1fr; height: 1fr; }
    TimeScreen.-small #sides { layout: vertical; }
    TimeScreen.-small #done { height: 8; border-bottom: solid $panel; }
    """
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-small"), (100, "-wide")]  # noqa: RUF012
    HELP = """\
# The cluster as it was
The line at the top is the time that the journal tells of: ▪ a command, ! what a DBA would be woken up for, · any other
change. **{time.earlier}** and **{time.later}** go from one to the next, **{time.command-before}** and
**{time.command-after}** from command to command. The panes show the cluster as it was at that moment; on the left is
what had been done last and what it printed. **{time.log}** opens its whole log.
"""
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("time"), *bindings("panes")]

    def __init__(self) -> None:
        super().__init__()
        self._history: History | None = None
        self._place = 0
        self._then = Then("")
        self._output = ""

    def compose(self) -> ComposeResult:
        """When, the bar, what was done, the panes."""
        yield SteadyText(plain("Reading the journal…", QUIET), id="when")
        yield SteadyText("", id="bar")
        with Horizontal(id="sides"):
            with VerticalScroll(id="done"):
                yield Static("", id="command")
            yield PaneColumn()
        yield KeyLine(compact=True)

    def on_mount(self) -> None:
        """Read, and begin with the newest moment."""
        self.query_one("#done", VerticalScroll).focus()
        self._read()

    @work(group="journal", exclusive=True, exit_on_error=False)
    async def _read(self) -> None:
        backend = self.console.session.state.backend
        if backend is None:
            self._say_nothing()
            return
        history = await asyncio.to_thread(backend.runner.history)
        if not history.moments:
            self._say_nothing()
            return
        self._history = history
        recorded = self.console.recorded
        self._go(len(history.moments) - 1 if recorded is None else history.place(recorded.at))

    def _say_nothing(self) -> None:
        self.query_one("#when", SteadyText).say(
            plain("Nothing is kept of this lab yet: it begins with the first look.")
        )

    # Going

    def _go(self, place: int) -> None:
        history = self._history
        if history is None:
            return
        self._place = max(0, min(place, len(history.moments) - 1))
        at = history.moments[self._place]
        self._then.go(history.timeline, at, time.strftime("%H:%M:%S", time.localtime(at)))
        panes = self.query_one(PaneColumn)
        for source in get_args(Source):
            panes.show(source, self._then)
        self._show_when(history, at)
        self._show_done()

    @property
    def _last(self) -> Act | Changed | None:
        """What had been begun last."""
        history = self._history
        count = history.before(history.moments[self._place]) if history is not None else 0
        return history.done[count - 1] if history is not None and count else None

    def _show_when(self, history: History, at: float) -> None:
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
        place = f"moment {self._place + 1} of {len(history.moments)} · {ago(max(0.0, time.time() - at))} ago"
        self.query_one("#when", SteadyText).say(
            Content.assemble((f"As it was {moment}", f"bold {WARN}"), f" · {place}")
        )
        self.query_one("#bar", SteadyText).say(self._bar(history))

    def _bar(self, history: History) -> Content:
        """The moments on one line, each as wide as any other, with the one that is shown."""
        width = max(10, self.size.width - 2)
        count = len(history.moments)
        cells = ["·"] * min(width, count)

        def cell(at: float) -> int:
            return history.place(at) * len(cells) // count

        for one in history.done:
            cells[cell(one.at)] = "▪"
        for event in history.timeline.events:
            if not event.good and event.at >= history.moments[0]:
                cells[cell(event.at)] = "!"
        here = self._place * len(cells) // count
        return Content.assemble(
            ("".join(cells[:here]), QUIET), ("◆", f"bold {WARN}"), ("".join(cells[here + 1 :]), QUIET)
        )

    @work(group="output", exclusive=True, exit_on_error=False)
    async def _show_done(self) -> None:
        last, history = self._last, self._history
        assert history is not None
        at = history.moments[self._place]
        self._output = ""
        if isinstance(last, Act) and (not last.ended or last.ended <= at):
            self._output = await asyncio.to_thread(history.output, last)
        self.query_one("#command", Static).update(Content("\n").join(self._lines(history, at, last)))

    def _lines(self, history: History, at: float, last: Act | Changed | None) -> list[Content]:
        count = history.before(at)
        if last is None:
            found = [plain("Nothing had been done by then.", QUIET)]
        elif isinstance(last, Changed):
            found = [self._named(last)]
        else:
            title = self._title(last.step)
            found = [self._named(last), *([plain(title, "bold")] if title else [])]
            found += [plain(f"$ {line}" if not number else f"> {line}") for number, line in enumerate(_text(last))]
            if last.ended and last.ended > at:
                found.append(plain("it runs", WARN))
            found += [plain(shortened(line), QUIET) for line in self._output.split("\n")[-LINES:] if self._output]
            if not last.ended or last.ended <= at:
                found += [
                    plain(f"{'✓' if result.ok else '✗'} {one_line(result.check)}: {one_line(result.saw)}",
                          OK if result.ok else BAD)
                    for result in last.results
                ]  # fmt: skip
        for words, some in (("Before", history.done[max(0, count - 1 - NEARBY) : max(0, count - 1)]),
                            ("After", history.done[count : count + NEARBY])):  # fmt: skip
            if some:
                found += [Content(""), plain(words, f"bold {QUIET}"), *(self._named(one, short=True) for one in some)]
        return found

    def _named(self, one: Act | Changed, *, short: bool = False) -> Content:
        """What was done, when, where, and how it went."""
        clock = time.strftime("%H:%M:%S", time.localtime(one.at))
        if isinstance(one, Changed):
            return plain(f"{clock}  the lab: {one_line(one.title)}", OK if one.well else BAD)
        node = "every node" if one.node == EVERY_NODE else one.node
        who = one_line(f"{one.user}@{node}" if node else "the lab")
        if short:
            return plain(shortened(f"{clock}  {who}  {one_line(_text(one)[0])}", 100), QUIET)
        typed = ", typed" if one.typed else ""
        return plain(f"{clock}  {who}{typed}  {one.seconds:.1f} s", OK if one.well else BAD)

    def _title(self, step: str) -> str:
        """The title of a step in the lab's names; empty for none of this course."""
        state = self.console.session.state
        known = {one.id: one.title for one in state.course.steps} if state.course is not None else {}
        return state.text(known[step]) if step in known else ""

    def on_resize(self) -> None:
        """Draw the bar anew."""
        if self._history is not None:
            self._show_when(self._history, self._history.moments[self._place])

    # Keys

    def action_step(self, by: int) -> None:
        """Go to the moment before or after."""
        self._go(self._place + by)

    def action_command(self, by: int) -> None:
        """Go to the command before or after."""
        if self._history is not None:
            self._go(self._history.command_beside(self._place, by))

    def action_edge(self, last: int) -> None:
        """Go to the first moment or the last."""
        if self._history is not None:
            self._go(len(self._history.moments) - 1 if last else 0)

    def action_pane(self, name: str) -> None:
        """Go to a pane."""
        self.query_one(PaneColumn).query_one(f"#{name}").focus()

    def action_copy(self) -> None:
        """Copy what the command printed."""
        self.console.copy(self._output, "its output")

    def action_log(self) -> None:
        """Open the whole log of the command."""
        from pghalab.screens.log_view import LogScreen

        last, backend = self._last, self.console.session.state.backend
        path = backend.runner.journal.folder / "logs" / last.log if backend and isinstance(last, Act) else None
        if path is not None and path.is_file():
            self.app.push_screen(LogScreen(path))
        else:
            self.say("Nothing more is kept of it.")


def _text(act: Act) -> list[str]:
    """The lines of a command, clean."""
    return clean(act.command).split("\n")
