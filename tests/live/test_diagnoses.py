"""Every common mistake is made on a real lab: its diagnosis names it, and is silent before and after."""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pghalab.course.checks.facts import Facts
from pghalab.course.diagnoses import MISTAKES, Diagnosis, diagnose
from pghalab.course.localise import Names
from pghalab.lab.engine.client import Engine
from pghalab.lab.local import LocalLab
from pghalab.lab.types import LabError, Node, User
from tests.bench.cluster import START_ETCD, START_PATRONI, bring_up
from tests.live.conftest import told

CTL = "patronictl -c /pgha/config/patroni.yaml"
SCOPE = "pgha_patroni_cluster"
CONFIG = f"/pgha/{SCOPE}/config"
LOG = "/var/log/etcd/etcd-standalone.log"
END_ETCD = "pkill -x etcd; while pgrep -x etcd; do sleep 0.1; done; true"
END_PATRONI = "pkill -f [b]in/patroni; while pgrep -f [b]in/patroni || pgrep -x postgres; do sleep 0.1; done; true"
AS_POSTGRES = "chown -R postgres:postgres /pgha/data/etcd /var/log/etcd"


def moved(path: str) -> tuple[str, str]:
    """Commands that take a file away and bring it back."""
    return f"mv {path} {path}.away", f"mv {path}.away {path}"


def edited(path: str, script: str) -> tuple[str, str]:
    """Commands that change a file and change it back."""
    return f"cp -p {path} {path}.kept && sed -i {shlex.quote(script)} {path}", f"mv {path}.kept {path}"


def without(path: str, words: str) -> str:
    """A command that takes lines out of a file, which may be one that is mounted."""
    return f"sed '/{words}/d' {path} > /tmp/lines && cat /tmp/lines > {path}"


@dataclass(frozen=True, slots=True)
class Made:
    """A mistake as it is made on the third node: shell commands as root, or as postgres behind `$ `."""

    name: str
    words: str
    """Part of what is said."""
    make: str
    undo: str


