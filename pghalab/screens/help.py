"""Help: what a screen is for, and every key that works there."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets import Markdown, Static

from pghalab.widgets.glyphs import ACCENT, QUIET
from pghalab.widgets.keys import bindings, said
from pghalab.widgets.scrolling import KeyScroll


class HelpScreen(ModalScreen[None]):
    """The keys of the screen below."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen .box { width: 90%; max-width: 90; height: auto; max-height: 92%; background: $surface;
        border: round $primary; padding: 0 2 1 2; }
    HelpScreen KeyScroll { height: auto; max-height: 100%; }
    HelpScreen Markdown { height: auto; margin: 0; padding: 0; background: transparent; }
    HelpScreen Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("help")

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__()
        self._text = said(about, about.HELP or "")
        self._keys = _keys(about)
        self._how = said(about, "Ctrl+P finds every command by name. {help.close} closes this.")

    def compose(self) -> ComposeResult:
        """The text and the keys."""
        with Vertical(classes="box"), KeyScroll():
            if self._text:
                yield Markdown(self._text)
            yield Static(self._keys)
            yield Static(Content.styled(f"\n{self._how}", QUIET))


def _keys(screen: Screen[Any]) -> Content:
    by_action: dict[tuple[DOMNode, str], tuple[list[str], str]] = {}
    # The screen's own first, then those of the widget that has the focus, then those that work everywhere; the
    # bindings that Textual brings have no id.
    order = {screen: 0, screen.app: 2}
    for active in sorted(
        screen.active_bindings.values(), key=lambda each: order.get(each.node, 1) if each.binding.id else 3
    ):
        binding = active.binding
        if binding.description and not binding.system:
            keys, _ = by_action.setdefault((active.node, binding.action), ([], binding.description))
            keys.append(screen.app.get_key_display(binding))
    lines = [
        Content.assemble((f"{' '.join(keys):<16}", f"bold {ACCENT}"), description)
        for keys, description in by_action.values()
    ]
    return Content("\n").join(lines)
