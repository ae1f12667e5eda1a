"""What is noted in the journal beside what a run tells: how an output compared, and what is at work."""

from __future__ import annotations

from pghalab import __version__
from pghalab.course.digest import digest
from pghalab.course.expected.compare import misfits
from pghalab.course.expected.model import Comparison
from pghalab.course.expected.words import summary
from pghalab.course.journal.journal import Journal
from pghalab.course.journal.kinds import Compared, Versions
from pghalab.course.model import Course
from pghalab.lab.types import Lab, LabError

MOST_MISFITS = 20
"""Lines that do not fit of which the journal has the words."""


def note_compared(journal: Journal, step_id: str, comparison: Comparison) -> None:
    """Note how what a step printed stood beside what its lesson expects."""
    words = tuple(misfits(comparison))[:MOST_MISFITS]
    journal.append(Compared(step_id, comparison.fits, summary(comparison), words))


async def note_versions(journal: Journal, lab: Lab, course: Course) -> bool:
    """Note what is at work; false while the engine does not say which image there is."""
    try:
        image = await lab.image_versions()
    except LabError:
        image = None
    journal.versions(Versions(__version__, digest(course), dict(image or {})))
    return image is not None
