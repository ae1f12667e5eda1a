"""Which Patroni may be started first, so that no row that anybody was told of is lost.

When nobody leads, the first Patroni that finds a majority in etcd takes the lead with the data it has; what another one
wrote after that is undone by pg_rewind or a new copy once it returns (patroni#1411, #1521, #2175, #3349). So the member
that led last starts first, or one that provably has everything it wrote.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from pghalab.values import dataclass

Data = Literal["primary", "replica", "empty", "unknown"]
"""What the data directory of a node is: that of a server that took writes when it ended (or does so now), that of one
that only followed, none at all, or nothing that anybody could look at."""


@dataclass(frozen=True, slots=True)
class Member:
    """What is known of the data on one node."""

    name: str
    data: Data
    timeline: int = 0
    position: int = 0
    """Bytes: how far the data reaches for certain; a server that crashed may have written more."""
    system: str = ""
    """The system identifier of the cluster that the data belongs to."""
    closed: bool = False
    """A primary that was shut down in order: `position` is the end of all it wrote."""
    patroni: bool = False
    """Its Patroni runs."""
    why: str = ""
    """Why nobody could look, in words that name the node: `pgha3 is out of reach`."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a cluster before a Patroni is started."""

    members: tuple[Member, ...]
    leads: str = ""
    """The member that holds the leader key and takes writes now, by its own word."""
    etcd: bool = True
    """etcd answered."""
    initialize: str = ""
    """The cluster's system identifier in etcd; empty before its birth, or when etcd did not answer."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a Patroni may be started, and if not, why and what to do."""

    verdict: Literal["start", "first", "wait", "refuse"]
    """It may; another one (`first`) has to be started before; that one runs and does not lead yet; nobody can tell."""
    first: str = ""
    reason: str = ""
    unseen: tuple[str, ...] = ()
    """The nodes that nobody could look at, when that is why nobody can tell."""


START = Decision("start")


def decide(situation: Situation, wanted: str, without: Collection[str] = ()) -> Decision:
    """Whether Patroni may be started on a node; every member with data counts, running or not.

    `without` names members that count as lost if nobody can look at them: whoever asks accepts to lose what only they
    have. One that can be looked at counts all the same, and so does the one that is wanted.
    """
    me = next(member for member in situation.members if member.name == wanted)
    if situation.leads:
        return START
    unknown = [member for member in situation.members if member.data == "unknown"]
    if me in unknown:
        return _unknown([me])
    unknown = [member for member in unknown if member.name not in without]
    with_data = [member for member in situation.members if member.data in ("primary", "replica")]
    if situation.initialize:
        # Data of another cluster is nothing that this one can lose, and Patroni itself refuses to start on it.
        with_data = [member for member in with_data if member.system == situation.initialize]
    elif len({member.system for member in with_data}) > 1:
        return _two_clusters(with_data)
    if not with_data:
        # Without etcd's word a cluster may exist on the nodes that nobody could look at. With it there is nothing to
        # lose: a key that says so keeps a member without data waiting, and before the birth there are no rows.
        return START if situation.etcd or not unknown else _unknown(unknown)
    newest = max(member.timeline for member in with_data)
    leaders = [member for member in with_data if member.data == "primary" and member.timeline == newest]
    if len(leaders) > 1:
        return _two_leaders(leaders)
    last = leaders[0] if leaders else max(with_data, key=lambda member: (member.timeline, member.position))
    # etcd's history proves nothing: a leader writes its promotion there only a loop after it took its first rows.
    if unknown:
        return _unknown(unknown)
    if me == last or (me in with_data and _has_all(me, last)):
        return START
    return _other_first(me, last)


def _has_all(me: Member, last: Member) -> bool:
    """Whether a member has everything that the last leader wrote."""
    if me.timeline != last.timeline or me.position < last.position:
        return False
    # Nobody knows how much a leader wrote that crashed, or still writes.
    return last.closed or last.data == "replica"


def _other_first(me: Member, last: Member) -> Decision:
    if last.patroni:
        return Decision("wait", last.name, f"{last.name} led last; its Patroni runs and does not lead yet.")
    has = f"the data on {me.name} {_where(me)}" if me.data != "empty" else f"{me.name} has no data yet"
    lost = f"Started first, {me.name} would lead with older data, and rows would be lost."
    if me.data == "empty":
        lost = f"Started first, {me.name} has nothing to copy from, and could begin a cluster of its own."
    led = "led last" if last.data == "primary" else "has the newest data"
    return Decision("first", last.name, f"{last.name} {led}: its data {_where(last)}, {has}. {lost}")


def _where(member: Member) -> str:
    return f"is on timeline {member.timeline} at {lsn(member.position)}"


def _unknown(members: Sequence[Member]) -> Decision:
    seen = "; ".join(member.why or f"{member.name} is out of reach" for member in members)
    names = tuple(member.name for member in members)
    return Decision("refuse", reason=f"Who led last cannot be checked: {seen}.", unseen=names)


def _two_clusters(members: Sequence[Member]) -> Decision:
    found = ", ".join(f"{member.name} of {member.system}" for member in members)
    todo = "Remove the data directory (/pgdata/17/data) of the one that is not wanted, in a shell of its node."
    return Decision("refuse", reason=f"The data belongs to different clusters: {found}. {todo}")


def _two_leaders(members: Sequence[Member]) -> Decision:
    found = " and ".join(f"{member.name} ({lsn(member.position)})" for member in members)
    todo = "Start the one whose rows are to stay in a shell of its node; the other is copied anew."
    return Decision("refuse", reason=f"{found} both led on timeline {members[0].timeline}. {todo}")


def lsn(position: int) -> str:
    """A position as PostgreSQL writes it: `0/5000060`."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def parsed(text: str) -> int:
    """A position from PostgreSQL's way of writing it; 0 for anything else."""
    high, _, low = text.strip().partition("/")
    try:
        return (int(high, 16) << 32) + int(low, 16)
    except ValueError:
        return 0
