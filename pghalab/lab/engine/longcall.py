"""Long blocking work, such as building an image, as an async stream that can be ended in the middle."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

log = logging.getLogger(__name__)

END_WITHIN = 10.0
"""Seconds that ended work may take to let go before its thread is left to itself."""


class Cancelled(Exception):
    """Raised inside blocking work that was asked to end."""


class Cancel:
    """Carries the wish to end from the event loop to the thread that works."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wished = False
        self._ends: list[Callable[[], None]] = []

    @property
    def wished(self) -> bool:
        """Whether the work should end."""
        return self._wished

    def check(self) -> None:
        """Raise Cancelled when the work should end."""
        if self._wished:
            raise Cancelled

    def on_wish(self, end: Callable[[], None]) -> None:
        """Call `end`, which must not block, when the work should end; at once when that is already so."""
        with self._lock:
            if not self._wished:
                self._ends.append(end)
                return
        self._call(end)

    def wish(self) -> None:
        """Ask the work to end."""
        with self._lock:
            if self._wished:
                return
            self._wished = True
            ends = list(self._ends)
        for end in ends:
            self._call(end)

    @staticmethod
    def _call(end: Callable[[], None]) -> None:
        try:
            end()
        except Exception:
            log.info("ending long work", exc_info=True)


async def lines_of(work: Callable[[Callable[[str], None], Cancel], None]) -> AsyncGenerator[str, None]:
    """Run `work(say, cancel)` in a thread and yield what it says; raises what it raises.

    Closing the generator, or cancelling its consumer, asks the work to end and waits until it did.
    """
    loop = asyncio.get_running_loop()
    said: asyncio.Queue[str | BaseException | None] = asyncio.Queue()
    over = asyncio.Event()
    cancel = Cancel()

    def tell(item: str | BaseException | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(said.put_nowait, item)

    def run() -> None:
        try:
            work(tell, cancel)
        except BaseException as error:
            if cancel.wished:
                log.info("long work ended on request: %r", error)
            tell(error)
        else:
            tell(None)
        finally:
            if not loop.is_closed():
                loop.call_soon_threadsafe(over.set)

    threading.Thread(target=run, name="long-work", daemon=True).start()
    ended = False
    try:
        while not ended:
            item = await said.get()
            ended = not isinstance(item, str)
            if isinstance(item, BaseException):
                raise item
            if item is not None:
                yield item
    finally:
        if not ended:
            cancel.wish()
        try:
            await asyncio.wait_for(over.wait(), END_WITHIN)
        except TimeoutError:
            log.warning("long work did not end within %s s", END_WITHIN)


def open_client(cancel: Cancel, timeout: int | None = None) -> Any:
    """A connection to the engine of its own, whose running answers are broken off when `cancel` is wished.

    `timeout` is the time limit of a silent answer in seconds; None means that it may be silent for ever.
    """
    import docker
    from docker.types import CancellableStream

    options: dict[str, Any] = {"timeout": timeout}
    client = docker.from_env(**options).api

    def follow(response: Any, *_: Any, **__: Any) -> None:
        cancel.on_wish(CancellableStream(iter(()), response).close)

    client.hooks["response"].append(follow)
    return client
