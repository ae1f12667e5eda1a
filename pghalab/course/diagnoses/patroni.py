"""Mistakes that show in Patroni and in the servers that it starts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence

from pghalab.cluster.traces import MANAGED
from pghalab.cluster.truth import role
from pghalab.course.checks.facts import Facts
from pghalab.course.diagnoses import begun
from pghalab.course.diagnoses.base import Mistake, Scene, Sign, data, has_ended, on_nodes, quietly, runs, tail
from pghalab.course.positions import situation
from pghalab.course.resume import decide
from pghalab.lab.types import LabError, Node
from pghalab.text import enumerated

LOGS = ("/var/log/patroni/patroni.out", "/var/log/patroni/patroni.log")
_ROLES = (
    "runuser -u postgres -- psql -XAtc "
    "\"select (select count(*) from pg_roles where rolname in ('replicator', 'bubba'))"
    " + (select count(*) from pg_database where not datistemplate and datname <> 'postgres')\""
)
"""How many there are of the cluster's own roles and of databases; by the socket, on which no password is asked for."""
SERVER_LOGS = "/pgdata/17/data/log/postgresql-*.log"
_STREAMS = (
    "runuser -u postgres -- psql -XAtc \"select exists (select from pg_stat_wal_receiver where status = 'streaming')\""
)
_STREAMED = "started streaming WAL from primary"
_AT = r'connection to server at "(?!localhost|127\.)[^\n]*'
"""How a client's complaint about the server of another node begins.

A server's own log tells of the clients that it refused, and a copy of a leader begins with the leader's logs.
"""
_FINISHED = {"config", "status", "history"}
"""Keys of which one at least is there once a cluster was finished."""
_GAVE_UP = "Failed to bootstrap cluster"
_KEYS = "remove its keys (etcdctl del --prefix /pgha/pgha_patroni_cluster/), "


async def as_root(facts: Facts, node: Node) -> str | None:
    """Somebody else than postgres started it, and initdb refuses that."""
    user = await runs(facts, node, "patroni")
    if user and user != "postgres":
        return user
    return "root" if "cannot be run as root" in await _ended(facts, node) else None


async def other_system(facts: Facts, node: Node) -> str | None:
    """Its data directory is of another cluster."""
    return "" if "system ID mismatch" in await _ended(facts, node) else None


async def no_password(facts: Facts, node: Node) -> str | None:
    """Patroni cannot log in to a server that it did not make; the detail is what to remove besides the data."""
    if await _well(facts, node):
        return None
    log = await tail(facts, node, *LOGS, SERVER_LOGS)
    if "no password assigned" not in log and "no password supplied" not in log:
        return None
    try:
        return _KEYS if _unfinished(await facts.dcs()) else ""
    except LabError:
        return ""


async def replicator_password(facts: Facts, node: Node) -> str | None:
    """The leader refuses the password of the replication user."""
    return await _says(facts, node, f'{_AT}password authentication failed for user "replicator"')


async def replicator_rule(facts: Facts, node: Node) -> str | None:
    """The leader has no rule for the replication user from here."""
    return await _says(facts, node, f"{_AT}no pg_hba.conf entry for replication connection")


async def wal_removed(facts: Facts, node: Node) -> str | None:
    """The leader no longer has what this replica needs."""
    return await _says(facts, node, r"could not receive data from WAL stream: [^\n]* has already been removed")


async def no_majority(scene: Scene) -> Sequence[Sign]:
    """Patroni can do nothing, since too few members of etcd agree; a node that is out of reach may be one more."""
    answers = await asyncio.gather(*(_healthy(scene.facts, node) for node in scene.everywhere))
    healthy, needed = answers.count(True), len(scene.everywhere) // 2 + 1
    return [Sign((), f"{healthy} of {needed}")] if healthy + answers.count(None) < needed else []


async def _healthy(facts: Facts, node: Node) -> bool | None:
    """Whether a node's member of etcd can commit; None when nobody can look at the node."""
    try:
        await facts.processes(node)
    except LabError:
        return None
    try:
        return await facts.healthy(node)
    except LabError:
        return False


