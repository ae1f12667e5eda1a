"""Getting to know the nodes' containers: pinning their host keys, and being let in by the console's key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from pghalab.lab.deploy import lifecycle, reach
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.inventory import FoundContainer
from pghalab.lab.ssh import keys
from pghalab.lab.ssh.link import Cause
from pghalab.lab.types import LabError

log = logging.getLogger(__name__)

HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"
# Added, not replaced: other consoles get in by theirs. sshd takes no file that others may write to.
ACCEPT = """umask 077; file=/root/.ssh/authorized_keys
mkdir -p /root/.ssh && chown root:root /root /root/.ssh && chmod go-w /root /root/.ssh || exit
if grep -qsxF -- "$PGHALAB_NEW_KEY" $file && [ "$(stat -c %U%a $file)" = root600 ]; then exit 0; fi
if [ -s $file ] && [ -n "$(tail -c 1 $file)" ]; then echo >>$file; fi
grep -qsxF -- "$PGHALAB_NEW_KEY" $file || printf '%s\\n' "$PGHALAB_NEW_KEY" >>$file
chown root:root $file && chmod 600 $file && echo given"""


class Adopter:
    """What the console knows of each container by its id, and what it does about one that does not let it in.

    With `look_only` it writes nothing: no key, no pins, nothing in the nodes.
    """

    def __init__(self, folder: Path, *, look_only: bool = False) -> None:
        self._folder = folder
        self._look_only = look_only
        self._pins = keys.Pins(folder, look_only=look_only)
        self._ids: dict[str, str] = {}
        self._busy: dict[str, asyncio.Lock] = {}
        self._file = asyncio.Lock()
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

        A new key is no loss: a node that knows an older one is given it when it refuses it.
        """
        if self._look_only:
            return await asyncio.to_thread(keys.public_key, self._folder) or ""

        def ensure() -> str:
            return keys.ensure_console_key(self._folder)[1]

        return await asyncio.to_thread(ensure)

    def pin(self, name: str) -> str | None:
        """The pinned host key of the container that is this node now; raises LabError."""
        id_ = self._ids.get(name)
        return self._pins.get(id_) if id_ else None

    async def forget_others(self, container_ids: Iterable[str]) -> None:
        """Forget the pins of all other containers; raises LabError."""
        async with self._file:
            await asyncio.to_thread(self._pins.keep_only, list(container_ids))

    async def adopt(self, engine: Engine, name: str, found: FoundContainer) -> None:
        """Pin the host key of a container that is new, once it has one; raises LabError."""
        async with self._busy.setdefault(name, asyncio.Lock()):
            self._ids[name] = found.id
            if self._pins.get(found.id) is None:
                await self._pin(engine, found.id)

    async def learn(self, engine: Engine, name: str, found: FoundContainer) -> None:
        """Ask a node that is reached, and so has started in full, whom it answers; raises LabError."""
        async with self._busy.setdefault(name, asyncio.Lock()):
            self._reach[name] = await reach.said(engine, found.id)

    async def close_or_open(self, engine: Engine, found: Mapping[str, FoundContainer], *, to_open: bool) -> list[str]:
        """Tell nodes whom to answer, where that is not so yet; what has to be known then; raises LabError.

        Each is asked first: what was learned when it was last reached may be of before its restart.
        """

        async def one(name: str, container: str) -> None:
            async with self._busy.setdefault(name, asyncio.Lock()):
                state = await reach.said(engine, container)
                if reach.differs(state, to_open=to_open):
                    state = await reach.change(engine, container, to_open=to_open)
                self._reach[name] = state

        await lifecycle.together(one(name, each.id) for name, each in found.items())
        return reach.warnings({name: self._reach[name] for name in found})

    async def mend(self, engine: Engine, name: str, found: FoundContainer, cause: Cause) -> bool:
        """Do something about a node that is refused or refuses; False when there was nothing to do; raises LabError.

        The engine is as trusted here as when it made the container.
        """
        async with self._busy.setdefault(name, asyncio.Lock()):
            self._ids[name] = found.id
            if cause == "host-key":
                if await self._pin(engine, found.id):
                    self._tell(f"{name} has another host key than before; it was read anew through the engine.")
                    return True
                return False
            if self._look_only:
                return False
            public = await self.ensure_key()
            if cause == "key-file":
                self._tell(f"The console's key {self.private_key} was lost; it has a new one.")
                return True
            said = await engine.run_in(found.id, ["/bin/sh", "-c", ACCEPT], {"PGHALAB_NEW_KEY": public})
            if "given" not in said:
                return False
            self._tell(f"{name} did not know this console's key and was given it.")
            return True

    async def _pin(self, engine: Engine, id_: str) -> bool:
        """Whether the container's host key was pinned and is another than before."""
        try:
            text = (await engine.read_file(id_, HOST_KEY)).strip()
        except LabError as error:
            if error.kind == "gone":  # a container that has just started has none yet
                return False
            raise
        if not keys.is_public_key(text) or self._pins.get(id_) == text:
            return False
        async with self._file:
            await asyncio.to_thread(self._pins.set, id_, text)
        return True

    def _tell(self, notice: str) -> None:
        log.info(notice)
        if notice not in self._notices:
            self._notices.append(notice)
