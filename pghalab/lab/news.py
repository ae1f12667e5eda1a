"""What the engine holds of the lab's containers now, and whom the changes of containers and links are told to."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator

from pghalab.lab.deploy import lifecycle
from pghalab.lab.engine.client import Engine
from pghalab.lab.settings import LabSettings
from pghalab.lab.types import Container, LinkChanged

log = logging.getLogger(__name__)
Change = LinkChanged | Container


class News:
    """Looks at the containers, remembers what it saw last, and tells what is another than before."""

    def __init__(self, settings: Callable[[], LabSettings], engine: Callable[[], Awaitable[Engine]]) -> None:
        self._settings = settings
        self._engine = engine
        self._subscribers: list[Callable[[Change], None]] = []
        self._seen: dict[str, Container] = {}
        self._frozen = False

    @property
    def running(self) -> list[str]:
        """The nodes whose container ran when `publish` looked last."""
        return [name for name, container in self._seen.items() if container.state == "running"]

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """This console itself lets nodes stand still for a moment, which is no news: they are as they were."""
        self._frozen = True
        try:
            yield
        finally:
            self._frozen = False

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call back in the loop when a link or a container changes, until the returned function is called."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback) if callback in self._subscribers else None

    def tell(self, change: Change) -> None:
        """Tell it to the subscribers, in the order in which they came."""
        for callback in tuple(self._subscribers):
            try:
                callback(change)
            except Exception:
                log.exception("a subscriber failed on %r", change)

    async def look(self) -> dict[str, Container]:
        """Each node's container by the node's name, in node order, absent ones included; raises LabError."""
        settings = self._settings()
        everything = await (await self._engine()).containers()
        ours = lifecycle.named(everything, settings)
        taken = {one.name for one in everything if one.lab != settings.name}
        found = {}
        for name, address in settings.addresses.items():
            if name in ours:
                one = ours[name]
                before = self._seen.get(name)
                if self._frozen and one.state == "paused" and before is not None and before.id == one.id:
                    found[name] = before
                    continue
                held = one.address_on(settings.network, address)
                found[name] = Container(name, one.state, held, one.ssh_port, one.id)
            else:
                found[name] = Container(name, "foreign" if name in taken else "absent", address, None)
        return found

    async def publish(self) -> None:
        """Look at the containers and tell what changed since it was published last; raises LabError."""
        before, self._seen = self._seen, await self.look()
        for name, container in self._seen.items():
            if before.get(name) != container:
                self.tell(container)
