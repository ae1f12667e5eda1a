"""What a step printed beside what was expected: on its card, and on the whole screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pghalab.lab.types import Ended, Output
from pghalab.screens.wide import WideScreen
from pghalab.widgets.output import OutputView
from tests.fake_lab.course import write_course
from tests.fake_lab.node import FakeNode, Piece
from tests.ui.stage import Stage, stage, until
from tests.ui.test_console import at_step, shown

STEP = """id: look
kind: command
node: pgha1
command: look
expect: |2
  pgha1 answers at 10:00:00
  pgha4 answers
  term 2
no_check: it only looks"""
SILENT = "id: hush\nkind: command\nnode: pgha1\ncommand: hush\nsilent: true\nno_check: it only does"
FITS = "pgha1 answers at 12:30:00\npgha4 answers\nterm 2\n"


def built_on(folder: Path, printed: str) -> Stage:
    """A stage with a course of a step that prints, and a silent one; both print this."""
    write_course(folder / "lessons", STEP, SILENT)
    built = stage(folder, lessons=folder / "lessons")

    def prints(node: FakeNode, command: str) -> list[Piece]:
        return [Output("stdout", printed), Ended("exited", 0, 0.1)]

    built.lab.nodes["pgha1"].script = prints
    return built


async def ran(built: Stage, pilot: Any, step: str = "look") -> None:
    """Run a step to its end."""
    await at_step(built, pilot, step)
    await pilot.press("r")
    await until(pilot, lambda: step in built.app.session.work.runs and not built.app.session.work.busy)
    assert built.app.session.state.steps[step] == "done", "what was printed fails no step"


async def page(built: Stage, pilot: Any) -> str:
    """What w shows first."""
    await pilot.press("w")
    await until(pilot, lambda: isinstance(built.app.screen, WideScreen))
    view = built.app.screen.query_one(OutputView)
    await until(pilot, lambda: bool(view.text))
    return view.text


async def test_an_output_that_fits_is_said_to_in_one_line(folder: Path) -> None:
    built = built_on(folder, FITS)
    async with built.app.run_test(size=(80, 40)) as pilot:
        await ran(built, pilot)
        await until(pilot, lambda: "≈ output as expected; 1 value differs as it may" in shown(built))
        assert "answers at 12:30:00" in await page(built, pilot), "what was printed comes first"
        await pilot.press("tab", "tab")
        view = built.app.screen.query_one(OutputView)
        await until(pilot, lambda: view.text.startswith("The output is as expected"))
        assert "≈ expected: pgha1 answers at 10:00:00\n≈ printed:  pgha1 answers at 12:30:00" in view.text


@pytest.mark.parametrize("width", [80, 130])
async def test_lines_that_differ_are_shown_beside_what_was_expected(folder: Path, width: int) -> None:
    built = built_on(folder, FITS.replace("pgha4 answers\n", "").replace("term 2", "term 3"))
    async with built.app.run_test(size=(width, 40)) as pilot:
        await ran(built, pilot)
        await until(
            pilot, lambda: "≠ 1 line differs, 1 line is missing: w shows both beside each other" in shown(built)
        )
        text = await page(built, pilot)
        both = "≠ term 2                    │ term 3" if width > 120 else "≠ expected: term 2\n≠ printed:  term 3"
        assert both in text
        assert ("- pgha4 answers             │" if width > 120 else "- expected: pgha4 answers") in text
        await pilot.resize_terminal(210 - width, 40)
        other = "≠ expected: term 2\n≠ printed:  term 3" if width > 120 else "≠ term 2                    │ term 3"
        view = built.app.screen.query_one(OutputView)
        await until(pilot, lambda: other in view.text)


@pytest.mark.parametrize(("printed", "said"), [("", False), ("bash: hush: Permission denied\n", True)])
async def test_a_step_that_should_print_nothing_says_so_only_when_it_does(
    folder: Path, printed: str, said: bool
) -> None:
    built = built_on(folder, printed)
    async with built.app.run_test(size=(80, 40)) as pilot:
        await ran(built, pilot, "hush")
        await until(pilot, lambda: "✓ done" in shown(built))
        assert ("≠ 1 line more: w shows both beside each other" in shown(built)) is said
        assert ("this user may not" in shown(built)) is said
        assert (built.app.session.work.runs["hush"].comparison is not None) is said
