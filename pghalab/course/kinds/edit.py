"""A change of Patroni's dynamic configuration."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pghalab.course.kinds.base import EVERY_NODE, Card, Kind, Where
from pghalab.course.kinds.command import USERS
from pghalab.course.kinds.fields import DEFAULT_TIMEOUT, MAPPING, NUMBER, TEXT, Types, one_of, seconds
from pghalab.course.lines import Located
from pghalab.lab.types import LabError, User
from pghalab.values import dataclass

if TYPE_CHECKING:
    from pghalab.course.events import RunEvent
    from pghalab.course.model import Step
    from pghalab.course.stage import Stage

EDIT = "patronictl -c /pgha/config/patroni.yaml edit-config --apply -"
"""With the patch on stdin it shows the difference and changes nothing; `--force` applies it.

Source: `edit_config` in patroni/ctl.py 4.1, also for what it prints.
"""
_UNCHANGED = "Not changed"
_ADVICE = "Use --force"


@dataclass(frozen=True, slots=True)
class Edit(Kind):
    """Shows what a merge patch would change, and applies it once that is confirmed."""

    patch: Mapping[str, Any]
    node: str = "{{leader}}"
    user: User = "postgres"
    timeout: float = DEFAULT_TIMEOUT
    """Seconds each of the two commands may run."""

    name: ClassVar[str] = "edit"
    keys: ClassVar[dict[str, Types]] = {"edit": MAPPING, "node": TEXT, "user": TEXT, "timeout": NUMBER}
    needed: ClassVar[tuple[str, ...]] = ("edit",)

    @classmethod
    def read(cls, block: Located) -> Edit:
        """The patch, and where it is applied: on the leader unless the lesson says otherwise."""
        data = block.data
        user = cast(User, one_of(block, "user", USERS, "postgres"))
        timeout = seconds(block, "timeout", DEFAULT_TIMEOUT)
        return cls(data["edit"], data.get("node", "{{leader}}"), user, timeout)

    def faults(self, step: Step) -> Iterator[str]:
        """What is changed once is not changed from everywhere."""
        yield from Kind.faults(self, step)
        if self.node == EVERY_NODE:
            yield "the dynamic configuration is changed from one node"

    @property
    def where(self) -> Where:
        """The command that shows what would change."""
        return Where(self.node, self.user, edit_command(self.patch))

    @property
    def card(self) -> Card:
        """The patch, which is confirmed rather than edited."""
        return Card("command", copyable=True)

    def typed(self, command: str) -> str:
        """The command that applies it: whoever enters that confirms it."""
        return command.replace(EDIT, f"{EDIT} --force", 1)

    async def act(self, stage: Stage) -> AsyncGenerator[RunEvent, None]:
        """Show the difference, have it confirmed, apply it; nothing is to do when there is none."""
        node, where = await stage.place()
        shown = await node.run(where.command, user=where.user, timeout=self.timeout)
        if shown.exit_status:
            raise LabError(_last_line(shown.stderr or shown.stdout), node=node.name)
        diff = "\n".join(line for line in shown.stdout.splitlines() if not line.startswith(_ADVICE))
        if diff.strip() == _UNCHANGED:
            return
        yield stage.needs(diff)
        if not await stage.confirmed(diff):
            yield stage.end("stopped", "the change was not confirmed; nothing was changed", code="declined")
            return
        command = self.typed(where.command)
        source = node.stream(command, user=where.user, timeout=self.timeout)
        async with aclosing(stage.stream(node.name, where.user, command, source)) as events:
            async for event in events:
                yield event


def edit_command(patch: object) -> str:
    """The command that shows what a patch of the dynamic configuration would change."""
    import yaml

    text = yaml.safe_dump(patch, sort_keys=False, default_flow_style=False)
    return f"{EDIT} <<'PATCH'\n{text}PATCH"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "the command failed without a word"
