"""Following the engine's events, and finding the engine again whenever it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.lease import drop_given_up
from pghalab.lab.types import LabError

log = logging.getLogger(__name__)

RETRY_FIRST, RETRY_LAST = 0.5, 5.0
"""Seconds between attempts to reach an engine that is gone."""


async def follow(lab: str, engine: Callable[[], Awaitable[Engine]], publish: Callable[[], Awaitable[None]]) -> None:
    """Call `publish` at first and after each change of the lab's containers, until cancelled."""
    delay = RETRY_FIRST
    while True:
        try:
            await _while_it_answers(lab, await engine(), publish)
            delay = RETRY_FIRST
        except LabError as error:
            log.info("the engine: %s", error)
        except Exception:
            log.exception("following the engine failed in an unexpected way")
        await asyncio.sleep(delay)
        delay = min(2 * delay, RETRY_LAST)


async def _while_it_answers(lab: str, engine: Engine, publish: Callable[[], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    news, lost = asyncio.Event(), asyncio.Event()

    def changed(_: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(news.set)

    def gone() -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lost.set)
            loop.call_soon_threadsafe(news.set)

    await engine.call("Letting others change the lab", drop_given_up, engine.api)
    stop = await asyncio.to_thread(engine.watch, lab, changed, gone)
    try:
        while not lost.is_set():
            news.clear()
            await publish()
            await news.wait()
    finally:
        stop()
