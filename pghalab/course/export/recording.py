"""A recording of the course from a lab's journal, to be shown where there is no engine."""

from __future__ import annotations

import json
from typing import Any, cast, get_args

from pghalab.codec import tagged, to_json
from pghalab.course.events import Outcome
from pghalab.course.export.account import Account
from pghalab.course.journal.kinds import Versions
from pghalab.course.journal.lines import happened_at
from pghalab.course.journal.states import SOURCES, Recorder, States
from pghalab.course.journal.story import Act
from pghalab.course.localise import Names
from pghalab.course.record import renamed, require_width
from pghalab.course.recorded import Head, Played, written
from pghalab.lab.types import HowEnded, LabError

MARGIN = 10.0
"""Seconds after the last command of which the lab's standing is kept."""


def recording(account: Account) -> bytes:
    """The last good run of each step on the present nodes, of a whole account, and how the lab stood meanwhile.

    It is in the names of the lessons; raises LabError.
    """
    require_width(account.names)
    acts = {one.step: one for one in account.told if isinstance(one, Act) and _counts(account, one)}
    ordered = sorted(acts.values(), key=lambda act: act.at)
    if not ordered:
        raise LabError(
            f"The lab {account.lab} has no runs of the course's steps.",
            todo=f"Run the course on it first: pghalab --lab {account.lab} run --all",
        )
    begin, end = ordered[0].at, max(act.ended for act in ordered) + MARGIN
    stood, nodes = _stood(account, begin, end)
    head = Head(round(begin, 3), nodes, account.versions or Versions("", "", {}))
    return written(head, [*(_line(account, tagged(_played(account, act))) for act in ordered), *stood])


def _counts(account: Account, act: Act) -> bool:
    """A good run of a step that is whole; what was done to the lab itself may have come before its nodes."""
    whole = act.outcome in get_args(Outcome) and act.well and bool(act.ended)
    return whole and (act.at >= account.created or not act.node)


def _played(account: Account, act: Act) -> Played:
    return Played(
        act.step, round(act.at, 3), round(act.ended, 3), act.node, act.user, account.command(act), account.output(act),
        cast("HowEnded", act.how if act.how in get_args(HowEnded) else "exited"), act.status, round(act.seconds, 3),
        cast("Outcome", act.outcome), act.reason, act.results,
    )  # fmt: skip


def _stood(account: Account, begin: float, end: float) -> tuple[list[bytes], int]:
    """The lines of how the lab stood between two moments, which make sense by themselves, and how many nodes it had."""
    states, recorder, lines, nodes = States(), Recorder(), list[bytes](), 0

    def note(at: float) -> None:
        for source in SOURCES:
            snapshot = getattr(states, source)
            change = None if snapshot is None else recorder.take(source, snapshot, at)
            if change is not None:
                lines.append(_line(account, {"at": round(at, 3), **change}))

    before = True
    for entry in account.journal.stood.entries():
        at = happened_at(entry)
        if at is None or at > end:
            continue
        if at >= begin and before:
            # What was seen before the first command held then too.
            before = False
            note(begin)
        if entry.get("event") == "Happened" and at >= begin:
            lines.append(_line(account, entry))
        elif states.take(entry, at) and at >= begin:
            note(at)
            nodes = max(nodes, len((states.nodes and states.nodes.value) or ()))
    return lines, nodes


def _line(account: Account, value: Any) -> bytes:
    return json.dumps(_ours(account.plain(to_json(value)), account.names)).encode()


def _ours(value: Any, names: Names) -> Any:
    """A plain value with the names of the lessons in every text."""
    if isinstance(value, str):
        return renamed(value, names)
    if isinstance(value, dict):
        return {key: _ours(each, names) for key, each in value.items()}
    return [_ours(each, names) for each in value] if isinstance(value, list) else value
