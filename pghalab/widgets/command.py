"""A command in rows that fit and can be typed back as they stand."""

from __future__ import annotations

import re

from textual.content import Content

from pghalab.widgets.steady import SteadyText

_HERE = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
_LISTED = ",;|&"
_JOINED = "=/"
"""After these a word may go on in the next row; rather between the members of a list than within one."""
_ENOUGH = 3
"""A row is broken at a space only where it is at least one part in this many full."""


def continued(command: str, first: int, width: int) -> list[str]:
    """A shell command in rows of at most `width` columns, the first one of `first`; to the shell it is the same.

    Rows end in a backslash where one line of the command goes on. A quoted text in apostrophes is closed before it and
    opened again behind it, since a backslash within has no meaning. Where a line cannot be broken it stays whole, as
    every line of a here-document does.
    """
    rows: list[str] = []
    here = ""
    quote = ""
    for line in command.rstrip("\n").split("\n"):
        if here:
            rows.append(line)
            here = "" if line.strip() == here else here
            continue
        pieces, quote = _broken(line, quote, first if not rows else width, width)
        rows += pieces
        if (found := _HERE.search(line)) and not quote:
            here = found[2]
    return rows


def _broken(line: str, quote: str, first: int, width: int) -> tuple[list[str], str]:
    """The rows of one line that begins within `quote`, and the quote that it ends in."""
    places: list[tuple[int, str, str]] = []
    """Where a row may end: before this character, within this quote, behind this sign."""
    nested = "$(" in line or "`" in line
    opened, escaped, inner = quote, False, False
    for index, char in enumerate(line):
        if escaped:
            escaped = False
        elif char == "\\" and opened != "'":
            escaped = True
        elif char == opened:
            opened = ""
        elif not opened and char in "'\"":
            # Within $'…' a piece cannot be closed and opened again.
            opened = "$" if char == "'" and line[index - 1 : index] == "$" else char
        elif opened == "$" and char == "'":
            opened = ""
        elif opened == '"' and char == "'" and nested:
            inner = not inner
        fits = not escaped and not inner and opened != "$" and not (opened == "'" and nested)
        if fits and char in f" {_LISTED}{_JOINED}" and index + 1 < len(line):
            places.append((index + 1, opened, char))
    if len(line) <= first or (not quote and line.lstrip().startswith("#")):
        return [line], opened
    rows, start, room, lead = [], 0, first, ""
    while len(lead) + len(line) - start > room:
        ends = [place for place in places if place[0] > start]
        fitting = [end for end in ends if len(lead) + end[0] - start + (2 if end[1] == "'" else 1) <= room]
        spaces = [end for end in fitting if end[2] == " "]
        full = [end for end in spaces if (end[0] - start) * _ENOUGH >= room]
        listed = [end for end in fitting if end[2] in _LISTED]
        # Where nothing fits the row is too long up to the next place, rather than cut within a word.
        chosen = full or listed or spaces or fitting or ends[:1]
        if not chosen:
            break
        at, within, _ = chosen[-1]
        rows.append(lead + line[start:at] + ("'\\" if within == "'" else "\\"))
        lead = "'" if within == "'" else ""
        start, room = at, width
    rows.append(lead + line[start:])
    return rows, opened


class CommandText(SteadyText):
    """A prompt and the command behind it."""

    def __init__(self, *, classes: str = "") -> None:
        super().__init__("", classes=classes)
        self._prompt = Content("")
        self._command = ""

    def show(self, prompt: Content, command: str) -> None:
        """Show this command, already cleaned."""
        self._prompt, self._command = prompt, command
        self._fit()

    def on_resize(self) -> None:
        """Break the rows anew."""
        self._fit()

    def _fit(self) -> None:
        width = self.content_size.width
        rows = [self._command] if not width else continued(self._command, width - self._prompt.cell_length, width)
        self.say(Content.assemble(self._prompt, Content("\n".join(rows))))
