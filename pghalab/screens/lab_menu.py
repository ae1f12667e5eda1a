"""The lab menu: build, create, start, stop, restart and remove, with what each prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from pghalab.screens import messages
from pghalab.screens.messages import SessionMessage
from pghalab.screens.parts import LabParts, Verb
from pghalab.widgets.condition import condition
from pghalab.widgets.glyphs import BAD, OK, QUIET, WARN
from pghalab.widgets.keyline import KeyLine
from pghalab.widgets.output import OutputView

if TYPE_CHECKING:
    from pghalab.screens.console import Console


@dataclass(frozen=True, slots=True)
class Entry:
    """One verb: its name, what it does, and what has to be confirmed."""

    name: str
    title: str
    does: str
    warning: str = ""


ENTRIES = (
    Entry("build", "Build", "the image with PostgreSQL, etcd and Patroni; quick when nothing changed"),
    Entry("up", "Up", "create what is missing and start it"),
    Entry("up-auto", "Up, elsewhere", "the same, on the next free subnet when addresses are taken"),
    Entry("start", "Start", "the existing nodes"),
    Entry("stop", "Stop", "the nodes; what is on their disks stays"),
    Entry("restart", "Restart", "the nodes", "Every node is stopped and started again. Services on them end."),
    Entry("rm", "Remove nodes", "the containers; the volumes stay", "The containers are removed; the volumes stay."),
    Entry(
        "down",
        "Remove lab",
        "containers and network; the volumes stay",
        "The containers and the network of this lab are removed; the volumes stay.",
    ),
    Entry(
        "down-volumes",
        "Remove all",
        "containers, network and the data",
        "Everything of this lab is removed, its data included. This cannot be undone.",
    ),
)


def start_verb(lab: LabParts, name: str) -> Verb:
    """The generator that does what an entry says."""
    match name:
        case "up-auto":
            return lab.up(auto=True)
        case "down-volumes":
            return lab.down(volumes=True)
        case _:
            verbs = {
                "build": lab.build,
                "up": lab.up,
                "start": lab.start,
                "stop": lab.stop,
                "restart": lab.restart,
                "rm": lab.rm,
                "down": lab.down,
            }
            return verbs[name]()


class LabScreen(Screen[None]):
    """Everything that changes the lab itself."""

    DEFAULT_CSS = """
    LabScreen #condition { height: auto; width: 1fr; padding: 0 1; background: $panel; }
    LabScreen OptionList { height: auto; max-height: 11; border: none; padding: 0 1; margin: 1 0;
        background: transparent; }
    LabScreen #status { height: 1; width: 1fr; padding: 0 1; }
    LabScreen OutputView { height: 1fr; max-height: 100%; }
    """
    HELP = "# The lab\n**Enter** does what the line says. What removes something asks first."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "Back", id="lab.back"),
        Binding("x,f8", "stop_verb", "Stop", id="lab.stop"),
        Binding("j", "move(1)", show=False, id="lab.down"),
        Binding("k", "move(-1)", show=False, id="lab.up"),
        Binding("d,f7", "app.doctor", "Doctor", id="lab.doctor"),
        Binding("y,f6", "copy_output", "Copy the output", id="lab.copy"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._shown = -1

    @property
    def console(self) -> Console:
        """The app."""
        return cast("Console", self.app)

    def compose(self) -> ComposeResult:
        """The condition, the verbs, the output."""
        yield Static("", id="condition")
        yield OptionList(
            *(
                Option(
                    Content.assemble((f"{entry.title:<15}", "bold"), (entry.does, QUIET), ("  asks first", WARN))
                    if entry.warning
                    else Content.assemble((f"{entry.title:<15}", "bold"), (entry.does, QUIET)),
                    id=entry.name,
                )
                for entry in ENTRIES
            )
        )
        yield Static("", id="status")
        yield OutputView()
        yield KeyLine(compact=True)

    def on_mount(self) -> None:
        """Listen."""
        self.console.session.listen(self.post_message)
        self.query_one(OptionList).focus()
        self.set_interval(1.0, self._show)
        self._show()

    def on_unmount(self) -> None:
        """Listen no more."""
        self.console.session.unlisten(self.post_message)

    @on(messages.VerbProgressed)
    @on(messages.VerbFinished)
    @on(messages.ClusterSeen)
    @on(messages.LabOpened)
    @on(messages.TroubleChanged)
    def _changed(self, _: SessionMessage) -> None:
        self._show()

    def _show(self) -> None:
        session = self.console.session
        trouble = str(session.trouble) if session.trouble is not None else ""
        line = condition(session.lab_name, session.nodes, session.etcd, session.patroni, trouble, session.paused)
        self._update("#condition", line)
        self._update("#status", self._status())
        if session.verb_output.total != self._shown:
            self._shown = session.verb_output.total
            self.query_one(OutputView).show(session.verb_output.lines)

    def _update(self, selector: str, line: Content) -> None:
        target = self.query_one(selector, Static)
        if not isinstance(target.content, Content) or not line.is_same(target.content):
            target.update(line)

    def _status(self) -> Content:
        session = self.console.session
        if not session.verb:
            return Content.styled("Enter does what the line says.", QUIET)
        ended = session.verb_ended
        if ended is None:
            return Content.styled(f"◐ {session.verb}: running {session.verb_seconds:.0f} s · x stops it", WARN)
        if ended.how == "exited" and ended.exit_status == 0:
            return Content.styled(f"✓ {session.verb}: done in {ended.seconds:.1f} s", OK)
        word = "stopped" if ended.how == "stopped" else "failed"
        return Content.styled(f"✗ {session.verb}: {word} after {ended.seconds:.1f} s", BAD)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        entry = next(entry for entry in ENTRIES if entry.name == event.option.id)
        if entry.warning:
            self.console.ask(entry.warning, entry.title, lambda: self._start(entry), danger=True)
        else:
            self._start(entry)

    def _start(self, entry: Entry) -> None:
        session = self.console.session
        parts = session.parts
        if parts is None:
            self.notify(session.refusal(), severity="warning", markup=False)
            return
        if session.run_verb(entry.title, lambda: start_verb(parts.lab, entry.name)):
            self._shown = -1
            self._show()

    def action_stop_verb(self) -> None:
        """Stop what runs."""
        self.console.session.stop()

    def action_move(self, by: int) -> None:
        """Go up or down in the list."""
        options = self.query_one(OptionList)
        (options.action_cursor_down if by > 0 else options.action_cursor_up)()

    def action_copy_output(self) -> None:
        """Copy what was printed."""
        self.console.copy(self.query_one(OutputView).text, "the output")
