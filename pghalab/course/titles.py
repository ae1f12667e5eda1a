"""The list of the lessons from the first lines of their files: what can be shown before any of them is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path
from typing import Final

from pghalab.course.model import Course, Lesson
from pghalab.lab.host.files import Unfit, read_text

LESSONS: Final = Path(__file__).resolve().parent.parent / "lessons"
LARGEST: Final = 1_000_000
"""Bytes of a lesson; the longest of the course has 30,000."""
MOST_LESSONS: Final = 200
NUMBERED: Final = re.compile(r"(\d+)-")
# A value that YAML reads as it stands, and one in quotes that hide nothing.
_PLAIN = re.compile(r"""(id|title|minutes|optional): +(?:([A-Za-z0-9][^#"'{}\[\]&*:]*)|"([^"\\]*)")""")


def lesson_files(folder: Path) -> list[Path]:
    """The lessons' files in their order; raises OSError."""
    return sorted(path for path in folder.iterdir() if path.suffix == ".md" and NUMBERED.match(path.name))


def read_titles(folder: Path | None = None) -> Course:
    """The lessons without their steps; those whose first lines are not simple are left to `load_course`."""
    try:
        paths = lesson_files(LESSONS if folder is None else folder)[:MOST_LESSONS]
    except OSError:
        return Course((), ())
    found = []
    for path in paths:
        try:
            lines = read_text(path, LARGEST).splitlines()
        except (OSError, Unfit):
            continue
        if lines and lines[0].strip() == "---" and (lesson := _lesson(path, lines[1:])) is not None:
            found.append(lesson)
    return Course(tuple(found), ())


def _lesson(path: Path, lines: Iterable[str]) -> Lesson | None:
    front = takewhile(lambda line: line.strip() != "---", lines)
    said = {m[1]: (m[2] or m[3]).strip() for line in front if (m := _PLAIN.fullmatch(line.rstrip()))}
    number = NUMBERED.match(path.name)
    if number is None or not {"id", "title"} <= said.keys() or not said.get("minutes", "5").isdecimal():
        return None
    return Lesson(
        id=said["id"], number=int(number[1]), title=said["title"], minutes=int(said.get("minutes", "5")), credit="",
        optional=said.get("optional") == "true", needs=(), intro="", steps=(), path=path,
    )  # fmt: skip
