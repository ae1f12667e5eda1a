"""What the session tells while a step or a verb runs, and how it stops one."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from pghalab.lab.types import Ended, Output
from pghalab.session.events import RunProgressed, SessionEvent
from pghalab.session.session import Session
from tests.fake_lab.node import FakeNode, Piece
from tests.ui.stage import Stage, stage, until
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


async def test_output_is_told_without_waiting_for_more(folder: Path) -> None:
    async def talks(node: FakeNode, command: str) -> AsyncGenerator[Piece, None]:
        yield Output("stdout", "a\n")
        yield Output("stdout", "b\n")
        await asyncio.Event().wait()

    built = stage(folder)
    session, told = await open_session(built)
    built.lab.nodes["pgha1"].script = talks
    seen: list[list[str]] = []
    session.bus.listen(
        lambda message: seen.append([*session.work.runs["second-start"].buffer.lines]) if session.work.runs else None
    )
    session.work.run_step("second-start")
    await holds(lambda: seen and seen[-1] == ["a", "b"])
    assert any(isinstance(message, RunProgressed) for message in told)
    await session.close()


async def test_how_the_command_ended_and_what_the_checks_saw_is_told_at_once(folder: Path) -> None:
    built = stage(folder)
    session, _ = await open_session(built)
    told: list[tuple[bool, bool]] = []

    def listen(message: SessionEvent) -> None:
        if isinstance(message, RunProgressed):
            run = session.work.runs["second-start"]
            told.append((run.ended is not None, bool(run.results)))

    session.bus.listen(listen)
    session.work.run_step("second-start")
    await holds(lambda: not session.work.busy)
    # It began, its command ended, its checks were seen: each told by itself, however soon the next one came.
    assert told == [(False, False), (True, False), (True, True)]
    await session.close()


async def test_stopping_twice_interrupts_no_taking_back(folder: Path) -> None:
    gate, steps = asyncio.Event(), []

    async def takes_back(node: FakeNode, command: str) -> AsyncGenerator[Piece, None]:
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("began")
            await gate.wait()
            steps.append("ended")
        yield Ended("exited", 0, 0.1)

    built = stage(folder)
    async with built.app.run_test(size=(120, 40)) as pilot:
        await at_step(built, pilot, "second-start")
        built.lab.nodes["pgha1"].script = takes_back
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


async def test_a_disk_that_fills_up_under_a_verb_is_said_in_words(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    built = stage(folder)
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
