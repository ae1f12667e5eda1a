"""A command that runs on a node, or on every node at once."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar, cast

from pghalab.course.kinds.base import EVERY_NODE, Card, Kind, Where
from pghalab.course.kinds.fields import DEFAULT_TIMEOUT, FLAG, MAPPING, NUMBER, TEXT, Bad, Types, one_of, seconds
from pghalab.course.lines import Located
from pghalab.lab.together import together
from pghalab.lab.types import User
from pghalab.values import dataclass

if TYPE_CHECKING:
    from pghalab.course.events import RunEvent
    from pghalab.course.model import Step
    from pghalab.course.progress import Record
    from pghalab.course.stage import Stage

USERS = ("root", "postgres")
_PATRONI = re.compile(r"(?:^|[\s;&|\"'(/])patroni\s+[\w./-]+\.ya?ml\b")
"""Patroni with its configuration, which is how it is started; patronictl names its file after `-c`."""
_FINDS = re.compile(r"\bp(?:grep|kill)\b")
"""Commands that only look for such a process."""


@dataclass(frozen=True, slots=True)
class Command(Kind):
    """Runs on a node as a user; the checks say what came of it, or why there are none."""

    node: str
    """`pgha1`, a placeholder (`{{leader}}`, `{{replica}}`), or `all`: every node, at the same time."""
    user: User
    command: str
    timeout: float = DEFAULT_TIMEOUT
    """Seconds it may run."""
    fails: bool = False
    """It is expected to end with a status other than 0: the step shows an error on purpose."""
    no_check: str = ""
    """Why the step has no check of the cluster."""
    patroni: tuple[str, ...] = ()
    """The nodes on which it starts Patroni, written `starts: {patroni: pgha1}`."""

    name: ClassVar[str] = "command"
    keys: ClassVar[dict[str, Types]] = {
        "node": TEXT, "user": TEXT, "command": TEXT, "timeout": NUMBER, "fails": FLAG, "no_check": TEXT,
        "starts": MAPPING,
    }  # fmt: skip
    needed: ClassVar[tuple[str, ...]] = ("command", "node")

    @classmethod
    def read(cls, block: Located) -> Command:
        """Where, as whom and what it runs."""
        data = block.data
        return cls(
            data["node"],
            cast(User, one_of(block, "user", USERS, "postgres")),
            data["command"].rstrip("\n"),
            seconds(block, "timeout", DEFAULT_TIMEOUT),
            data.get("fails", False),
            data.get("no_check", "").strip(),
            _starts(block),
        )

    def faults(self, step: Step) -> Iterator[str]:
        """What it prints proves little, so that something else is looked at, or the reason is given."""
        if not step.checks and not self.no_check:
            yield f"the step `{step.id}` needs `checks`, or `no_check` with the reason"
        if step.checks and self.no_check:
            yield f"the step `{step.id}` has both `checks` and `no_check`"
        if not self.patroni and any(map(_starts_patroni, self.command.splitlines())):
            yield "a command that starts Patroni says where: `starts: {patroni: pgha1}`"
        if self.node == EVERY_NODE and self.patroni:
            yield "Patroni is not started with `node: all`: one of them has to come first"
        if self.node == EVERY_NODE and self.fails:
            yield "`fails` and `node: all` do not go together: on which of them it is to fail cannot be said"

    @property
    def where(self) -> Where:
        """As the lesson says."""
        return Where(self.node, self.user, self.command)

    @property
    def card(self) -> Card:
        """The command, to be run as it is or otherwise."""
        return Card("command", editable=True, copyable=True, no_check=self.no_check)

    def known(self, record: Record) -> bool:
        """It ended as it should."""
        return record.exit_status is not None and (record.exit_status != 0) == self.fails

    async def act(self, stage: Stage) -> AsyncGenerator[RunEvent, None]:
        """Run it."""
        if self.node == EVERY_NODE:
            where = await stage.where()
            nodes = list(stage.lab.nodes.values())
            source = together(nodes, where.command, user=where.user, timeout=self.timeout)
        else:
            node, where = await stage.place()
            source = node.stream(where.command, user=where.user, timeout=self.timeout)
        async with aclosing(stage.stream(where.node, where.user, where.command, source)) as events:
            async for event in events:
                yield event


def _starts_patroni(line: str) -> bool:
    return bool(_PATRONI.search(line)) and not _FINDS.search(line)


def _starts(block: Located) -> tuple[str, ...]:
    said = block.data.get("starts", {})
    nodes = said.get("patroni", [])
    nodes = [nodes] if isinstance(nodes, str) else nodes
    if set(said) - {"patroni"} or not isinstance(nodes, list) or not all(isinstance(node, str) for node in nodes):
        raise Bad(block.line("starts"), "`starts` names where Patroni is started: `{patroni: pgha1}`, or a list")
    return tuple(nodes)
