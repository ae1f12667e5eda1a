"""What helps in a step: its hints, and what the live state says of the mistakes that are common in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pghalab.course.events import SETTLED

if TYPE_CHECKING:
    from pghalab.screens.lesson import LessonScreen
    from pghalab.session.step_run import StepRun
    from pghalab.session.typed import Typed

LOOKS_FROM = 2
"""The hint with which the lab is looked at: the first one is a nudge, the last one the command."""


class Helping:
    """Shows a hint more, and what is seen of the lab beside it."""

    def __init__(self, screen: LessonScreen) -> None:
        self._screen = screen
        self._followed: StepRun | None = None
        self._elsewhere: Typed | None = None

    def hint(self) -> None:
        """Show one hint more; from the second on also what the lab shows."""
        screen, view = self._screen, self._screen.areas.step_view
        if view.show_hint():
            if view.hints_shown >= min(LOOKS_FROM, len(screen.step.hints)):
                self.look(asked=True)
        else:
            screen.notify("There is no other hint." if screen.step.hints else "This step has no hints.", markup=False)

    def follow(self) -> None:
        """Look at the lab when what the learner typed for the step came to nothing, as after a run of it.

        So does what was typed for it on another node, or as another user.
        """
        run = self._screen.console.session.work.runs.get(self._screen.step.id)
        if run is not None and run is not self._followed and run.typed is not None and run.outcome == "failed":
            self._followed = run
            self.look()
        elsewhere = self._screen.console.session.noticing.elsewhere.get(self._screen.step.id)
        if elsewhere is not None and elsewhere is not self._elsewhere:
            self._elsewhere = elsewhere
            self.look()

    def look(self, *, asked: bool = False) -> None:
        """Say which of the step's common mistakes show now; when that was `asked`, also that none does."""
        if self._screen.step.kind.acts:
            self._screen.run_worker(self._look(asked), exclusive=True, group="diagnose", exit_on_error=False)

    async def _look(self, asked: bool) -> None:
        step, session = self._screen.step, self._screen.console.session
        found = await session.diagnose(step.id)
        settled = session.state.steps.get(step.id, "todo") in SETTLED
        # Another step may be on the screen by now, and what was wrong may be mended.
        if step is self._screen.step:
            self._screen.areas.step_view.show_diagnoses(() if settled else found, asked=asked and not settled)
