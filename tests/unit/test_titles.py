"""The list of the lessons before they are read: the same as afterwards, and nothing that a file holds stops it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pghalab.course.titles import MOST_LESSONS, read_titles
from tests.shipped import shipped_course

HEAD = "---\nid: one\ntitle: The first\nminutes: 7\noptional: true\n---\n"


def test_the_list_is_that_of_the_course() -> None:
    listed = [(one.id, one.number, one.title, one.minutes, one.optional) for one in read_titles().lessons]
    read = [(one.id, one.number, one.title, one.minutes, one.optional) for one in shipped_course().lessons]
    assert listed == read and len(listed) >= 17


def test_the_first_lines_tell_a_lesson(tmp_path: Path) -> None:
    (tmp_path / "02-b.md").write_text("\ufeff" + HEAD.replace("\n", "\r\n"))
    (tmp_path / "01-a.md").write_text("---\nid: zero\ntitle: Zero # not said\n---\n")
    (tmp_path / "03-c.md").write_text("---\nid: three\ntitle: And a third\n---\nminutes: 99\n")
    (tmp_path / "notes.md").write_text(HEAD)
    told = [(one.id, one.number, one.title, one.minutes, one.optional) for one in read_titles(tmp_path).lessons]
    # What YAML would read otherwise than it stands is left to the reader that knows YAML.
    assert told == [("one", 2, "The first", 7, True), ("three", 3, "And a third", 5, False)]


@pytest.mark.parametrize(
    "text", ["", "---", "---\n---\n", "---\nid: one\n---\n", HEAD.replace("7", "many"), HEAD.replace("The", "*The")]
)
def test_what_is_not_simple_is_left_out(tmp_path: Path, text: str) -> None:
    (tmp_path / "01-a.md").write_text(text)
    assert read_titles(tmp_path).lessons == ()


def test_a_hostile_folder_stops_nothing(tmp_path: Path) -> None:
    assert read_titles(tmp_path / "none").lessons == ()
    os.mkfifo(tmp_path / "01-a.md")
    (tmp_path / "02-b.md").symlink_to("/dev/zero")
    (tmp_path / "03-c.md").write_bytes(b"\xff\xfe" * 100)
    (tmp_path / "04-d.md").mkdir()
    for number in range(5, MOST_LESSONS + 9):
        (tmp_path / f"{number:03}-e.md").write_text(HEAD)
    assert len(read_titles(tmp_path).lessons) == MOST_LESSONS - 4
