"""What a show has shown so far, to be looked back at; nothing of it is undone."""

from __future__ import annotations

from pghalab.session.demo.standing import Phase


class Trail:
    """The pages of a show, in order: the words of each step, and what came of it."""

    def __init__(self) -> None:
        self._pages: list[tuple[int, Phase]] = []
        self.back: int | None = None
        """The place of the page that is looked back at; None when the step at hand is shown."""

    def at(self, step: int, phase: Phase) -> None:
        """The step at this place of the program is shown so."""
        page = (step, phase)
        if phase in ("say", "seen") and page != self._last:
            self._pages.append(page)

    @property
    def _last(self) -> tuple[int, Phase] | None:
        return self._pages[-1] if self._pages else None

    @property
    def page(self) -> tuple[int, Phase] | None:
        """What is looked back at."""
        return None if self.back is None else self._pages[self.back]

    def backward(self, *, here: bool) -> None:
        """One page further back; `here`: the last page is what is shown anyway."""
        if self.back is not None:
            self.back = max(0, self.back - 1)
        elif (at := len(self._pages) - (2 if here else 1)) >= 0:
            self.back = at

    def forward(self, *, here: bool) -> None:
        """One page on; behind the last one to the step at hand."""
        if self.back is not None:
            last = len(self._pages) - (2 if here else 1)
            self.back = self.back + 1 if self.back < last else None
