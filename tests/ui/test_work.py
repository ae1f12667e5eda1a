"""What the session tells while a step or a verb runs, and how it stops one."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from pghalab.course.events import ChecksSeen, CommandEnded, CommandStarted, Printed, RunEvent
from pghalab.lab.types import Ended, Output
from pghalab.session.events import RunProgressed, SessionEvent
from pghalab.session.session import Session
from tests.ui import fakes
from tests.ui.fakes import FakeRunner, Stage, stage, until
from tests.ui.test_console import at_step, shown


async def holds(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait for a condition without an app."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def open_session(built: Stage) -> tuple[Session, list[SessionEvent]]:
    """The session of a stage without its app, and what it tells."""
    session = built.app.session
    told: list[SessionEvent] = []
    session.bus.listen(told.append)
    await session.open()
    return session, told


async def test_output_is_told_without_waiting_for_more(log: Path) -> None:
    async def talks(runner: FakeRunner, step: str, command: str) -> AsyncGenerator[RunEvent, None]:
        yield CommandStarted(step, "pgha1", "postgres", command, runner.log)
        yield Printed(step, Output("stdout", "a\n"))
        yield Printed(step, Output("stdout", "b\n"))
        await asyncio.Event().wait()

    built = stage(log)
    session, told = await open_session(built)
    built.runner.scripts["second-start"] = talks
    seen: list[list[str]] = []
    session.bus.listen(
        lambda message: seen.append([*session.work.runs["second-start"].buffer.lines]) if session.work.runs else None
    )
    session.work.run_step("second-start")
    await holds(lambda: seen and seen[-1] == ["a", "b"])
    assert any(isinstance(message, RunProgressed) for message in told)
    await session.close()


async def test_how_the_command_ended_and_what_the_checks_saw_is_told_at_once(log: Path) -> None:
    gate, seen = asyncio.Event(), []

    async def checks(runner: FakeRunner, step: str, command: str) -> AsyncGenerator[RunEvent, None]:
        yield CommandStarted(step, "pgha1", "postgres", command, runner.log)
        seen.append(len(told))
        yield CommandEnded(step, Ended("exited", 0, 0.1))
        seen.append(len(told))
        yield ChecksSeen(step, fakes.holds("etcd runs", "pgha1"), False)
        seen.append(len(told))
        await gate.wait()

    built = stage(log)
    session, _ = await open_session(built)
    told: list[SessionEvent] = []
    session.bus.listen(lambda message: told.append(message) if isinstance(message, RunProgressed) else None)
    built.runner.scripts["second-start"] = checks
    session.work.run_step("second-start")
    await holds(lambda: len(seen) == 3)
    assert seen[0] < seen[1] < seen[2]
    await session.close()


async def test_stopping_twice_interrupts_no_taking_back(log: Path) -> None:
    gate, steps = asyncio.Event(), []

    async def takes_back(runner: FakeRunner, step: str, command: str) -> AsyncGenerator[RunEvent, None]:
        yield CommandStarted(step, "pgha1", "postgres", command, runner.log)
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("began")
            await gate.wait()
            steps.append("ended")

    built = stage(log)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        built.runner.scripts["second-start"] = takes_back
        await pilot.press("r")
        await until(pilot, lambda: "running" in shown(built))
        await pilot.press("x")
        await until(pilot, lambda: steps == ["began"] and "stopping…" in shown(built))
        await pilot.press("x", "ctrl+q", "y", "ctrl+q")
        leaving = [note.message for note in built.app._notifications]
        assert any("stopped already" in text for text in leaving)
        await until(pilot, lambda: any("eaving" in note.message for note in built.app._notifications))
        assert steps == ["began"] and built.released == 0
        gate.set()
        await until(pilot, lambda: built.released == 1)
    assert steps == ["began", "ended"]


async def test_a_disk_that_fills_up_under_a_verb_is_said_in_words(log: Path, caplog: pytest.LogCaptureFixture) -> None:
    built = stage(log)
    session, _ = await open_session(built)

    async def full() -> AsyncGenerator[Output | Ended, None]:
        yield Output("stdout", "writing\n")
        raise OSError(errno.ENOSPC, "No space left on device", "/state/labs/pgha/settings.json")

    assert session.work.run_verb("Up", full)
    await session.work.wait()
    assert session.work.verb_output.lines[:3] == [
        "writing", "", "The disk is full: /state/labs/pgha/settings.json cannot be written."
    ]  # fmt: skip
    assert session.work.verb_outcome()[1] and not caplog.records
    await session.close()
