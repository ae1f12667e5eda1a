"""A list to choose from that also knows the keys of vi."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.widgets import OptionList

from pghalab.widgets.keys import bindings


class Choices(OptionList):
    """An OptionList with j, k, g and G."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list")
