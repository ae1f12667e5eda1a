"""The verb doctor: whether this machine can run the lab, and what to do when it cannot."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pghalab.out import complain, say, say_json

if TYPE_CHECKING:
    from pghalab.lab.doctor import Fact


def doctor(arguments: argparse.Namespace) -> int:
    """Say what is well and what is not."""
    import asyncio

    from pghalab.lab.doctor import examine, healthy
    from pghalab.lab.settings import default_settings, load_settings
    from pghalab.lab.types import LabError

    try:
        settings = load_settings(arguments.lab, look_only=True)
    except LabError as error:
        # A state folder that cannot be used is one of the facts.
        settings = default_settings(arguments.lab)
        complain(error)
    for notice in settings.notices:
        complain(notice)
    facts = asyncio.run(examine(settings))
    if arguments.json:
        say_json({"ok": healthy(facts), "facts": [fact.as_dict() for fact in facts]}, indent=2)
    else:
        _print(facts)
    return 0 if healthy(facts) else 1


def _print(facts: list[Fact]) -> None:
    width = max(len(fact.check) for fact in facts)
    for fact in facts:
        say(f"{'ok ' if fact.ok else 'NO '} {fact.check.ljust(width)}  {fact.found}")
        for line in filter(None, (fact.todo, fact.command and f"  {fact.command}")):
            say(f"    {' ' * width}  {line}")
