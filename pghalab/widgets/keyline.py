"""The line of keys at the bottom of a screen."""

from __future__ import annotations

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

_LAST = 2
"""So many of the last keys are there always: what leads back from a lesson, and the help."""


class KeyLine(Footer):
    """Textual's footer, composed anew only when what it shows has changed.

    Every move of the focus announces new bindings, and composing takes longer than the rest of the repaint.
    """

    _shown: tuple[tuple[str, str, str, bool], ...] | None = None
    _needs = 0
    """Columns that all keys need."""
    _composed_at = 0
    """Columns that there were."""

    def compose(self) -> ComposeResult:
        """The keys that fit whole: half a word says nothing."""
        keys: list[Widget] = list(super().compose())
        self._needs, self._composed_at = sum(map(self._width, keys)), self.app.size.width
        room = self._composed_at - self._needs
        while room < 0 and len(keys) > _LAST + 1:
            room += self._width(keys.pop(-_LAST - 2 if keys[-1].has_class("-command-palette") else -_LAST - 1))
        yield from keys

    def _width(self, key: Widget) -> int:
        if not isinstance(key, FooterKey):
            return 0
        # The blank between key and word, and one behind; the palette has its line in the place of that.
        return cell_len(key.key_display) + cell_len(key.description) + (2 if self.compact else 3)

    def on_resize(self, event: events.Resize) -> None:
        """More of them fit, or fewer."""
        before, self._composed_at = self._composed_at, event.size.width
        if before not in (0, event.size.width) and self._needs > min(event.size.width, before):
            self.call_after_refresh(self.recompose)

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Take in the bindings that are active now."""
        # Textual's footer lets what comes while the terminal is elsewhere pass; it is told again afterwards.
        if screen is not self.screen or not self.app.app_focus:
            return
        active = [(binding, enabled) for _, binding, enabled, _ in screen.active_bindings.values() if binding.show]
        shown = tuple((binding.key, binding.action, binding.description, enabled) for binding, enabled in active)
        if shown != self._shown:
            self._shown = shown
            # Each key follows an attribute of this line, which keeps the keys that are gone until it changes: it never
            # does, and they would all be held for as long as the console runs.
            self.mutate_reactive(Footer.compact)
            super().bindings_changed(screen)
