"""A lab, a runner and a monitor that do what a test tells them, with values as a real cluster gives them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from textual.pilot import Pilot

from pghalab.app import PghalabApp
from pghalab.cluster.eventlog import EventLog
from pghalab.cluster.model import (
    ClusterEvent,
    Etcd,
    EtcdEndpoint,
    EtcdView,
    NodeHealth,
    Nodes,
    Patroni,
    PatroniMember,
    PatroniView,
    Snapshot,
    Update,
)
from pghalab.course.events import (
    CheckResult,
    ChecksSeen,
    CommandEnded,
    CommandStarted,
    Printed,
    RunEvent,
    StepEnded,
    StepStarted,
    StepState,
)
from pghalab.course.kinds import Question, Where
from pghalab.course.localise import Names
from pghalab.course.model import Course, Step
from pghalab.lab.settings import LabSettings, default_settings
from pghalab.lab.types import Container, Ended, LabError, Output
from pghalab.session.backend import Backend

COURSE = Path(__file__).parent / "course"
NAMES = tuple(f"pgha{number}" for number in range(1, 6))
IDS = ("c96171b99f7cfa68", "4ec2b2668990565b", "cebc84bd6d4d9d4b", "29111f285fc78706", "ab6c7f1736bd6eb0")


@dataclass
class FakeNode:
    """A node that is only a name and a link."""

    name: str
    address: str
    link: str = "up"
    link_reason: str = ""


class FakeLab:
    """A lab whose verbs print what they are asked to."""

    def __init__(self, *, trouble: LabError | None = None) -> None:
        self.name = "pgha"
        self.prefix = "pgha"
        self.subnet = "192.168.50"
        self.auth_method = "scram-sha-256"
        self.password = "secret"
        self.nodes = {name: FakeNode(name, f"192.168.50.{10 + index}") for index, name in enumerate(NAMES)}
        self.trouble = trouble
        self.verbs: list[str] = []
        self.settings = default_settings("pgha")
        self.made: set[str] = set()
        self.closed = False
        self.notices: tuple[str, ...] = ()

    async def open(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    async def close(self) -> None:
        self.closed = True

    async def configure(self, settings: LabSettings) -> None:
        self.settings = settings

    async def containers(self) -> list[Container]:
        return [
            Container(node.name, "running" if node.name in self.made else "absent", node.address, None)
            for node in self.nodes.values()
        ]

    def __getattr__(self, verb: str) -> Callable[..., AsyncGenerator[Output | Ended, None]]:
        if verb not in ("build", "up", "start", "stop", "restart", "rm", "rmvolumes", "down"):
            raise AttributeError(verb)

        async def work(**options: object) -> AsyncGenerator[Output | Ended, None]:
            self.verbs.append(verb + "".join(f" {key}" for key, value in options.items() if value))
            yield Output("stdout", f"{verb}: pgha1\n")
            yield Ended("exited", 0, 0.1)

        return work


@dataclass(frozen=True)
class FakeStatus:
    """A StepStatus."""

    state: StepState
    results: tuple[CheckResult, ...] = ()


Script = Callable[["FakeRunner", str, str], AsyncGenerator[RunEvent, None]]


def holds(check: str, *nodes: str) -> tuple[CheckResult, ...]:
    """Results of a check that holds."""
    return tuple(CheckResult(check, True, "running", "running", node) for node in nodes)


async def succeeds(runner: FakeRunner, step: str, command: str) -> AsyncGenerator[RunEvent, None]:
    """A step whose command prints a little and whose checks hold."""
    yield CommandStarted(step, "pgha1", "postgres", command, runner.log)
    yield Printed(step, Output("stdout", "started\n"))
    yield CommandEnded(step, Ended("exited", 0, 0.2))
    results = holds("etcd runs as postgres", "pgha1", "pgha2", "pgha3")
    yield ChecksSeen(step, results, True)
    runner.states[step] = "done"
    yield StepEnded(step, "done", 0.5)


class FakeRunner:
    """A runner that follows scripts and remembers what it was asked."""

    def __init__(self, course: Course, log: Path) -> None:
        self.course = course
        self.log = log
        self.states: dict[str, StepState] = {step.id: "todo" for lesson in course.lessons for step in lesson.steps}
        self.scripts: dict[str, Script] = {}
        self.seen: dict[str, FakeStatus] = {}
        self.ran: list[tuple[str, str | None, bool]] = []
        self.closed: list[str] = []
        self.looked: list[list[str] | None] = []
        self.elsewhere: list[str] = []
        self.without: list[tuple[str, ...]] = []
        """The nodes left out of each run."""
        self.last = ""
        self.skipped: set[str] = set()
        self.names: Any = Names()
        self.progress: Any = SimpleNamespace(notices=())
        self.replaced: dict[str, str] = {}
        self.nothing_left: dict[str, str] = {}
        self.leader = "pgha1"
        """As the cluster would say."""
        self.answered = "pgha1"
        """As the cluster said last."""
        self.listed: Callable[[str, frozenset[str]], object] = lambda node, processes: None

    def tell_processes(self, listed: Callable[[str, frozenset[str]], object]) -> None:
        self.listed = listed

    async def run(
        self,
        step_id: str,
        *,
        command: str | None = None,
        confirm: Callable[[str], Awaitable[bool]] | None = None,
        again: bool = False,
        elsewhere: bool = False,
        without: tuple[str, ...] = (),
    ) -> AsyncGenerator[RunEvent, None]:
        step = self.course.step(step_id)
        self.ran.append((step_id, command, again))
        self.elsewhere += [step_id] if elsewhere else []
        self.without.append(without)
        self.confirm = confirm
        try:
            yield StepStarted(step_id, step.title)
            if self.states[step_id] == "done" and not again and command is None:
                yield StepEnded(step_id, "already", 0.1)
                return
            script = self.scripts.get(step_id, succeeds)
            async for event in script(self, step_id, command or step.kind.where.command):
                yield event
        finally:
            self.closed.append(step_id)

    def replaced_by(self, step_id: str) -> str:
        return self.replaced.get(step_id, "")

    def needless(self, step_id: str) -> str:
        return self.nothing_left.get(step_id, "")

    async def evaluate(self, step_ids: Iterable[str] | None = None) -> Mapping[str, FakeStatus]:
        wanted = None if step_ids is None else list(step_ids)
        self.looked.append(wanted)
        found = {key: status for key, status in self.seen.items() if wanted is None or key in wanted}
        self.states.update({key: status.state for key, status in found.items()})
        return found

    def resolve(self, step: Step) -> Where:
        where = step.kind.where
        return replace(where, node=where.node.replace("{{leader}}", self.answered))

    async def ask(self, step: Step) -> Where:
        self.answered = self.leader
        return self.resolve(step)

    def answer(self, step_id: str, choice: int) -> bool:
        question = self.course.step(step_id).kind
        assert isinstance(question, Question)
        if choice == question.right:
            self.states[step_id] = "done"
        return choice == question.right

    def mark_read(self, step_id: str) -> None:
        self.states[step_id] = "done"

    def skip(self, step_id: str) -> None:
        self.states[step_id] = "todo"
        self.skipped.add(step_id)

    def visit(self, step_id: str) -> None:
        self.last = step_id

    def reset(self, step_ids: Iterable[str]) -> None:
        self.states.update(dict.fromkeys(step_ids, "todo"))
        self.last = ""


class FakeMonitor:
    """A monitor that publishes what the test feeds."""

    def __init__(self, publish: Callable[[Update], None]) -> None:
        self.publish = publish
        self.refreshed = 0
        self.paused = False
        self.processes: list[tuple[str, str, bool]] = []

    def seen(self, node: str, service: str, *, runs: bool = True) -> None:
        self.processes.append((node, service, runs))

    async def run(self) -> None:
        await asyncio.Event().wait()

    def refresh(self) -> None:
        self.refreshed += 1

    def pause(self, paused: bool) -> None:
        self.paused = paused


@dataclass
class Stage:
    """An app on fakes, and the handles to drive it."""

    app: PghalabApp
    log: Path
    lab: FakeLab = field(default_factory=FakeLab)
    runner: FakeRunner = field(init=False)
    monitor: FakeMonitor = field(init=False)
    driver: str = ""
    notices: tuple[str, ...] = ()
    last: str = ""
    states: dict[str, StepState] = field(default_factory=dict)
    seen: dict[str, FakeStatus] = field(default_factory=dict)
    released: int = 0
    event_log: EventLog | None = None
    names: Names = field(default_factory=Names)

    async def connect(self, lab_name: str, course: Course) -> Backend:
        self.runner = FakeRunner(course, self.log)
        self.runner.states.update(self.states)
        self.runner.last = self.last
        self.runner.seen.update(self.seen)
        self.runner.names = self.names
        self.lab.notices = self.notices

        def monitor(publish: Callable[[Any], None]) -> Any:
            self.monitor = FakeMonitor(publish)
            return self.monitor

        def release() -> None:
            self.released += 1

        lab: Any = self.lab
        runner: Any = self.runner
        return Backend(
            lab=lab,
            runner=runner,
            monitor=monitor,
            event_log=self.event_log,
            driver=self.driver,
            driven=lambda: bool(self.driver),
            release=release,
        )

    def feed(self, *updates: Update) -> None:
        """Let the monitor publish."""
        for update in updates:
            self.monitor.publish(update)


def stage(log: Path, *, lessons: Path = COURSE, **options: Any) -> Stage:
    """A stage on the tests' own course."""
    built: Stage | None = None

    async def connect(lab_name: str, course: Course) -> Backend:
        assert built is not None
        return await built.connect(lab_name, course)

    app = PghalabApp(connect=connect, lessons=lessons)
    built = Stage(app, log, **options)
    return built


