"""Records what a real lab answers to everything that the checks of the course ask of it.

`python -m tests.fake_lab.record --lab NAME "about this moment" > tests/recordings/lab-MOMENT.json`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pghalab.cluster.model import EtcdEndpoint, EtcdMember
from pghalab.course.checks.sources import ClusterSources
from pghalab.course.journal import Journal
from pghalab.course.load import load_course
from pghalab.course.progress import Progress
from pghalab.course.runner import Runner
from pghalab.lab.local import LocalLab
from pghalab.lab.settings import AuthMethod, load_settings
from pghalab.lab.types import Container, Ended, LabAction, LinkState, Node, Output, Result, Stream, Terminal, User
from tests.fake_lab.recording import PASSWORD, fingerprint

LONGEST = 4000
"""Characters of a command's output that are kept."""
MOST = 40
"""Rows of a query that are kept."""


class RecordingNode:
    """A node that keeps what its commands answered."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.commands: dict[str, Result] = {}

    @property
    def name(self) -> str:
        return self._node.name

    @property
    def address(self) -> str:
        return self._node.address

    @property
    def link(self) -> LinkState:
        return self._node.link

    @property
    def link_reason(self) -> str:
        return self._node.link_reason

    async def run(
        self, command: str, *, user: User = "root", timeout: float = 30.0, stdin: str | None = None
    ) -> Result:
        self.commands[command] = result = await self._node.run(command, user=user, timeout=timeout, stdin=stdin)
        return result

    def stream(
        self, command: str, *, user: User = "root", timeout: float | None = None, stdin: str | None = None
    ) -> AsyncGenerator[Output | Ended, None]:
        raise AssertionError("a look runs nothing for the learner")

    async def shell(self, user: User, size: tuple[int, int], term: str = "xterm-256color") -> Terminal:
        raise AssertionError("a look opens no shell")

    async def connect(self, port: int, host: str = "localhost") -> Stream:
        return await self._node.connect(port, host)

    async def tunnel(self, port: int, host: str = "localhost") -> int:
        return await self._node.tunnel(port, host)

    def tunnel_failure(self, port: int, host: str = "localhost") -> str:
        return self._node.tunnel_failure(port, host)


class RecordingLab:
    """A lab of recording nodes."""

    def __init__(self, lab: LocalLab) -> None:
        self._lab = lab
        self.nodes = {name: RecordingNode(node) for name, node in lab.nodes.items()}

    @property
    def name(self) -> str:
        return self._lab.name

    @property
    def prefix(self) -> str:
        return self._lab.prefix

    @property
    def subnet(self) -> str:
        return self._lab.subnet

    @property
    def network(self) -> str:
        return self._lab.network

    @property
    def auth_method(self) -> AuthMethod:
        return self._lab.auth_method

    @property
    def password(self) -> str:
        return self._lab.password

    async def containers(self) -> Sequence[Container]:
        return await self._lab.containers()

    async def image_versions(self) -> Mapping[str, str] | None:
        return await self._lab.image_versions()

    def action(self, name: LabAction, *, auto: bool = False) -> AsyncGenerator[Output | Ended, None]:
        raise AssertionError("a look changes nothing")


class RecordingSources(ClusterSources):
    """The real sources, keeping what they answered."""

    def __init__(self) -> None:
        self.endpoints: dict[str, EtcdEndpoint] = {}
        self.member_lists: dict[str, Sequence[EtcdMember]] = {}
        self.healths: dict[str, bool] = {}
        self.dcs: Mapping[str, str] = {}
        self.patronis: dict[str, Mapping[str, Any]] = {}
        self.rows: list[tuple[str, str, str, Sequence[tuple[Any, ...]]]] = []
        self.logins: list[tuple[str, str, str, str, bool, bool, str]] = []

    async def endpoint(self, node: Node) -> EtcdEndpoint:
        self.endpoints[node.name] = found = await super().endpoint(node)
        return found

    async def members(self, node: Node) -> Sequence[EtcdMember]:
        self.member_lists[node.name] = found = await super().members(node)
        return found

    async def health(self, node: Node) -> bool:
        self.healths[node.name] = found = await super().health(node)
        return found

    async def keys(self, node: Node, prefix: str) -> Mapping[str, str]:
        found = await super().keys(node, prefix)
        self.dcs = {key.removeprefix(prefix): value for key, value in found.items()}
        return found

    async def patroni(self, node: Node) -> Mapping[str, Any]:
        self.patronis[node.name] = found = await super().patroni(node)
        return found

    async def query(self, lab: Any, node: Node, sql: str, database: str) -> Sequence[tuple[Any, ...]]:
        found = await super().query(lab, node, sql, database)
        self.rows.append((node.name, database, sql, found[:MOST]))
        return found

    async def login(
        self, lab: Any, *, via: Node, to: Node, user: str, database: str, password: str
    ) -> tuple[bool, str]:
        accepted, said = await super().login(lab, via=via, to=to, user=user, database=database, password=password)
        right = password == lab.password
        self.logins.append((via.name, to.name, user, database, right, accepted, said))
        return accepted, said


async def look(local: LocalLab, about: str) -> str:
    """One look at every check of the course, as JSON in the names that lessons are written with."""
    lab, sources = RecordingLab(local), RecordingSources()
    with tempfile.TemporaryDirectory() as folder:
        # Read-only: what is done is told by the checks alone, and no check writes a row.
        progress = Progress.load(Path(folder) / "progress.json", read_only=True)
        course = load_course()
        runner = Runner(course, lab, progress, Journal(Path(folder), read_only=True), sources)
        status = await runner.evaluate()
    found = {
        "about": about,
        "versions": await local.image_versions(),
        "steps": {step: one.state for step, one in status.items()},
        "asked": {step: fingerprint(course, step) for step in status},
        "commands": {
            name: {
                command: [result.exit_status, result.stdout[:LONGEST], result.stderr[:LONGEST]]
                for command, result in sorted(node.commands.items())
            }
            for name, node in lab.nodes.items()
        },
        "endpoints": {name: asdict(one) for name, one in sorted(sources.endpoints.items())},
        "members": {name: list(map(asdict, found)) for name, found in sorted(sources.member_lists.items())},
        "health": dict(sorted(sources.healths.items())),
        "dcs": dict(sorted(sources.dcs.items())),
        "patroni": dict(sorted(sources.patronis.items())),
        "rows": sorted(sources.rows, key=lambda row: row[:3]),
        "logins": sorted(sources.logins),
    }
    text = json.dumps(found, indent=1)
    for ours, theirs in ((local.password, PASSWORD), (local.prefix, "pgha"), (local.subnet, "192.168.50")):
        text = text.replace(ours, theirs)
    return text


async def recorded(lab_name: str, about: str) -> str:
    """A look at the lab of this name, which is left as it is."""
    local = LocalLab(load_settings(lab_name, look_only=True), look_only=True)
    await local.open()
    try:
        await local.settle()
        return await look(local, about)
    finally:
        await local.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", required=True)
    parser.add_argument("about")
    arguments = parser.parse_args()
    sys.stdout.write(asyncio.run(recorded(arguments.lab, arguments.about)) + "\n")
    sys.stdout.flush()
    # gRPC's threads would hold the process.
    os._exit(0)


if __name__ == "__main__":
    main()