ETCD_YAML, VARS, YAML = "/pgha/config/etcd.yaml", "/pgha/config/patroniVars", "/pgha/config/patroni.yaml"
HOSTS, PROFILE = "/etc/hosts", "/var/lib/postgresql/.profile"
ROLES = "/pgha/config/createRoles.sh"
FILES = (
    Made("folders-missing", "there is no /var/log/patroni", *moved("/var/log/patroni")),
    Made("folders-owner", "/var/log/patroni to root", "chown root /var/log/patroni", "chown postgres /var/log/patroni"),
    Made("folders-mode", "may look into /var/log/patroni (755)", "chmod 755 /var/log/patroni",
         "chmod 700 /var/log/patroni"),
    Made("hosts-other", "{first} is 192.0.2.1", "echo '192.0.2.1 {first}' >> /etc/hosts", without(HOSTS, "192.0.2.1")),
    Made("hosts-some", "The lines in /etc/hosts stand on", "echo '{address} etcd3' >> /etc/hosts",
         without(HOSTS, "etcd3")),
    Made("endpoints-missing", "does not set ENDPOINTS", *moved(PROFILE)),
    Made("endpoints-port", "names port 2380", *edited(PROFILE, "s/2379/2380/g")),
    Made("etcd-plain-only", "the -y is missing", f"touch /pgha/config/etcd.conf; {moved(ETCD_YAML)[0]}",
         f"rm /pgha/config/etcd.conf; {moved(ETCD_YAML)[1]}"),
    Made("etcd-yaml-missing", "/etcdSetup.sh has not run there", *moved(ETCD_YAML)),
    Made("etcd-yaml-broken", "line 2: a tab", *edited(ETCD_YAML, r"2s/^/\t/")),
    Made("etcd-yaml-short", "has 1 of 3", *edited(ETCD_YAML, r's/^\(initial-cluster: "[^,]*\),.*"/\1"/')),
    Made("etcd-yaml-other", "has the file of {first}", *edited(ETCD_YAML, "s/^name: .*/name: {first}/")),
    Made("etcd-yaml-owner", "belongs to root", f"chown root {ETCD_YAML}", f"chown postgres {ETCD_YAML}"),
    Made("vars-missing", "patroniVars is missing", *moved(VARS)),
    Made("vars-other", "is that of {first}", *edited(VARS, 's/^NODE_NAME=.*/NODE_NAME="{first}"/')),
    Made("vars-short", "1 etcd nodes of 3", *edited(VARS, 's/^ETCD_NODES=.*/ETCD_NODES="a:2379"/')),
    Made("patroni-yaml-missing", "patroni.yaml is missing", *moved(YAML)),
    Made("patroni-yaml-other", "is that of {first}", *edited(YAML, "s/^name: .*/name: {first}/")),
    Made("patroni-yaml-owner", "belongs to root", f"chown root {YAML}", f"chown postgres {YAML}"),
    Made("roles-missing", "createRoles.sh is missing", *moved(ROLES)),
    Made("roles-mode", "has the mode 644", f"chmod 644 {ROLES}", f"chmod 755 {ROLES}"),
)  # fmt: skip
ETCD = (
    Made("etcd-twice", "was started twice", f"$ {START_ETCD}", f"{END_ETCD}; $ {START_ETCD}"),
    Made("etcd-ended", "has run on", END_ETCD, f"$ {START_ETCD}"),
    Made("etcd-root", "etcd runs as root", f"{END_ETCD}; {START_ETCD}",
         f"{END_ETCD}; {AS_POSTGRES}; $ {START_ETCD}"),
    Made("etcd-log-owner", "may not write etcd's log", f"{END_ETCD}; chown root {LOG}",
         f"{AS_POSTGRES}; $ {START_ETCD}"),
    Made("etcd-member-owner", "member belongs to root", f"{END_ETCD}; chown root /pgha/data/etcd/member",
         f"{AS_POSTGRES}; $ {START_ETCD}"),
    Made("etcd-bootstrapped", "has no data", f"{END_ETCD}; {moved('/pgha/data/etcd/member')[0]}; $ {START_ETCD}",
         f"{END_ETCD}; rm -rf /pgha/data/etcd/member; {moved('/pgha/data/etcd/member')[1]}; $ {START_ETCD}"),
    # Right after a start etcd refuses to change the list of its members: it is not yet sure of them.
    Made("etcd-removed", "was removed from the cluster",
         "$ until etcdctl --endpoints={first}:2379 member remove"
         " $(etcdctl member list | awk -F', ' '$3 == \"{third}\" { print $1 }'); do sleep 0.3; done;"
         " while pgrep -x etcd; do sleep 0.1; done; true",
         "rm -rf /pgha/data/etcd/member; sed -i 's/^initial-cluster-state: .*/initial-cluster-state: existing/' "
         f"{ETCD_YAML}; $ until etcdctl --endpoints={{first}}:2379 member add {{third}}"
         f" --peer-urls=http://{{address}}:2380; do sleep 0.3; done; {START_ETCD}"),
    Made("etcd-stranger", "in a cluster of its own",
         f"{END_ETCD}; $ nohup etcd --name stranger --data-dir /tmp/stranger --listen-peer-urls http://localhost:2390"
         " --listen-client-urls http://{address}:2379,http://localhost:2379 --advertise-client-urls"
         " http://{address}:2379 --initial-cluster stranger=http://localhost:2390 --initial-advertise-peer-urls"
         " http://localhost:2390 > /dev/null 2>&1 &",
         f"{END_ETCD}; rm -rf /tmp/stranger; $ {START_ETCD}"),
)  # fmt: skip
PATRONI = (
    Made("patroni-root", "was started as root", f"{END_PATRONI}; {START_PATRONI}",
         f"{END_PATRONI}; chown -R postgres:postgres /var/log/patroni /pgdata; $ {START_PATRONI}"),
    Made("data-unprepared", "a database of its own",
         f"{END_PATRONI}; mv /pgdata/17/data /pgdata/17/away; $ /usr/pgsql-17/bin/initdb -D /pgdata/17/data",
         "true"),
    Made("patroni-other-system", "belongs to another cluster", f"$ {START_PATRONI}",
         f"{END_PATRONI}; rm -rf /pgdata/17/data; mv /pgdata/17/away /pgdata/17/data; $ {START_PATRONI}"),
    Made("replicator-password", "refused the password of replicator",
         f"{END_PATRONI}; {edited(YAML, '/username: replicator/{n;s/password: .*/password: wrong/}')[0]};"
         f" $ {START_PATRONI}",
         f"{END_PATRONI}; {edited(YAML, '')[1]}; rm -f /var/lib/postgresql/patroni.pgpass; $ {START_PATRONI}"),
    Made("paused", "in maintenance mode", f"$ {CTL} pause --wait", f"$ {CTL} resume --wait"),
    Made("hba-top-level", "beside postgresql", f"$ {CTL} edit-config --force -q -s pg_hba=x",
         f"$ {CTL} edit-config --force -q -s pg_hba=null"),
)  # fmt: skip


