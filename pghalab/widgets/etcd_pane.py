"""The etcd pane: `endpoint status` of every member, and the arithmetic of the quorum."""

from __future__ import annotations

from typing import ClassVar

from textual.content import Content

from pghalab.cluster.model import EtcdEndpoint, EtcdView
from pghalab.widgets.glyphs import ACCENT, BAD, OK, QUIET, WARN
from pghalab.widgets.pane import LivePane
from pghalab.widgets.table import Column
from pghalab.widgets.text import plain, size


class EtcdPane(LivePane[EtcdView]):
    """The consensus layer."""

    TITLE = "etcd"
    NOTHING = "No etcd yet: the step that starts the first member brings it."
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("endpoint", "ENDPOINT"),
        Column("id", "ID", 5),
        Column("version", "VERSION", 7),
        Column("size", "DB SIZE", 4, right=True),
        Column("leader", "IS LEADER", 1),
        Column("learner", "IS LEARNER", 8),
        Column("term", "RAFT TERM", 2, right=True),
        Column("index", "RAFT INDEX", 3, right=True),
        Column("applied", "RAFT APPLIED INDEX", 6, right=True),
        # Rank 9: takes no room while every cell is empty.
        Column("errors", "ERRORS", 9),
    )

    def facts(self, value: EtcdView) -> Content:
        """`members 5, majority 3, alive 5, can still lose 2`."""
        if not value.members:
            return Content.styled(self.NOTHING, QUIET)
        if not value.has_quorum:
            verdict = Content.styled(f"✗ NO QUORUM, {value.majority - value.alive} more needed", f"bold {BAD}")
        elif value.can_lose == 0:
            verdict = Content.styled("can still lose 0", f"bold {WARN}")
        else:
            verdict = Content.styled(f"can still lose {value.can_lose}", OK)
        return Content.assemble(f"members {value.members}, majority {value.majority}, alive {value.alive}, ", verdict)

    def rows(self, value: EtcdView) -> list[dict[str, Content]]:
        """One row for each endpoint."""
        formed = value.members or any(endpoint.raft_term is not None for endpoint in value.endpoints)
        return [_row(endpoint) for endpoint in value.endpoints] if formed else []


def _row(member: EtcdEndpoint) -> dict[str, Content]:
    answers = member.raft_term is not None

    def cell(value: object, style: str = "") -> Content:
        return Content.styled("-", QUIET) if value is None else plain(str(value), style)

    if not answers:
        leader = Content.styled("✗ no answer", BAD)
    elif member.is_leader:
        leader = Content.styled("★ true", f"bold {ACCENT}")
    else:
        leader = plain("○ false")
    return {
        "endpoint": plain(member.endpoint, "bold"),
        "id": cell(member.member_id),
        "version": cell(member.version),
        "size": cell(None if member.db_size is None else size(member.db_size)),
        "leader": leader,
        "learner": cell(None if member.is_learner is None else str(member.is_learner).lower()),
        "term": cell(member.raft_term),
        "index": cell(member.raft_index),
        "applied": cell(member.raft_applied_index),
        "errors": plain(member.errors, BAD),
    }
