"""The Patroni pane: what `patronictl list` prints, and whether each node's own REST API answers."""

from __future__ import annotations

from typing import ClassVar

from textual.content import Content

from pghalab.cluster.model import PatroniMember, PatroniView
from pghalab.widgets import glyphs
from pghalab.widgets.glyphs import BAD, OK, QUIET, WARN
from pghalab.widgets.pane import LivePane
from pghalab.widgets.table import Column
from pghalab.widgets.text import lsn, plain, size


class PatroniPane(LivePane[PatroniView]):
    """The data layer."""

    TITLE = "Patroni"
    NOTHING = "No cluster yet: the step that bootstraps the leader brings it."
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("member", "Member"),
        Column("host", "Host", 8),
        Column("role", "Role", 1),
        Column("state", "State", 2),
        Column("tl", "TL", 3, right=True),
        Column("receive", "Receive LSN", 6, right=True),
        Column("receive_lag", "Lag", 7, right=True),
        Column("replay", "Replay LSN", 5, right=True),
        Column("replay_lag", "Lag", 4, right=True),
        # Rank 9: takes no room while every cell is empty.
        Column("note", "Note", 9),
    )

    def facts(self, value: PatroniView) -> Content:
        """The cluster's name and system identifier, and what is out of the ordinary."""
        if not value.system_id and value.leader is None and not value.members:
            return Content.styled(self.NOTHING, QUIET)
        parts = [plain(f"{value.scope} ({value.system_id})" if value.system_id else f"{value.scope} (initialising)")]
        if value.leader is None:
            parts.append(Content.styled("✗ NO LEADER", f"bold {BAD}"))
        if value.paused:
            parts.append(Content.styled("‖ maintenance mode", f"bold {WARN}"))
        return Content(" · ").join(parts)

    def rows(self, value: PatroniView) -> list[dict[str, Content]]:
        """One row for each member."""
        return [_row(member) for member in value.members]


def _row(member: PatroniMember) -> dict[str, Content]:
    notes = []
    if member.pending_restart:
        notes.append("pending restart")
    if not member.answers:
        notes.append("does not answer")
    return {
        "member": plain(member.name, "bold"),
        "host": plain(member.host),
        "role": glyphs.role(clean_word(member.role)),
        "state": glyphs.state(clean_word(member.state)) if member.answers else Content.styled("✗ no answer", BAD),
        "tl": plain("" if member.timeline is None else str(member.timeline)),
        "receive": plain(lsn(member.receive_lsn)),
        "receive_lag": _lag(member.receive_lag),
        "replay": plain(lsn(member.replay_lsn)),
        "replay_lag": _lag(member.replay_lag),
        "note": Content.styled(", ".join(notes), WARN),
    }


def clean_word(word: str) -> str:
    """A role or state in one short line."""
    return plain(word).plain.replace("\n", " ")[:30]


def _lag(count: int | None) -> Content:
    if count is None:
        return Content("")
    return Content.styled("0", OK if count == 0 else QUIET) if count == 0 else Content.styled(size(count), WARN)
