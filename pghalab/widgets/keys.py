"""Bindings made from the registry of actions, and the names of keys in what is said on the screen."""

from __future__ import annotations

import re
from typing import cast

from textual.app import App
from textual.binding import ActiveBinding, Binding, BindingType
from textual.content import Content
from textual.dom import DOMNode

from pghalab.registry import keymap
from pghalab.registry.actions import ACTIONS, PLACES
from pghalab.registry.keymap import Keymap
from pghalab.widgets.text import plain

_NAMED = re.compile(r"\{([a-z-]+\.[a-z0-9-]+)\}")
_ORDER = {name: at for at, name in enumerate(ACTIONS)}


def bindings(place: str) -> list[BindingType]:
    """The bindings of a place, by the ids that a keymap knows."""
    return [
        Binding(
            action.keys,
            action.does,
            action.words,
            show=action.shown,
            id=f"{place}.{action.name}",
            priority=action.first,
        )
        for action in PLACES[place].actions
    ]


def keys(node: DOMNode, name: str) -> tuple[str, ...]:
    """The keys that an action has now, as Textual names them."""
    return keymap.keys_of(name, _keymap(node))


def key(node: DOMNode, name: str) -> str:
    """The first key of an action, as a text names it."""
    return keymap.shown(keys(node, name)[0])


def said(node: DOMNode, text: str) -> str:
    """A text in which `{lesson.hint}` is the name of the key that does it now."""
    return _NAMED.sub(lambda found: key(node, found.group(1)), text)


def label(node: DOMNode, words: str, name: str) -> Content:
    """What stands on a button: what it does, and the key that does it too."""
    return plain(f"{words}  {key(node, name)}")


def in_order(active: dict[str, ActiveBinding]) -> dict[str, ActiveBinding]:
    """Bindings as the registry orders those of a place: Textual puts what a keymap changed behind all others."""
    nodes = list(dict.fromkeys(one.node for one in active.values()))
    return dict(
        sorted(active.items(), key=lambda item: (nodes.index(item[1].node), _ORDER.get(item[1].binding.id or "", 0)))
    )


def _keymap(node: DOMNode) -> Keymap:
    # A widget is also shown by apps that know no keymap.
    return cast("Keymap", getattr(cast("App[object]", node.app), "own_keys", {}))
