"""The end of the course: what was learned, what was measured, and where to go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from pghalab.screens.console import ConsoleScreen
from pghalab.screens.messages import hears
from pghalab.session.events import StatesChanged
from pghalab.session.summary import Summary, summary
from pghalab.widgets.glyphs import ACCENT, QUIET, glyph
from pghalab.widgets.keyline import KeyLine
from pghalab.widgets.keys import bindings, said
from pghalab.widgets.scrolling import KeyScroll
from pghalab.widgets.text import plain

_ON = (
    (
        "{end.live}",
        "watch the cluster, and break it in a shell ({end.shell}): the panes and {app.repair} tell",
    ),
    ("{end.home}", "the list of lessons: every step can be done again; {app.lab} › Begin again forgets what was done"),
    ("{app.lab} › Export", "this deployment as a compose file and a script, to be used without pghalab"),
    ("pghalab lint", "checks lessons of your own; they are Markdown files like these"),
    ("patroni.readthedocs.io", "every setting of patroni.yaml, and its REST API"),
    ("etcd.io/docs", "operations: members, disaster recovery, tuning"),
    ("postgresql.org/docs/17", "chapters 26 and 27: high availability, and watching it"),
    ("postgressolutions.com", "the author whose training this course follows"),
)


class EndScreen(ConsoleScreen):
    """Shown behind the last step."""

    DEFAULT_CSS = """
    EndScreen Static { height: auto; width: 1fr; max-width: 110; padding: 0 1; }
    EndScreen .head { text-style: bold; background: $panel; max-width: 100%; }
    EndScreen .part { margin: 1 0 0 0; }
    """
    HELP = "# The end of the course\nWhat was learned, what was measured, and where to go on."
    BINDINGS: ClassVar[list[BindingType]] = bindings("end")

    def compose(self) -> ComposeResult:
        """Three parts."""
        yield Static("The end of the course", classes="head")
        with KeyScroll(can_focus=True):
            yield Static("", id="learned", classes="part")
            yield Static("", id="measured", classes="part")
            yield Static(_ways_on([(said(self, key), said(self, words)) for key, words in _ON]), classes="part")
        yield KeyLine(compact=True)

    def on_mount(self) -> None:
        """Sum up."""
        self.query_one(KeyScroll).focus()
        self._show()

    @hears(StatesChanged)
    def _show(self) -> None:
        state = self.console.session.state
        if state.course is None:
            return
        found = summary(state.course, state.steps, state.events)
        lines = [Content.styled("What you have built, seen and repaired", "bold")]
        for lesson, word, words in found.lessons:
            sign, style = glyph(word)
            lines.append(
                Content.assemble((f"  {sign} ", style), f"{lesson.number:>2}  ", plain(state.text(lesson.title)),
                                 (f"   {words}", QUIET))
            )  # fmt: skip
        if found.left:
            count = "One step is" if found.left == 1 else f"{found.left} steps are"
            lines.append(Content.styled(f"  {count} left; home leads to the next one.", QUIET))
        self.query_one("#learned", Static).update(Content("\n").join(lines))
        self.query_one("#measured", Static).update(_measured(found))

    def action_home(self) -> None:
        """Go home."""
        self.console.go_home()

    def action_watch(self) -> None:
        """Open the live cluster."""
        from pghalab.screens.live import LiveScreen

        self.app.push_screen(LiveScreen())


def _measured(found: Summary) -> Content:
    lines = [Content.styled("What this console measured on your cluster", "bold")]
    if found.leaders:
        lines.append(Content(f"  A member took the lead {found.leaders} times."))
    if found.gaps:
        worst, shortest = max(found.gaps), min(found.gaps)
        lines.append(Content(f"  {len(found.gaps)} times no server took writes for a while:"))
        lines.append(Content(f"  the shortest lasted about {shortest:.0f} s, the longest about {worst:.0f} s."))
        words = "  Looked at about once a second; a writer of your own, as in the lessons, tells it more exactly."
        lines.append(Content.styled(words, QUIET))
    if len(lines) == 1:
        lines.append(Content.styled("  Nothing yet: no server stopped taking writes while the console looked.", QUIET))
    return Content("\n").join(lines)


def _ways_on(ways: Sequence[tuple[str, str]]) -> Content:
    width = max(len(key) for key, _ in ways)
    lines = [Content.styled("Where to go on", "bold")]
    lines += [Content.assemble(("  " + key.ljust(width + 2), f"bold {ACCENT}"), words) for key, words in ways]
    return Content("\n").join(lines)
