"""A step that is only read."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pghalab.course.kinds.base import Kind
from pghalab.values import dataclass

if TYPE_CHECKING:
    from pghalab.course.progress import Record


@dataclass(frozen=True, slots=True)
class Read(Kind):
    """Done once the learner has gone on from it."""

    name: ClassVar[str] = "read"
    acts: ClassVar[bool] = False

    def known(self, record: Record) -> bool:
        """It was read."""
        return record.read

    def take(self, record: Record) -> None:
        """It counts as read."""
        record.read = True
