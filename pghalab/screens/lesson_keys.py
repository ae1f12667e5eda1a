"""The keys of a lesson, when each can be used, and what the help says of them."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from pghalab.course.model import Step
from pghalab.session.session import Session

HELP = """\
# A lesson
Read the step, run its command (**r**), watch the cluster, see the checks.
A step is done when its checks hold, however that came about: with Run, in a shell, or yesterday.
Past (»): nothing is left to do, as a later step replaced its effect or the cluster is there already.

**Enter** does what comes next: it runs a step that is to do, and goes on from one that is done.

**w** shows what was printed on the whole width, from its first line to its last. **← →** scroll it sideways in place.
**s** leads into a shell beside the lesson, **Ctrl-]** leads out of it, also from inside vim. **i** puts the step's
command at its prompt, and you run it. **+** opens another shell, Ctrl+PgUp and Ctrl+PgDn change between them.

**1 2 3 4** show the lesson, the cluster, the outline and the shell. **z** fills the screen with what is in front.
**P** lets the live panes stand still, **N** shows a presenter's notes.
**B** goes to what was done and no longer holds, **L** opens the lab menu, **D** the doctor.
"""
KEYS: list[BindingType] = [
    Binding("enter", "onward", "Go on", id="lesson.onward"),
    Binding("x,f8", "stop_step", "Stop", id="lesson.stop"),
    Binding("r,f5", "run_step", "Run", id="lesson.run"),
    Binding("n,full_stop", "next_step", "Next", id="lesson.next"),
    Binding("p,comma", "previous_step", "Prev", id="lesson.previous"),
    Binding("h,f4", "hint", "Hint", id="lesson.hint"),
    Binding("s,f3,4", "shell", "Shell", id="lesson.shell"),
    Binding("i", "type_here", "Type it", id="lesson.type"),
    Binding("w", "wide", "Wide", id="lesson.wide"),
    Binding("z,f11", "zoom", "Zoom", id="lesson.zoom"),
    Binding("left", "sideways(-1)", "Output to the left", show=False, id="lesson.left"),
    Binding("right", "sideways(1)", "Output to the right", show=False, id="lesson.right"),
    Binding("escape,q", "home", "Home", id="lesson.home"),
    Binding("e,f2", "edit_step", "Edit before running", show=False, id="lesson.edit"),
    Binding("y,f6", "copy_command", "Copy the command", show=False, id="lesson.copy"),
    Binding("Y", "copy_output", "Copy the output", show=False, id="lesson.copy-output"),
    Binding("l,f9", "full_log", "Full log", show=False, id="lesson.log"),
    Binding("o", "expected", "Expected output", show=False, id="lesson.expected"),
    Binding("u,f7", "look", "Look at the checks again", show=False, id="lesson.look"),
    Binding("t", "run_elsewhere", "Take the free subnet", show=False, id="lesson.elsewhere"),
    Binding("P", "pause", "Pause the live panes", show=False, id="lesson.pause"),
    Binding("N", "notes", "Presenter's notes", show=False, id="lesson.notes"),
    Binding("S", "skip", "Skip an optional step", show=False, id="lesson.skip"),
    Binding("right_square_bracket", "lesson(1)", "Next lesson", show=False, id="lesson.next-lesson"),
    Binding("left_square_bracket", "lesson(-1)", "Previous lesson", show=False, id="lesson.previous-lesson"),
    Binding("1", "area('lesson')", "Lesson", show=False, id="lesson.area-lesson"),
    Binding("2", "area('live')", "Cluster", show=False, id="lesson.area-live"),
    Binding("3", "area('outline')", "Outline", show=False, id="lesson.area-outline"),
    Binding("plus", "another_shell", "Another shell", show=False, id="lesson.another-shell"),
    Binding("ctrl+pagedown", "shell_tab(1)", "Next shell", show=False, id="lesson.next-shell", priority=True),
    Binding("ctrl+pageup", "shell_tab(-1)", "Previous shell", show=False, id="lesson.previous-shell", priority=True),
]
"""What each does is an action of the screen; those that are shown stand in this order in the line at the bottom."""


def usable(action: str, session: Session, step: Step) -> bool | None:
    """Whether a key of this action does something now: None shows it greyed out, False hides it."""
    busy, card = session.work.busy, step.kind.card
    if action == "stop_step":
        return busy
    if action == "run_step" and not step.kind.acts:
        return False
    if action == "edit_step" and not (card and card.editable):
        return False
    if action == "type_here" and not (card and card.copyable):
        return False
    if action == "run_elsewhere":
        return card is not None and card.elsewhere
    if action in ("run_step", "edit_step"):
        return None if busy or session.state.read_only else True
    return True
