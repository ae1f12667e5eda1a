"""What a presenter switches in a show, whatever step it is at: light and dark, the pace, who types, what is seen."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pghalab.session.demo.pace import Tempo
from pghalab.session.demo.stand_in import StandIn
from pghalab.session.demo.trail import Trail


class Switches(ABC):
    """How things are switched; each change is told."""

    def __init__(self, tempo: Tempo, stand_in: StandIn) -> None:
        self.tempo, self.stand_in = tempo, stand_in
        self.paused = False
        self.black = False
        """The room sees nothing."""
        self.cluster = False
        """It sees the live panes instead of the step."""
        self.own_shell = False
        """The presenter types in a shell."""
        self.by_keys = False
        """Each key brings out one character of a command."""
        self.trail = Trail()

    @abstractmethod
    def _moved(self) -> None:
        """Something is otherwise."""

    @property
    def held(self) -> bool:
        """Nothing goes on by itself."""
        return self.paused or self.black or self.cluster or self.own_shell or self.trail.back is not None

    def pause(self) -> None:
        """Stand still, or go on."""
        self.paused = not self.paused
        self._moved()

    def faster(self) -> None:
        """Type and wait faster."""
        self.tempo = self.tempo.faster(1)
        self._moved()

    def slower(self) -> None:
        """Type and wait longer."""
        self.tempo = self.tempo.faster(-1)
        self._moved()

    def darken(self) -> None:
        """Show nothing to the room, or show it again."""
        self.black = not self.black
        self._moved()

    def panes(self) -> None:
        """Show the live panes instead, or the step again."""
        self.cluster = not self.cluster
        self._moved()

    def recorded(self) -> None:
        """Show the recorded run of the step while the real one goes on, or the real one again."""
        self.stand_in.turn()
        self._moved()

    def type_by_keys(self) -> None:
        """Let each key bring out one character, or let them come by themselves again."""
        self.by_keys = not self.by_keys
        self._moved()

    def lend(self) -> None:
        """The presenter types in a shell."""
        self.own_shell = True
        self._moved()

    def present(self) -> bool:
        """Show the step at hand again, where something else is shown; False when nothing else is."""
        elsewhere = self.black or self.cluster or self.trail.back is not None
        self.black = self.cluster = False
        self.trail.back = None
        self._moved()
        return elsewhere
