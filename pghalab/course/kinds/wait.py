"""A step that waits until its checks hold."""

from __future__ import annotations

from typing import ClassVar

from pghalab.course.kinds.base import Card, Kind
from pghalab.values import dataclass


@dataclass(frozen=True, slots=True)
class Wait(Kind):
    """Does nothing: what came before takes a while."""

    name: ClassVar[str] = "wait"
    needed: ClassVar[tuple[str, ...]] = ("checks",)

    @property
    def card(self) -> Card:
        """What it waits for stands in the checks."""
        return Card("wait", "Waits until the checks below hold.")
