"""Who may drive a lab, and who changes it at this moment: known to the engine that holds it, whatever the folder."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any

from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.lease import RIGHT_LABEL, Lease
from pghalab.lab.host.lock import FolderLock
from pghalab.lab.host.process import Driver
from pghalab.lab.types import LabError

log = logging.getLogger(__name__)

WAIT = 90.0
"""Seconds that a change waits for another one to be done."""
POLL = 0.5
COURSE = "runs the course"
"""What a run does, which nobody waits for."""


class DriverLock:
    """The right to drive a lab: to do its course and write its progress; dropped with the process, however it ends.

    It is held in the state folder, for its files, and on the engine, for the lab. Without an engine there is no lab to
    drive, and the folder's is enough. The calls block.
    """

    def __init__(
        self,
        lab: str,
        *,
        doing: str = "has it open",
        todo: str = "Close that console, or wait until it is done.",
    ) -> None:
        self._folder = FolderLock(lab)
        self._lease = Lease(lab, "driver")
        self._doing = doing
        self._todo = todo
        self._engine: Engine | None = None
        self._other: Driver | None = None

    @property
    def held(self) -> bool:
        """This object holds it."""
        return self._folder.held

    def acquire(self) -> bool:
        """Become the driver; False when somebody else is; raises LabError when the state folder cannot be used."""
        if not self._folder.acquire(self._doing):
            return False
        try:
            self._other = self._ask(lambda api: self._lease.take(api, self._doing))
        except BaseException:
            self._folder.release()
            raise
        if self._other is not None:
            self._folder.release()
        return self._other is None

    def claim(self) -> bool | None:
        """Become the driver on the engine too, which may come later than the folder; None while there is none."""
        if not self.acquire():
            return False
        return True if self._lease.held else None

    def holder(self) -> Driver | None:
        """Who drives now, this process included; None when nobody does; raises LabError."""
        return self._folder.holder() or self._ask(self._lease.holder)

    def release(self) -> None:
        """Let somebody else drive."""
        if self._lease.held:
            self._ask(self._lease.drop)
        self._folder.release()
        self._close()

    def __enter__(self) -> DriverLock:
        """Become the driver; raises LabError that names the one who is."""
        if not self.acquire():
            holder = self.holder() or self._other
            self._close()
            raise driven(holder, self._todo)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let somebody else drive."""
        self.release()

    def _ask(self, question: Callable[[Any], Driver | None]) -> Driver | None:
        try:
            if self._engine is None:
                self._engine = Engine.connect()
            return question(self._engine.api)
        except LabError as error:
            log.info("who drives: %s", error)
        except Exception:
            log.warning("the engine cannot say who drives", exc_info=True)
            self._close()
        return None

    def _close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()


def driven(holder: Driver | None, todo: str) -> LabError:
    """Another one drives."""
    return LabError(f"The lab is driven by {holder or 'somebody else'}.", todo=todo, kind="driven")


@asynccontextmanager
async def changing(
    engine: Engine, lab: str, doing: str, say: Callable[[str], None], *, force: bool = False
) -> AsyncGenerator[None, None]:
    """Be the only one who changes what the engine holds of a lab; waits for one who does; raises LabError.

    Somebody else who drives the lab is in the way too, unless `force` says that this is known.
    """
    lease = Lease(lab, "change")
    driver = await engine.ask("Asking who drives the lab", Lease(lab, "driver").holder, engine.api)
    if driver is not None and not driver.is_this_process and not force:
        raise driven(driver, "Close that console, or wait until it is done.")
    try:
        await _taken(engine, lab, lease, doing, say)
        yield
    finally:
        try:
            await engine.call("Letting others change the lab", lease.drop, engine.api)
        except LabError as error:
            log.warning("%s", error)


async def _taken(engine: Engine, lab: str, lease: Lease, doing: str, say: Callable[[str], None]) -> None:
    until = time.monotonic() + WAIT
    told = False
    while other := await engine.call("Asking who changes the lab", lease.take, engine.api, doing):
        if other.doing == COURSE or other.elsewhere or time.monotonic() > until:
            raise _in_the_way(lab, other)
        if not told:
            told = True
            say(f"waiting for {other}, which {other.doing}\n")
        await asyncio.sleep(POLL)


def _in_the_way(lab: str, other: Driver) -> LabError:
    what = f"The lab is being changed by {other}, which {other.doing}."
    if other.elsewhere:
        gone = f"docker volume rm $(docker volume ls -q -f label={RIGHT_LABEL}={lab}/change)"
        return LabError(what, todo=f"Wait until it is done. If it is gone for good: {gone}", kind="driven")
    return LabError(what, todo=f"Wait until it is done, or end it: kill {other.pid}", kind="driven")
