"""Getting to know the nodes' containers: pinning their host keys and making sure that they accept the console's key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from pghalab.lab.deploy import lifecycle, reach
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.ssh import keys

log = logging.getLogger(__name__)

HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"
BANNER_WAIT = 5.0
"""Seconds that a container which just started may take until its sshd answers, before it is looked at later."""
ACCEPT = """umask 077; mkdir -p /root/.ssh && printf '%s\\n' "$PGHALAB_NEW_KEY" > /root/.ssh/authorized_keys"""


class Adopter:
    """What the console knows of each container by its id: the pinned host key, and whether it accepts the console."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pins = keys.Pins(folder)
        self._ids: dict[str, str] = {}
        self._known: dict[str, tuple[str, int | None]] = {}
        self._busy: dict[str, asyncio.Lock] = {}
        self._file = asyncio.Lock()
        self._public = ""
        self._notices: list[str] = []
        self._reach: dict[str, str] = {}

    @property
    def private_key(self) -> Path:
        """The console's private key file."""
        return self._folder / keys.KEY_NAME

    @property
    def notices(self) -> list[str]:
        """What the learner should hear, such as a damaged file that was kept aside."""
        return [*self._pins.notices, *self._notices, *reach.warnings(self._reach)]

    async def ensure_key(self) -> str:
        """Make the console's key pair the first time, or a new one when it was lost; its public half; raises LabError.

        A new key is no loss: `adopt` puts it on nodes that know an older one.
        """

        def ensure() -> str:
            return keys.ensure_console_key(self._folder, replace_lost=True)[1]

        self._public = await asyncio.to_thread(ensure)
        return self._public

    def pin(self, name: str) -> str | None:
        """The pinned host key of the container that is this node now; raises LabError."""
        id_ = self._ids.get(name)
        return self._pins.get(id_) if id_ else None

    async def forget_others(self, container_ids: Iterable[str]) -> None:
        """Forget the pins of all other containers; raises LabError."""
        async with self._file:
            await asyncio.to_thread(self._pins.keep_only, list(container_ids))

    async def adopt(self, engine: Engine, name: str, found: FoundContainer) -> None:
        """Pin the host key of a container that is new, and let it accept the console's key; raises LabError.

        A container whose sshd does not answer yet is left for the next call.
        """
        async with self._busy.setdefault(name, asyncio.Lock()):
            self._ids[name] = found.id
            # node-start writes the accepted key anew at each start, and each start has another port.
            start = (found.id, found.ssh_port)
            if self._known.get(name) == start or not await self._answers(found):
                return
            if self._pins.get(found.id) is None:
                text = (await engine.read_file(found.id, HOST_KEY)).strip()
                async with self._file:
                    await asyncio.to_thread(self._pins.set, found.id, text)
            accepted = (await engine.environment(found.id)).get("PGHALAB_AUTHORIZED_KEY", "")
            if self._public and accepted.split()[:2] != self._public.split()[:2]:
                notice = f"{name} knew an older key of the console and was given the present one."
                log.info(notice)
                if notice not in self._notices:
                    self._notices.append(notice)
                await engine.run_in(found.id, ["/bin/sh", "-c", ACCEPT], {"PGHALAB_NEW_KEY": self._public})
            self._reach[name] = await reach.said(engine, found.id)
            self._known[name] = start

    async def close_or_open(self, engine: Engine, found: Mapping[str, FoundContainer], *, to_open: bool) -> list[str]:
        """Tell adopted nodes whom to answer, where that is not so yet; what has to be known then; raises LabError."""

        async def one(name: str, container: str) -> None:
            if reach.differs(self._reach.get(name, ""), to_open=to_open):
                self._reach[name] = await reach.change(engine, container, to_open=to_open)

        await lifecycle.together(one(name, each.id) for name, each in found.items())
        return reach.warnings({name: self._reach[name] for name in found if name in self._reach})

    def stopped(self, name: str) -> None:
        """The node's container does not run: the next time it does, it is looked at again."""
        self._known.pop(name, None)
        self._reach.pop(name, None)

    async def _answers(self, found: FoundContainer) -> bool:
        try:
            async with asyncio.timeout(BANNER_WAIT):
                while True:
                    if await lifecycle.banner(found.ssh_port):
                        return True
                    await asyncio.sleep(lifecycle.POLL_SECONDS)
        except TimeoutError:
            return False
