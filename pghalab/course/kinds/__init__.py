"""The kinds of steps by the name that lessons call them by: a new kind is a class in a file of its own, named here."""

from __future__ import annotations

from pghalab.course.kinds.action import Action
from pghalab.course.kinds.base import AS_POSTGRES, EVERY_NODE, Card, Kind, Where
from pghalab.course.kinds.command import Command
from pghalab.course.kinds.edit import Edit
from pghalab.course.kinds.fields import Bad
from pghalab.course.kinds.question import Question
from pghalab.course.kinds.read import Read
from pghalab.course.kinds.wait import Wait
from pghalab.course.lines import Located

__all__ = [
    "AS_POSTGRES", "EVERY_NODE", "KINDS", "Action", "Card", "Command", "Edit", "Kind", "Question", "Read", "Wait",
    "Where", "read_kind",
]  # fmt: skip

KINDS: dict[str, type[Kind]] = {kind.name: kind for kind in (Read, Question, Command, Edit, Action, Wait)}
"""Every kind of step."""


def read_kind(block: Located) -> Kind:
    """A step's kind, with what it needs and nothing that belongs to another kind; raises Bad."""
    name = block.data.get("kind", "")
    kind = KINDS.get(name)
    if kind is None:
        raise Bad(block.line("kind"), f"`kind` is one of {', '.join(KINDS)}; found `{name}`")
    for key in kind.needed:
        if not block.data.get(key):
            raise Bad(block.line("kind"), f"a step of kind {name} needs `{key}`")
    for key in block.data:
        if key not in kind.keys and any(key in other.keys for other in KINDS.values()):
            raise Bad(block.line(key), f"`{key}` does not belong to a step of kind {name}")
    return kind.read(block)
