"""A show before a room: one thing at a time on the whole screen, and nothing of the presenter's."""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

from textual import events, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from pghalab.course.kinds import Question
from pghalab.course.model import Lesson, Step
from pghalab.screens.demo_board import ScreenBoard
from pghalab.screens.demo_keys import HELP, DemoKeys
from pghalab.screens.messages import Told, hears
from pghalab.session.demo.pace import Tempo
from pghalab.session.demo.program import Program, is_typed
from pghalab.session.demo.show import Show
from pghalab.session.demo.stand_in import Recording
from pghalab.session.demo.standing import Phase
from pghalab.session.demo.told import cluster_line
from pghalab.session.events import (
    ClusterSeen,
    RunProgressed,
    SessionEvent,
    ShowMoved,
    Source,
    StatesChanged,
    VerbProgressed,
)
from pghalab.widgets.checks_view import ChecksView
from pghalab.widgets.glyphs import ACCENT, QUIET
from pghalab.widgets.keys import bindings
from pghalab.widgets.pane_column import PaneColumn
from pghalab.widgets.part_bar import PartBar
from pghalab.widgets.room_card import RoomCard
from pghalab.widgets.room_page import RoomPage, ending, meaning, waiting, words
from pghalab.widgets.room_question import RoomQuestion
from pghalab.widgets.room_shells import RoomShells
from pghalab.widgets.text import plain
from pghalab.widgets.veil import Veil

What = Literal["words", "question", "work", "meaning", "waiting", "end", "live"]
"""What fills the screen."""
SMALLEST = (80, 24)


