"""What the keys of a presenter do with a show, and with what the room sees of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events, on, work
from textual.screen import ModalScreen

from pghalab.course.kinds import Where
from pghalab.lab.types import LabError
from pghalab.registry.keymap import shown
from pghalab.screens.console import ConsoleScreen
from pghalab.session.demo.show import Show
from pghalab.widgets.shell_pane import ShellPane

if TYPE_CHECKING:
    from pghalab.widgets.room_shells import RoomShells

HELP = """\
# Showing lessons to a room
**{demo.next}** goes on: the next page, the command as it is typed, all of it at once, Enter, what came of it, the next
step. **{demo.back}** looks back and undoes nothing. **{demo.black}** shows nothing. **{demo.out}** leads back to the
step at hand, and ends the show. A remote for presentations has these four.

When a step goes otherwise than expected the show stops, and a ◇ stands below: **{demo.next}** goes on all the same,
**{demo.back}** and **{demo.again}** run it again, **{demo.mend}** has the console do what is missing. What is wrong is
told in a second terminal, by `pghalab notes`; **{demo.why}** tells it here, where the room reads it too.

**{demo.shell}** leads into a shell of your own, **{demo.take}** into that of the show, **{shell.leave}** back.
**{demo.cluster}** shows the live panes, **{panes.nodes} {panes.etcd} {panes.patroni} {panes.events}** one of them.
**{demo.recorded}** shows the recorded run of a slow step, marked RECORDED, while the real one goes on.
**{demo.by-keys}** lets every key type the right character. ‖ is a pause, ▸ a show that goes on by itself, ◂ a look
back.
"""
_LAST_KEYS = 3
"""Key presses that are shown, when they are."""
_TYPES = ("space", "enter")


class DemoKeys(ConsoleScreen, ModalScreen[None]):
    """The keys of a show; a screen that hides all others, with their keys."""

    show: Show
    only: str
    """The live pane that is shown alone."""
    leaves_console = False
    """The console was opened for the show alone, and is left with it."""
    _pressed: tuple[str, ...] = ()
    _shows_keys = False
    _own = False
    """The shell that has the keys is the presenter's own."""

    @property
    def shells(self) -> RoomShells:
        """The shells."""
        raise NotImplementedError

    def draw(self) -> None:
        """Bring what the room sees up to date."""
        raise NotImplementedError

    # The show

    def action_next(self) -> None:
        """Go on; behind the end leave."""
        if self.show.phase == "over" and self.show.trail.page is None and not (self.show.black or self.show.cluster):
            self._leave()
        else:
            self.show.next()

    def action_back(self) -> None:
        """Look back."""
        self.show.back()

    def action_pause(self) -> None:
        """Stand still, or go on."""
        self.show.pause()

    def action_black(self) -> None:
        """Show nothing, or show it again."""
        self.show.darken()

    def action_out(self) -> None:
        """Show the step at hand again; where it is shown, end the show."""
        if self.show.present():
            return
        if self.show.phase == "over":
            self._leave()
        else:
            self.console.ask("End the show?", "End it", self._leave)

    def action_skip(self) -> None:
        """Leave the step out."""
        self.show.skip()

    def action_again(self) -> None:
        """Run the step again."""
        self.show.again()

    def action_mend(self) -> None:
        """Have the console do what is missing."""
        self.show.mend()

    def action_faster(self) -> None:
        """Type and wait faster."""
        self.show.faster()

    def action_slower(self) -> None:
        """Type and wait longer."""
        self.show.slower()

    def action_by_keys(self) -> None:
        """Let every key type the right character, or let them come by themselves."""
        self.show.type_by_keys()

    @work(group="jump", exclusive=True, exit_on_error=False)
    async def action_jump(self) -> None:
        """Choose a lesson and go there."""
        from pghalab.screens.dialogs import Choose

        text = self.console.session.state.text
        lessons = [
            (lesson.id, f"{lesson.number:>2}  {text(lesson.title)}") for lesson in self.show.program.course.lessons
        ]
        chosen = await self.app.push_screen_wait(Choose("Go to which lesson?", lessons))
        if chosen is not None:
            self.show.jump(chosen)

    def action_why(self) -> None:
        """Say on this very screen what the presenter is warned of."""
        from pghalab.screens.demo_dialogs import Why

        self.app.push_screen(Why(self.show.warnings))

    def _leave(self) -> None:
        step = self.show.step.id
        if self.leaves_console:
            self.app.call_later(self.app.action_quit)
        else:
            self.app.pop_screen()
            self.console.turn_to(step)

    # What is seen

    def action_recorded(self) -> None:
        """Show the recorded run of the step that runs, or the real one again."""
        self.show.recorded()
        self.draw()

    def action_cluster(self) -> None:
        """Show all live panes, or the step again."""
        self.only = ""
        self.show.panes()

    def action_pane(self, name: str) -> None:
        """Show one live pane alone, or the step again."""
        again = self.show.cluster and self.only == name
        self.only = "" if again else name
        if again or not self.show.cluster:
            self.show.panes()
        self.draw()

    def action_hide(self) -> None:
        """The step is shown again."""
        self.show.present()

    def action_show_keys(self) -> None:
        """Show the keys that are pressed, or no more."""
        self._shows_keys = not self._shows_keys
        self._pressed = ()
        self.draw()

    @property
    def pressed_keys(self) -> str:
        """The keys that were pressed last, when they are shown."""
        return "".join(f"{key} " for key in self._pressed)

    def pressed(self, event: events.Key) -> None:
        """A key was pressed; what is typed in a shell is seen there, or is not to be seen."""
        if self._shows_keys and not (self.show.own_shell and event.is_printable):
            self._pressed = (*self._pressed, shown(event.key))[-_LAST_KEYS:]
            self.draw()

    def on_key(self, event: events.Key) -> None:
        """Where every key types, it types."""
        if (event.is_printable or event.key in _TYPES) and self.show.keystroke():
            event.stop()
            event.prevent_default()

    def on_descendant_focus(self) -> None:
        """Nothing takes the keys of the show but a shell that is lent."""
        if not self.shells.lent:
            self.set_focus(None)

    # Shells

    def action_own_shell(self) -> None:
        """Lead into a shell of the presenter's own."""
        self._lend(own=True)

    def action_take(self) -> None:
        """Take over the shell of the show."""
        self._lend(own=False)

    @work(group="shell", exclusive=True, exit_on_error=False)
    async def _lend(self, *, own: bool) -> None:
        session = self.console.session
        backend = session.state.backend
        if backend is None or session.state.read_only:
            self.show.note(session.work.refusal())
            return
        found: Where = session.resolve(self.show.step) or self.show.step.kind.where
        known = found.node in backend.lab.nodes
        self._own = own
        self.show.lend()
        try:
            await self.shells.lend(
                found.node if known else next(iter(backend.lab.nodes)), found.user if known else "postgres", own=own
            )
        except LabError as error:
            self._give_back()
            self.show.note(str(error))

    def _give_back(self) -> None:
        self.shells.take_back()
        self.show.take_back(touched=not self._own)

    @on(ShellPane.Left)
    def _left(self, event: ShellPane.Left) -> None:
        event.stop()
        if self.shells.lent:
            self._give_back()

    @on(ShellPane.Copied)
    def _copied(self, event: ShellPane.Copied) -> None:
        event.stop()
        self.console.copy(event.text, "what you marked")
