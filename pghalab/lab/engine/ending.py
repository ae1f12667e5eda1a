"""Waiting for what must not be left in the middle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)


async def to_the_end(work: Awaitable[T]) -> T:
    """What the work gives; whoever is cancelled meanwhile, however often, is so only when it is over."""
    future = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait({future})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return future.result()
    if not future.cancelled() and future.exception():
        log.warning("cancelled, and what was waited for failed: %r", future.exception())
    raise cancelled
