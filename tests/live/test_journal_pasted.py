"""The commands of an exported journal, pasted into the shells of a lab that was made anew, give the same cluster."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, replace

import pytest

from pghalab.course.events import SETTLED
from pghalab.course.kinds import AS_POSTGRES
from pghalab.course.load import load_course
from pghalab.lab.engine.client import Engine
from pghalab.lab.local import LocalLab
from pghalab.lab.settings import LabSettings, save_settings
from pghalab.session.session import Session
from tests.live.conftest import MakeSettings, until
from tests.live.driven import Course
from tests.live.test_shells import Desk
from tests.unit.test_export_journal import require_asciicast

WHOLE = "replication"
"""The lesson before which the cluster is whole: its members stream, and everybody has their rules in pg_hba."""
END = "looking-back"
"""The last lesson: everything has been done. Who leads then was decided by an election."""
_BLOCK = re.compile(r"^As `(\w+)` on `([\w ]+)`, at [\d:]+:\n\n(`{3,})sh\n(.*?)\n\3$", re.MULTILINE | re.DOTALL)
PATRONICTL = "patronictl -c /pgha/config/patroni.yaml"
RULES = "select type, database, user_name, address, auth_method from pg_hba_file_rules order by rule_number"


@dataclass(frozen=True)
class Cluster:
    """What makes two clusters the same one, but for what each has of its own."""

    members: frozenset[tuple[str, str, str]]
    config: str
    rules: dict[str, str]
    etcd: tuple[str, ...]

    @property
    def whoever_leads(self) -> Cluster:
        """The same, without which member has which role."""
        roles = frozenset(("", role, state) for _, role, state in self.members)
        return replace(self, members=roles)


async def said(lab: LocalLab, node: str, command: str) -> str:
    result = await lab.nodes[node].run(command, user="postgres", timeout=60)
    assert result.exit_status == 0, result.stderr
    return result.stdout


async def cluster(settings: LabSettings) -> Cluster:
    """The cluster of a lab, once its members stream."""
    lab = LocalLab(settings)
    await lab.open()
    try:
        await lab.settle()
        first, *_ = names = settings.node_names[:3]
        async with asyncio.timeout(120):
            while True:
                rows = json.loads(await said(lab, first, f"{PATRONICTL} list -f json"))
                members = frozenset((row["Member"], row["Role"], row["State"]) for row in rows)
                if sorted(state for _, _, state in members) == ["running", "streaming", "streaming"]:
                    break
                await asyncio.sleep(0.5)
        rules = {name: await said(lab, name, f'psql -XAtc "{RULES}"') for name in names}
        listed = await said(lab, first, "etcdctl member list -w json")
        etcd = sorted((member["name"], *member["peerURLs"]) for member in json.loads(listed)["members"])
        return Cluster(members, await said(lab, first, f"{PATRONICTL} show-config"), rules, tuple(map(" ".join, etcd)))
    finally:
        await lab.close()


async def pasted(desk: Desk, node: str, user: str, command: str) -> None:
    """Paste a command into a new shell, made as the runbook says, as a terminal does, and wait for its end."""
    shell = await desk.open(node, "root")
    if user == "postgres":
        await desk.go(shell, AS_POSTGRES, f"postgres@{node}")
    before = len(desk.typed())
    shell.write(b"\x1b[200~" + command.encode() + b"\x1b[201~\r")
    try:
        await until(lambda: len(desk.typed()) > before, 120)
        await until(lambda: bool(desk.who(shell)), 120)
    except TimeoutError:
        shown = desk.drawn[shell.number][-1500:].decode(errors="replace")
        raise AssertionError(f"not over as {user} on {node}: {command}\n{shown}") from None
    await shell.close()


@pytest.mark.parametrize("place", [WHOLE, pytest.param(END, marks=pytest.mark.soak)])
async def test_the_commands_of_a_journal_make_the_same_cluster(
    make_settings: MakeSettings, engine: Engine, place: str
) -> None:
    settings = await make_settings(5)
    save_settings(settings)
    driven = Course(settings, engine)
    driven.verb("goto", place)
    before = await cluster(settings)
    runbook = driven.verb("journal", "export")
    assert AS_POSTGRES in runbook
    require_asciicast(driven.verb("journal", "export", "--format", "cast"))
    acts = [one for one in json.loads(driven.verb("journal", "export", "--format", "json"))["told"]
            if one["what"] == "act" and one["node"]]  # fmt: skip
    assert all(settings.password not in text for text in (runbook, json.dumps(acts)))
    blocks = [(user, node, command) for user, node, _, command in _BLOCK.findall(runbook)]
    assert [command for *_, command in blocks] == [act["command"] for act in acts] and len(blocks) > 15

    driven.verb("down", "-f")
    driven.verb("up")
    session = Session(settings.name)
    desk = Desk(session, settings, engine)
    await session.open()
    try:
        await until(lambda: all(node.link == "up" for node in desk.backend.lab.nodes.values()), 60)
        for (user, node, command), act in zip(blocks, acts, strict=True):
            for each in settings.node_names if node == "every node" else (node,):
                await pasted(desk, each, user, command)
            await checked(desk, act["step"])
    finally:
        await session.close()
    after = await cluster(settings)
    if place == END:
        before, after = before.whoever_leads, after.whoever_leads
    assert after == before


async def checked(desk: Desk, step: str) -> None:
    """Wait until what the runbook says was checked holds here too, as whoever follows it does."""
    if not load_course().step(step).checks:
        return
    until_when = time.monotonic() + 120
    while True:
        status = (await desk.backend.runner.evaluate([step]))[step]
        if status.state in SETTLED:
            return
        shown = {number: drawn[-1500:].decode(errors="replace") for number, drawn in desk.drawn.items()}
        assert time.monotonic() < until_when, f"{step}: {status.results}; typed: {desk.typed()[-6:]}; shown: {shown}"
        await asyncio.sleep(0.3)
