"""What goes on behind the screens: its faults are told, and ending it leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import warnings

import pytest

from pghalab.lab.types import LabError
from pghalab.session.background import Background
from pghalab.session.events import Bus, Noticed, SessionEvent


async def test_work_that_is_ended_before_it_began_is_no_warning() -> None:
    background = Background(Bus())

    async def never() -> None:
        raise AssertionError("it was ended before it began")

    # What other tests left behind is not what this one is about.
    gc.collect()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", RuntimeWarning)
        background.spawn(never(), "never")
        await asyncio.wait(background.cancel())
        gc.collect()
    assert [str(one.message) for one in said if one.category is RuntimeWarning] == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (LabError("it is gone.", node="pgha1", todo="Start it."), "pgha1: it is gone.\nStart it."),
        (OSError(28, "No space left on device", "/state/x"), "The disk is full: /state/x cannot be written."),
        (KeyError("x"), "watch: KeyError: 'x'; more in the log."),
    ],
)
async def test_a_fault_is_told(error: Exception, words: str) -> None:
    told: list[SessionEvent] = []
    bus = Bus()
    bus.listen(told.append)

    async def fails() -> None:
        raise error

    await Background(bus).spawn(fails(), "watch")
    (notice,) = told
    assert isinstance(notice, Noticed) and notice.severity == "error" and notice.text.startswith(words)
