"""The console: bindings, modes and theme; it wires the parts and holds no logic."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.events import Resize
from textual.screen import ModalScreen, Screen

from pghalab import registry
from pghalab.lab.types import LabError, User
from pghalab.screens import ending
from pghalab.screens.console import Console
from pghalab.screens.home import HomeScreen
from pghalab.screens.messages import Told, hears
from pghalab.screens.tap import Tap
from pghalab.screens.themes import DARK, LIGHT, ROOM
from pghalab.session.backend import Connect, Shown
from pghalab.session.events import ConfirmationAsked, Noticed, NoticesChanged, RunFinished, VerbFinished
from pghalab.widgets.keys import bindings, key, said

log = logging.getLogger(__name__)

SETTLED_SECONDS = 8.0
"""After this long the monitor has loaded its libraries too."""
FULL_COLLECTION = gc.get_threshold()[2]
NO_FULL_COLLECTION = 1_000_000
"""Collections of the middle generation before a full one: until what the libraries bring is all there and set aside,
one takes longer than a key may wait."""
CLOSE_SECONDS = 5.0
"""How long closing the lab may take before the console leaves all the same."""
STOP_SECONDS = 60.0
"""The same while a step or a verb runs: a deployment takes back what it made, which takes a busy engine long."""


class PghalabApp(Console):
    """The console of one lab."""

    TITLE = "pghalab"
    CSS_PATH = ["app.tcss", "screens/home.tcss"]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")

    def __init__(
        self,
        lab_name: str = "pgha",
        *,
        connect: Connect | None = None,
        lessons: Path | None = None,
        begins: Callable[[Console], object] | None = None,
        recorded: Shown | None = None,
    ) -> None:
        """`begins` is told once the lab is open; `recorded` is what `connect` shows, when it is a recording."""
        super().__init__(lab_name, connect=connect, lessons=lessons, recorded=recorded)
        self._begins = begins
        self._on_the_way_out = False
        self._gives_up = False
        for theme in (DARK, LIGHT, *ROOM.values()):
            self.register_theme(theme)
        if not os.environ.get("TEXTUAL_ANIMATIONS"):
            self.animation_level = "none"  # a scroll that glides shows its key half a second late
        self.theme = DARK.name
        wanted = os.environ.get("TEXTUAL_THEME", "")
        if wanted in self.available_themes:
            self.theme = wanted

    def get_default_screen(self) -> Screen[None]:
        """Home is always the lowest screen."""
        return HomeScreen()

    def on_mount(self) -> None:
        """Paint first; everything that takes time comes after."""
        gc.set_threshold(*gc.get_threshold()[:2], NO_FULL_COLLECTION)
        if not gc.isenabled():
            # What was loaded meanwhile would be looked through once.
            gc.freeze()
            gc.enable()
        self._listen_to_signals()
        self.call_after_refresh(self._open_session)

    def on_resize(self, event: Resize) -> None:
        """Tell the room how large the screen is, before it is painted."""
        self.session.room.resized(event.size.width, event.size.height)

    def _listen_to_signals(self) -> None:
        if self.is_headless:
            return
        if self._driver is not None:
            Tap(self, self._driver, self.session.room)
        ending.listen(self, self._leave)

    @work(group="session", exit_on_error=False)
    async def _open_session(self) -> None:
        try:
            await self.session.read_course()
            await self._painted()
            # What a lesson needs, so that the first one finds it loaded.
            self.run_worker(_import_widgets, thread=True, group="import", exit_on_error=False)
            await self.session.open()
            if self._begins is not None:
                self._begins(self)
            self.set_timer(SETTLED_SECONDS, _settle)
        except LabError as error:
            self.notify(str(error), severity="error", timeout=30, markup=False)

    async def _painted(self) -> None:
        """Wait until the list of lessons is on the screen: what is imported beside it would hold it up."""
        for _ in range(2):
            # What was told is taken in before the first refresh, and drawn by the second.
            painted = asyncio.Event()
            self.call_after_refresh(painted.set)
            await painted.wait()

    def deliver_screenshot(
        self, filename: str | None = None, path: str | None = None, time_format: str | None = None
    ) -> str | None:
        """Save a picture of the screen among the downloads; a server has no such folder, then where pghalab began."""
        from platformdirs import user_downloads_path

        if path is None and not user_downloads_path().is_dir():
            path = str(Path.cwd())
        return super().deliver_screenshot(filename, path, time_format)

    @hears(Noticed)
    def _noticed(self, message: Told[Noticed]) -> None:
        self.notify(message.event.text, severity=message.event.severity, markup=False)

    @hears(NoticesChanged)
    def _notices_changed(self, message: Told[NoticesChanged]) -> None:
        # Home shows them itself.
        if self.screen_stack and not isinstance(self.screen, HomeScreen):
            self.notify("\n".join(message.event.new), severity="warning", markup=False)

    @hears(ConfirmationAsked)
    def _confirmation_asked(self, message: Told[ConfirmationAsked]) -> None:
        from pghalab.screens.dialogs import ConfirmChange

        self.push_screen(ConfirmChange(message.event.diff), lambda yes: self.session.work.confirm(bool(yes)))

    @hears(RunFinished)
    def _run_finished(self, message: Told[RunFinished]) -> None:
        from pghalab.screens.lesson import LessonScreen

        if not self.screen_stack:
            return  # the console is being left
        # A dialog may have come up over the lesson meanwhile.
        seen = next(screen for screen in reversed(self.screen_stack) if not isinstance(screen, ModalScreen))
        step, outcome = message.event.step, message.event.outcome
        if not isinstance(seen, LessonScreen) or seen.step.id != step:
            course = self.session.state.course
            title = self.session.state.text(course.step(step).title) if course is not None else step
            bad = outcome in ("failed", "refused")
            self.notify(f"{title}: {outcome}", severity="error" if bad else "information", markup=False)

    @hears(VerbFinished)
    def _verb_finished(self) -> None:
        from pghalab.screens.lab_menu import LabScreen

        if self.screen_stack and not any(isinstance(screen, LabScreen) for screen in self.screen_stack):
            text, bad = self.session.work.verb_outcome()
            words = f"{text}. {said(self, 'The lab menu ({app.lab}) shows what it printed.')}"
            self.notify(words, severity="error" if bad else "information", markup=False)

    # Actions

    def action_lab_menu(self) -> None:
        """Open the lab menu."""
        from pghalab.screens.lab_menu import LabScreen

        self.show_beside(LabScreen())

    def action_doctor(self) -> None:
        """Open the doctor."""
        from pghalab.screens.doctor import DoctorScreen

        self.show_beside(DoctorScreen())

    def action_repair(self) -> None:
        """Go to the next step that is broken."""
        from pghalab.screens.lesson import LessonScreen

        broken = [one.step for one in self.session.state.broken()]
        if not broken:
            self.notify("Nothing that was done is broken.", markup=False)
            return
        here = self.screen.step.id if isinstance(self.screen, LessonScreen) else ""
        self.open_step(broken[(broken.index(here) + 1) % len(broken)] if here in broken else broken[0])

    def action_time(self) -> None:
        """Open the cluster as it was."""
        from pghalab.screens.time import TimeScreen

        self.push_screen(TimeScreen())

    def action_about(self) -> None:
        """Open the about box."""
        from pghalab.screens.dialogs import About

        self.push_screen(About())

    def action_help(self) -> None:
        """Show or hide the keys of the screen and what it is for."""
        from pghalab.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    @work(group="take over", exit_on_error=False)
    async def action_take_over(self) -> None:
        """Drive the lab from this console, once no other one does."""
        await self.session.take_over()

    def action_refresh_screen(self) -> None:
        """Paint everything anew, and look at the cluster."""
        self.session.watch.refresh()
        self.refresh(layout=True)

    def action_shell(self) -> None:
        """Choose a node and open a shell on it."""
        from pghalab.screens.lesson_shell import ask_where

        ask_where(self.screen, "Open a shell (it fills the screen until you leave it)", self._fill_with_shell)

    @work(group="shell", exclusive=True, exit_on_error=False)
    async def _fill_with_shell(self, node: str, user: User) -> None:
        from pghalab.screens.shell import open_shell

        await open_shell(self, node, user)

    @work(group="room", exclusive=True, exit_on_error=False)
    async def action_room(self) -> None:
        """Let a room see the screen in its browsers, or no longer."""
        from pghalab.screens.room import show_room

        await show_room(self)

    def action_replay(self) -> None:
        """Leave this lab for the recorded course; ask first where it can be used."""
        if self.recorded is not None or self._on_the_way_out:
            return
        if self.session.state.trouble is not None or self.session.state.without_engine:
            self._replay()
        else:
            self.ask("Leave this lab, which stays as it is, for the recorded course?", "Leave", self._replay)

    def _replay(self) -> None:
        self.then = "replay"
        self._leave(0)

    async def action_quit(self) -> None:
        """Leave; ask first while something runs."""
        if self._on_the_way_out:
            self.notify(self._leaving(), markup=False)
        elif self.session.work.busy:
            self.ask("Something is still running. Stop it and leave?", "Leave", lambda: self._leave(0), danger=True)
        else:
            self._leave(0)

    def _leave(self, code: int) -> None:
        if not self._on_the_way_out:
            self._on_the_way_out = True
            if self.session.work.busy:
                self.notify(self._leaving(), timeout=STOP_SECONDS, markup=False)
            self._close_and_exit(code)

    def _leaving(self) -> str:
        return f"Leaving: {self.session.work.running or 'the lab'} is being stopped first."

    @work(group="leave", exit_on_error=False)
    async def _close_and_exit(self, code: int) -> None:
        limit = STOP_SECONDS if self.session.work.busy else CLOSE_SECONDS
        closing = asyncio.create_task(self.session.close(), name="closing the session")
        await asyncio.wait({closing}, timeout=limit)
        if not closing.done():
            log.warning("closing the session takes longer than %g s: it is left as a kill would leave it", limit)
            self._gives_up = True
        elif not closing.cancelled() and (error := closing.exception()):
            log.error("closing the session", exc_info=error)
        if not self.is_headless:
            ending.end_without_terminal(code)
        self.exit(code, return_code=code)

    async def run_async(self, *args: Any, **kwargs: Any) -> Any:
        """Run the console until it is left, also by what cannot be stopped in time."""
        result = await super().run_async(*args, **kwargs)
        if self._gives_up:
            # The loop would wait for what does not end, and Python for the threads it is done in.
            logging.shutdown()
            os._exit(self.return_code or 0)
        return result

    def _begin(self, verb: registry.Verb, way: registry.Way) -> None:
        """Do what a line of the lab menu says, in the lab menu, where it shows what it prints."""
        from pghalab.screens.lab_menu import LabScreen

        self.show_beside(LabScreen())
        screen = self.screen
        assert isinstance(screen, LabScreen)
        screen.call_after_refresh(screen.begin, verb, way)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a shell Ctrl+Q and Ctrl+P are the shell's: the first lets output go on that Ctrl+S has stopped.

        Nor does a room see the palette.
        """
        if action == "command_palette" and self.session.show is not None:
            return False
        return action not in ("quit", "command_palette") or not self._in_shell

    @property
    def _in_shell(self) -> bool:
        return getattr(self.focused, "takes_every_key", False)

    @property
    def escape_to_minimize(self) -> bool:
        """Escape makes what fills the screen small again, unless it is a shell that wants it, for vim say."""
        return super().escape_to_minimize and not self._in_shell

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Everything the keys of the screen at hand do, for the command palette."""
        yield from super().get_system_commands(screen)
        for verb, way in registry.ways():
            if way.palette:
                yield SystemCommand(f"Lab: {way.title}", way.words, lambda verb=verb, way=way: self._begin(verb, way))
        seen = set()
        for active in screen.active_bindings.values():
            binding = active.binding
            namespace = active.node
            known = (namespace, binding.action) in seen or binding.action.startswith("command_palette")
            if not binding.description or known:
                continue
            seen.add((namespace, binding.action))
            yield SystemCommand(
                binding.description,
                f"Key: {key(self, binding.id) if binding.id else binding.key}",
                lambda action=binding.action, node=namespace: self.call_later(self.run_action, action, node),
            )


def _import_widgets() -> None:
    for name in ("markdown", "text_area"):
        importlib.import_module(f"textual.widgets.{name}")


def _settle() -> None:
    """Set aside what the libraries brought, since it stays, and look for garbage among the rest from now on."""
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], FULL_COLLECTION)
