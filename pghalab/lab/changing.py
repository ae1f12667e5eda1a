"""One change of a lab at a time: who may begin one, and what it says while it goes on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING

from pghalab.lab.deploy import driving
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.ending import to_the_end
from pghalab.lab.types import Ended, LabError, Output

if TYPE_CHECKING:
    from pghalab.lab.deploy.create import Say

log = logging.getLogger(__name__)


class Changing:
    """This process's right to change one lab.

    Nobody changes a lab that another console drives, unless `force` says that this is known, and with `look_only`
    nothing is changed at all.
    """

    def __init__(
        self, lab: str, engine: Callable[[], Awaitable[Engine]], *, look_only: bool = False, force: bool = False
    ) -> None:
        self._lab = lab
        self._engine = engine
        self._look_only = look_only
        self._force = force
        self._alone = False

    @contextlib.asynccontextmanager
    async def alone(self, doing: str, say: Say = lambda _: None) -> AsyncGenerator[None, None]:
        """Be the only one who changes the lab; waits for another one or raises LabError.

        It may be entered again inside.
        """
        if self._look_only:
            raise LabError("This console only looks.", todo="Take over first.", kind="driven")
        engine = None
        if not self._alone:
            # Without one there is nothing to change, and each verb says so in its own words.
            with contextlib.suppress(LabError):
                engine = await self._engine()
        if engine is None:
            yield
            return
        async with driving.changing(engine, self._lab, doing, say, force=self._force):
            self._alone = True
            try:
                yield
            finally:
                self._alone = False

    async def stream(
        self, doing: str, work: Callable[[Say], Awaitable[None]], settle: Callable[[], Awaitable[None]]
    ) -> AsyncGenerator[Output | Ended, None]:
        """Do the work alone and yield what it says, then `settle`, then one Ended; raises LabError.

        Closing it early stops the work.
        """
        began = time.monotonic()
        lines: asyncio.Queue[str | None] = asyncio.Queue()

        async def run() -> None:
            try:
                async with self.alone(doing, lines.put_nowait):
                    await work(lines.put_nowait)
            finally:
                lines.put_nowait(None)

        task = asyncio.create_task(run(), name=f"verb on {self._lab}")
        try:
            while (line := await lines.get()) is not None:
                yield Output("stdout", line)
            await task
            await settle()
            yield Ended("exited", 0, time.monotonic() - began)
        finally:
            if not task.done():
                task.cancel()
                try:
                    await to_the_end(asyncio.wait({task}))
                finally:
                    if task.done() and not task.cancelled() and task.exception():
                        log.warning("a stopped verb also failed: %s", task.exception())
