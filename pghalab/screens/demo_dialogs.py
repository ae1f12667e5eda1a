"""What a presenter asks for while a room looks on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from pghalab.screens.dialogs import BOX_CSS
from pghalab.widgets.glyphs import QUIET
from pghalab.widgets.keys import bindings, said
from pghalab.widgets.text import plain


class Why(ModalScreen[None]):
    """What the presenter is warned of."""

    DEFAULT_CSS = BOX_CSS
    BINDINGS: ClassVar[list[BindingType]] = bindings("help")

    def __init__(self, warnings: Sequence[str]) -> None:
        super().__init__()
        self._warnings = warnings

    def compose(self) -> ComposeResult:
        """A paragraph for each."""
        with Vertical(classes="box"):
            yield Static(plain("\n\n".join(self._warnings) or "Nothing is known to be wrong."))
            yield Static(Content.styled(said(self, "\n{help.close} closes this"), QUIET))
