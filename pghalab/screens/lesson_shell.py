"""The shells beside a lesson: what its keys do with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual import on
from textual.screen import Screen

from pghalab.lab.types import LabError, User
from pghalab.screens import lesson_texts
from pghalab.screens.arranged import ArrangedScreen
from pghalab.screens.dialogs import Choose
from pghalab.session.events import SessionEvent, StatesChanged
from pghalab.session.step_run import StepRun
from pghalab.widgets.keyline import KeyLine
from pghalab.widgets.shell_pane import ShellPane
from pghalab.widgets.step_shells import StepShells

if TYPE_CHECKING:
    from pghalab.screens.lesson import LessonScreen


class ShellArea(StepShells):
    """Opens shells, leads into them and out, and puts a step's command at a prompt."""

    _judged: StepRun | None = None
    """What was typed last for a step, and shown as its run."""

    @property
    def _lesson(self) -> LessonScreen:
        from pghalab.screens.lesson import LessonScreen

        assert isinstance(self.screen, LessonScreen)
        return self.screen

    @property
    def _is_there(self) -> bool:
        """The lesson is still there beside the shells, which end while the console is being left."""
        return all(self._lesson.query(name) for name in ("LessonHead", "LessonAreas", "KeyLine"))

    def on_descendant_focus(self) -> None:
        """Every key goes to the shell: the keys of the lesson are no help."""
        if self._is_there:
            self._lesson.query_one(KeyLine).visible = False
            self._lesson.areas.step_view.show_typing(True)
            self._show()

    def on_descendant_blur(self) -> None:
        """The lesson has its keys again."""
        if self._is_there:
            self._lesson.query_one(KeyLine).visible = True
            self._lesson.areas.step_view.show_typing(False)
            self._show()

    def _heard(self, event: SessionEvent) -> None:
        super()._heard(event)
        if isinstance(event, StatesChanged):
            self.call_later(self._show_what_was_typed)

    def _show_what_was_typed(self) -> None:
        """Scroll the lesson to what was typed for its step, once: what it printed, and what that is compared with."""
        screen = self._lesson
        run = screen.console.session.work.runs.get(screen.step.id)
        if run is not None and run.typed is not None and run is not self._judged:
            self._judged = run
            self.call_after_refresh(screen.areas.step_view.show_results)

    def enter(self) -> None:
        """Lead into the shell in front; the first one is opened where the step runs its command."""
        if self.shell is not None:
            self._show_pane()
        elif (where := self._where()) is not None:
            self._show_pane()
            self.expect()
            self._begin(self._open_on(*where))

    def another(self) -> None:
        """Ask on which node and as whom, and open a shell there."""

        def chosen(node: str, user: User) -> None:
            # At once: what is typed right behind the choice is for the shell.
            self._show_pane()
            self.expect()
            self._begin(self._open_on(node, user))

        ask_where(self._lesson, "Open a shell", chosen)

    def type_here(self) -> None:
        """Put the step's command at the prompt of a shell where the step runs it; the learner runs it."""
        card = self._lesson.step.kind.card
        if card is None or not card.copyable:
            self._lesson.notify("This step has no command to be typed.", markup=False)
            return
        where = self._where()
        if where is None:
            return
        shell = self.find(*where)
        # At once: an Enter that follows must not run the step.
        self._show_pane()
        if shell is None:
            self.expect()
        else:
            self.bring(shell.number)
            self._lesson.set_focus(self.view)
        self._begin(self._put())

    def leave(self, to: str = "lesson") -> None:
        """Lead back to the lesson, or to the cluster; without any shell its place is the lesson's again."""
        screen = self._lesson
        if self.shell is None:
            screen.remove_class("-shell")
        if screen.front.area == "shell" or screen.maximized is self:
            screen.front.bring(to)

    def hide(self) -> bool:
        """Give the shells' place to the lesson, while they go on; False when they have none."""
        screen = self._lesson
        if not screen.has_class("-shell"):
            return False
        screen.remove_class("-shell")
        screen.front.bring("lesson")
        screen.say("The shell goes on; {lesson.shell} leads back into it.")
        return True

    @on(ShellPane.Left)
    def _on_left(self, event: ShellPane.Left) -> None:
        event.stop()
        if self._is_there:
            self.leave(event.to)

    @on(ShellPane.Wanted)
    def _on_wanted(self, event: ShellPane.Wanted) -> None:
        event.stop()
        self.another()

    @on(ShellPane.Copied)
    def _on_copied(self, event: ShellPane.Copied) -> None:
        event.stop()
        self._lesson.console.copy(event.text, "what you marked")

    @on(ShellPane.FullScreen)
    def _on_full_screen(self, event: ShellPane.FullScreen) -> None:
        # Where there is no terminal engine, the whole screen is what a shell can have.
        event.stop()
        from pghalab.screens.shell import open_shell

        self._begin(open_shell(self._lesson.console, event.node, event.user))

    def _begin(self, work: object) -> None:
        self._lesson.run_worker(work, group="shell", exclusive=True, exit_on_error=False)  # type: ignore[arg-type]

    async def _put(self) -> None:
        screen = self._lesson
        session, step = screen.console.session, screen.step
        try:
            await session.ask(step)
        except LabError as error:
            screen.notify(f"The command is not put there: {error}", severity="warning", markup=False)
            self._give_up()
            return
        where, command = self._where(), lesson_texts.typed(session, step)
        if where is None:
            self._give_up()
            return
        try:
            if (shell := self.find(*where)) is None:
                await self._open_as_the_step_does(*where)
            else:
                self.expect_no_more(shell)
                self.bring(shell.number)
            await self.put(command.rstrip("\n"))
        except TimeoutError:
            screen.notify(
                "The shell shows no prompt yet: put the command there with y and a paste.",
                severity="warning",
                markup=False,
            )

    async def _open_as_the_step_does(self, node: str, user: User) -> None:
        self._show_pane()
        try:
            await self.open_as_a_step_does(node, user)
        except LabError as error:
            self._not_opened(error)

    def _where(self) -> tuple[str, User] | None:
        """The node and the user of the step's command, else the first node and postgres; None when there is no lab."""
        session = self._lesson.console.session
        backend = session.state.backend
        if backend is None or session.state.read_only:
            self._lesson.notify(session.work.refusal(), severity="warning", markup=False)
            return None
        found = lesson_texts.where(session, self._lesson.step)
        node = found.node if found.node in backend.lab.nodes else next(iter(backend.lab.nodes))
        return node, "root" if found.user == "root" and found.node in backend.lab.nodes else "postgres"

    async def _open_on(self, node: str, user: User) -> None:
        self._show_pane()
        try:
            await self.open(node, user)
        except LabError as error:
            self._not_opened(error)

    def _give_up(self) -> None:
        """No shell comes: the lesson has its place again, unless there are others."""
        self.expect_no_more()
        if self.shell is None:
            self.leave()

    def _not_opened(self, error: LabError) -> None:
        self.leave()
        self._lesson.notify(str(error), severity="error", markup=False)

    def _show_pane(self) -> None:
        self._lesson.console.session.keeping.entered(self._lesson.step.id)
        self._lesson.add_class("-shell")
        self._lesson.front.bring("shell")
        if (view := self.view) is not None:
            view.focus()


