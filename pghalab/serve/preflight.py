"""Whether a room can follow in its browsers from this machine, looked at before it is there."""

from __future__ import annotations

from pathlib import Path

from pghalab.lab.doctor import Fact
from pghalab.lab.types import LabError
from pghalab.serve import address
from pghalab.terminal.engine import NoEngineError, load

CHECK = "viewers' address"


def viewers(folder: Path) -> Fact:
    """Where the room of the lab of this folder would look: never with what nobody is to guess."""
    try:
        load()
    except NoEngineError as error:
        return Fact(
            CHECK, False, f"the screen cannot be shown in browsers from here: {error}", "Show it on a projector."
        )
    try:
        address.listening(address.LOOPBACK, 0).close()
    except LabError as error:
        return Fact(CHECK, False, error.what, error.todo)
    here = f"`pghalab serve` listens on {address.LOOPBACK}"
    if kept := address.kept(folder):
        here += f":{kept.port}, as the last time"
    (other,) = address.reached_at("0.0.0.0")[:1]
    if address.is_loopback(other):
        return Fact(CHECK, True, f"{here}, for this machine only: it is in no network")
    return Fact(CHECK, True, f"{here}; a room that is to get there needs --listen {other}")
