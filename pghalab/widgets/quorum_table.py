"""The arithmetic of a quorum to play with: members, majority, failures survived."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Button, Static

from pghalab.cluster.model import EtcdView
from pghalab.widgets.glyphs import BAD, OK, QUIET
from pghalab.widgets.keys import bindings, label

MOST = 9


class QuorumTable(Vertical, can_focus=True):
    """Members are added and removed, and fail and return; the verdict follows."""

    DEFAULT_CSS = """
    QuorumTable { height: auto; width: 1fr; border-left: thick $primary; padding: 0 0 0 1; }
    QuorumTable:focus { background: $boost; }
    QuorumTable .buttons { height: auto; margin: 1 0 0 0; }
    QuorumTable Button { margin: 0 1 0 0; min-width: 6; }
    QuorumTable Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("quorum")
    members: reactive[int] = reactive(5)
    failed: reactive[int] = reactive(0)

    def compose(self) -> ComposeResult:
        """The picture, the table, the buttons."""
        yield Static(self._picture(), id="quorum")
        with Horizontal(classes="buttons"):
            yield Button(label(self, "Fewer", "quorum.fewer"), compact=True, id="fewer")
            yield Button(label(self, "More", "quorum.more"), compact=True, id="more")
            yield Button(label(self, "Fail one", "quorum.fail"), compact=True, variant="error", id="fail")
            yield Button(label(self, "Bring one back", "quorum.back"), compact=True, variant="success", id="back")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The same as the keys."""
        event.stop()
        match event.button.id:
            case "fewer":
                self.action_members(-1)
            case "more":
                self.action_members(1)
            case "fail":
                self.action_failed(1)
            case _:
                self.action_failed(-1)

    def action_members(self, by: int) -> None:
        """Add or remove a member."""
        self.members = min(MOST, max(1, self.members + by))
        self.failed = min(self.failed, self.members)

    def action_failed(self, by: int) -> None:
        """Let a member fail or come back."""
        self.failed = min(self.members, max(0, self.failed + by))

    def watch_members(self) -> None:
        """Show it."""
        self._repaint()

    def watch_failed(self) -> None:
        """Show it."""
        self._repaint()

    @property
    def view(self) -> EtcdView:
        """The same arithmetic as that of the live etcd pane."""
        return EtcdView((), self.members, self.members - self.failed)

    def _repaint(self) -> None:
        for picture in self.query("#quorum").results(Static):
            picture.update(self._picture())

    def _picture(self) -> Content:
        view = self.view
        picture: list[tuple[str, str]] = [("● ", OK)] * view.alive + [("✗ ", BAD)] * self.failed
        if view.has_quorum:
            verdict = (f"✓ quorum: {view.alive} of {view.members} agree, can still lose {view.can_lose}", OK)
        else:
            verdict = (f"✗ no quorum: {view.majority} needed, {view.alive} left; no leader, no writes", BAD)
        lines = [
            Content.assemble(*picture, ("  ", ""), verdict),
            Content(""),
            Content.styled("   Members   Majority   Failures survived", QUIET),
        ]
        for count in range(1, MOST + 1):
            row = EtcdView((), count, count)
            mark = "▸" if count == self.members else " "
            note = "  no gain over " + str(count - 1) if count % 2 == 0 else ""
            text = f" {mark} {count:^7}   {row.majority:^8}   {row.can_lose:^17}"
            lines.append(Content.assemble((text, "bold reverse" if count == self.members else ""), (note, QUIET)))
        return Content("\n").join(lines)
