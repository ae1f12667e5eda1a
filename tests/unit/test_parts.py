"""How far long work is, on a terminal, in a file, and on the card of a step."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pghalab.course.events import CommandStarted, Printed
from pghalab.lab.deploy import lifecycle
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.settings import default_settings
from pghalab.lab.types import Output, Part, Parts
from pghalab.out import Bar
from pghalab.session.step_run import StepRun
from tests.fake_lab.engine import FakeDocker

SETTINGS = replace(default_settings("pgha"), nodes=3, password="secret")


async def reached(name: str, found: FoundContainer) -> bool:
    """A node whose sshd lets the console in as soon as it runs."""
    return found.state == "running"


class Terminal(io.StringIO):
    """Takes what is written as a terminal does."""

    def isatty(self) -> bool:
        return True


def test_a_bar_comes_with_the_first_part() -> None:
    terminal = Terminal()
    with Bar(to=terminal) as bar:
        bar.line("nothing is known yet")
        bar.at(2, 7, "copying [what]\nlies there")
        assert bar._bar is not None
        bar._bar.refresh()
        (task,) = bar._bar.tasks
        assert (task.visible, task.total, task.completed) == (True, 7, 2)
    written = terminal.getvalue()
    assert "copying [what] lies there" in written and "2/7" in written


def test_a_file_gets_lines_only() -> None:
    file = io.StringIO()
    with Bar(to=file) as bar:
        bar.at(2, 7, "copying")
        bar.line("a line")
    assert file.getvalue() == "a line\n"


def test_parts_are_counted_and_never_more_than_there_are() -> None:
    said: list[str] = []
    parts = Parts(said.append, 2)
    for words in "abc":
        parts.next(words, f"{words}!\n")
    assert said == ["a!\n", "b!\n", "c!\n"]
    assert [(one.number, one.of, one.words) for one in said if isinstance(one, Part)] == [
        (1, 2, "a"), (2, 2, "b"), (2, 2, "c"),
    ]  # fmt: skip


def test_a_step_that_runs_says_how_far_it_is() -> None:
    run = StepRun("image", clock=lambda: 0.0)
    run.take(CommandStarted("image", "", "", "pghalab build", Path("log")))
    run.take(Printed("image", Output("stdout", Part("step 3 of 9\n", 3, 9, "RUN " + "x" * 80))))
    run.take(Printed("image", Output("stdout", "a line\n")))
    assert run.status == f"running 0 s · 3 of 9: RUN {'x' * 45}…"
    assert run.buffer.lines == ["step 3 of 9", "a line"]


@pytest.mark.parametrize(
    ("verb", "first", "each", "last"),
    [
        (lambda on, say: lifecycle.start(on, SETTINGS, say, reached), "starting", "runs", ["logging in on every node"]),
        (lambda on, say: lifecycle.stop(on, SETTINGS, say), "stopping", "stopped", []),
        (
            lambda on, say: lifecycle.restart(on, SETTINGS, say, reached),
            "restarting",
            "restarted",
            ["logging in on every node"],
        ),
        (lambda on, say: lifecycle.remove(on, SETTINGS, say), "removing", "removed", []),
        (
            lambda on, say: lifecycle.down(on, SETTINGS, say, volumes=False),
            "removing",
            "removed",
            ["removing the network"],
        ),
        (
            lambda on, say: lifecycle.down(on, SETTINGS, say, volumes=True),
            "removing",
            "removed",
            ["removing the network", "removing the volumes"],
        ),
    ],
)
async def test_what_takes_long_tells_each_of_its_parts_once(
    verb: Callable[[Engine, Callable[[str], None]], Awaitable[None]],
    first: str,
    each: str,
    last: list[str],
) -> None:
    docker, parts = FakeDocker(), list[Part]()
    docker.deploy(SETTINGS)

    def say(text: str) -> None:
        if isinstance(text, Part):
            parts.append(text)

    await verb(docker.engine(), say)
    words = [part.words for part in parts]
    assert (words[0], words[4:]) == (f"{first} the nodes", last)
    assert sorted(words[1:4]) == [f"pgha{number} {each}" for number in (1, 2, 3)]
    assert [(part.number, part.of) for part in parts] == [(number, len(words)) for number in range(1, len(words) + 1)]
