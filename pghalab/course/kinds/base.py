"""What every kind of step is made of: what is written of it, what its card shows, and how it runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pghalab.course.kinds.fields import DEFAULT_TIMEOUT, Types
from pghalab.course.lines import Located
from pghalab.lab.types import User
from pghalab.values import dataclass

if TYPE_CHECKING:
    from pghalab.course.events import RunEvent
    from pghalab.course.model import Step
    from pghalab.course.progress import Record
    from pghalab.course.stage import Stage


AS_POSTGRES = "sudo -E -u postgres /bin/bash -l"
"""In a shell of root, the shell in which steps run as postgres: it keeps what root has in the environment."""
EVERY_NODE = "all"
"""Where a step runs its command on every node of the lab, at the same time."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where and as whom a command runs, and its text; empty for what is no command."""

    node: str = ""
    """`pgha1`, or `all` for every node at once."""
    user: User = "postgres"
    command: str = ""

    @property
    def who(self) -> str:
        """As whom and where, in words: `postgres@pgha1`, `root on every node`."""
        return f"{self.user} on every node" if self.node == EVERY_NODE else f"{self.user}@{self.node}"


@dataclass(frozen=True, slots=True)
class Card:
    """What the card of a step shows and offers, as values: whoever draws it knows no kinds."""

    subject: Literal["command", "lab", "wait"]
    """A command on a node, something done to the lab itself, or nothing but waiting."""
    words: str = ""
    """What stands there in place of a command."""
    editable: bool = False
    copyable: bool = False
    elsewhere: bool = False
    """It can be done on the next free subnet too."""
    no_check: str = ""
    """Why the step has no check of the cluster."""


class Kind:
    """A kind of step; an instance is what one step has of it."""

    __slots__ = ()

    name: ClassVar[str]
    """What a lesson calls it by."""
    keys: ClassVar[Mapping[str, Types]] = {}
    """The keys of a step's block that belong to it alone, with their types."""
    needed: ClassVar[tuple[str, ...]] = ()
    """Keys without which it is none."""
    acts: ClassVar[bool] = True
    """It does something to the lab, or waits for it; otherwise the learner alone makes it done."""

    @classmethod
    def read(cls, block: Located) -> Self:
        """Take what belongs to it from a step's block, whose keys have their types; raises Bad."""
        return cls()

    def faults(self, step: Step) -> Iterator[str]:
        """What is wrong with a step of this kind, in words."""
        if self.acts and not step.checks:
            yield f"a step of kind {self.name} needs `checks`"
        if not self.acts and step.checks:
            yield f"a step of kind {self.name} has no `checks`"

    @property
    def where(self) -> Where:
        """Where its command runs, in the words of the lesson."""
        return Where()

    @property
    def fails(self) -> bool:
        """Its command is expected to end with a status other than 0."""
        return False

    @property
    def patroni(self) -> tuple[str, ...]:
        """The nodes on which it starts Patroni, as the lesson names them."""
        return ()

    @property
    def timeout(self) -> float:
        """Seconds its command may run."""
        return DEFAULT_TIMEOUT

    @property
    def card(self) -> Card | None:
        """What its card shows; None when it has none."""
        return None

    def typed(self, command: str) -> str:
        """Its command as one types it in a shell, where nobody is asked before it changes something."""
        return command

    def known(self, record: Record) -> bool:
        """Whether what is remembered makes a step without checks done."""
        return False

    def take(self, record: Record) -> None:
        """Remember, of a step that does not act, that it was gone through."""

    async def act(self, stage: Stage) -> AsyncGenerator[RunEvent, None]:
        """Do it, and tell what happens; raises LabError. What came of it is judged by the checks."""
        return
        yield
