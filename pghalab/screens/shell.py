"""A shell on a node, full screen on the learner's own terminal."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

from textual.app import SuspendNotSupported

from pghalab.lab.types import LabError, User
from pghalab.out import clear, say

if TYPE_CHECKING:
    from pghalab.screens.console import Console


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
        with app.suspend(), app.batch_update():
            clear()
            say(f"pghalab: a shell as {user} on {node_name}; `exit` or {LEAVE_NAME} leads back to the console.")
            say(f"+ pghalab --lab {app.session.state.lab_name} shell -u {user} {node_name}")
            with contextlib.closing(app.session.shells.listen()) as ear:
                await interactive(cast(Any, node), user, ear)
    except SuspendNotSupported as error:
        raise LabError(
            "this terminal cannot be lent to a shell.", todo=f"In another terminal: pghalab shell -u {user} {node_name}"
        ) from error
    app.session.rechecks.soon(None, 0)
