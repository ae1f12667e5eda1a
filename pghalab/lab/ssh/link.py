"""The one ssh connection to a node: opened, watched, and opened again when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pghalab.lab.types import ErrorKind, LabError, LinkState
from pghalab.values import dataclass

if TYPE_CHECKING:
    import asyncssh
    from asyncssh.packet import SSHPacketLogger

CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr")
"""The cheapest one first: every poll goes through a channel of its own."""
Cause = Literal["", "key", "key-file", "host-key"]
"""What may be put right about a node that refuses or is refused: the console's key, its file, the node's host key."""
RECREATE = (
    "As the last resort make the nodes anew: `pghalab rm`, then `pghalab up`. That ends what runs on them; their data "
    "is kept."
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """The time limits of a link, in seconds."""

    keepalive: float = 1.5
    """Silence after which the node is asked whether it lives."""
    unanswered: int = 2
    """How many such questions may stay without an answer."""
    connect: float = 5.0
    """From the first packet to being logged in."""
    backoff_first: float = 0.3
    backoff_last: float = 3.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no connection, and what the learner can do about it."""

    state: LinkState
    what: str
    todo: str = ""
    kind: ErrorKind = "out-of-reach"
    cause: Cause = ""

    @property
    def reason(self) -> str:
        """Both in one line."""
        return f"{self.what} {self.todo}".strip()


CONNECTING = Trouble("connecting", "the console is connecting to it.", kind="connecting")
NOT_STARTED = Trouble("down", "the console has not tried to reach it yet.", kind="connecting")
CLOSED = Trouble("down", "the console closed the connection.")
NOT_RUNNING = Trouble("down", "its container does not run.", "Start it with `pghalab start`.", "not-running")
NO_PIN = Trouble("connecting", "its host key is not known yet.", kind="connecting")
FROZEN = Trouble("down", "it does not answer any more: it is frozen or cut off.")
LOST = Trouble("down", "the ssh connection was lost.")
NO_SSHD = Trouble("down", "nothing answers on its ssh port.")
NO_ANSWER = Trouble("down", "it does not answer on its ssh port: it is frozen, cut off or still starting.")
NO_AUTH = Trouble(
    "refused",
    "it does not accept this console's key.",
    "`pghalab up` gives it the key, and ends nothing.",
    "refused",
    "key",
)
OTHER_HOST_KEY = Trouble(
    "refused",
    "its host key is not the one that the engine shows: something else answers in its place.",
    f"Look at who listens on its port: pghalab ls. {RECREATE}",
    "refused",
    "host-key",
)
NO_KEY = Trouble(
    "refused",
    "this console has no key for it yet.",
    "`pghalab up` makes one and gives it to the nodes; it ends nothing.",
    "refused",
    "key-file",
)


