"""The one way by which text from outside the program reaches the screen, and how values are written there."""

from __future__ import annotations

import re

from textual.content import Content

from pghalab.text import clean


def plain(text: str, style: str = "") -> Content:
    """Text from outside as it is: cleaned, and never read as markup."""
    content = Content(clean(text))
    return content.stylize(style) if style else content


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
