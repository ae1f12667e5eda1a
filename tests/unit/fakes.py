"""A lab in memory: nodes that answer what a test tells them to, and sources of facts to go with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pghalab.cluster.model import EtcdEndpoint, EtcdMember
from pghalab.course.load import load_course
from pghalab.course.model import Course
from pghalab.lab.types import Container, Ended, LabError, LinkState, Output, Result, User

PS_HEAD = "    PID ELAPSED USER COMMAND\n"


@dataclass(eq=False)
class FakeNode:
    """A node whose commands are answered by `answers` (by a part of the command) and whose streams by `script`."""

    name: str
    address: str
    link: LinkState = "up"
    link_reason: str = ""
    processes: dict[str, str] = field(default_factory=dict)
    """Program to user."""
    ages: dict[str, int] = field(default_factory=dict)
    """Program to the seconds that it has run, an hour unless said."""
    answers: dict[str, Result | str] = field(default_factory=dict)
    script: Callable[[FakeNode, str], Sequence[Output | Ended]] | None = None
    hangs: bool = False
    slow: int = 0
    """How many commands, from the first on, get no answer in time."""
    ran: list[str] = field(default_factory=list)
    closed: int = 0

    async def run(
        self, command: str, *, user: User = "root", timeout: float = 30.0, stdin: str | None = None
    ) -> Result:
        self.ran.append(command)
        if self.hangs:
            await asyncio.Event().wait()
        if len(self.ran) <= self.slow:
            raise LabError("it gave no answer", node=self.name, kind="no-answer")
        if command.startswith("ps "):
            listing = "".join(
                f"{pid} {self.ages.get(name, 3600)} {user} /usr/bin/{name} --flag\n"
                for pid, (name, user) in enumerate(self.processes.items(), 100)
            )
            return Result(0, PS_HEAD + listing, "", 0.0)
        for part, answer in self.answers.items():
            if part in command:
                return Result(0, answer, "", 0.0) if isinstance(answer, str) else answer
        return Result(0, "", "", 0.0)

    async def stream(
        self, command: str, *, user: User = "root", timeout: float | None = None, stdin: str | None = None
    ) -> AsyncGenerator[Output | Ended, None]:
        self.ran.append(command)
        try:
            pieces = self.script(self, command) if self.script else [Ended("exited", 0, 0.0)]
            for piece in pieces:
                yield piece
        finally:
            self.closed += 1

    async def tunnel(self, port: int, host: str = "localhost") -> int:
        raise LabError("a fake has no tunnels", node=self.name)


@dataclass(eq=False)
class FakeLab:
    """Five nodes that run nothing."""

    name: str = "pgha"
    prefix: str = "pgha"
    subnet: str = "192.168.50"
    network: str = "pghanet"
    auth_method: Literal["scram-sha-256", "md5"] = "scram-sha-256"
    password: str = "secret"
    versions: Mapping[str, str] | None = None
    states: dict[str, Container] = field(default_factory=dict)
    no_engine: bool = False
    acted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.nodes: dict[str, FakeNode] = {
            f"{self.prefix}{number}": FakeNode(f"{self.prefix}{number}", f"{self.subnet}.{9 + number}")
            for number in range(1, 6)
        }

    async def containers(self) -> Sequence[Container]:
        if self.no_engine:
            raise LabError("no container engine answers", todo="install one")
        return [
            self.states.get(name, Container(name, "running", node.address, 2200)) for name, node in self.nodes.items()
        ]

    async def image_versions(self) -> Mapping[str, str] | None:
        return self.versions

    async def action(self, name: str, *, auto: bool = False) -> AsyncGenerator[Output | Ended, None]:
        self.acted.append(f"{name} elsewhere" if auto else name)
        self.versions = {"postgresql": "17.11"}
        yield Output("stdout", f"doing {name}\n")
        yield Ended("exited", 0, 0.1)


@dataclass
class FakeSources:
    """etcd, Patroni and PostgreSQL as a test sets them."""

    term: int = 2
    terms: dict[str, int] = field(default_factory=dict)
    """Of nodes whose term differs."""
    etcd_leader: str = "pgha2"
    also_leads: str = ""
    clusters: dict[str, str] = field(default_factory=dict)
    """The cluster ids of nodes whose member belongs to another cluster."""
    errors: dict[str, str] = field(default_factory=dict)
    members_of: dict[str, list[str]] = field(default_factory=dict)
    """The member lists of nodes whose own differs from pgha1 to pgha5."""
    silent: set[str] = field(default_factory=set)
    """Nodes whose etcd and Patroni run and do not answer."""
    sick: set[str] = field(default_factory=set)
    dcs: dict[str, str] = field(default_factory=dict)
    patronis: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[tuple[str, str], list[tuple[Any, ...]]] = field(default_factory=dict)
    """By node and a part of the query."""
    logins: dict[tuple[str, str], tuple[bool, str]] = field(default_factory=dict)
    wrong_password: tuple[bool, str] = (False, "FATAL: password authentication failed")
    asked: list[str] = field(default_factory=list)
    copies: bool = True
    """Marker rows arrive on the replicas."""
    marker: str = ""

    async def endpoint(self, node: Any) -> EtcdEndpoint:
        self.asked.append(f"endpoint {node.name}")
        if node.name in self.silent:
            raise LabError(f"etcd does not run on {node.name}")
        return EtcdEndpoint(
            node=node.name,
            endpoint=f"{node.name}:2379",
            member_id=f"id-{node.name}",
            version="3.5",
            db_size=1,
            is_leader=node.name in (self.etcd_leader, self.also_leads),
            is_learner=False,
            raft_term=self.terms.get(node.name, self.term),
            errors=self.errors.get(node.name, ""),
            cluster_id=self.clusters.get(node.name, "c1"),
        )

    async def members(self, node: Any) -> Sequence[Any]:
        self.asked.append(f"members {node.name}")
        return [
            EtcdMember(f"id-{name}", name, (f"http://{name}:2380",), ())
            for name in self.members_of.get(node.name, [f"pgha{number}" for number in range(1, 6)])
        ]

    async def health(self, node: Any) -> bool:
        return node.name not in self.sick

    async def keys(self, node: Any, prefix: str) -> Mapping[str, str]:
        self.asked.append(f"keys {node.name}")
        return {f"{prefix}{key}": value for key, value in self.dcs.items()}

    async def patroni(self, node: Any) -> Mapping[str, Any]:
        if node.name in self.silent:
            raise LabError(f"Patroni does not run on {node.name}")
        return self.patronis[node.name]

    async def query(self, lab: Any, node: Any, sql: str, database: str) -> Sequence[tuple[Any, ...]]:
        self.asked.append(f"{node.name}: {sql}")
        if "insert into pghalab.marker" in sql:
            self.marker = sql.split("values ('")[1].split("'")[0]
            return [(self.marker,)]
        if "from pghalab.marker" in sql:
            return [(self.marker if self.copies else "older",)]
        for (name, part), rows in self.rows.items():
            if name == node.name and part in sql:
                return rows
        return []

    async def login(self, lab: Any, *, via: Any, to: Any, user: str, database: str, password: str) -> tuple[bool, str]:
        if password != lab.password:
            return self.wrong_password
        return self.logins[(via.name, to.name)]


def cluster_of_three(lab: FakeLab, sources: FakeSources) -> None:
    """Everything runs: five etcd members, pgha1 leads, pgha2 and pgha3 stream."""
    names = list(lab.nodes)
    for node in lab.nodes.values():
        node.processes["etcd"] = "postgres"
    for name in names[:3]:
        lab.nodes[name].processes |= {"patroni": "postgres", "postgres": "postgres"}
        sources.patronis[name] = {
            "state": "running",
            "role": "replica",
            "timeline": 1,
            "replication_state": "streaming",
            "xlog": {"replayed_location": 1000},
        }
    sources.etcd_leader = names[1]
    sources.patronis[names[0]] = {"state": "running", "role": "primary", "timeline": 1, "xlog": {"location": 1000}}
    sources.dcs |= {"leader": names[0], "initialize": "7573"}
    sources.dcs["config"] = '{"ttl": 30, "postgresql": {"use_slots": true}}'


LESSON = """---
id: {id}
title: A lesson
minutes: 5
credit: Somebody
---
Intro.
{steps}"""


def write_course(folder: Path, *steps: str, lesson: str = "one") -> Course:
    """Load a course of one lesson, each step given as the YAML of its block."""
    blocks = "".join(
        f"\n## Step {number}\n\nProse.\n\n```yaml step\n{step}\n```\n\nAfter.\n" for number, step in enumerate(steps, 1)
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"01-{lesson}.md").write_text(LESSON.format(id=lesson, steps=blocks), encoding="utf-8")
    course = load_course(folder, strict=False)
    assert not course.problems, course.problems
    return course
