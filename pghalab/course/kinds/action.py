"""Something that is done to the lab itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar, cast, get_args

from pghalab.course.kinds.base import Card, Kind
from pghalab.course.kinds.fields import TEXT, Types, one_of
from pghalab.course.lines import Located
from pghalab.lab.types import LabAction
from pghalab.values import dataclass

if TYPE_CHECKING:
    from pghalab.course.events import RunEvent
    from pghalab.course.stage import Stage

_WORDS: dict[LabAction, str] = {
    "build": "build the image",
    "up": "create and start the nodes",
    "start": "start the nodes",
}


@dataclass(frozen=True, slots=True)
class Action(Kind):
    """A verb of the lab, run from the course."""

    action: LabAction

    name: ClassVar[str] = "action"
    keys: ClassVar[dict[str, Types]] = {"action": TEXT}
    needed: ClassVar[tuple[str, ...]] = ("action",)

    @classmethod
    def read(cls, block: Located) -> Action:
        """Which verb."""
        return cls(cast(LabAction, one_of(block, "action", get_args(LabAction))))

    @property
    def card(self) -> Card:
        """What is done, in words; nodes can be created on another subnet."""
        return Card("lab", _WORDS[self.action], elsewhere=self.action == "up")

    async def act(self, stage: Stage) -> AsyncGenerator[RunEvent, None]:
        """Do it."""
        source = stage.lab.action(self.action, auto=True) if stage.elsewhere else stage.lab.action(self.action)
        async with aclosing(stage.stream("", "", f"pghalab {self.action}", source)) as events:
            async for event in events:
                yield event
