"""What each check of the course says, word for word: of a lab in which everything runs, and in which nothing does.

It is what a learner reads: after `PGHALAB_RECORD=FOLDER` wrote it anew, read what changed.
"""

from __future__ import annotations

import pytest

from pghalab.course.checks import evaluate
from pghalab.course.checks.base import Context
from pghalab.course.checks.facts import Facts
from pghalab.course.localise import Names
from tests.fake_lab.lab import FakeLab
from tests.fake_lab.sources import FakeSources, cluster_of_three
from tests.shipped import shipped_course
from tests.unit.written import as_written


async def words(lab: FakeLab, sources: FakeSources) -> list[str]:
    """A line for all that is said: the kind of check, whether it holds, what it is about, wants and saw, and where."""
    found = set()
    for step in shipped_course().steps:
        for spec in (*step.checks, *step.guard, *step.needless_if):
            facts = Facts(lab, sources)
            try:
                names = Names(lab.prefix, lab.subnet, lab.auth_method)
                results = await evaluate(spec, Context(facts, names, step.expect))
            finally:
                await facts.close()
            for one in results:
                about = f"{one.check} | {one.wanted} | {one.saw} | {one.node or 'the cluster'}"
                found.add(f"{spec.name}: {one.verdict}: {about}")
    return sorted(found)


@pytest.mark.parametrize("moment", ["three", "none"])
async def test_the_words_of_every_check(lab: FakeLab, sources: FakeSources, moment: str) -> None:
    if moment == "three":
        cluster_of_three(lab, sources)
    said = await words(lab, sources)
    as_written(f"words-{moment}", said)
