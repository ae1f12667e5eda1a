"""The texts of a step that leave the lesson: for the clipboard, and for a screen of the whole width."""

from __future__ import annotations

from pghalab.course.kinds import Where
from pghalab.course.model import Step
from pghalab.screens.wide import Page
from pghalab.session.session import Session
from pghalab.text import clean
from pghalab.widgets.beside import lines
from pghalab.widgets.step_view import StepView


def where(session: Session, step: Step) -> Where:
    """Where the step's command runs and what it is, its placeholders answered as far as the answers are known."""
    return session.resolve(step) or step.kind.where


def typed(session: Session, step: Step) -> str:
    """The step's command as one types it in a shell."""
    return step.kind.typed(where(session, step).command)


def output(session: Session, step: Step) -> str:
    """What the step's last run printed; empty without one."""
    run = session.work.runs.get(step.id)
    return "\n".join(run.buffer.lines) if run else ""


def pages(session: Session, step: Step, view: StepView) -> list[Page]:
    """What the step printed, what a healthy lab prints, both beside each other, and the command; as far as it has them.

    Both beside each other come first where they differ in what may not.
    """
    run = session.work.runs.get(step.id)
    command = where(session, step).command
    found = [Page("What it printed", lambda _: run.buffer.lines)] if run is not None and run.buffer.total else []
    if step.expect:
        expected = Page("What a healthy lab prints", lambda _: view.expected(step))
        # The one that the reader has opened comes first.
        found.insert(0 if view.expected_opened else len(found), expected)
    comparison = run.comparison if run is not None else None
    if comparison is not None:
        beside = Page("Expected and printed", lambda width: lines(comparison, width))
        found.insert(len(found) if comparison.fits else 0, beside)
    if command:
        found.append(Page("The command", lambda _: clean(command).rstrip("\n").split("\n")))
    return found