class DemoScreen(DemoKeys):
    """Draws a `Show`, and hands it the keys; nothing else of the console works here, nor is told here."""

    CSS_PATH = "demo.tcss"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (80, "-wide"), (110, "-roomy")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (16, "-high")]  # noqa: RUF012
    AUTO_FOCUS = ""
    HELP = HELP
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("demo"), *bindings("panes")]

    def __init__(
        self, program: Program, tempo: Tempo, *, auto: bool = False, loop: bool = False, alone: bool = False
    ) -> None:
        """`alone`: the console was opened for the show, and is left with it."""
        super().__init__()
        self.leaves_console = alone
        self._program, self._tempo, self._auto, self._loop = program, tempo, auto, loop
        self._typed = ""
        """The step whose command was typed into the shell in front."""
        self._told: tuple[str, Phase] | None = None
        """The step that was seen and of which it is shown what that means."""
        self._at: tuple[str, Phase] | None = None
        """What was drawn last."""
        self.only = ""
        """The live pane that is shown alone."""

    def compose(self) -> ComposeResult:
        """What is shown one at a time, and the line below it."""
        with Vertical(id="room"):
            yield RoomPage(id="page")
            with Vertical(id="work"):
                yield Static("", id="title")
                yield RoomShells(self.console.session, id="shells")
                yield RoomCard()
                yield ChecksView()
            yield PaneColumn(id="live")
        with Horizontal(id="strip"):
            yield Static("", id="place")
            yield Static("", id="cluster")
            yield Static("", id="sign")

    def on_mount(self) -> None:
        """Begin."""
        session = self.console.session
        board = ScreenBoard(self.shells, self._pages, self._turn, self._shell_comes)
        self.show = Show(session, self._program, board, tempo=self._tempo, auto=self._auto, loop=self._loop)
        session.show = self.show
        self.shells.veil = Veil(self.console.veil_room())
        self.set_interval(1.0, self._tick)
        self.run_worker(self.show.drive(), group="show", exit_on_error=False)

    def on_unmount(self) -> None:
        """It is over, and the console is as it was."""
        session = self.console.session
        self.show.close()
        session.show, session.state.shown = None, ""
        self.console.unveil_room()

    # What is shown

    @property
    def step(self) -> Step:
        """The step that the room sees, which may be an earlier one."""
        page = self.show.trail.page
        return self.show.step if page is None else self.show.program.steps[page[0]]

    @property
    def lesson(self) -> Lesson:
        """Its lesson."""
        return self.show.program.course.lesson_of(self.step.id)

    @property
    def phase(self) -> Phase:
        """How far that step is."""
        page = self.show.trail.page
        return self.show.phase if page is None else page[1]

    @property
    def what(self) -> What:
        """What fills the screen now."""
        show, phase = self.show, self.phase
        if show.cluster:
            return "live"
        if show.own_shell:
            return "work"
        if phase == "moving" or (phase == "stopped" and show.on_the_way):
            return "waiting"
        if phase == "over":
            return "end"
        if isinstance(self.step.kind, Question):
            return "question"
        if phase == "say" or (phase in ("typing", "stopped") and is_typed(self.step) and self._typed != self.step.id):
            return "words"
        return "meaning" if self._told == self._here else "work"

    @property
    def _here(self) -> tuple[str, Phase]:
        return self.step.id, self.phase

    @property
    def _in_shells(self) -> bool:
        """What is done in the step is seen in the shell itself."""
        if self.show.own_shell:
            return True
        return self.show.trail.page is None and self._typed == self.step.id and self._recorded is None

    @property
    def _recorded(self) -> Recording | None:
        """What is shown in place of the run that goes on."""
        return self.show.stand_in.seen if self.show.trail.page is None else None

    def _parts(self, what: What) -> list[Widget]:
        lesson, step, state = self.lesson, self.step, self.console.session.state
        match what:
            case "question":
                assert isinstance(step.kind, Question)
                return [*words(lesson, step, state), RoomQuestion(step.kind, state)]
            case "meaning":
                return meaning(lesson, step, state)
            case "waiting":
                return waiting(lesson, state)
            case "end":
                return ending()
            case _:
                return words(lesson, step, state)

    @hears(ShowMoved, StatesChanged, RunProgressed, VerbProgressed)
    def _moved(self, _: Told[SessionEvent]) -> None:
        self.draw()

    def draw(self) -> None:
        """Bring what the room sees up to date."""
        if self._at != self._here:
            self._at = self._here
            # The next page may have been wanted before this one was drawn.
            self._told = self._told if self._told == self._here else None
        what = self.what
        # All at once: each change has every widget styled anew.
        front = {"work": "work", "live": "live"}.get(what, "page")
        seen = {f"-{name}": name == front for name in ("page", "work", "live")}
        self.update_classes({**seen, "-black": self.show.black})
        if what == "work":
            self._draw_work()
        elif what == "live":
            self._draw_live(*get_args(Source))
        else:
            if not self.page.shows(self._key):
                self._draw_page(self._key, what)
            self._draw_within()
        self._draw_strip()

    @property
    def _key(self) -> object:
        """What stands for what is on the page."""
        return self.what, self.lesson.id if self.what == "waiting" else self.step.id

    @work(exclusive=True, group="page", exit_on_error=False)
    async def _draw_page(self, key: object, what: What) -> None:
        parts = self._parts(what)
        await self.page.show(key, lambda: parts)
        self._draw_within()

    def _draw_within(self) -> None:
        """What changes on a page that stays."""
        for question in self.page.query(RoomQuestion):
            revealed = self.phase not in ("say", "moving")
            question.show(self.show.votes, revealed=revealed)
            if revealed:
                self.call_after_refresh(self.page.scroll_end, animate=False)
        for bar in self.page.query(PartBar):
            bar.show(self.console.session.work.verb_part)

    def _draw_work(self) -> None:
        session, step = self.console.session, self.step
        state, in_shells = session.state, self._in_shells
        work_area = self.query_one("#work")
        work_area.update_classes({"-shells": in_shells, "-card": not in_shells})
        head = f"{self.lesson.number}  {state.text(step.title)}"
        self.query_one("#title", Static).update(plain("" if self.show.own_shell else head, ACCENT))
        run = session.work.runs.get(step.id)
        if not in_shells:
            self.query_one(RoomCard).show(step, session.resolve(step) or step.kind.where, run, self._recorded)
        checks = self.query_one(ChecksView)
        waits = self.phase == "running" and not in_shells
        if (self.phase == "seen" or waits) and not self.show.own_shell:
            seen = run.results if run is not None and run.active else state.results.get(step.id, ())
            past = state.steps.get(step.id) == "past"
            checks.show(seen, expected=len(step.checks), running=waits, past=past)
        else:
            checks.display = False

    def _draw_live(self, *sources: Source) -> None:
        panes = self.query_one(PaneColumn)
        panes.hide({name for name in ("nodes", "etcd", "patroni", "events") if self.only not in ("", name)})
        panes.query_one("#hidden").display = False
        for source in sources:
            panes.show(source, self.console.session.state)

    def _draw_strip(self) -> None:
        place = f"{self.lesson.number} {self.console.session.state.text(self.lesson.title)}"
        at, of = self.lesson.steps.index(self.step) + 1, len(self.lesson.steps)
        self.query_one("#place", Static).update(plain(f"{place} · {at}/{of}"))
        self.query_one("#cluster", Static).update(plain(cluster_line(self.console.session), QUIET))
        self.query_one("#sign", Static).update(Content.styled(f"{self.pressed_keys}{self._sign()}", ACCENT))

    def _sign(self) -> str:
        """A sign that tells the presenter something and the room nothing."""
        show = self.show
        signs = [
            "◇" if show.phase == "stopped" else "",
            "◂" if show.trail.page is not None else "",
            "‖" if show.paused else "▸" if show.auto else "",
            "⌨" if show.by_keys else "",
        ]
        return " ".join(filter(None, signs))

    @hears(ClusterSeen)
    def _seen(self, message: Told[ClusterSeen]) -> None:
        if self.show.cluster:
            self._draw_live(message.event.source)
        self._draw_strip()

    def _tick(self) -> None:
        if self.show.cluster:
            self.query_one(PaneColumn).tick()
        elif self.what == "waiting":
            self._draw_within()
        elif self.what == "work" and not self._in_shells:
            self._draw_work()

    def on_resize(self, event: events.Resize) -> None:
        """Tell the presenter when the room can no longer read it."""
        if self.is_mounted and (event.size.width < SMALLEST[0] or event.size.height < SMALLEST[1]):
            size = f"{event.size.width}x{event.size.height}"
            self.show.note(f"The terminal has {size}: from {SMALLEST[0]}x{SMALLEST[1]} on the room sees all of it.")

    # The board

    @property
    def shells(self) -> RoomShells:
        """The shells."""
        return self.query_one(RoomShells)

    @property
    def page(self) -> RoomPage:
        """The page of words."""
        return self.query_one(RoomPage)

    def _shell_comes(self) -> str:
        self._typed = self.show.step.id
        self.draw()
        return self.show.program.course.lesson_of(self._typed).id

    def _has_meaning(self) -> bool:
        return self.what == "work" and self.phase == "seen" and bool(self._parts("meaning"))

    def _pages(self) -> int:
        if self.what == "work":
            return 2 if self._has_meaning() else 1
        return self.page.pages if self.page.drawn == self._key else 1

    def _turn(self, by: int) -> bool:
        """Show the next screenful, or the one before; False where there is none."""
        if by > 0 and self.what == "work" and self._has_meaning():
            self._told = self._here
        elif by < 0 and self.what == "meaning" and not self.page.scroll_y:
            self._told = None
        else:
            return self.what not in ("work", "live") and self.page.drawn == self._key and self.page.turn(by)
        self.draw()
        return True
