"""The verb that lists snapshots."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pghalab.out import complain, say, say_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pghalab.lab.snapshots.model import About


def listing(arguments: argparse.Namespace) -> int:
    """List the lab's snapshots, oldest first."""
    import asyncio
    import json
    import time

    from pghalab.cluster.units import ago, size
    from pghalab.codec import to_json

    snapshots = asyncio.run(kept(arguments.lab, complain))
    if arguments.json:
        say(json.dumps([to_json(each) for each in snapshots], indent=2))
        return 0
    if not snapshots:
        say(f"The lab {arguments.lab} has no snapshots. To make one: pghalab snapshot")
        return 0
    now = time.time()
    rows = [
        (each.name, each.before, f"{ago(now - each.made)} ago", size(each.size), _kept(each), each.services)
        for each in snapshots
    ]
    say_table([("NAME", "BEFORE", "MADE", "SIZE", "KEPT", "RAN"), *rows])
    return 0


async def kept(name: str, notice: Callable[[str], object] = lambda _: None) -> Sequence[About]:
    """The snapshots of a lab, oldest first, without touching it; `notice` is told what the lab notices."""
    from pghalab.lab.local import LocalLab
    from pghalab.lab.settings import load_settings

    lab = LocalLab(load_settings(name, look_only=True), look_only=True)
    try:
        await lab.open(link=False)
        for each in lab.notices:
            notice(each)
        return await lab.snapshots()
    finally:
        await lab.close()


def _kept(about: About) -> str:
    return "for now" if about.automatic else "until it is removed"
