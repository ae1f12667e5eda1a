"""Why a line differs, where that can be told from the pair and from what is known of the lab."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from pghalab.cluster.model import NodeHealth, Service
from pghalab.course.expected.model import Difference, Row, Situation
from pghalab.course.localise import Names
from pghalab.values import dataclass

_LONGEST = 100
"""Characters of what differs that a note can hold."""
_RUNS: tuple[Service, ...] = ("running", "starting", "waiting")


@dataclass(frozen=True, slots=True)
class _Case:
    """One line that is not the same, and all that may explain it."""

    row: Row
    rows: Sequence[Row]
    names: Names
    situation: Situation

    @property
    def text(self) -> str:
        """What was printed; of a line that was not, what was expected."""
        return self.row.real if self.row.real is not None else self.row.expected or ""

    @property
    def node(self) -> str:
        """The node that the line is about, if it names one first or stands below its heading."""
        pattern = rf"(?<![\w-]){re.escape(self.names.prefix)}[1-9]\d?\b"
        for text in (self.row.about, self.text):
            if found := re.search(pattern, text):
                return found[0]
        return ""

    @property
    def health(self) -> NodeHealth | None:
        """What is known of that node."""
        return next((node for node in self.situation.nodes if node.name == self.node), None)

    def changed(self, column: str) -> Difference | None:
        """What differs in a column."""
        return next((found for found in self.row.differences if found.column == column), None)


Reason = Callable[[_Case], str]


def _elected(case: _Case) -> str:
    if not any(found.type == "elected" for found in case.row.differences):
        return ""
    if case.row.table == "etcd":
        return "another member won the election: that is fine"
    return "another node leads than when this was recorded: that is fine"


def _not_in_lab(case: _Case) -> str:
    known = {node.name for node in case.situation.nodes}
    return f"this lab has no {case.node}" if known and case.node and case.node not in known else ""


def _node_away(case: _Case) -> str:
    if case.row.verdict != "missing" or case.health is None or case.health.container == "running":
        return ""
    return f"{case.node} has no line here: its container is {case.health.container}"


def _service_away(case: _Case) -> str:
    """A row of a table whose service says nothing on that node."""
    if case.row.verdict != "missing" or case.health is None or case.row.table not in ("etcd", "patroni"):
        return ""
    service = case.health.etcd if case.row.table == "etcd" else case.health.patroni
    if service in _RUNS or service == "unknown":
        return ""
    name = "etcd" if case.row.table == "etcd" else "Patroni"
    says = "does not answer" if service == "no answer" else "does not run"
    return f"{case.node} has no line here: its {name} {says}"


def _state(case: _Case) -> str:
    found = case.changed("State") or case.changed("state")
    if found is None:
        return ""
    node = case.node or "it"
    return {
        "stopped": f"PostgreSQL on {node} does not run",
        "starting": f"PostgreSQL on {node} is only just starting: look again in some seconds",
        "running": f"{node} runs and does not stream: look again in some seconds",
        "creating replica": f"{node} still copies the data: look again when that is over",
        "start failed": f"PostgreSQL on {node} did not start; its log says why",
        "streaming": f"{node} streams already" if found.expected in ("running", "creating replica") else "",
        "in archive recovery": f"{node} does not reach the leader, so it does not stream",
    }.get(found.real, "")


def _no_leader(case: _Case) -> str:
    found = case.changed("Role") or case.changed("IS LEADER")
    if found is None or found.type or found.expected not in ("Leader", "true"):
        return ""
    return "nobody leads now"


def _errors(case: _Case) -> str:
    found = case.changed("ERRORS")
    if found is None or "no leader" not in found.real:
        return ""
    return "this member sees no leader: fewer than a majority of the members run, or they do not reach each other"


_SAID: tuple[tuple[str, str], ...] = (
    (r"Failed to get the status of endpoint", "this member did not answer"),
    (
        r"context deadline exceeded|request timed out",
        "etcd gave no answer in time: it does not run there, or fewer than a majority do",
    ),
    (r"connection refused", "nobody listens there: the service does not run"),
    (r"command not found", "the node knows no such command: a typing error, or another user's path"),
    (r"No such file or directory", "the file is not there: a step before may be missing, or the name is mistyped"),
    (r"Permission denied", "this user may not: the step is meant for another user, or a file belongs to another"),
    (r"no pg_hba\.conf entry", "no rule lets this user in from this address (the lesson on pg_hba)"),
    (r"password authentication failed", "the server refused the password"),
    (r"Could not resolve hostname|could not translate host name", "no node has this name"),
    (r"already in use", "somebody listens there already: it may have been started twice"),
    (r"has already been bootstrapped", "the cluster knows this member, whose data is gone"),
    (r"has the wrong ownership|must be (?:run|started) as|cannot be run as root", "started as another user than meant"),
    (r"recovery is in progress|read-only transaction", "this server is a replica: it takes no writes"),
)
"""What programs say, and what it means."""


def _said(case: _Case) -> str:
    if case.row.verdict not in ("differs", "extra") or case.row.real is None:
        return ""
    return next((words for pattern, words in _SAID if re.search(pattern, case.row.real)), "")


def _timeline(case: _Case) -> str:
    found = case.changed("TL")
    if found is None or not found.type or not found.real:
        return ""
    return "the timeline grows with each change of the leader"


def _lag(case: _Case) -> str:
    found = case.changed("Lag")
    if found is None or not found.real.isdigit() or found.real == "0":
        return ""
    return "behind the leader at that moment; look again, it goes back to 0"


def _place(case: _Case) -> str:
    """Where they differ, in a line of which most is the same."""
    off = [found for found in case.row.differences if not found.type]
    if case.row.verdict != "differs" or sum(len(found.expected) + len(found.real) for found in off) > _LONGEST:
        return ""
    places = (f"{found.column}: " if found.column else "" for found in off)
    return ", ".join(
        f"{place}{_named(found.real)} in place of {_named(found.expected)}"
        for place, found in zip(places, off, strict=True)
    )


def _named(text: str) -> str:
    return f"`{text}`" if text else "nothing"


REASONS: tuple[Reason, ...] = (
    _not_in_lab, _node_away, _service_away, _no_leader, _elected, _errors, _state, _said, _place, _timeline, _lag,
)  # fmt: skip
"""The first that has something to say says it."""


def explained(rows: Sequence[Row], names: Names, situation: Situation) -> Iterator[Row]:
    """The rows with a note on each that is not the same, where one is known."""
    for row in rows:
        yield row if row.verdict == "same" else replace(row, note=_first(_Case(row, rows, names, situation)))


def _first(case: _Case) -> str:
    notes: Iterable[str] = (reason(case) for reason in REASONS)
    return next((note for note in notes if note), "")
