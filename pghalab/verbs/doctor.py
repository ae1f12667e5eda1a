"""The verb doctor: whether this machine can run the lab, what is wrong in it, and what to do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pghalab.out import complain, say, say_json

if TYPE_CHECKING:
    from pghalab.lab.doctor import Fact
    from pghalab.lab.settings import LabSettings


def doctor(arguments: argparse.Namespace) -> int:
    """Say what is well and what is not."""
    import asyncio

    from pghalab.lab.doctor import examine, healthy
    from pghalab.lab.settings import default_settings, load_settings
    from pghalab.lab.types import LabError

    name = arguments.look_into or arguments.lab
    try:
        settings = load_settings(name, look_only=True)
    except LabError as error:
        # A state folder that cannot be used is one of the facts.
        settings = default_settings(name)
        complain(error)
    for notice in settings.notices:
        complain(notice)
    facts = asyncio.run(examine(settings) if arguments.look_into is None else _with_lab(settings))
    if arguments.json:
        say_json({"ok": healthy(facts), "facts": [fact.as_dict() for fact in facts]}, indent=2)
    else:
        print_facts(facts)
    return 0 if healthy(facts) else 1


async def _with_lab(settings: LabSettings) -> list[Fact]:
    """The facts about the machine, and what is wrong in the lab, if it can be opened."""
    from pghalab.course.diagnoses.survey import as_facts, not_looked_at, of_lab
    from pghalab.lab.doctor import examine
    from pghalab.lab.local import LocalLab
    from pghalab.lab.types import LabError

    facts = await examine(settings)
    lab = LocalLab(settings, look_only=True)
    try:
        await lab.open()
        await lab.settle()
        return [*facts, *as_facts(await of_lab(lab))]
    except LabError as error:
        return [*facts, not_looked_at(error.what)]
    finally:
        await lab.close()


def print_facts(facts: list[Fact]) -> None:
    """Print facts, a line each, and below what is not well what to do."""
    width = max(len(fact.check) for fact in facts)
    for fact in facts:
        say(f"{'ok ' if fact.ok else 'NO '} {fact.check.ljust(width)}  {fact.found}")
        for line in filter(None, (fact.todo, fact.command and f"  {fact.command}")):
            say(f"    {' ' * width}  {line}")
