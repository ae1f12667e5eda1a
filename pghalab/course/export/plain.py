"""The account of a journal as one JSON value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pghalab.cluster.model import ClusterEvent
from pghalab.codec import to_json
from pghalab.course.export.account import Account
from pghalab.course.journal.story import Act, Answer, Changed, Told

FORMAT = "pghalab-journal"
VERSION = 1


def as_json(account: Account) -> Iterator[str]:
    """The value, a piece at a time: what it is of, and under `told` a line for each act, answer, verb and event."""
    versions = account.versions
    head: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "lab": account.lab,
        "prefix": account.names.prefix,
        "subnet": account.names.subnet,
        "versions": None if versions is None else account.plain(to_json(versions)),
        "left_out": account.before,
    }
    yield json.dumps(head)[:-1] + ', "told": ['
    for number, one in enumerate(account.told):
        yield (",\n" if number else "\n") + json.dumps(_told(account, one))
    yield "\n]}\n"


def _told(account: Account, one: Told) -> dict[str, Any]:
    match one:
        case Act():
            lesson = account.lesson(one.step)
            plain = account.plain(to_json(one))
            for name in ("log", "at"):
                del plain[name]
            about: dict[str, Any] = {
                "what": "act",
                "at": round(one.at, 3),
                "lesson": None if lesson is None else lesson.id,
            }
            said = {"command": account.command(one), "output": account.output(one)}
            return {**about, "title": account.title(one.step), **plain, **said, "well": one.well}
        case Answer():
            return {"what": "answer", **account.plain(to_json(one))}
        case Changed():
            return {"what": "verb", **account.plain(to_json(one))}
        case ClusterEvent():
            return {"what": "event", **account.plain(to_json(one))}