async def nobody_writes(scene: Scene) -> Sequence[Sign]:
    """The one who led has given it up, because etcd does not answer."""
    if not await no_majority(scene):
        return []
    recovering: list[str] = []
    for node in scene.facts.data_nodes():
        try:
            rows = await scene.facts.query(node, "select pg_is_in_recovery()")
        except LabError:
            continue
        if rows and not rows[0][0]:
            return []
        recovering.append(node.name)
    return [Sign(tuple(recovering))] if recovering else []


async def given_up(scene: Scene) -> Sequence[Sign]:
    """A cluster was begun, and nobody has finished it."""
    try:
        keys = await scene.facts.dcs()
    except LabError:
        return []
    if _FINISHED & set(keys) or [node for node in scene.data if await quietly(runs(scene.facts, node, "patroni"))]:
        return []
    if _unfinished(keys):
        return [Sign((), "its `initialize` key stands in etcd, and no Patroni runs")]
    # Where it can, Patroni takes the key away before it ends.
    ended = [node.name for node in scene.data if _GAVE_UP in await quietly(tail(scene.facts, node, *LOGS))]
    return [Sign(tuple(ended), f"Patroni gave it up on {enumerated(ended)}")] if ended else []


def _unfinished(keys: Mapping[str, str]) -> bool:
    """Whether a cluster was begun, by what Patroni keeps in etcd, and is not finished."""
    return "initialize" in keys and not _FINISHED & set(keys)


async def led_last(scene: Scene) -> Sequence[Sign]:
    """Nobody leads, and whose data is the newest has not been started."""
    found = await situation(scene.facts)
    # Of a cluster that was never finished nothing can be lost.
    if found.leads or not found.etcd or _unfinished(await scene.facts.dcs()):
        return []
    first = {
        decision.first
        for member in found.members
        if member.data != "unknown" and (decision := decide(found, member.name)).verdict == "first"
    }
    return [Sign((member.name,), f"timeline {member.timeline}") for member in found.members if member.name in first]


async def took_over(facts: Facts, node: Node) -> str | None:
    """It leads with a server that has none of what a cluster of Patroni's own is made with, and no rows either."""
    keys = await facts.dcs()
    if keys.get("leader") != node.name or "config" not in keys:
        return None
    status, out = await facts.command(node, _ROLES)
    return "" if status == 0 and out.split() == ["0"] else None


async def paused(scene: Scene) -> Sequence[Sign]:
    """The cluster is in maintenance mode."""
    try:
        on = bool((await scene.facts.config()).get("pause"))
    except (LabError, ValueError):
        return []
    return [Sign((), "")] if on else []


async def superuser(facts: Facts, node: Node) -> str | None:
    """The superuser's password is not the lab's any more."""
    try:
        await facts.query(node, "select 1")
    except LabError as error:
        refused = 'password authentication failed for user "postgres"' in error.what
        # Where he has none, Patroni did not make the server, which is a mistake of its own.
        return "" if refused and await no_password(facts, node) is None else None
    return None


async def _ended(facts: Facts, node: Node) -> str:
    """The last words of a Patroni that does not run; empty while one does."""
    return "" if await runs(facts, node, "patroni") else await tail(facts, node, *LOGS)


async def _says(facts: Facts, node: Node, words: str) -> str | None:
    """Whether the logs of a node that does not lead and does not stream end with words of this pattern."""
    if await _well(facts, node):
        return None
    # What was said before it last streamed was mended then.
    since = (await tail(facts, node, *LOGS, SERVER_LOGS)).rpartition(_STREAMED)[2]
    return "" if re.search(words, since) else None


async def _well(facts: Facts, node: Node) -> bool:
    """The node's server leads or streams, whatever its logs tell of before."""
    try:
        truth = await facts.patroni(node)
    except LabError:
        # A Patroni that is gone or stands still leaves its server streaming.
        return (await facts.command(node, _STREAMS))[1].strip() == "t"
    return truth.get("replication_state") == "streaming" or (
        role(truth) == "leader" and truth.get("state") == "running"
    )


