"""What a verb is: its name and words, its options on the command line, and the ways in which the console offers it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal

    from pghalab.session.backend import Stream
    from pghalab.session.session import Session

    Asks = Literal["", "settings", "name", "snapshot", "lesson"]


class Option:
    """An option or argument of a verb on the command line; `how` is what argparse's `add_argument` takes."""

    def __init__(self, *flags: str, either: str = "", setting: bool = False, **how: Any) -> None:
        self.flags = flags
        self.either = either
        """Of the options with this word only one may be said, and with a word that ends in `!` one must be."""
        self.setting = setting
        """It changes the setting of the lab that is named like its `dest`."""
        self.how = how

    @property
    def dest(self) -> str:
        """Under which name its value is taken: as it says, or an argument's own name; empty for other options."""
        argument = "" if self.flags[0].startswith("-") else self.flags[0]
        return str(self.how.get("dest", argument))


class Way:
    """One way in which the console offers a verb: a line of the lab menu and of the palette."""

    def __init__(
        self,
        title: str,
        words: str,
        *,
        warning: str = "",
        asks: Asks = "",
        starts: Callable[[Session], object] | None = None,
        palette: bool = True,
        **options: bool,
    ) -> None:
        self.title = title
        self.words = words
        """What it does, after the title."""
        self.warning = warning
        """What has to be confirmed first."""
        self.asks = asks
        """What the learner is asked first: settings of the lab, a snapshot's name, which one, how to start over."""
        self.starts = starts
        """What is done instead of running the verb on the lab."""
        self.palette = palette
        """The palette has it too, not only the lab menu."""
        self.options = options
        """With which options the verb runs."""


class Verb:
    """Something that can be asked of pghalab."""

    def __init__(
        self,
        name: str,
        words: str,
        call: str,
        *,
        more: str = "",
        ends: str = "",
        example: str = "",
        options: tuple[Option, ...] = (),
        runs: Callable[..., Stream] | None = None,
        changes: bool = False,
        looks: bool = False,
        ways: tuple[Way, ...] = (),
    ) -> None:
        self.name = name
        self.words = words
        """What it does, in a few words that begin small."""
        self.call = call
        """What the command line calls with the parsed arguments: a module of `pghalab.verbs` and a function in it."""
        self.more = more
        """What its help says beyond the words."""
        self.ends = ends
        """Its exit statuses, where there are more than 0 and 1: a line each."""
        self.example = example or f"pghalab {name}"
        self.options = options
        self.runs = runs
        """What it does to a lab, as a stream of output: called with the lab and the options that it takes."""
        self.changes = changes
        """It changes the lab or the progress, so that only the one who drives the lab may run it."""
        self.looks = looks
        """It writes nothing but what it is asked for: no state folder, no key, no settings, nothing in the nodes."""
        self.ways = ways
        """How the console offers it; without any it is on the command line only."""

    def takes(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Those of the command line's arguments that `runs` takes."""
        names = {option.dest for option in self.options if option.dest and not option.setting}
        return {name: value for name, value in arguments.items() if name in names and name != "force"}