class Link:
    """Keeps one connection to a node until it is closed."""

    def __init__(
        self,
        name: str,
        *,
        endpoint: Callable[[], Awaitable[int | None]],
        key: Path,
        pin: Callable[[], str | None],
        changed: Callable[[LinkState, str], None],
        timing: Timing,
        mend: Callable[[Cause], Awaitable[bool]] | None = None,
    ) -> None:
        self._name = name
        self._endpoint = endpoint
        self._key = key
        self._pin = pin
        self._changed = changed
        self._timing = timing
        self._mend = mend
        self._mended: set[Cause] = set()
        """What something was done about since the node was last reached: once is enough."""
        self._trouble: Trouble | None = NOT_STARTED
        self._connection: asyncssh.SSHClientConnection | None = None
        self._settled = asyncio.Event()
        self._poked = asyncio.Event()
        self._asked: list[asyncio.Future[None]] = []
        self._answering: list[asyncio.Future[None]] = []
        self._keeper: asyncio.Task[None] | None = None
        self.port: int | None = None
        """Where the live connection goes through on 127.0.0.1; None without one."""
        self.came_up: Callable[[], None] = lambda: None
        """Called after each new connection."""

    @property
    def state(self) -> LinkState:
        """The state now."""
        return self._trouble.state if self._trouble else "up"

    @property
    def reason(self) -> str:
        """Why it is not up; empty when it is."""
        return self._trouble.reason if self._trouble else ""

    def start(self) -> None:
        """Begin to keep the connection in a background task of the running loop."""
        if self._keeper is None:
            self._become(CONNECTING)
            self._keeper = asyncio.create_task(self._keep(), name=f"link to {self._name}")

    def poke(self) -> None:
        """Try now instead of waiting for the next attempt."""
        self._mended.clear()
        self._poked.set()

    async def attempt(self) -> None:
        """Unless it is up, wait until an attempt that begins after this call has come up or failed."""
        if self.state != "up" and self._keeper is not None:
            answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._asked.append(answer)
            self.poke()
            await answer

    def _answer(self) -> None:
        for answer in self._answering:
            if not answer.done():
                answer.set_result(None)
        self._answering.clear()

    async def close(self) -> None:
        """End the connection and stop keeping it."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        connection = self._connection
        keeper.cancel()
        await asyncio.wait({keeper})
        if connection is not None:
            await connection.wait_closed()
        self._become(CLOSED)

    async def connection(self, wait: float) -> asyncssh.SSHClientConnection:
        """The live connection; waits while a first attempt is under way; raises LabError when there is none."""
        if self.state == "connecting":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._settled.wait()
        if self._trouble is not None or self._connection is None:
            raise self.error()
        return self._connection

    def error(self, otherwise: Trouble = LOST) -> LabError:
        """What keeps the node out of reach, as an error."""
        trouble = self._trouble or otherwise
        return LabError(trouble.what, node=self._name, todo=trouble.todo, kind=trouble.kind)

    async def open(self, owner: Callable[[], asyncssh.SSHClient] | None = None) -> asyncssh.SSHClientConnection:
        """Open a connection and log in; raises LinkRefused with the trouble that prevents it."""
        # Importing it takes 0.3 s, which must not be taken from the loop.
        ssh = await asyncio.to_thread(importlib.import_module, "asyncssh")
        logging.getLogger("asyncssh").setLevel(logging.WARNING)
        port = await self._port()
        pinned = self._pinned()
        key = self._private_key()
        try:
            async with asyncio.timeout(self._timing.connect):
                connection: asyncssh.SSHClientConnection = await ssh.connect(
                    "127.0.0.1",
                    port,
                    username="root",
                    client_factory=owner or ssh.SSHClient,
                    config=None,
                    agent_path=None,
                    client_keys=[key],
                    preferred_auth=["publickey"],
                    encryption_algs=CIPHERS,
                    known_hosts=([pinned], [], []),
                    keepalive_interval=self._timing.keepalive,
                    keepalive_count_max=self._timing.unanswered,
                )
                _send_no_decoys(connection)
                return connection
        except ssh.HostKeyNotVerifiable as error:
            raise LinkRefused(OTHER_HOST_KEY) from error
        except ssh.KeyExchangeFailed as error:
            if "host key" in str(error):
                raise LinkRefused(OTHER_HOST_KEY) from error
            raise LinkRefused(Trouble("down", f"ssh could not agree on a cipher: {error}.")) from error
        except ssh.PermissionDenied as error:
            raise LinkRefused(NO_AUTH) from error
        except TimeoutError as error:
            raise LinkRefused(NO_ANSWER) from error
        except (OSError, ssh.Error) as error:
            raise LinkRefused(NO_SSHD) from error

    async def _port(self) -> int:
        try:
            port = await self._endpoint()
        except LabError as error:
            raise LinkRefused(Trouble("down", error.what, error.todo, error.kind)) from error
        if port is None:
            raise LinkRefused(NOT_RUNNING)
        return port

    def _pinned(self) -> asyncssh.SSHKey:
        import asyncssh

        try:
            text = self._pin()
        except LabError as error:
            raise LinkRefused(Trouble("down", error.what, error.todo, error.kind)) from error
        if text is None:
            raise LinkRefused(NO_PIN)
        try:
            return asyncssh.import_public_key(text)
        except (asyncssh.KeyImportError, ValueError) as error:
            what = "its pinned host key cannot be read."
            raise LinkRefused(Trouble("refused", what, OTHER_HOST_KEY.todo, "refused", "host-key")) from error

    def _private_key(self) -> asyncssh.SSHKey:
        import asyncssh

        try:
            return asyncssh.read_private_key(self._key)
        except FileNotFoundError as error:
            raise LinkRefused(NO_KEY) from error
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
            what = f"the console's key file {self._key} is damaged."
            raise LinkRefused(Trouble("refused", what, NO_KEY.todo, "refused", "key-file")) from error
        except OSError as error:
            what = f"the console's key file {self._key} cannot be read: {error.strerror}."
            raise LinkRefused(Trouble("refused", what, "Give yourself read access to it.", "refused")) from error

    async def _keep(self) -> None:
        delay = self._timing.backoff_first
        try:
            while True:
                self._poked.clear()
                self._answering, self._asked = self._asked, []
                try:
                    self._become(await self._hold())
                    delay = self._timing.backoff_first
                except LinkRefused as refused:
                    if await self._put_right(refused.trouble):
                        self._asked += self._answering
                        continue
                    self._become(refused.trouble)
                except Exception:
                    _log.exception("%s: the link failed in an unexpected way", self._name)
                    self._become(Trouble("down", "the connection failed in an unexpected way; see the log."))
                self._answer()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._poked.wait()
                delay = min(delay * 2, self._timing.backoff_last)
                if self._poked.is_set() and self.state == "down":
                    delay = self._timing.backoff_first
                    self._become(CONNECTING)
        finally:
            self._connection = None
            self._answering += self._asked
            self._answer()

    async def _put_right(self, trouble: Trouble) -> bool:
        """Whether something was done about the trouble, so that another attempt is worth it at once."""
        if not trouble.cause or self._mend is None or trouble.cause in self._mended:
            return False
        self._mended.add(trouble.cause)
        try:
            return await self._mend(trouble.cause)
        except LabError as error:
            _log.warning("%s: %s could not be put right: %s", self._name, trouble.what, error)
            return False

    async def _hold(self) -> Trouble:
        """Connect, stay until the connection is gone, and say why it went."""
        import asyncssh

        lost_by: list[Exception | None] = []

        class Owner(asyncssh.SSHClient):
            """Remembers why the connection went."""

            def connection_lost(self, exc: Exception | None) -> None:
                lost_by.append(exc)

        connection = await self.open(Owner)
        try:
            self._connection, self.port = connection, connection.get_extra_info("peername")[1]
            self._mended.clear()
            self._become(None)
            self._answer()
            self.came_up()
            await connection.wait_closed()
        finally:
            self._connection, self.port = None, None
            connection.close()
            connection.abort()
        return FROZEN if lost_by and "keepalive" in str(lost_by[0]) else LOST

    def _become(self, trouble: Trouble | None) -> None:
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if self.state == "connecting":
            self._settled.clear()
        else:
            self._settled.set()
        try:
            self._changed(self.state, self.reason)
        except Exception:
            _log.exception("%s: a listener failed on link state %s", self._name, self.state)


class LinkRefused(Exception):
    """An attempt to connect failed."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.what)
        self.trouble = trouble


def _send_no_decoys(connection: asyncssh.SSHClientConnection) -> None:
    """Leave out the packet of nothing that asyncssh sends before each packet: half of all that a link encrypts, writes.

    It hides the state that a cipher in CBC mode hands on from packet to packet (RFC 4251, 9.3.1); none of ours has one.
    """
    from asyncssh.constants import MSG_IGNORE

    send = connection.send_packet

    def send_packet(pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None) -> None:
        if pkttype != MSG_IGNORE:
            send(pkttype, *args, handler=handler)

    connection.send_packet = send_packet  # type: ignore[method-assign]