def nodes(*, etcd: int = 5, patroni: int = 3, containers: int = 5, age: float = 0.0) -> tuple[Literal["nodes"], Nodes]:
    """The first nodes run what is said."""
    rows = tuple(
        NodeHealth(
            name,
            "running" if index < containers else "exited",
            f"192.168.50.{10 + index}",
            "up" if index < containers else "down",
            "running" if index < etcd else "stopped",
            "running" if index < patroni else "stopped",
            "running" if index < patroni else "stopped",
        )
        for index, name in enumerate(NAMES)
    )
    return "nodes", Snapshot(rows, None, time.monotonic() - age)


def etcd(*, alive: int = 5, leader: int = 1, age: float = 0.0) -> tuple[Literal["etcd"], Etcd]:
    """`endpoint status` as the course prints it."""
    led = alive > len(NAMES) // 2
    errors = "" if led else "etcdserver: no leader"
    rows = tuple(
        EtcdEndpoint(
            name, f"{name}:2379", IDS[index], "3.5.16", 20480, led and index == leader, False, 2, 13, 13, errors
        )
        if index < alive
        else EtcdEndpoint(name, f"{name}:2379", errors="connection refused")
        for index, name in enumerate(NAMES)
    )
    return "etcd", Snapshot(EtcdView(rows, 5, alive), None, time.monotonic() - age)


def patroni(*, streaming: int = 2, leader: str = "pgha1", age: float = 0.0) -> tuple[Literal["patroni"], Patroni]:
    """`patronictl list` as the course prints it."""
    members = [PatroniMember(leader, leader, "Leader", "running", 1)]
    for name in [name for name in NAMES if name != leader][:streaming]:
        members.append(PatroniMember(name, name, "Replica", "streaming", 1, 0x6000060, 0, 0x6000060, 0))
    view = PatroniView("pgha_patroni_cluster", "7573485601442316865", leader, tuple(members))
    return "patroni", Snapshot(view, None, time.monotonic() - age)


def event(text: str, *, good: bool = True, kind: Any = "leader", at: float = 0.0) -> Update:
    """Something that happened."""
    return "event", ClusterEvent(at, kind, text, good)


async def until(pilot: Pilot[Any], condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait for a condition; fails when it does not come true."""
    async with asyncio.timeout(seconds):
        while not condition():
            await pilot.pause(0.01)
    await pilot.pause()


async def opened(pilot: Pilot[Any], built: Stage) -> None:
    """Wait until the session is open and has looked at the checks."""
    await until(pilot, lambda: hasattr(built, "monitor") and built.runner.looked)
