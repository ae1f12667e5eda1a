"""What the room sees, as far as a show has to know it: whoever draws it, or nobody where it is rehearsed."""

from __future__ import annotations

from typing import Protocol

from pghalab.lab.types import User


class Board(Protocol):
    """The screen before the room, with the shell that is in front on it."""

    @property
    def pages(self) -> int:
        """How many screenfuls there are of what is shown now."""

    def more(self) -> bool:
        """Show the next of them; False when the last one is shown."""

    def less(self) -> bool:
        """Show the one before; False when the first one is shown."""

    async def shell(self, node: str, user: User) -> None:
        """Bring a shell to the front that shows its prompt, with the environment that a step has.

        Raises LabError, or TimeoutError when none shows its prompt in time.
        """

    def type(self, text: str) -> None:
        """Type at its prompt; a new line stays within what is typed."""

    def enter(self) -> None:
        """Enter what was typed."""

    def clear(self) -> None:
        """Take back what was typed and not entered."""

    @property
    def prompts(self) -> int:
        """How many prompts the shell has shown, each behind all that was entered before."""

    @property
    def trouble(self) -> str:
        """Why nothing can be typed into it, in words; empty when it can."""

    @property
    def blind(self) -> str:
        """Why nobody is told what its commands do; empty when somebody is."""
