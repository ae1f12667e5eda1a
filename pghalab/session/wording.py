"""Lesson text in the lab's own names."""

from __future__ import annotations

import time

from pghalab.cluster.model import Patroni
from pghalab.course.localise import Names
from pghalab.course.placeholders import fill


def lesson_text(text: str, names: Names, patroni: Patroni | None) -> str:
    """Text of a lesson in the lab's own names, with what the cluster answers put in."""
    view = patroni.value if patroni is not None else None
    leader = view.leader if view is not None else None
    members = view.members if view is not None else ()
    replica = next((member.name for member in members if member.name != leader), None)
    answers = {
        "leader": leader or "the leader",
        "replica": replica or "a replica",
        "auth_method": names.auth_method,
    }
    return fill(names.text(text), answers)


def done_by(who: str, at: float) -> str:
    """What made a step done: `done by your command in postgres@pgha1, 14:02:11`; empty when that is not known."""
    return f"done by your command in {who}, {time.strftime('%H:%M:%S', time.localtime(at))}" if who else ""
