"""Every common mistake is made on a real lab: its diagnosis names it, and is silent before and after."""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from collections.abc import Awaitable, Callable

import pytest

from pghalab.course.checks.facts import Facts
from pghalab.course.diagnoses import MISTAKES, Diagnosis, diagnose
from pghalab.course.localise import Names
from pghalab.lab.engine.client import Engine
from pghalab.lab.local import LocalLab
from pghalab.lab.types import LabError, Node, User
from tests.bench.cluster import START_ETCD, START_PATRONI, bring_up, holds
from tests.live.conftest import MakeSettings, told
from tests.live.mistakes import (
    BEFORE,
    CTL,
    END_ETCD,
    END_PATRONI,
    ETCD,
    FILES,
    FIRST,
    LATER,
    ON_CLUSTER,
    PATRONI,
    PROFILE,
    Made,
)


class Bench:
    """The lab, what is done on its third node, and what is said of it."""

    def __init__(self, lab: LocalLab) -> None:
        self.lab = lab
        self.names = list(lab.nodes)
        self.third = lab.nodes[self.names[2]]
        self.spoken: set[str] = set()
        """The mistakes that were made and heard of."""

    def of_this_lab(self, text: str) -> str:
        """A text with the lab's own words in it."""
        own = {"first": self.names[0], "third": self.third.name, "address": self.third.address}
        for word, value in own.items():
            text = text.replace(f"{{{word}}}", value)
        return text

    async def do(self, commands: str) -> None:
        """Run commands: those behind `$ ` as postgres, the others as root."""
        for number, part in enumerate(self.of_this_lab(commands).split("$ ")):
            user: User = "postgres" if number else "root"
            if not part.strip("; "):
                continue
            done = await self.third.run(part.strip("; "), user=user, timeout=90)
            assert done.exit_status == 0, f"{part}: {done.stdout}{done.stderr}"

    async def everywhere(self, commands: str, *, user: User = "postgres") -> None:
        """Run commands on every node at the same time; `{n}` is the node's number from 0 on."""
        texts = [commands.replace("{n}", str(n)) for n in range(len(self.names))]
        nodes = self.lab.nodes.values()
        for done in await asyncio.gather(
            *(node.run(text, user=user, timeout=60) for node, text in zip(nodes, texts, strict=True))
        ):
            assert done.exit_status == 0, f"{commands}: {done.stdout}{done.stderr}"

    async def said(self, *names: str, of: Node | None = None) -> list[Diagnosis]:
        """What is said now of the third node, or of another one."""
        facts = Facts(self.lab)
        words = Names(self.lab.prefix, self.lab.subnet, self.lab.auth_method, self.lab.network)
        try:
            return list(await diagnose(names or tuple(MISTAKES), facts, [of or self.third], words))
        finally:
            await facts.close()

    async def until(self, holds: Callable[[], Awaitable[object]], what: str, limit: float = 90.0) -> None:
        """Wait for something to be said, or not to be said any more."""
        last: LabError | None = None
        until = time.monotonic() + limit
        while time.monotonic() < until:
            try:
                if await holds():
                    return
                last = None
            except LabError as error:
                last = error
            await asyncio.sleep(0.3)
        raise AssertionError(f"{what}: {last or await self.said()}")

    async def speaks(self, name: str, words: str = "", *, of: Node | None = None, again: str = "") -> None:
        """Wait until a mistake of a node is named with these words, doing something each time before it is asked."""
        node, words = of or self.third, self.of_this_lab(words)

        found: list[Diagnosis] = []

        async def named() -> bool:
            await self.do(again)
            found[:] = await self.said(name, of=node)
            return any(words in one.says and (not one.nodes or node.name in one.nodes) for one in found)

        await self.until(named, f"{name} is not said")
        for one in found:
            print(f"{name}: {one.says} -> {one.todo}")
            assert "{" not in one.says + one.todo
        self.spoken.add(name)

    async def silent(self, *names: str) -> None:
        """Wait until none of these mistakes is named; by default none at all."""

        async def quiet() -> bool:
            return not await self.said(*names)

        await self.until(quiet, f"{names or 'something'} is still said")

    async def both_ways(self, made: Made) -> None:
        """Make a mistake, hear of it and of none that it may be taken for, undo it, and hear no more."""
        assert await self.said(made.name) == [], f"{made.name} is said before it is made"
        await self.do(made.make)
        await self.speaks(made.name, made.words)
        if made.other:
            assert await self.said(*made.other) == []
        await self.do(made.undo)
        if made.undo != LATER:
            await self.silent(made.name)


