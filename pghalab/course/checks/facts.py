"""What one look at the lab finds out, each thing asked once however many checks want it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from pghalab.cluster.dcs import PREFIX
from pghalab.cluster.model import EtcdEndpoint, EtcdMember
from pghalab.course.checks import paths
from pghalab.course.checks.blind import looked
from pghalab.course.checks.paths import File
from pghalab.course.checks.sources import ClusterSources, Sources
from pghalab.lab.types import Container, ErrorKind, Lab, LabError, Node
from pghalab.values import dataclass

DATA_NODES = 3
"""The first three nodes carry PostgreSQL and Patroni beside etcd."""
REACH = 2.0
"""Seconds within which a node must answer a first command."""
FIRST_FILES = 3.0
"""Seconds within which it must answer a first command that reads files too."""
ANSWER = 4.0
"""Seconds within which a node that answers must answer anything else."""
SESSIONS = 4
"""Commands that run on one node at the same time; sshd allows ten sessions, and the learner has some too."""
ENGINE = 6.0
"""Seconds within which the container engine must answer."""

_PROCESSES = "ps -eo pid,etimes,user:32,args ww"

_CONTAINERS: Mapping[str, tuple[str, ErrorKind]] = {
    "absent": ("has no container", "not-running"),
    "created": ("was created and never started", "not-running"),
    "exited": ("is stopped", "not-running"),
    "paused": ("is out of reach: its container is paused", "paused"),
    "foreign": ("is the name of a container that does not belong to this lab", "taken"),
}
"""What the state of its container makes of a node that is out of reach: words, and whether that was seen."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a node; `name` is its program's base name, for Python the script's."""

    user: str
    name: str
    pid: int = 0
    age: int = 0
    """Seconds since it was started."""
    line: str = ""
    """Its command line."""


