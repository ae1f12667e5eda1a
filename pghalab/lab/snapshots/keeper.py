"""The snapshots of one lab as its verbs see them: made, restored, removed, listed, and put right after a kill."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from pghalab.lab.changing import Changing
from pghalab.lab.engine.client import Engine
from pghalab.lab.settings import LabSettings
from pghalab.lab.snapshots import restore, store, take
from pghalab.lab.snapshots.model import About, Place
from pghalab.lab.types import LabError

log = logging.getLogger(__name__)
Say = Callable[[str], None]
Begun = Callable[[About], object]
"""Told of a snapshot once the lab is on its way back to it."""


class Snapshots:
    """What is done with a lab's snapshots; all but `all` and `mend_left` only by who changes the lab alone.

    `up` creates what is missing of the lab and starts its nodes; the nodes stand still only in the context `frozen`.
    """

    def __init__(
        self,
        settings: Callable[[], LabSettings],
        engine: Callable[[], Awaitable[Engine]],
        changing: Changing,
        versions: Callable[[], Awaitable[Mapping[str, str] | None]],
        up: Callable[[Say], Awaitable[None]],
        frozen: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._changing = changing
        self._versions = versions
        self._up = up
        self._frozen = frozen
        self.notices: list[str] = []
        """What was put right when the lab was opened, a sentence each."""

    async def all(self) -> Sequence[About]:
        """The snapshots, oldest first; raises LabError."""
        engine = await self._engine()
        return tuple(store.whole(await engine.volumes(), self._settings().name).values())

    async def take(self, name: str, place: Place, say: Say) -> None:
        """Make one, at a place of the course; raises LabError."""
        engine, versions = await self._engine(), await self._versions()
        with self._frozen():
            await take.take(engine, self._settings(), name, say, versions=versions, place=place)

    async def restore(self, name: str, begun: Begun, say: Say) -> None:
        """Bring the lab back to one, the newest when it has no name; raises LabError."""
        versions = await self._versions()
        await restore.restore(
            await self._engine(), self._settings(), name, say, versions=versions, up=self._up, begun=begun
        )

    async def remove(self, name: str, say: Say) -> None:
        """Remove one; raises LabError."""
        engine, lab = await self._engine(), self._settings().name
        if not name:
            raise LabError("Which snapshot?", todo="pghalab snapshots lists them.", kind="bad-value")
        volumes = await engine.volumes()
        about = store.find(volumes, lab, name)
        if store.restoring(volumes, lab) == about.name:
            raise LabError(
                f"The lab is on its way back to the snapshot {about.name}.",
                todo=f"Let that finish first: pghalab restore {about.name}",
                kind="in-use",
            )
        await store.remove(engine, lab, about.name)
        say(f"snapshot {about.name} removed\n")

    async def mend(self, say: Say, *, finish: bool) -> None:
        """Take back a snapshot that was not finished, and `finish` a way back that was not; raises LabError."""
        engine, settings = await self._engine(), self._settings()
        for told in await take.undo(engine, settings):
            say(f"{told}\n")
        name = store.restoring(await engine.volumes(), settings.name) if finish else ""
        if name:
            say(f"the lab was on its way back to the snapshot {name}, which is finished first\n")
            await self.restore(name, lambda _: None, say)

    async def mend_left(self) -> None:
        """The same for a lab that is being opened, unless somebody else changes it; told in `notices`."""
        try:
            engine, lab = await self._engine(), self._settings().name
            volumes = await engine.volumes()
            if not store.unfinished(volumes, lab) and not store.restoring(volumes, lab):
                return
            async with self._changing.alone("finishes what was begun with a snapshot"):
                await self.mend(self._notice, finish=True)
        except LabError as error:
            log.info("finishing what was begun: %s", error)
            if error.kind != "no-engine":
                self.notices.append(str(error))

    def _notice(self, line: str) -> None:
        if line.strip():
            self.notices.append(_sentence(line))


def _sentence(line: str) -> str:
    return f"{line[0].upper()}{line[1:].rstrip()}." if line.strip() else line
