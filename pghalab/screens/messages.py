"""What the session tells, as messages of Textual: the one place where the one becomes the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from textual import on
from textual.message import Message

from pghalab.session.events import KINDS, SessionEvent

E = TypeVar("E")
Method = TypeVar("Method", bound=Callable[..., Any])


class Told(Message, Generic[E], bubble=False):
    """Something happened in the session; each listener gets a message of its own, and it does not bubble."""

    def __init__(self, event: E) -> None:
        super().__init__()
        self.event = event

    def can_replace(self, message: Message) -> bool:
        """What waits to be told already is told once."""
        return type(message) is type(self) and isinstance(message, Told) and message.event == self.event


def _message_class(name: str) -> type[Told[Any]]:
    class Each(Told[Any], bubble=False):
        pass

    Each.__name__ = Each.__qualname__ = name
    return Each


_MESSAGES = {kind: _message_class(name) for name, kind in KINDS.items()}


def told(event: SessionEvent) -> Told[Any]:
    """The message for an event."""
    return _MESSAGES[type(event)](event)


def hears(*kinds: type[Any]) -> Callable[[Method], Method]:
    """Marks the method of a widget, a screen or the app that takes these events, as `Told`."""

    def mark(method: Method) -> Method:
        for kind in kinds:
            method = on(_MESSAGES[kind])(method)
        return method

    return mark