class Facts:
    """One pass over the lab: answers are kept for as long as this object lives, so make one for each look."""

    def __init__(
        self, lab: Lab, sources: Sources | None = None, listed: Callable[[str, frozenset[str]], object] | None = None
    ) -> None:
        self.lab = lab
        self._listed = listed
        """Told what runs on a node whenever that was seen: the node's name, and the names of its processes."""
        self._sources: Sources = sources or ClusterSources()
        self._known: dict[tuple[Any, ...], asyncio.Task[Any]] = {}
        self._read: dict[tuple[str, str], str] = {}
        """What the first look has told of files, by node and path."""
        self._there: dict[tuple[str, str], bool] = {}
        """Whether they are there."""
        self._gates = {name: asyncio.Semaphore(SESSIONS) for name in lab.nodes}
        self._over = False

    def data_nodes(self) -> list[Node]:
        """The nodes that carry PostgreSQL."""
        return list(self.lab.nodes.values())[:DATA_NODES]

    async def _once(self, key: tuple[Any, ...], ask: Callable[[], Awaitable[T]]) -> T:
        task = self._known.get(key)
        if task is None:
            if self._over:
                raise asyncio.CancelledError("the look is over")

            async def bound() -> T:
                return await ask()

            task = asyncio.ensure_future(bound())
            self._known[key] = task
        return cast(T, await asyncio.shield(task))

    async def close(self) -> None:
        """End whatever is still being asked, wait until it has ended, and let nothing more be asked."""
        # Who gathers answers goes on with what has come, and may ask for more.
        self._over = True
        tasks = list(self._known.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def containers(self) -> Sequence[Container]:
        """The lab's containers; raises LabError without an engine."""
        return await self._once(("containers",), lambda: _engine(self.lab.containers()))

    async def image(self) -> Mapping[str, str] | None:
        """The versions in the lab's image, None before it is built."""
        return await self._once(("image",), lambda: _engine(self.lab.image_versions()))

    async def processes(self, node: Node) -> Sequence[Process]:
        """What runs on a node; every other fact about the node waits for this answer."""
        return await self.look(node)

    async def look(self, node: Node, files: Sequence[str] = (), there: Sequence[str] = ()) -> Sequence[Process]:
        """As `processes`; if it is the first look, the same command asks for `files`, and which paths are `there`.

        `file` and `there` have the answers then, so whoever asks for few need not do this.
        """
        # What a file holds cannot tell where the next one begins.
        mark = f"--- {secrets.token_hex(8)}"

        async def ask() -> Sequence[Process]:
            if node.link in ("down", "refused"):
                kind: ErrorKind = "refused" if node.link == "refused" else "out-of-reach"
                raise await self._out_of_reach(node, node.link_reason, kind)
            command, limit = _PROCESSES, REACH
            if files or there:
                command, limit = f"{_PROCESSES}\n{paths.many(files, there, mark)}", FIRST_FILES
            try:
                listing, *told = (await _within(node.run(command, timeout=ANSWER), limit)).stdout.split(f"{mark}\n")
            except TimeoutError as error:
                if node.link == "connecting":
                    raise await self._out_of_reach(node, "the console is connecting to it", "connecting") from error
                raise await self._out_of_reach(node, f"no answer within {limit:g} s", "no-answer") from error
            except LabError as error:
                raise await self._out_of_reach(node, error.what, error.kind) from error
            if len(told) == len(files) + 1:
                self._read |= {(node.name, path): text for path, text in zip(files, told[:-1], strict=True)}
                self._there |= {(node.name, path): path in told[-1].splitlines() for path in there}
            found = _processes(listing)
            if self._listed is not None:
                self._listed(node.name, frozenset(process.name for process in found))
            return found

        return await self._once(("processes", node.name), ask)

    async def _out_of_reach(self, node: Node, why: str, kind: ErrorKind) -> LabError:
        """Why nothing is known of a node: what the engine says of its container comes before what ssh says.

        Of the words their first sentence is enough: the container's own check says what to do.
        """
        try:
            found = {container.name: container.state for container in await self.containers()}
        except LabError:
            found = {}
        words, known = _CONTAINERS.get(found.get(node.name, "running"), ("", kind))
        if words:
            return LabError(f"{node.name} {words}", kind=known)
        return LabError(f"{node.name} is out of reach: {why.split('. ')[0].rstrip('.')}", kind=kind)

    async def command(self, node: Node, command: str) -> tuple[int, str]:
        """The exit status and output of a harmless command run as root."""

        async def ask() -> tuple[int, str]:
            await self.processes(node)
            # Waiting for the gate is not the node's fault, so the limit begins behind it.
            async with self._gates[node.name]:
                result = await _limited(node, node.run(command, timeout=ANSWER), ANSWER)
            return result.exit_status, result.stdout

        return await self._once(("command", node.name, command), ask)

    async def file(self, node: Node, path: str) -> File | None:
        """A file or directory with its text, None when there is none."""
        known = self._read.get((node.name, path))
        return paths.file(known if known is not None else (await self.command(node, paths.one(path)))[1])

    async def there(self, node: Node, wanted: Sequence[str]) -> set[str]:
        """Which of these paths are there."""
        known = {path: self._there.get((node.name, path)) for path in wanted}
        if None in known.values():
            return set((await self.command(node, f"ls -d {' '.join(wanted)} 2> /dev/null; true"))[1].splitlines())
        return {path for path, there in known.items() if there}

    async def _with(self, node: Node, process: str, product: str) -> None:
        """Ask nothing of a service that does not run: the refusal would only come later and say less."""
        if not any(found.name == process for found in await self.processes(node)):
            raise LabError(f"{product} is not running on {node.name}")

    async def endpoint(self, node: Node) -> EtcdEndpoint:
        """The status of a node's etcd member; before its cluster had a majority, that it `waits`."""

        async def ask() -> EtcdEndpoint:
            await self._with(node, "etcd", "etcd")
            return await _limited(node, self._sources.endpoint(node), ANSWER)

        return await self._once(("endpoint", node.name), ask)

    async def healthy(self, node: Node) -> bool:
        """A node's etcd member can commit."""

        async def ask() -> bool:
            await self._with(node, "etcd", "etcd")
            return await _limited(node, self._sources.health(node), ANSWER)

        return await self._once(("health", node.name), ask)

    async def _any_etcd(self, ask: Callable[[Node], Awaitable[T]]) -> T:
        """The first answer from a node that runs etcd."""

        errors: list[LabError] = []
        silent: list[str] = []

        async def runs(node: Node) -> Node | None:
            try:
                await self._with(node, "etcd", "etcd")
            except LabError as error:
                errors.append(error)
                return None
            return node

        # In the order of their answers, so that a node that is out of reach holds nothing up.
        waiting = [asyncio.ensure_future(runs(node)) for node in self.lab.nodes.values()]
        try:
            for found in asyncio.as_completed(waiting):
                node = await found
                if node is not None:
                    try:
                        return await _limited(node, ask(node), REACH)
                    except LabError as error:
                        silent.append(error.what)
        finally:
            for task in waiting:
                task.cancel()
            # Whoever closes the look waits for this one, and so for those: none of them outlives the loop.
            await asyncio.gather(*waiting, return_exceptions=True)
        # Where nobody could look, it is not known that etcd does not run.
        blind = [error for error in errors if not looked(error)]
        if silent:
            said = "; ".join(dict.fromkeys(silent))
            blind.insert(0, LabError(f"no etcd member answers ({said})", kind="no-answer"))
        if blind:
            raise LabError("; ".join(dict.fromkeys(error.what for error in blind)), kind=blind[0].kind)
        raise LabError("etcd is not running on any node")

    async def members_of(self, node: Node) -> Sequence[EtcdMember]:
        """The members of the etcd cluster as the member on this node knows them."""

        async def ask() -> Sequence[EtcdMember]:
            await self._with(node, "etcd", "etcd")
            return await _limited(node, self._sources.members(node), ANSWER)

        return await self._once(("members", node.name), ask)

    async def dcs(self) -> Mapping[str, str]:
        """Patroni's keys without their common prefix."""

        async def ask() -> Mapping[str, str]:
            keys = await self._any_etcd(lambda node: self._sources.keys(node, PREFIX))
            return {key.removeprefix(PREFIX): value for key, value in keys.items()}

        return await self._once(("dcs",), ask)

    async def leader(self) -> Node:
        """The node that holds the leader key; raises LabError when nobody does."""
        name = (await self.dcs()).get("leader", "")
        node = self.lab.nodes.get(name)
        if node is None:
            raise LabError(f"the leader key is held by {name}, which is no node of this lab" if name
                           else "nobody holds the leader key")  # fmt: skip
        return node

    async def patroni(self, node: Node) -> Mapping[str, Any]:
        """A node's own `GET /patroni`."""

        async def ask() -> Mapping[str, Any]:
            await self._with(node, "patroni", "Patroni")
            return await _limited(node, self._sources.patroni(node), ANSWER)

        return await self._once(("patroni", node.name), ask)

    async def streaming(self) -> list[Node]:
        """The replicas that stream, by their own word."""
        nodes = self.data_nodes()
        answers = await asyncio.gather(*(self.patroni(node) for node in nodes), return_exceptions=True)
        return [
            node
            for node, answer in zip(nodes, answers, strict=True)
            if isinstance(answer, Mapping) and answer.get("replication_state") == "streaming"
        ]

    async def config(self) -> Mapping[str, Any]:
        """The dynamic configuration, from the DCS."""
        import json

        text = (await self.dcs()).get("config")
        if not text:
            raise LabError("the DCS holds no dynamic configuration yet")
        return cast(Mapping[str, Any], json.loads(text))

    async def query(self, node: Node, sql: str, database: str = "postgres") -> Sequence[tuple[Any, ...]]:
        """The rows of a query on a node."""

        async def ask() -> Sequence[tuple[Any, ...]]:
            await self._with(node, "postgres", "PostgreSQL")
            return await _limited(node, self._sources.query(self.lab, node, sql, database), ANSWER)

        return await self._once(("query", node.name, database, sql), ask)

    async def login(
        self, via: Node, to: Node, user: str, database: str, password: str | None = None
    ) -> tuple[bool, str]:
        """Whether PostgreSQL on one node accepts a user who comes from another, by default with the lab's password."""
        secret = self.lab.password if password is None else password

        async def ask() -> tuple[bool, str]:
            await self.processes(via)
            await self._with(to, "postgres", "PostgreSQL")
            answer = self._sources.login(self.lab, via=via, to=to, user=user, database=database, password=secret)
            return await _limited(to, answer, ANSWER)

        return await self._once(("login", via.name, to.name, user, database, secret), ask)


_abandoned: set[asyncio.Future[Any]] = set()


async def _within(answer: Awaitable[T], seconds: float) -> T:
    """As `asyncio.wait_for`, without waiting until a call that is cancelled has cleaned up; raises TimeoutError.

    Ending a command on a node that is frozen takes seconds of its own.
    """
    task = asyncio.ensure_future(answer)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
        raise TimeoutError
    finally:
        if not task.done():
            _abandoned.add(task)
            task.add_done_callback(_forget)
            task.cancel()


def _forget(task: asyncio.Future[Any]) -> None:
    _abandoned.discard(task)
    if not task.cancelled() and task.exception() is not None:
        _log.debug("an answer came too late: %s", task.exception())


async def _engine(answer: Awaitable[T]) -> T:
    try:
        return await _within(answer, ENGINE)
    except TimeoutError as error:
        raise LabError(
            f"the container engine gave no answer within {ENGINE:g} s", todo="Try pghalab doctor.", kind="engine-silent"
        ) from error


async def _limited(node: Node, answer: Awaitable[T], seconds: float) -> T:
    try:
        return await _within(answer, seconds)
    except TimeoutError as error:
        raise _silent(node, seconds) from error


def _silent(node: Node, seconds: float) -> LabError:
    return LabError(f"{node.name} gave no answer within {seconds:g} s", kind="no-answer")


def _processes(listing: str) -> list[Process]:
    found: list[Process] = []
    for line in listing.splitlines()[1:]:
        pid, age, user, *words = [*line.split(), "", "", ""]
        if not pid.isdigit() or not words[0] or words[0].startswith("["):
            continue
        program = _base(words[0])
        if program.startswith("python"):
            script = next((word for word in words[1:] if not word.startswith("-")), "")
            program = _base(script) or program
        command = " ".join(words[:-3])
        found.append(Process(user, program, int(pid), int(age) if age.isdigit() else 0, command))
    return found


def _base(path: str) -> str:
    return path.rstrip(":").rsplit("/", 1)[-1]
