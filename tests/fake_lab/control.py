"""What `pg_controldata` says of the data on a node whose server does not run."""

from __future__ import annotations

from pghalab.lab.types import Result
from tests.fake_lab.lab import FakeLab

SYSTEM = "7573485601442316865"
"""The system identifier of the cluster that the data belongs to."""
CONTROL = """pg_control version number:            1700
Database system identifier:           7573485601442316865
Database cluster state:               {state}
pg_control last modified:             Wed 25 Nov 2026 09:24:01 AM UTC
Latest checkpoint location:           0/5000060
Latest checkpoint's REDO location:    0/5000028
Latest checkpoint's TimeLineID:       2
Latest checkpoint's PrevTimeLineID:   2
Minimum recovery ending location:     {minimum}
Min recovery ending loc's timeline:   {timeline}
"""


def at(lab: FakeLab, node: str, state: str, timeline: int, location: str, *, mark: str = "patroni: yes\n") -> None:
    """A node's server ended, in this state and so far."""
    text = CONTROL.format(state=state, minimum="0/0", timeline=timeline).replace("0/5000060", location) + mark
    lab.nodes[node].answers["pg_controldata"] = Result(0, text, "", 0.0)


def none(lab: FakeLab, *nodes: str) -> None:
    """Nodes have no data."""
    for node in nodes:
        lab.nodes[node].answers["pg_controldata"] = Result(3, "", "", 0.0)