MISTAKES: Mapping[str, Mistake] = {
    "patroni-root": Mistake(
        on_nodes(as_root, data),
        "Patroni was started as {detail} on {nodes}: PostgreSQL refuses to be run by root.",
        "End it (as root: pkill -f /patroni), give /pgha, /pgdata and /var/log/patroni back to postgres, and start it "
        "as postgres.",
    ),
    "patroni-no-majority": Mistake(
        no_majority,
        "Patroni can only wait: etcd has {detail} members that are needed.",
        "Start etcd on the nodes on which it has ended.",
        severity="critical",
        begun=begun.patroni,
    ),
    "patroni-given-up": Mistake(
        given_up,
        "A cluster was begun and never finished: {detail}.",
        "Look at the end of /var/log/patroni/patroni.out for the reason; when it is mended, delete the key where it "
        "stands (etcdctl del /pgha/pgha_patroni_cluster/initialize), empty the data directory, start Patroni.",
        severity="critical",
    ),
    "patroni-other-system": Mistake(
        on_nodes(other_system, data),
        "The data directory of {nodes} belongs to another cluster, so that Patroni ended there.",
        "Run the step that empties it (it asks first), then start Patroni there: it copies the leader.",
    ),
    "patroni-ended": Mistake(
        on_nodes(has_ended("patroni", MANAGED), data),
        "Patroni has run on {nodes}, and does not run there now.",
        "Start it there as postgres (lessons 10 and 11); the end of /var/log/patroni/patroni.log says why it ended.",
    ),
    "patroni-led-last": Mistake(
        led_last,
        "{nodes} led last ({detail}), and its Patroni does not run.",
        "Start Patroni on {nodes} first: another one would lead with older data, and rows would be lost.",
        severity="critical",
    ),
    "patroni-took-over": Mistake(
        on_nodes(took_over, data),
        "Patroni took over an unused directory on {nodes}: replicator and bubba are missing, and nobody can follow.",
        "End it there, remove its keys (etcdctl del --prefix /pgha/pgha_patroni_cluster/), empty the directory, start.",
        severity="critical",
    ),
    "patroni-no-password": Mistake(
        on_nodes(no_password, data),
        "Patroni on {nodes} cannot log in to PostgreSQL: it did not make that data directory.",
        "Stop both there, {detail}empty the data directory, and start Patroni, which makes its own.",
    ),
    "replicator-password": Mistake(
        on_nodes(replicator_password, data),
        "The leader refused the password of replicator from {nodes}.",
        "There, as postgres: /patroniSetup.sh, then start Patroni anew.",
    ),
    "replicator-rule": Mistake(
        on_nodes(replicator_rule, data),
        "The leader has no rule in pg_hba for replicator from {nodes}.",
        "Lesson 12 sets the rules for the whole cluster: run its step, or add the rule with patronictl edit-config.",
    ),
    "replica-behind": Mistake(
        on_nodes(wal_removed, data),
        "{nodes} cannot follow: the leader no longer has the WAL that it needs.",
        "patronictl -c /pgha/config/patroni.yaml reinit pgha_patroni_cluster {nodes}",
    ),
    "nobody-writes": Mistake(
        nobody_writes,
        "Nobody takes writes ({nodes} only read): without a majority of etcd the leader gave up leading.",
        "Start etcd on the nodes on which it has ended; Patroni does the rest.",
        severity="critical",
    ),
    "paused": Mistake(
        paused,
        "The cluster is in maintenance mode: Patroni fails over to nobody.",
        "patronictl -c /pgha/config/patroni.yaml resume",
        severity="notice",
    ),
    "superuser-password": Mistake(
        on_nodes(superuser, data),
        "{nodes} refuses the password of postgres that this lab was made with.",
        "Set it back on the leader: alter role postgres password '…', with the one that `pghalab up` was given.",
    ),
}
