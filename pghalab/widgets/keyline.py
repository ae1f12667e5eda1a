"""The line of keys at the bottom of a screen."""

from __future__ import annotations

from textual.screen import Screen
from textual.widgets import Footer


class KeyLine(Footer):
    """Textual's footer, composed anew only when what it shows has changed.

    Every move of the focus announces new bindings, and composing takes longer than the rest of the repaint.
    """

    _shown: tuple[tuple[str, str, str, bool], ...] | None = None

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Take in the bindings that are active now."""
        # Textual's footer lets what comes while the terminal is elsewhere pass; it is told again afterwards.
        if screen is not self.screen or not self.app.app_focus:
            return
        active = [(binding, enabled) for _, binding, enabled, _ in screen.active_bindings.values() if binding.show]
        shown = tuple((binding.key, binding.action, binding.description, enabled) for binding, enabled in active)
        if shown != self._shown:
            self._shown = shown
            super().bindings_changed(screen)