class Bench:
    """The lab, what is done on its third node, and what is said of it."""

    def __init__(self, lab: LocalLab) -> None:
        self.lab = lab
        self.names = list(lab.nodes)
        self.third = lab.nodes[self.names[2]]

    async def do(self, commands: str) -> None:
        """Run commands: those behind `$ ` as postgres, the others as root."""
        text = commands.replace("{first}", self.names[0]).replace("{address}", self.third.address)
        text = text.replace("{third}", self.third.name)
        for number, part in enumerate(text.split("$ ")):
            user: User = "postgres" if number else "root"
            if not part.strip("; "):
                continue
            done = await self.third.run(part.strip("; "), user=user, timeout=90)
            assert done.exit_status == 0, f"{part}: {done.stdout}{done.stderr}"

    async def said(self, *names: str) -> list[Diagnosis]:
        """What is said now of the third node."""
        facts = Facts(self.lab)
        words = Names(self.lab.prefix, self.lab.subnet, self.lab.auth_method, self.lab.network)
        try:
            return list(await diagnose(names or tuple(MISTAKES), facts, [self.third], words))
        finally:
            await facts.close()

    async def until(self, holds: Callable[[], Awaitable[object]], what: str, limit: float = 90.0) -> None:
        """Wait for something to be said, or not to be said any more."""
        last: object = None
        until = time.monotonic() + limit
        while time.monotonic() < until:
            try:
                if await holds():
                    return
                last = await self.said()
            except LabError as error:
                last = error
            await asyncio.sleep(0.3)
        raise AssertionError(f"{what}: {last}")

    async def both_ways(self, made: Made) -> None:
        """Make a mistake, hear of it, undo it, and hear no more."""
        assert await self.said(made.name) == [], f"{made.name} is said before it is made"
        await self.do(made.make)
        words = made.words.replace("{first}", self.names[0])

        async def named() -> bool:
            found = await self.said(made.name)
            return any(words in one.says and (not one.nodes or self.third.name in one.nodes) for one in found)

        await self.until(named, f"{made.name} is not said")
        for one in await self.said(made.name):
            print(f"{made.name}: {one.says} -> {one.todo}")
            assert "{" not in one.says + one.todo
        await self.do(made.undo)

        async def silent() -> bool:
            return not await self.said(made.name)

        if made.undo != "true":
            await self.until(silent, f"{made.name} is still said")


async def test_every_mistake_is_named_and_a_healthy_lab_has_none(lab: LocalLab, engine: Engine) -> None:
    await told(lab.up())
    bench = Bench(lab)
    await bring_up(lab)
    await bench.third.run(f"echo 'export ENDPOINTS=\"{bench.names[0]}:2379\"' >> {PROFILE}", user="postgres")

    async def healthy() -> bool:
        return not await bench.said()

    await bench.until(healthy, "the healthy lab has")
    for made in (*FILES, *ETCD):
        await bench.both_ways(made)
    await bench.until(healthy, "after the mistakes in files and in etcd the lab has")
    for made in PATRONI:
        await bench.both_ways(made)
    await bench.until(healthy, "after the mistakes in Patroni the lab has")
    await in_a_shell(bench)
    await with_another_password(bench)
    await with_a_rule_that_cannot_be_read(bench)
    await while_a_node_stands_still(bench, engine)
    await bench.until(healthy, "after a shell and a node that stood still the lab has")

    second = lab.nodes[bench.names[1]]
    for node in (second, bench.third):
        await node.run(END_ETCD, timeout=30)
    for name, words in (("etcd-waits", "1 of the 2"), ("patroni-no-majority", "of 2"), ("nobody-writes", "only read")):

        async def named(name: str = name, words: str = words) -> bool:
            return any(words in one.says for one in await bench.said(name))

        await bench.until(named, f"{name} is not said")
    for node in (second, bench.third):
        await node.run(START_ETCD, user="postgres")
    await bench.until(healthy, "after etcd came back the lab has")
    await when_all_have_ended(bench)
    await bench.until(healthy, "after Patroni was started in the right order the lab has")


