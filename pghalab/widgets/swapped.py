"""Other parts in place of those that a widget has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

from textual.widget import Widget

_LOCKS: WeakKeyDictionary[Widget, asyncio.Lock] = WeakKeyDictionary()


async def swapped(widget: Widget, parts: Callable[[], Sequence[Widget]]) -> None:
    """Take all parts of a widget away and put others there, one such change after the other.

    Whoever waits for it may be cancelled, and the change is made all the same: Textual waits for the same parts to end,
    and a worker that is cancelled while it does would take the whole program with it.
    """
    await asyncio.shield(asyncio.ensure_future(_swap(widget, parts)))


async def _swap(widget: Widget, parts: Callable[[], Sequence[Widget]]) -> None:
    async with _LOCKS.setdefault(widget, asyncio.Lock()):
        if widget.is_attached:
            with widget.app.batch_update():
                await widget.remove_children()
                await widget.mount(*parts())
