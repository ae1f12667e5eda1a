"""Whether a step before this one was left out: the most common mistake of all, in whatever step."""

from __future__ import annotations

from pghalab.course.checks.output import CHECK as PRINTED
from pghalab.course.diagnoses.base import Diagnosis
from pghalab.course.events import SETTLED, explain
from pghalab.course.look import leaves_a_key
from pghalab.course.runner import Runner
from pghalab.course.way import way

NAME = "left-out"


async def left_out(runner: Runner, step_id: str) -> tuple[Diagnosis, ...]:
    """The first step before this one whose effect is seen to be missing, if there is one.

    A step that only shows something builds nothing, and neither does one that takes something away for a while.
    """
    step = runner.course.step(step_id)
    if not step.kind.acts:
        return ()
    before = [one for one in way(runner.course, step_id).steps if not leaves_a_key(one)]
    suspects = [one for one in before if runner.states.get(one.id, "todo") not in SETTLED]
    if not suspects:
        return ()
    seen = await runner.evaluate([one.id for one in suspects])
    # Where nobody could look, nothing is known to be missing; and what was not printed here is missed by nobody.
    gone = [
        (one, wrong)
        for one in suspects
        if seen[one.id].state not in SETTLED
        and (wrong := [each for each in seen[one.id].results if each.verdict == "fails" and each.check != PRINTED])
    ]
    if not gone:
        return ()
    (first, wrong), more = gone[0], len(gone) - 1
    how = "is no longer so" if seen[first.id].state == "broken" else "was left out"
    says = f"A step before this one {how}: “{first.title}” ({first.id}); {explain(wrong[0])}"
    rest = f", and {more} more after it" if more else ""
    todo = f"Do it first{rest}; “Jump here” (pghalab goto {step_id}) does all that is missing."
    return (Diagnosis(NAME, f"{runner.names.text(says).rstrip('.')}.", todo, (), "warning"),)
