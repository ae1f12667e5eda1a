"""The verb keys: every action of the console with its id and its keys, and what is wrong with the person's own."""

from __future__ import annotations

import argparse

from pghalab.lab.host.paths import person_file
from pghalab.lab.ssh.terminal import LEAVE_NAME
from pghalab.out import complain, say
from pghalab.registry.actions import PLACES
from pghalab.registry.keymap import keys_of, load, shown


def keys(arguments: argparse.Namespace) -> int:
    """List the actions; the keys that the person chose are marked."""
    keymap, wrong = load()
    for name, place in PLACES.items():
        say(place.title)
        for action in place.actions:
            id_ = f"{name}.{action.name}"
            named = "  ".join(map(shown, keys_of(id_, keymap)))
            say(f"{'*' if id_ in keymap else ' '} {id_:<24} {named:<22} {action.words}".rstrip())
        say()
    say(f"Your own keys stand in {person_file()}, marked with * above; for example:")
    say('[keymap]\nlesson.run = "ctrl+r, R"')
    say(f"{LEAVE_NAME} leads out of `pghalab shell` and the full-screen shell, whatever the keymap says: what is typed")
    say("there goes to the node byte by byte, and this key is one byte, the same on every terminal.")
    for line in wrong:
        complain(line)
    return 1 if wrong else 0
