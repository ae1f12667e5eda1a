"""The container engine, found as the docker client finds it; every call has a time limit and runs in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from pghalab.lab.engine import inventory
from pghalab.lab.engine.ending import to_the_end
from pghalab.lab.engine.inventory import FoundContainer, FoundNetwork, FoundVolume
from pghalab.lab.engine.labels import LAB_LABEL
from pghalab.lab.engine.unreachable import unreachable
from pghalab.lab.types import ErrorKind, LabError

if TYPE_CHECKING:
    from docker import DockerClient

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)

CALL_TIMEOUT = 60
"""Seconds a single call may take before the engine counts as gone."""
CONNECT_TIMEOUT = 10
FREEZES = 5
"""Times that the engine is asked to freeze a container."""
REMOVALS = 4
"""How often the engine is asked to remove a container."""
REMOVE_AGAIN = 0.5
"""Seconds between two of these."""
THREADS = 16
CHANGES = ("create", "start", "die", "pause", "unpause", "destroy", "rename")


class Engine:
    """A connection to the engine; `client` is the SDK's own, for what this class does not offer."""

    def __init__(self, client: DockerClient) -> None:
        self.client = client
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="engine")

    @classmethod
    def connect(cls) -> Engine:
        """Find the engine and ask for its version; blocks at most `CONNECT_TIMEOUT` seconds, raises LabError."""
        try:
            import docker

            client = docker.from_env(timeout=CONNECT_TIMEOUT, max_pool_size=2 * THREADS)
            client.ping()
        except Exception as error:
            log.info("no engine: %r", error)
            raise unreachable(error) from error
        client.api.timeout = CALL_TIMEOUT
        return cls(client)

    def close(self) -> None:
        """Let go of the engine; running calls end by their own time limits."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.client.close()

    @property
    def api(self) -> Any:
        """The SDK's low-level calls; they block, so they go through `call`."""
        return self.client.api

    async def call(self, doing: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Change something by a blocking call of the SDK in a thread; raises LabError that says what was being done.

        A cancelled caller waits until the call is over, however often it is cancelled, because the engine carries on
        with it in any case.
        """
        try:
            return await to_the_end(self._begin(partial(function, *args, **kwargs)))
        except LabError:
            raise
        except Exception as error:
            raise told(doing, error) from error

    async def ask(self, doing: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Look at something by a blocking call of the SDK in a thread; raises LabError that says what for."""
        try:
            return await self._begin(partial(function, *args, **kwargs))
        except LabError:
            raise
        except Exception as error:
            raise told(doing, error) from error

    def remove_container(self, container: str) -> None:
        """Remove a container, running or not, with what only it uses; blocks, for `call`, and raises what the SDK does.

        A busy engine may fail to take a container's files away ("directory not empty"), and does it when asked again.
        """
        import docker.errors

        for tries_left in reversed(range(REMOVALS)):
            try:
                self.api.remove_container(container, force=True, v=True)
                return
            except docker.errors.APIError as error:
                if error.status_code != HTTPStatus.INTERNAL_SERVER_ERROR or not tries_left:
                    raise
                log.info("removing %s once more: %r", container, error)
            time.sleep(REMOVE_AGAIN)

    def freeze(self, container: str) -> None:
        """Freeze all processes of a container; blocks, for `call`, and raises what the SDK does.

        Under cgroups v1 that may fail while processes begin in it, and runc calls it a game of chance
        (opencontainers/runc#2791): the engine is asked again.
        """
        import docker.errors

        for tries_left in reversed(range(FREEZES)):
            try:
                self.api.pause(container)
                return
            except docker.errors.APIError as error:
                if "unable to freeze" not in str(error) or not tries_left:
                    raise
                log.info("freezing %s once more: %r", container, error)

    def _begin(self, function: Callable[[], T]) -> asyncio.Future[T]:
        try:
            return asyncio.get_running_loop().run_in_executor(self._threads, function)
        except RuntimeError as error:
            raise LabError("The connection to the container engine is closed.", kind="no-engine") from error

    async def containers(self) -> tuple[FoundContainer, ...]:
        """Every container of the engine, running or not; raises LabError."""
        return await self.ask("Listing containers", inventory.containers, self.client)

    async def lab_containers(self, lab: str) -> tuple[FoundContainer, ...]:
        """The containers with this lab's label; raises LabError."""
        return await self.ask("Listing containers", inventory.containers, self.client, lab)

    async def networks(self) -> tuple[FoundNetwork, ...]:
        """Every network of the engine; raises LabError."""
        return await self.ask("Listing networks", inventory.networks, self.client)

    async def volumes(self) -> tuple[FoundVolume, ...]:
        """Every volume of the engine; raises LabError."""
        return await self.ask("Listing volumes", inventory.volumes, self.client)

    async def info(self) -> Mapping[str, Any]:
        """What the engine says about itself and its host; raises LabError."""
        return await self.ask("Asking the engine about itself", self.client.info)

    async def environment(self, container: str) -> dict[str, str]:
        """The environment a container was created with; raises LabError."""
        return await self.ask("Inspecting a container", inventory.environment, self.client, container)

    async def read_file(self, container: str, path: str) -> str:
        """The text of a small file in a container; raises LabError, also when there is no such file."""
        return await self.ask(f"Reading {path}", inventory.read_file, self.api, container, path)

    async def last_log(self, container: str, lines: int = 5) -> str:
        """The last lines a container printed; raises LabError."""
        raw = await self.ask("Reading a log", self.api.logs, container, tail=lines)
        return bytes(raw).decode(errors="replace").strip()

    async def run_in(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> str:
        """Run a short command as root inside a container, with extra environment; raises LabError unless it exits 0."""

        def run() -> str:
            api = self.api
            made = api.exec_create(container, command, environment=dict(environment or {}))
            printed = bytes(api.exec_start(made["Id"])).decode(errors="replace")
            status = api.exec_inspect(made["Id"])["ExitCode"]
            if status != 0:
                raise LabError(
                    f"{command[0]} ended with {status} in the container: {printed.strip()}", kind="engine-refused"
                )
            return printed

        return await self.call(f"Running {command[0]} in a container", run)

    def watch(self, lab: str, changed: Callable[[str], None], lost: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` with an action after each change of the lab's containers, until the returned function is.

        Both callbacks run in a thread of their own; `lost` is called once, when the engine ends the stream.
        Raises LabError when the stream cannot be opened.
        """
        filters = {"type": "container", "label": [f"{LAB_LABEL}={lab}"], "event": list(CHANGES)}
        try:
            stream = self.api.events(decode=True, filters=filters)
        except Exception as error:
            raise told("Following the engine's events", error) from error
        stopping = threading.Event()

        def follow() -> None:
            try:
                for event in stream:
                    self._settle(event.get("id"))
                    changed(str(event.get("Action", "")))
            except Exception:
                if not stopping.is_set():
                    log.info("the engine's event stream broke", exc_info=True)
            if not stopping.is_set():
                lost()

        def stop() -> None:
            stopping.set()
            try:
                stream.close()
            except Exception:
                log.info("closing the event stream", exc_info=True)

        threading.Thread(target=follow, name=f"events-{lab}", daemon=True).start()
        return stop

    def _settle(self, container: str | None) -> None:
        """Wait until the engine lists a container as its last event told.

        The event is sent before the list is brought up to date, both under the container's lock (moby, daemon/pause.go
        and monitor.go); inspecting it takes that lock.
        """
        import docker.errors

        with contextlib.suppress(docker.errors.NotFound):
            self.api.inspect_container(container)


def told(doing: str, error: BaseException) -> LabError:
    """What the SDK raised, in words for the learner."""
    import docker.errors
    import requests.exceptions

    log.info("%s: %r", doing, error)
    if isinstance(error, docker.errors.APIError):
        said = str(error.explanation or error).strip()
        return LabError(f"{doing}: the engine refused: {said}", kind=_kind(said, error.status_code))
    if isinstance(error, requests.exceptions.RequestException | OSError | docker.errors.DockerException):
        cause = unreachable(error)
        return LabError(f"{doing}: {cause.what[0].lower()}{cause.what[1:]}", todo=cause.todo, kind=cause.kind)
    log.error("%s failed in an unexpected way", doing, exc_info=error)
    return LabError(f"{doing} failed: {error!r}", todo="The log file has the details.")


def _kind(said: str, status: int | None) -> ErrorKind:
    """What the engine's refusal means; the only place that reads its words (they are moby's, and not translated)."""
    words = said.lower()
    if "address already in use" in words:
        return "taken"
    if "network" in words and "not found" in words:
        return "no-network"
    # "already in progress": somebody else removes it at this moment.
    if status == HTTPStatus.NOT_FOUND or "already in progress" in words:
        return "gone"
    return "engine-refused"
