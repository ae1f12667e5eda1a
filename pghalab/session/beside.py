"""What a run printed beside what its lesson expects, with what is seen of the nodes to explain it by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pghalab.session.state import State
from pghalab.session.step_run import StepRun

if TYPE_CHECKING:
    from pghalab.course.expected.model import Comparison


def compared(state: State, run: StepRun) -> Comparison | None:
    """The comparison, as things stand now; None when its command did not come to its end, or nothing is expected."""
    # Nobody has run anything when the first screen is painted.
    from pghalab.course.expected.model import Situation
    from pghalab.course.expected.step import of_step

    if state.course is None or state.backend is None or run.ended is None or run.ended.how != "exited":
        return None
    nodes = state.nodes.value if state.nodes is not None else None
    step, names = state.course.step(run.step), state.backend.runner.names
    return of_step(step, run.buffer.lines, names, Situation(nodes or ()), typed=run.typed is not None)
