"""What has to be well before a lesson is shown to a room: the doctor's facts that matter there, and some of its own."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from pghalab.lab.doctor import Fact, examine
from pghalab.lab.settings import LabSettings
from pghalab.out import is_terminal

IN_THE_ROOM = ("engine", "image", "disk", "subnet", "terminal", "terminal size", "terminal type")
"""The doctor's facts that are told also when they hold."""
_TERMINALS = Path("/dev/pts")


async def preflight(settings: LabSettings) -> list[Fact]:
    """The list for the room, the machine first; what else is wrong is in it too."""
    facts = [fact for fact in await examine(settings) if fact.check in IN_THE_ROOM or not fact.ok]
    order = {check: at for at, check in enumerate(IN_THE_ROOM)}
    facts.sort(key=lambda fact: order.get(fact.check, len(order)))
    return [*facts, second_terminal(_terminals(), settings.name, shown=is_terminal())]


def second_terminal(count: int | None, lab: str, *, shown: bool) -> Fact:
    """There is a terminal for the presenter's notes beside the one that the room sees; `count` are this person's."""
    command = "pghalab notes" if lab == "pgha" else f"pghalab --lab {lab} notes"
    if count is None or not shown:
        return Fact("second terminal", True, f"not looked for; `{command}` in it shows the notes")
    if count < 2:
        todo = "Open another one, where the room does not see it, for the notes."
        return Fact("second terminal", False, "this is your only one", todo, command)
    return Fact("second terminal", True, f"{count} terminals of yours are open; `{command}` in one shows the notes")


def _terminals() -> int | None:
    """How many terminals this person has open on this machine; None where that cannot be seen."""
    try:
        return owned((one.stat() for one in _TERMINALS.iterdir()), os.getuid())
    except OSError:
        return None


def owned(files: Iterable[os.stat_result], uid: int) -> int:
    """How many of these are devices of this person."""
    return sum(stat.S_ISCHR(file.st_mode) and file.st_uid == uid for file in files)
