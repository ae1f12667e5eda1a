"""What a presenter is asked before a room sees the screen in its browsers, and while it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pghalab.lab.types import LabError
from pghalab.screens.dialogs import Choose, Confirm

if TYPE_CHECKING:
    from pghalab.screens.console import Console

HERE, NETWORK = "127.0.0.1", "0.0.0.0"
_WARNING = (
    "Everybody who has the address then sees all that is on this screen, and whoever can listen to the network's "
    "traffic sees it too: it is not encrypted. Nobody can do anything here with it, but vote. Passwords, keys, your "
    "home folder and this machine's name are covered. Open it to the network?"
)


async def show_room(app: Console) -> None:
    """Let a room see the screen, tell the address, or end it, as the presenter chooses; raises LabError."""
    serving = app.session.serving
    if app.session.state.read_only:
        raise LabError("The room sees the console that drives the lab, and this one only looks.", kind="driven")
    if serving.addresses:
        where = " or ".join(serving.addresses)
        choices = (("copy", "Copy the address"), ("end", "End it"))
        chosen = await app.push_screen_wait(Choose(f"A room sees this screen at {where}", choices))
        if chosen == "copy":
            app.copy(serving.addresses[0], "the address")
        elif chosen == "end":
            await serving.stop()
            app.notify("No room sees this screen now.", markup=False)
        return
    choices = (
        (HERE, "From this machine only"),
        (NETWORK, "From the network: everybody who has the address, unencrypted"),
    )
    chosen = await app.push_screen_wait(Choose("Let a room see this screen in its browsers", choices))
    if chosen is None:
        return
    if chosen == NETWORK and not await app.push_screen_wait(Confirm(_WARNING, "Open it", danger=True)):
        return
    addresses = await serving.start(chosen)
    app.notify(f"The room sees this screen at {' or '.join(addresses)}", timeout=30, markup=False)
