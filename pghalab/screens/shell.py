"""A shell on a node, full screen on the learner's own terminal."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, cast

from textual.app import SuspendNotSupported

from pghalab.lab.types import LabError, User
from pghalab.out import clear, descriptor, say

if TYPE_CHECKING:
    from pghalab.lab.ssh.terminal import Ear
    from pghalab.screens.console import Console
    from pghalab.session.room import Room


class _Shown:
    """Hears a shell for who follows what is typed, and shows the room what it prints."""

    def __init__(self, ear: Ear, room: Room) -> None:
        self._ear, self._room = ear, room

    def feed(self, data: bytes) -> None:
        """Take what the terminal shows next."""
        self._ear.feed(data)
        self._room.resized(*os.get_terminal_size(descriptor()))
        self._room.show(data)

    def enter(self, data: bytes) -> None:
        """Take what is typed next."""
        self._ear.enter(data)


async def open_shell(app: Console, node_name: str, user: User) -> None:
    """Leave the screen to a shell on the node until it ends; raises LabError."""
    parts = app.session.state.backend
    if parts is None:
        raise LabError("the lab is not open yet.", node=node_name)
    from pghalab.lab.ssh.terminal import LEAVE_NAME, interactive

    node = parts.lab.nodes[node_name]
    if node.link != "up":
        raise LabError(node.link_reason or "ssh does not answer.", node=node_name, todo="Start the node (lab menu).")
    try:
        room = app.session.room
        with app.suspend(), app.batch_update(), room.lent():
            clear()
            say(head := f"pghalab: a shell as {user} on {node_name}; `exit` or {LEAVE_NAME} leads back to the console.")
            say(f"+ pghalab --lab {app.session.state.lab_name} shell -u {user} {node_name}")
            room.show(f"\x1b[H\x1b[2J{head}\r\n".encode())
            with contextlib.closing(app.session.shells.listen()) as ear:
                await interactive(cast(Any, node), user, _Shown(ear, room))
    except SuspendNotSupported as error:
        raise LabError(
            "this terminal cannot be lent to a shell.", todo=f"In another terminal: pghalab shell -u {user} {node_name}"
        ) from error
    app.session.rechecks.soon(None, 0)