async def leader(bench: Bench) -> Node:
    facts = Facts(bench.lab)
    try:
        return await facts.leader()
    finally:
        await facts.close()


async def with_another_password(bench: Bench) -> None:
    """The superuser's password is changed on the leader, and set back."""
    first = await leader(bench)

    async def set_to(password: str) -> None:
        done = await first.run(
            "psql -v ON_ERROR_STOP=1", stdin=f"alter role postgres password '{password}'", user="postgres"
        )
        assert done.exit_status == 0, done.stderr

    await set_to("another")
    await bench.until(lambda: bench.said("superuser-password"), "another password is not seen")
    await set_to(bench.lab.password)
    await bench.until(lambda: quiet(bench, "superuser-password"), "the lab's own password is not seen")


async def with_a_rule_that_cannot_be_read(bench: Bench) -> None:
    """A rule with a mask that there is none of keeps the old rules in force, until it is mended."""
    net = f"{bench.lab.subnet}.0/24"
    rules = ["local all all peer", "host all all 127.0.0.1/32 scram-sha-256"]
    rules += [f"host replication replicator {net} scram-sha-256", f"host all bubba {net} scram-sha-256"]
    for last, spoken in (("host all all 10.0.0.0/99 md5", True), ("host all all 10.0.0.0/9 reject", False)):
        listed = json.dumps([*rules, last])
        await bench.do(f"$ {CTL} edit-config --force -q -s {shlex.quote(f'postgresql.pg_hba={listed}')}")
        for name in ("hba-error", "hba-old"):

            async def as_meant(name: str = name, spoken: bool = spoken) -> bool:
                return bool(await bench.said(name)) is (spoken and name == "hba-error")

            await bench.until(as_meant, f"{name} after {last}")


async def quiet(bench: Bench, name: str) -> bool:
    return not await bench.said(name)


async def in_a_shell(bench: Bench) -> None:
    """A plain login as postgres has no NODELIST, and is older than the profile that it has read."""
    shell = await bench.third.shell("postgres", (80, 24))
    try:
        await bench.until(lambda: bench.said("nodelist-lost"), "a shell without NODELIST is not seen")
        assert await bench.said("endpoints-old-shell") == []
        await bench.do(f"touch -d '+1 minute' {PROFILE}")
        assert await bench.said("endpoints-old-shell")
    finally:
        await shell.close()
    await bench.do(f"touch -d '-1 day' {PROFILE}")


async def while_a_node_stands_still(bench: Bench, engine: Engine) -> None:
    """A node that is paused is named."""
    container = engine.client.containers.get(bench.third.name)
    await asyncio.to_thread(container.pause)
    try:
        (found,) = await bench.said("node-stopped")
        assert found.says == f"{bench.third.name} is paused: nothing on it answers."
    finally:
        await asyncio.to_thread(container.unpause)
    await bench.lab.settle()


async def when_all_have_ended(bench: Bench) -> None:
    """Every Patroni has ended, the leader's last: it is to be started first."""
    last = await leader(bench)
    others = [node for node in bench.lab.nodes.values() if node is not last]
    await asyncio.gather(*(node.run(END_PATRONI, timeout=60) for node in others))
    assert await bench.said("patroni-led-last") == [], "it leads"
    await last.run(END_PATRONI, timeout=60)
    (found,) = await bench.said("patroni-led-last")
    assert found.says.startswith(f"{last.name} led last (timeline ")
    if last is not bench.third:
        (found,) = await bench.said("patroni-ended")
        assert found.nodes == (bench.third.name,)
    await last.run(START_PATRONI, user="postgres")
    await bench.until(lambda: leads(last), f"{last.name} does not lead again")
    await asyncio.gather(*(node.run(START_PATRONI, user="postgres") for node in others))


async def leads(node: Node) -> bool:
    return (await node.run("curl -sf localhost:8008/primary", user="postgres")).exit_status == 0