@pytest.mark.nodes(3)
async def test_every_mistake_in_a_cluster_is_named_and_a_healthy_one_has_none(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())
    bench = Bench(lab)
    await bring_up(lab)
    await bench.third.run(f"echo 'export ENDPOINTS=\"{bench.names[0]}:2379\"' >> {PROFILE}", user="postgres")
    await bench.silent()
    for made in (*FILES, *ETCD):
        await bench.both_ways(made)
    await bench.silent()
    for made in PATRONI:
        await bench.both_ways(made)
    await bench.silent()
    await in_a_shell(bench)
    await with_another_password(bench)
    await with_rules_that_let_too_few_in(bench)
    await while_a_node_stands_still(bench, engine)
    await bench.silent()
    await without_a_majority(bench)
    await bench.silent()
    await when_all_have_ended(bench)
    await bench.silent()
    assert bench.spoken == ON_CLUSTER


async def test_every_mistake_before_there_is_a_cluster_is_named(make_settings: MakeSettings) -> None:
    # The fourth is the first node without a database.
    lab = LocalLab(await make_settings(4))
    await lab.open()
    try:
        await told(lab.up())
        bench = Bench(lab)
        await with_the_writer(bench)
        await with_data_of_other_addresses(bench)
        for made in FIRST:
            await bench.both_ways(made)
        await holds(bench.third, "curl -sf localhost:8008/primary")
        await bench.silent(*BEFORE - {"writer-missing"})
        assert bench.spoken == BEFORE
    finally:
        await lab.close()


async def leader(bench: Bench) -> Node:
    facts = Facts(bench.lab)
    try:
        return await facts.leader()
    finally:
        await facts.close()


async def with_the_writer(bench: Bench) -> None:
    """The writer is missing, is started on the third node, and then on that of the course."""
    home = bench.lab.nodes[bench.names[3]]
    start = "echo 'while sleep 1; do :; done' > writer.sh; nohup bash writer.sh > writer.log 2>&1 &"
    end = "pkill -f '^bash writer.sh'"
    await bench.speaks("writer-missing", f"does not run on {home.name}", of=home)
    await bench.silent("writer-elsewhere")
    await bench.do(f"$ {start}")
    await bench.speaks("writer-elsewhere", f"the course is about {home.name}")
    await bench.do(f"$ {end}")
    await home.run(start, user="postgres")
    await bench.silent("writer-missing", "writer-elsewhere")
    await home.run(end, user="postgres")


async def with_data_of_other_addresses(bench: Bench) -> None:
    """etcd is begun at other addresses, which the nodes then have no more, as when a lab was moved with its data."""
    nodes = " ".join(f"{name}:192.0.2.{10 + number}" for number, name in enumerate(bench.names))
    healthy = f"test $(etcdctl endpoint health --cluster 2>&1 | grep -c 'is healthy') = {len(bench.names)}"
    kill = "pkill -9 -x etcd; while pgrep -x etcd > /dev/null; do sleep 0.1; done"
    await bench.everywhere("ip address add 192.0.2.1{n}/24 dev eth0; node-filter open", user="root")
    await bench.everywhere(f"NODELIST='{nodes}' /etcdSetup.sh -y && {{ {START_ETCD} }}")
    await holds(bench.third, healthy)
    await bench.everywhere(f"{kill}; ip address del 192.0.2.1{{n}}/24 dev eth0; node-filter closed", user="root")
    await bench.everywhere(f"/etcdSetup.sh -y && {{ {START_ETCD} }}")
    first = bench.lab.nodes[bench.names[0]]
    await bench.speaks("etcd-elsewhere", f"made at 192.0.2.x; the nodes are at {bench.lab.subnet}.x", of=first)
    await bench.everywhere(f"{kill}; rm -rf /pgha/data/etcd/member; {{ {START_ETCD} }}")
    await bench.silent("etcd-elsewhere")
    await holds(bench.third, healthy)


async def with_another_password(bench: Bench) -> None:
    """The superuser's password is changed on the leader, and set back."""
    first = await leader(bench)

    async def set_to(password: str) -> None:
        done = await first.run(
            "psql -v ON_ERROR_STOP=1", stdin=f"alter role postgres password '{password}'", user="postgres"
        )
        assert done.exit_status == 0, done.stderr

    await set_to("another")
    await bench.speaks("superuser-password")
    await set_to(bench.lab.password)
    await bench.silent("superuser-password")


