"""What is marked on a screen by the mouse or by a search, and its text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pghalab.terminal.marked import MOST_NEEDLE, Marking, Unit
from pghalab.terminal.screen import Screen


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen(40, 6, lambda data: None)
    made.feed(b"one two-three four\r\nfive   six\r\n" + b"long" * 11 + b" folded\r\n")
    made.update()
    yield made
    made.close()


@pytest.fixture
def marking(screen: Screen) -> Iterator[Marking]:
    made = Marking(screen)
    yield made
    made.close()


def test_cells_from_where_the_button_went_down_in_either_direction(screen: Screen, marking: Marking) -> None:
    marking.start(4, 0)
    assert marking.text == "", "a click alone marks nothing"
    marking.extend(8, 0)
    assert marking.text == "two-t"
    screen.update()
    assert screen.selection == [(4, 8), None, None, None, None, None]
    marking.extend(1, 0)
    assert marking.text == "ne t"
    marking.extend(3, 1)
    assert marking.text == "two-three four\nfive"
    screen.update()
    assert screen.selection[:2] == [(4, 39), (0, 3)]
    marking.clear()
    screen.update()
    assert marking.text == "" and not any(screen.selection)


def test_words_and_lines_are_marked_whole(marking: Marking) -> None:
    marking.start(5, 0, Unit.WORD)
    assert marking.text == "two-three"
    marking.extend(1, 1)
    assert marking.text == "two-three four\nfive"
    marking.start(8, 1, Unit.WORD)
    marking.extend(0, 0)
    assert marking.text == "one two-three four\nfive   six"
    marking.start(2, 3, Unit.LINE)
    assert marking.text == "long" * 11 + " folded", "a folded line is one"


def test_outside_is_the_nearest_cell_inside(marking: Marking) -> None:
    marking.start(-5, -1)
    marking.extend(99, 0)
    assert marking.text == "one two-three four"


def test_what_is_marked_stays_where_it_is_while_lines_scroll(screen: Screen, marking: Marking) -> None:
    marking.start(0, 1)
    marking.extend(3, 1)
    screen.feed(b"x\r\n" * 50)
    assert marking.text == "five"
    screen.update()
    marking.extend(0, 5)
    assert marking.text.startswith("five   six\nlong")
    assert marking.text.endswith("x\nx")


def test_a_mark_that_scrolled_out_of_all_that_is_kept_is_gone(screen: Screen, marking: Marking) -> None:
    marking.start(0, 0)
    screen.feed(b"x\r\n" * 60_000)
    marking.extend(3, 3)
    assert marking.text == ""


@pytest.mark.parametrize("between", ["resize", "own screen"])
def test_a_mark_is_not_drawn_out_onto_another_screen(screen: Screen, marking: Marking, between: str) -> None:
    marking.start(0, 0, Unit.WORD)
    assert marking.text == "one"
    if between == "resize":
        screen.resize(7, 3)
    else:
        screen.feed(b"\x1b[?1049h")
    marking.extend(3, 2)
    assert marking.text == ""
    marking.start(0, 0)
    marking.extend(2, 1)
    screen.update()
    assert any(screen.selection)


def test_a_search_goes_upwards_from_the_end_and_around(screen: Screen, marking: Marking) -> None:
    screen.feed(b"needle one\r\n" + b"x\r\n" * 50 + b"a Needle two\r\n" + b"x\r\n" * 50)
    assert marking.find("needle") == (1, 2)
    screen.update()
    assert "a Needle two" in screen.text, "what was found is shown"
    assert marking.text == "Needle"
    assert marking.find("needle") == (2, 2)
    screen.update()
    assert "needle one" in screen.text
    assert marking.find("needle") == (1, 2), "after the first one comes the last one"
    assert marking.find("needle", back=True) == (2, 2)


def test_a_search_knows_what_came_since(screen: Screen, marking: Marking) -> None:
    assert marking.find("later") == (0, 0)
    screen.feed(b"later\r\n")
    assert marking.find("later") == (1, 1)


def test_what_is_not_there_is_not_found_and_marks_nothing(marking: Marking) -> None:
    assert marking.find("six") == (1, 1)
    assert marking.find("seven") == (0, 0)
    assert marking.text == ""
    assert marking.find("") == (0, 0)
    assert marking.find("y" * 10 * MOST_NEEDLE) == (0, 0)
    marking.end_search()
    assert marking.find("six") == (1, 1)


def test_marked_text_holds_nothing_that_a_terminal_obeys(screen: Screen, marking: Marking) -> None:
    screen.feed("\x1b[2J\x1b[Ha\u202eb\u200bc\x1b]52;c;eA==\x07d".encode())
    marking.start(0, 0, Unit.LINE)
    assert marking.text == "abcd"
