"""An output beside what was expected, as the lines of a page."""

from __future__ import annotations

import pytest

from pghalab.course.expected.compare import compare
from pghalab.course.expected.model import Situation
from pghalab.course.expected.rules import NONE, Rules
from pghalab.course.localise import Names
from pghalab.widgets.beside import LEGEND, SIDE_BY_SIDE, lines
from tests.unit.test_expected import STATUS, node

EXPECTED = "one\nat 10:00:00\nthree 3\ngone"
PRINTED = "one\nat 11:00:00\nthree 4\nError: context deadline exceeded"


def page(expected: str, printed: str, width: int, rules: Rules = NONE, situation: Situation | None = None) -> list[str]:
    return lines(compare(expected, printed, rules, Names(), situation), width)


def test_on_a_narrow_screen_one_stands_below_the_other() -> None:
    assert page(EXPECTED, PRINTED, 80) == [
        "1 line differs, 1 line is missing, 1 line more than expected.",
        LEGEND,
        "",
        "            one",
        "≈ expected: at 10:00:00",
        "≈ printed:  at 11:00:00",
        "≠ expected: three 3",
        "≠ printed:  three 4",
        "            ↳ `4` in place of `3`",
        "- expected: gone",
        "+ printed:  Error: context deadline exceeded",
        "            ↳ etcd gave no answer in time: it does not run there, or fewer than a majority do",
    ]


def test_on_a_wide_screen_both_stand_side_by_side() -> None:
    found = page(EXPECTED, PRINTED, SIDE_BY_SIDE)
    assert [line for line in found if "↳" not in line][3:] == [
        "  expected    │ printed",
        "  ────────────┼────────────",
        "  one         │ one",
        "≈ at 10:00:00 │ at 11:00:00",
        "≠ three 3     │ three 4",
        "- gone        │",
        "+             │ Error: context deadline exceeded",
    ]
    assert "              │ ↳ etcd gave no answer in time: it does not run there, or fewer than a majority do" in found


def test_what_is_too_wide_for_two_columns_takes_two_rows_and_is_never_cut() -> None:
    without = "\n".join(line for line in STATUS.split("\n") if "pgha4" not in line)
    seen = Situation((node("pgha4", etcd="stopped"),))
    found = page(STATUS, without, 160, situation=seen)
    missing = next(line for line in STATUS.split("\n") if "pgha4" in line)
    at = found.index(f"- expected: {missing}")
    assert found[at + 1] == "            ↳ pgha4 has no line here: its etcd does not run"
    assert f"            {STATUS.splitlines()[1]}" in found, "what is the same stands there once"


@pytest.mark.parametrize("width", [20, 80, 119, 120, 200])
def test_every_line_of_both_is_on_the_page(width: int) -> None:
    found = "\n".join(page(STATUS, "x\n" * 1000, width))
    for line in STATUS.split("\n")[1:]:
        assert line.strip("+-") in found
    assert found.endswith("… 600 lines more were printed and not compared …")


def test_what_fits_says_so() -> None:
    assert page("at 10:00:00", "at 11:00:00", 80)[0] == "The output is as expected; 1 value differs as it may."
