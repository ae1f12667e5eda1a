"""The settings file of the person, `settings.toml`: its lines by their sections, and what is wrong with it as a whole.

What a section is about reads its own lines; a line that is wrong is named, and all others hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import NamedTuple

from pghalab.lab.host import files, paths
from pghalab.text import one_line
from pghalab.values import dataclass

LIMIT = 100_000
"""Bytes of a settings file."""
MOST_LINES = 1_000
SHOWN = 60
"""Characters of a wrong line that are repeated."""
SECTIONS: Mapping[str, str] = {"keymap": "keys", "demo": "showing lessons to a room"}
"""What there may be, each with what it is for."""
_HEAD = re.compile(r"\[\s*([A-Za-z0-9_.-]+)\s*\]\s*(#.*)?")


class Row(NamedTuple):
    """A line that says something."""

    number: int
    text: str


class Wrong(ValueError):
    """What is wrong with a line, in words."""


@dataclass(slots=True)
class Settings:
    """What stands in a settings file."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    """The lines of each section that there is, without those that are empty or a remark."""
    wrong: dict[int, str] = field(default_factory=dict)
    """What is wrong, by the number of the line."""

    def said(self) -> list[str]:
        """What is wrong, a sentence for each line."""
        return [f"line {number}: {why}." for number, why in sorted(self.wrong.items())]


def load(otherwise: str) -> tuple[Settings, list[str]]:
    """The settings of the person who runs this, and why they cannot be read, with what is so `otherwise`."""
    path = paths.person_file()
    try:
        return read(files.read_text(path, LIMIT)), []
    except FileNotFoundError:
        return Settings(), []
    except (OSError, files.Unfit) as error:
        why = error.strerror if isinstance(error, OSError) else error
        return Settings(), [f"{path} cannot be used: {why}. {otherwise}"]


def read(text: str) -> Settings:
    """What stands in a file with this text."""
    found = Settings()
    section = ""
    rows = text.splitlines()
    if len(rows) > MOST_LINES:
        found.wrong[MOST_LINES + 1] = f"only the first {MOST_LINES} lines are read"
    for number, row in enumerate(map(str.strip, rows[:MOST_LINES]), 1):
        if not row or row.startswith("#"):
            continue
        if head := _HEAD.fullmatch(row):
            section = head.group(1)
            if section not in SECTIONS:
                known = " and ".join(f"[{name}] for {what}" for name, what in SECTIONS.items())
                found.wrong[number] = f"{quoted(row)}: there is no such section; there are {known}"
        elif section in SECTIONS:
            found.rows.setdefault(section, []).append(Row(number, row))
        elif not section:
            found.wrong[number] = f"{quoted(row)}: it stands before a section, such as [keymap]"
    return found


def quoted(text: str) -> str:
    """A line of the file within a sentence."""
    text = one_line(text)
    return f"`{text if len(text) <= SHOWN else text[:SHOWN] + '…'}`"
