"""How far long work is, as a bar."""

from __future__ import annotations

from textual.widgets import ProgressBar

from pghalab.lab.types import Part


class PartBar(ProgressBar):
    """There only while work runs that tells how far it is; it never moves by itself."""

    DEFAULT_CSS = """
    PartBar { height: 1; width: 1fr; padding: 0 1; display: none; }
    PartBar Bar { width: 1fr; max-width: 60; }
    """

    def __init__(self) -> None:
        super().__init__(total=1, show_percentage=False, show_eta=False)

    def show(self, part: Part | None) -> None:
        """Show this part as the one that goes on; None: nothing tells."""
        self.display = part is not None
        if part is not None:
            # What has begun is not done yet.
            self.update(total=part.of, progress=part.number - 0.5)
