"""Runs one command on several nodes at the same time, as one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from pghalab.lab.types import Ended, HowEnded, LabError, Node, Output, User

HELD = 256
"""Pieces of output that are held of a node whose turn has not come; a command that prints more than that waits."""
_HOW: tuple[HowEnded, ...] = ("lost", "timeout", "stopped")
"""The ends that count most come first."""

_Piece = Output | Ended | Exception


async def together(
    nodes: Sequence[Node], command: str, *, user: User, timeout: float
) -> AsyncGenerator[Output | Ended, None]:
    """Run a shell command on every one of some nodes and yield what they print, node by node, then one Ended.

    A line `--- pgha1` begins what a node prints, and another says how it ended there unless the status was 0. The end
    is the worst of all: with the first status that is not 0, and the longest time. A node that could not run it keeps
    no other from it; its LabError is raised in the end. Closing ends the command on all of them.
    """
    queues: dict[str, asyncio.Queue[_Piece]] = {node.name: asyncio.Queue(HELD) for node in nodes}
    tasks = [asyncio.create_task(_feed(node, command, user, timeout, queues[node.name])) for node in nodes]
    ends: list[Ended] = []
    errors: list[LabError] = []
    try:
        for name, queue in queues.items():
            text = f"--- {name}\n"
            yield Output("stdout", text)
            while isinstance(piece := await queue.get(), Output):
                text = piece.text
                yield piece
            newline = "" if text.endswith("\n") else "\n"
            if isinstance(piece, Ended):
                ends.append(piece)
                words = _words(piece)
            elif isinstance(piece, LabError):
                errors.append(piece)
                words = f" could not run it: {piece.what}"
            else:
                raise piece
            if newline or words:
                yield Output("stderr" if words else "stdout", newline + (f"--- {name}{words}\n" if words else ""))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if errors:
        raise errors[0]
    yield _worst(ends)


async def _feed(node: Node, command: str, user: User, timeout: float, queue: asyncio.Queue[_Piece]) -> None:
    """Put what a node prints and how it ended, or why it could not, into its queue."""
    last: _Piece = LabError("the command ended without a word on how", node=node.name)
    try:
        async with aclosing(node.stream(command, user=user, timeout=timeout)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Output):
                    await queue.put(piece)
                else:
                    last = piece
    except Exception as error:
        # Whoever reads the queue raises it.
        last = error
    await queue.put(last)


def _words(ended: Ended) -> str:
    if ended.how != "exited":
        return {"lost": " lost the connection", "timeout": " took too long", "stopped": " was stopped"}[ended.how]
    return f" ended with status {ended.exit_status}" if ended.exit_status else ""


def _worst(ends: Sequence[Ended]) -> Ended:
    seconds = max((ended.seconds for ended in ends), default=0.0)
    for how in _HOW:
        if any(ended.how == how for ended in ends):
            return Ended(how, None, seconds)
    return Ended("exited", next((ended.exit_status for ended in ends if ended.exit_status), 0), seconds)
