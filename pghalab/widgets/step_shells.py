"""Shells for the steps of a lesson: opened with the environment that a step's command has."""

from __future__ import annotations

from pghalab.course.kinds import AS_POSTGRES
from pghalab.lab.types import User
from pghalab.widgets.shell_pane import ShellPane


class StepShells(ShellPane):
    """A ShellPane whose shells are those of steps."""

    async def open_as_a_step_does(self, node: str, user: User) -> None:
        """Open a shell with the environment of root's login, also for postgres; raises LabError, TimeoutError."""
        await self.open(node, "root")
        if user == "postgres":
            await self.enter_line(AS_POSTGRES, lambda shell: shell.at == (node, user))
