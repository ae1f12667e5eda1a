"""When each key of a lesson can be used, and what the help says of them."""

from __future__ import annotations

from pghalab.course.model import Step
from pghalab.session.session import Session

HELP = """\
# A lesson
Read the step, run its command (**{lesson.run}**), watch the cluster, see the checks.
A step is done when its checks hold, however that came about: with Run, in a shell, or yesterday.
Past (»): nothing is left to do, as a later step replaced its effect or the cluster is there already.

**{lesson.onward}** does what comes next: it runs a step that is to do, and goes on from one that is done.

**{lesson.wide}** shows what was printed on the whole width, from its first line to its last.
**{lesson.left} {lesson.right}** scroll it sideways in place.
**{lesson.shell}** leads into a shell beside the lesson, **{shell.leave}** leads out of it, also from
inside vim, **{shell.cluster}** straight to the cluster.
**{lesson.type}** puts the step's command at its prompt, and you run it. **{lesson.another-shell}** opens another shell,
{lesson.previous-shell} and {lesson.next-shell} change between them.

**{lesson.area-lesson} {panes.nodes} {lesson.area-outline} {lesson.area-shell}** show the lesson, the cluster, the
outline and the shell, **{panes.etcd} {panes.patroni} {panes.events}** lead to a live pane, **{lesson.area-output}** to
what the step printed. **{panes.hide}** hides the pane at hand, its key brings it back; so it stays.
**{lesson.zoom}** fills the screen with what is in front.
**{lesson.pause}** lets the live panes stand still, **{lesson.notes}** shows a presenter's notes.
**{app.repair}** goes to what was done and no longer holds, **{app.lab}** opens the lab menu, **{app.doctor}** the
doctor.
"""


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
