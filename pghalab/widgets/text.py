"""The one way by which text from outside the program reaches the screen, and how values are written there."""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter

from pghalab.text import clean, harmless


def plain(text: str, style: str = "") -> Content:
    """Text from outside as it is: cleaned, and never read as markup."""
    content = Content(clean(text))
    return content.stylize(style) if style else content


class Harmless(LineFilter):
    """The last look at whatever is painted, also where somebody forgot `plain`: a terminal is never spoken to by it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments without what a terminal obeys or hides; Textual's own control segments hold no text."""
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [segment if segment.control else Segment(harmless(segment.text), segment.style) for segment in segments]


HARMLESS = Harmless()


def flowing(text: str) -> str:
    """Text whose single newlines are only where the source line ended."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def paragraph(text: str) -> Content:
    """A paragraph of a lesson as flowing text, with what stands between backticks marked as code."""
    pieces = clean(flowing(text)).split("`")
    return Content.assemble(*((piece, "$text-accent" if index % 2 else "") for index, piece in enumerate(pieces)))


def node_list(names: list[str]) -> str:
    """Names in few characters: `pgha1-5` for a run, else `pgha1, pgha3`."""
    parts = [re.fullmatch(r"(.*?)(\d+)", name) for name in names]
    if len(names) > 2 and all(parts):
        prefixes = {part[1] for part in parts if part}
        numbers = [int(part[2]) for part in parts if part]
        if len(prefixes) == 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            return f"{names[0]}-{numbers[-1]}"
    return ", ".join(names)