async def with_rules_that_let_too_few_in(bench: Bench) -> None:
    """The list lacks a rule, does not reach a node, or has one with a mask that there is none of."""
    local, here = "local all all peer", "host all all 127.0.0.1/32 scram-sha-256"
    net = f"{bench.lab.subnet}.0/24"
    copies, app = (f"host {which} {net} scram-sha-256" for which in ("replication replicator", "all bubba"))
    own = "host replication replicator 127.0.0.1/32 scram-sha-256"

    async def rules(*listed: str) -> None:
        setting = shlex.quote(f"postgresql.pg_hba={json.dumps(listed)}")
        await bench.do(f"$ {CTL} edit-config --force -q -s {setting}")

    good = (local, here, own, copies, app)
    await rules(local, here, own, app)
    # What streams already goes on.
    await bench.speaks("replicator-rule", again="pkill -f [w]alreceiver; true")
    await rules(*good)
    await bench.silent("replicator-rule")
    await rules(local, own, copies, app)
    await bench.speaks("hba-no-localhost")
    await rules(*good)
    await bench.silent("hba-no-localhost", "hba-old")
    await bench.do("pkill -STOP -f [b]in/patroni")
    await rules(*good, "host all all 10.0.0.0/9 reject")
    await bench.speaks("hba-old", "1 of 6 rules")
    assert await bench.said("replicator-rule") == []
    await bench.do("pkill -CONT -f [b]in/patroni")
    await bench.silent("hba-old")
    await rules(*good, "host all all 10.0.0.0/99 md5")
    await bench.speaks("hba-error")
    await bench.silent("hba-old")
    await rules(*good)
    await bench.silent("hba-error", "hba-old")


async def in_a_shell(bench: Bench) -> None:
    """A plain login as postgres has no NODELIST, and is older than the profile that it has read."""
    shell = await bench.third.shell("postgres", (80, 24))
    try:
        await bench.speaks("nodelist-lost")
        assert await bench.said("endpoints-old-shell") == []
        await bench.do(f"touch -d '+1 minute' {PROFILE}")
        await bench.speaks("endpoints-old-shell")
    finally:
        await shell.close()
    await bench.do(f"touch -d '-1 day' {PROFILE}")


async def while_a_node_stands_still(bench: Bench, engine: Engine) -> None:
    """A node that is paused is named."""
    container = engine.client.containers.get(bench.third.name)
    await asyncio.to_thread(engine.freeze, str(container.id))
    try:
        (found,) = await bench.said("node-stopped")
        assert found.says == f"{bench.third.name} is paused: nothing on it answers."
        bench.spoken.add("node-stopped")
    finally:
        await asyncio.to_thread(container.unpause)
    await bench.lab.settle()


async def without_a_majority(bench: Bench) -> None:
    """etcd ends on two of the three nodes, and comes back."""
    first, *two = bench.lab.nodes.values()
    for node in two:
        await node.run(END_ETCD, timeout=30)
    for name, words in (("etcd-waits", "1 of the 2"), ("patroni-no-majority", "of 2"), ("nobody-writes", "only read")):
        await bench.speaks(name, words, of=first)
    for node in two:
        await node.run(START_ETCD, user="postgres")


async def when_all_have_ended(bench: Bench) -> None:
    """Every Patroni has ended, the leader's last: it is to be started first."""
    last = await leader(bench)
    others = [node for node in bench.lab.nodes.values() if node is not last]
    await asyncio.gather(*(node.run(END_PATRONI, timeout=60) for node in others))
    assert await bench.said("patroni-led-last") == [], "it leads"
    await last.run(END_PATRONI, timeout=60)
    (found,) = await bench.said("patroni-led-last")
    assert found.says.startswith(f"{last.name} led last (timeline ")
    for node in bench.lab.nodes.values():
        (found,) = await bench.said("patroni-ended", of=node)
        assert found.nodes == (node.name,)
    bench.spoken |= {"patroni-led-last", "patroni-ended"}
    await last.run(START_PATRONI, user="postgres")
    await holds(last, "curl -sf localhost:8008/primary")
    await asyncio.gather(*(node.run(START_PATRONI, user="postgres") for node in others))
