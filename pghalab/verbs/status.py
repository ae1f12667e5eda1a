"""The verb `status`: nodes, etcd and Patroni as the panes show them, or as JSON."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from pghalab.out import clear, complain, say, say_json
from pghalab.text import one_line

if TYPE_CHECKING:
    from pghalab.cluster.model import Etcd, Nodes, Patroni, Snapshot, Update
    from pghalab.course.diagnoses.survey import Survey
    from pghalab.lab.local import LocalLab

_REDRAW = 1.0
"""Seconds that changes are gathered before `--watch` prints again."""
DEGRADED, BROKEN, UNSEEN, NOTHING = 3, 4, 5, 6


def status(arguments: argparse.Namespace) -> int:
    """Show the lab once, or as it changes."""
    import asyncio

    return asyncio.run(_show(arguments))


async def _show(arguments: argparse.Namespace) -> int:
    import asyncio

    from pghalab.cluster.codec import plain
    from pghalab.cluster.monitor import Monitor
    from pghalab.course.diagnoses.survey import of_lab
    from pghalab.lab.local import LocalLab
    from pghalab.lab.settings import load_settings

    lab = LocalLab(load_settings(arguments.lab, look_only=True), look_only=True)
    await lab.open()
    try:
        await lab.settle()
        for notice in lab.notices:
            complain(notice)
        if arguments.watch:
            await _follow(lab, as_json=arguments.json)
            return 0
        (nodes, etcd, patroni), why = await asyncio.gather(Monitor(lab, _ignore).once(), of_lab(lab))
        status = exit_status(nodes, etcd, patroni)
        if arguments.json:
            say_json({**_as_json(lab.name, nodes, etcd, patroni, status), "why": plain(why)})
        else:
            say("\n".join([text(nodes, etcd, patroni), *reasons(why)]))
        return status
    finally:
        await lab.close()


def _as_json(lab: str, nodes: Nodes, etcd: Etcd, patroni: Patroni, status: int) -> dict[str, Any]:
    from pghalab.cluster.codec import plain
    from pghalab.cluster.trouble import troubles

    seen = {"nodes": plain(nodes), "etcd": plain(etcd), "patroni": plain(patroni)}
    wrong = plain(troubles(nodes, etcd, patroni))
    return {"lab": lab, "status": status, "troubles": wrong, **seen}


def _ignore(_: Update) -> None:
    return None


async def _follow(lab: LocalLab, *, as_json: bool) -> None:
    import asyncio

    from pghalab.cluster import codec
    from pghalab.cluster.monitor import Monitor

    seen: dict[str, Any] = {}
    told: list[str] = []
    changes: list[dict[str, Any]] = []
    changed = asyncio.Event()

    def take(update: Update) -> None:
        kind, value = update
        if as_json:
            changes.append(codec.update(update))
        elif update[0] == "event":
            told.append(f"{_clock(update[1].at)}  {'' if update[1].good else '! '}{one_line(update[1].text)}")
        else:
            seen[kind] = value
        changed.set()

    watching = asyncio.create_task(Monitor(lab, take).run())
    watching.add_done_callback(lambda _: changed.set())
    try:
        while True:
            await changed.wait()
            changed.clear()
            for change in changes:
                say_json(change)
            changes.clear()
            if watching.done():
                return watching.result()
            if as_json:
                continue
            await asyncio.sleep(_REDRAW)  # changes come in bunches
            if len(seen) == 3:
                clear()
                say(text(seen["nodes"], seen["etcd"], seen["patroni"]))
                say("\n".join(told[-10:]))
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def text(nodes: Nodes, etcd: Etcd, patroni: Patroni) -> str:
    """What the panes show, below each other, and what is wrong, the gravest first."""
    from pghalab.cluster import render
    from pghalab.cluster.cells import printed
    from pghalab.cluster.trouble import troubles

    parts: list[str] = []
    seen: tuple[tuple[str, Snapshot[Any]], ...] = (("Nodes", nodes), ("etcd", etcd), ("Patroni", patroni))
    for (title, snapshot), sheet in zip(seen, render.sheets(nodes, etcd, patroni), strict=True):
        parts += ["", f"{title}{_old(snapshot)}", *printed(sheet)]
    wrong = [f"{one.severity}: {one_line(one.text)}" for one in troubles(nodes, etcd, patroni)]
    return "\n".join([*parts[1:], *(["", *wrong] if wrong else [])])


def reasons(why: Survey) -> list[str]:
    """A line for each mistake that shows, the gravest first, and for what could not be looked at."""
    return [f"why: {one_line(one.says)}" for one in why.found] + [
        f"not looked at: {one_line(words)}" for words in why.unseen
    ]


def _old(snapshot: Snapshot[Any]) -> str:
    from pghalab.cluster.units import ago

    return f" ({ago(snapshot.age)} old)" if snapshot.error and snapshot.value is not None else ""


def exit_status(nodes: Nodes, etcd: Etcd, patroni: Patroni) -> int:
    """The exit status for this look, as the help of the verb lists them."""
    from pghalab.cluster.trouble import troubles

    running = [row for row in nodes.value or () if row.container == "running"]
    found = troubles(nodes, etcd, patroni)
    if nodes.error or (running and all(row.ssh != "up" for row in running)):
        return UNSEEN
    if not running:
        return NOTHING
    if any(one.severity == "critical" for one in found):
        return BROKEN
    if any(one.kind == "unseen" for one in found):
        return UNSEEN
    if patroni.value is None or not patroni.value.members:
        return NOTHING
    return DEGRADED if any(one.severity == "warning" for one in found) else 0


def _clock(at: float) -> str:
    import time

    return time.strftime("%H:%M:%S", time.localtime(at))