class ShellKeys(ArrangedScreen):
    """A screen with shells: what its keys do with them."""

    def action_shell(self) -> None:
        """Lead into the shell."""
        self.query_one(ShellArea).enter()

    def action_another_shell(self) -> None:
        """Open another shell."""
        self.query_one(ShellArea).another()

    def action_type_here(self) -> None:
        """Put the step's command at the prompt of a shell."""
        self.query_one(ShellArea).type_here()

    def action_shell_tab(self, by: int) -> None:
        """Bring another shell to the front."""
        self.query_one(ShellArea).turn(by)


def ask_where(screen: Screen[Any], question: str, then: Callable[[str, User], object]) -> None:
    """Ask on which node and as whom a shell is wanted; `then` is called with both, unless none is."""
    from pghalab.screens.console import Console

    assert isinstance(screen.app, Console)
    session = screen.app.session
    backend = session.state.backend
    if backend is None or session.state.read_only:
        screen.notify(session.work.refusal(), severity="warning", markup=False)
        return
    users: tuple[User, ...] = ("postgres", "root")
    words = {"up": "● up", "connecting": "◐ connecting", "down": "✗ down", "refused": "✗ refused"}
    choices = [
        (f"{user}@{name}", f"{user}@{name:<12} ssh {words[node.link]}")
        for user in users
        for name, node in backend.lab.nodes.items()
    ]

    def chosen(choice: str | None) -> None:
        if choice is not None:
            name, _, node_name = choice.partition("@")
            then(node_name, "root" if name == "root" else "postgres")

    screen.app.push_screen(Choose(question, choices), chosen)
