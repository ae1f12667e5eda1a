"""The app as the screens see it, and what every screen has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast
from weakref import WeakKeyDictionary

from textual import on, work
from textual.app import App
from textual.binding import ActiveBinding
from textual.content import Content
from textual.events import Event, Key, Paste
from textual.filter import LineFilter
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from pghalab.lab.host.paths import layout_file
from pghalab.lab.types import LabError
from pghalab.registry.keymap import Keymap, load
from pghalab.screens.driver import driver
from pghalab.screens.frames import PromptScreen
from pghalab.screens.messages import told
from pghalab.screens.themes import ROOM
from pghalab.session.backend import Connect, Shown
from pghalab.session.demo import settings
from pghalab.session.demo.pace import Tempo
from pghalab.session.demo.program import Program
from pghalab.session.events import SessionEvent
from pghalab.session.layout import Layout
from pghalab.session.session import Session
from pghalab.text import clean
from pghalab.widgets import glyphs
from pghalab.widgets.keys import in_order, said
from pghalab.widgets.recorded_mark import RecordedMark
from pghalab.widgets.text import HARMLESS

if TYPE_CHECKING:
    from pghalab.widgets.veil import Veiled

log = logging.getLogger(__name__)


class Passed(Message):
    """Goes behind what was typed."""


class Console(App[int]):
    """What every screen may ask for: the session, the way to another screen, a question, the clipboard."""

    def __init__(
        self,
        lab_name: str,
        *,
        connect: Connect | None = None,
        lessons: Path | None = None,
        recorded: Shown | None = None,
    ) -> None:
        super().__init__(driver_class=driver())
        self.recorded = recorded
        """What `connect` shows, when it is a recording: every screen says so."""
        self.then: Literal["", "replay"] = ""
        """What is to be opened once this console is left."""
        self.session = Session(lab_name, connect=connect, lessons=lessons)
        self.own_keys: Keymap = {}
        """The keys that the person chose, by the id of the action."""
        self.wanted = settings.Wanted()
        """How the person wants shows to be."""
        self.arranged = Layout(layout_file())
        self._veiled: Veiled | None = None
        self._asked: WeakKeyDictionary[Key, Screen[Any]] = WeakKeyDictionary()
        """Which screen each key was given to that is on its way."""
        self._way: Widget | None = None
        """Where what is typed was sent last, other than to a shell."""
        self._under_way = 0
        """How much of that has not come back, or to where it was meant for."""
        self._lights = ""
        """The theme that the person has when no room looks on."""

    def on_load(self) -> None:
        """Take the person's own keys and wishes, before the first screen is made."""
        self.own_keys, wrong = load()
        self.wanted, also_wrong = settings.load()
        self.session.state.own_notices = wrong + also_wrong
        self.arranged = Layout.load(layout_file())
        self.set_keymap({name: ",".join(keys) for name, keys in self.own_keys.items()})

    def on_mount(self) -> None:
        """Listen."""
        self.session.bus.listen(self._tell)

    def on_key(self, event: Key) -> None:
        """What comes here was not typed into a shell: by now it may be meant for one."""
        self._hand_on(event)

    def on_paste(self, event: Paste) -> None:
        """The same for a paste."""
        self._hand_on(event)

    def _hand_on(self, event: Key | Paste) -> None:
        # The keys that are typed right behind one that leads into a shell are sent to where that one was sent.
        take = getattr(self.focused, "take_late", None)
        if take is not None and take(event):
            event.stop()
            event.prevent_default()

    @property
    def _background_screens(self) -> list[Screen[Any]]:
        """The screens that are seen through the current one.

        Textual counts the next lower one also below a screen that hides it, which is then painted whole whenever
        something changes on either of them.
        """
        hides = bool(self._screen_stack) and self.screen.styles.background.a == 1
        return [] if hides else super()._background_screens

    def _tell(self, event: SessionEvent) -> None:
        self.post_message(told(event))

    def open_step(self, step_id: str) -> None:
        """Show a step."""
        from pghalab.screens.lesson import LessonScreen

        for screen in self.screen_stack:
            if isinstance(screen, LessonScreen):
                screen.go_to(step_id)
                while self.screen is not screen:
                    self.pop_screen()
                return
        # One lesson screen is kept, with its shells, while the learner is elsewhere.
        if not self.is_screen_installed("lesson"):
            self.install_screen(LessonScreen(step_id), "lesson")
        kept = self.get_screen("lesson")
        assert isinstance(kept, LessonScreen)
        kept.go_to(step_id)
        self.push_screen(kept)

    def turn_to(self, step_id: str) -> None:
        """Let the lesson show a step once it is seen again."""
        from pghalab.screens.lesson import LessonScreen

        if self.is_screen_installed("lesson"):
            kept = self.get_screen("lesson")
            assert isinstance(kept, LessonScreen)
            kept.go_to(step_id)

    def show_beside(self, screen: Screen[None]) -> None:
        """Open the lab menu or the doctor in place of the other one, so that they do not pile up."""
        from pghalab.screens.doctor import DoctorScreen
        from pghalab.screens.lab_menu import LabScreen

        if isinstance(self.screen, type(screen)):
            return
        if isinstance(self.screen, (LabScreen, DoctorScreen)):
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    # A room that looks on

    def present(self, program: Program, tempo: Tempo | None = None, **how: bool) -> None:
        """Show these lessons to a room; `how` is what the screen for that takes."""
        from pghalab.screens.demo import DemoScreen

        if self.session.show is None:
            self.push_screen(DemoScreen(program, tempo or self.wanted.tempo, **how))

    def veil_room(self) -> list[str]:
        """Show a room nothing of the person's from now on; gives the passwords that it must not see."""
        from pghalab.serve.hidden import Hidden, of_this_machine
        from pghalab.widgets.veil import Veiled

        state = self.session.state
        secrets = [state.backend.lab.settings.password] if state.backend is not None else []
        self._lights, self.theme = self.theme, ROOM[self.wanted.background].name
        self._veiled = Veiled(Hidden(secrets, of_this_machine()))
        self.refresh()
        return secrets

    def unveil_room(self) -> None:
        """No room looks on any more."""
        self._veiled, self.theme = None, self._lights
        self.refresh()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, and those that let nothing through that a terminal obeys, or that a room must not see."""
        found = [*super().get_line_filters(), HARMLESS]
        return found if self._veiled is None else [*found, self._veiled]

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Tell the person; while a room looks on, only what is wrong, and not on the screen."""
        if self.session.show is None:
            super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)
        elif severity != "information":
            self.session.show.note(message)

    async def on_event(self, event: Event) -> None:
        """Let the screen know of every key, and let none overtake another on its way to a shell."""
        if isinstance(event, Key) and event.is_forwarded and self._asked.get(event, self.screen) is not self.screen:
            # It was typed before the screen came on which it arrives, and nobody took it: it is meant for that one.
            event = Key(event.key, event.character)
        if not isinstance(event, (Key, Paste)) or event.is_forwarded:
            await super().on_event(event)
            return
        if isinstance(event, Key):
            self._asked[event] = self.screen
            if isinstance(self.screen, ConsoleScreen):
                self.screen.pressed(event)
        target = self.focused or self.screen
        if not hasattr(target, "take_late"):
            self._way = target
            await super().on_event(event)
        elif self._way is not None and self._way.is_running and self._under_way:
            # What was typed before is still on its way to the shell: this goes the same way, behind it.
            if isinstance(event, Key) and await self._check_bindings(event.key, priority=True):
                return
            self._way._forward_event(event)
        else:
            self._way, self._under_way = None, 0
            await super().on_event(event)
            return
        if self._way.post_message(Passed()):
            self._under_way += 1

    def on_passed(self) -> None:
        """All that was typed before this has come to where it was meant for."""
        self._under_way = max(0, self._under_way - 1)

    def go_home(self) -> None:
        """Close everything above home."""
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def ask(self, question: str, yes: str, then: Callable[[], object], *, danger: bool = False) -> None:
        """Ask, and do it on yes."""
        from pghalab.screens.dialogs import Confirm

        def answered(answer: bool | None) -> None:
            if answer:
                then()

        self.push_screen(Confirm(question, yes, danger=danger), answered)

    def copy(self, text: str, what: str) -> None:
        """Copy text to where it can be pasted from, and say where that is."""
        if not text:
            self.notify(f"There is nothing to copy: {what} is empty.", markup=False)
            return
        self._copy(text, what)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy what Textual copies by itself: what was marked with the mouse, or cut in an editor."""
        self._copy(text, "")

    @work(group="copy", exclusive=True, exit_on_error=False)
    async def _copy(self, text: str, what: str) -> None:
        from pghalab.lab.host import clipboard
        from pghalab.lab.host.paths import lab_folder

        file = lab_folder(self.session.state.lab_name) / "copied.txt"
        # For what is pasted within the console.
        self._clipboard = clean(text)
        try:
            said = await clipboard.copy(text, what, file, super().copy_to_clipboard)
        except OSError as error:
            self.notify(f"It cannot be copied: {file}: {error.strerror or error}.", severity="error", markup=False)
            return
        self.notify(said, markup=False, timeout=5)

    @on(Worker.StateChanged)
    def worker_changed(self, event: Worker.StateChanged) -> None:
        """Tell of a worker that failed, and log where."""
        error = event.worker.error
        if event.state is WorkerState.ERROR and error is not None:
            log.error("%s failed", event.worker.name, exc_info=error)
            text = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}; more in the log."
            self.notify(text, severity="error", markup=False)


class ConsoleScreen(PromptScreen):
    """A screen that listens to the session."""

    def pressed(self, event: Key) -> None:
        """A key was pressed, whoever takes it."""

    @property
    def console(self) -> Console:
        """The app."""
        return cast("Console", self.app)

    def on_mount(self) -> None:
        """Listen; say it where a recording is shown."""
        self.console.session.bus.listen(self._tell)
        if (recorded := self.console.recorded) is not None:
            self.mount(RecordedMark(lambda: recorded.title))

    def on_unmount(self) -> None:
        """Listen no more."""
        self.console.session.bus.unlisten(self._tell)

    def _tell(self, event: SessionEvent) -> None:
        # One that is kept and not shown catches up when it is shown again.
        if self in self.app.screen_stack:
            self.post_message(told(event))

    @on(Worker.StateChanged)
    def _worker_changed(self, event: Worker.StateChanged) -> None:
        # Textual tells it to the screen that the worker belongs to, and to nobody else.
        self.console.worker_changed(event)

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The bindings that work now, in the order in which they are shown."""
        return in_order(super().active_bindings)

    def condition(self) -> Content:
        """The lab's condition in one line."""
        state = self.console.session.state
        return glyphs.line(state.headline(str(state.trouble) if state.trouble is not None else ""))

    def say(self, text: str) -> None:
        """Notify of something; `{lesson.hint}` in it becomes the name of the key."""
        self.notify(said(self, text), markup=False)

    @property
    def shows_what_runs(self) -> bool:
        """What runs now is on this screen."""
        return False

    def action_stop(self) -> None:
        """Stop what runs, and say what that is unless it is on the screen."""
        work = self.console.session.work
        if work.busy and not work.stopping and not self.shows_what_runs:
            self.notify(f"Stopping {work.running}.", markup=False)
        work.stop()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer Stop only while there is something to stop."""
        return self.console.session.work.busy if action == "stop" else True
