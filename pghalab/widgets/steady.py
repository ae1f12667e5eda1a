"""Text that changes often without moving what is around it."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class SteadyText(Static):
    """A Static for a given width; it has the screen arranged anew only when it needs another number of rows.

    Arranging a lesson's screen takes several times as long as painting one line of it.
    """

    _said: Content | None = None

    def say(self, content: Content) -> None:
        """Show this."""
        if self._said is not None and content.is_same(self._said):
            return
        self._said = content
        width = self.content_size.width
        self.update(content, layout=not width or content.get_height({}, width) != self.content_size.height)
