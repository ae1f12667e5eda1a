"""The dialogs of the way back: a snapshot's name, which snapshot, and whether a lesson starts over."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from pghalab.cluster.units import size
from pghalab.lab.types import LabError
from pghalab.out import table
from pghalab.screens.dialogs import BOX_CSS, Confirm
from pghalab.widgets.choices import Choices
from pghalab.widgets.glyphs import BAD, QUIET
from pghalab.widgets.keys import bindings, label, said
from pghalab.widgets.text import plain

if TYPE_CHECKING:
    from pghalab.lab.snapshots.model import About
    from pghalab.screens.console import Console


class SnapshotName(ModalScreen[str | None]):
    """A name for a snapshot; an empty one is that of the time."""

    DEFAULT_CSS = BOX_CSS
    BINDINGS: ClassVar[list[BindingType]] = bindings("snapshot-name")

    def compose(self) -> ComposeResult:
        """The field, what is wrong with it, and two buttons."""
        with Vertical(classes="box"):
            yield Static(plain("Keep the lab and the progress as they are now", "bold"))
            yield Static("The nodes stand still for about a second, and nothing that runs on them notices.")
            yield Input(placeholder="before-lunch, say; without a name not for ever", compact=True)
            yield Static("", id="wrong")
            with Horizontal(classes="buttons"):
                yield Button(label(self, "Keep", "snapshot-name.keep"), id="keep", variant="primary", compact=True)
                yield Button(label(self, "Cancel", "snapshot-name.cancel"), id="cancel", compact=True)

    def on_mount(self) -> None:
        """Start in the field."""
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def action_keep(self) -> None:
        """Take the name when a snapshot can have it, else say what is wrong."""
        from pghalab.lab.snapshots.model import require_name

        name = self.query_one(Input).value.strip()
        try:
            self.dismiss(require_name(name) if name else "")
        except LabError as error:
            self.query_one("#wrong", Static).update(plain(error.what + " Small letters, digits, - and _.", BAD))

    def action_leave(self) -> None:
        """Keep nothing."""
        self.dismiss(None)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "keep":
            self.action_keep()
        else:
            self.dismiss(None)


class Snapshots(ModalScreen[tuple[str, str] | None]):
    """The snapshots of the lab, the newest first; gives what is to be done with which."""

    DEFAULT_CSS = BOX_CSS + "Snapshots OptionList { text-wrap: nowrap; text-overflow: ellipsis; }"
    BINDINGS: ClassVar[list[BindingType]] = bindings("snapshots")

    def __init__(self, snapshots: Sequence[About], titles: Mapping[str, str]) -> None:
        super().__init__()
        self._snapshots = tuple(reversed(snapshots))
        self._titles = titles
        """Of the lessons, by id, as the place of a snapshot."""

    def compose(self) -> ComposeResult:
        """A line for each."""
        head, *rows = table([("NAME", "MADE", "SIZE", "WHERE"), *map(self._row, self._snapshots)]).split("\n")
        with Vertical(classes="box"):
            yield Static(plain("Go back to which snapshot?", "bold"))
            yield Static(plain(f" {head}", QUIET))
            yield Choices(*(Option(plain(row), id=each.name) for row, each in zip(rows, self._snapshots, strict=True)))
            words = said(self, "Enter goes back to it, {snapshots.remove} removes it; both ask first.")
            yield Static(Content.styled(words, QUIET))

    def _row(self, about: About) -> tuple[str, ...]:
        made = time.strftime("%d %b %H:%M", time.localtime(about.made))
        return about.name, made, size(about.size), self._titles.get(about.before, "")

    def on_mount(self) -> None:
        """Start with the newest."""
        options = self.query_one(OptionList)
        options.focus()
        options.highlighted = 0

    def action_remove(self) -> None:
        """Remove the one in front."""
        at = self.query_one(OptionList).highlighted
        if at is not None:
            self.dismiss(("remove", self._snapshots[at].name))

    def action_leave(self) -> None:
        """Do nothing."""
        self.dismiss(None)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(("restore", self._snapshots[event.option_index].name))


def _may(console: Console, refusal: str) -> bool:
    """Whether there is no refusal; else it is said."""
    if refusal:
        console.notify(refusal, severity="warning", markup=False)
    return not refusal


async def _name(console: Console) -> bool:
    if not _may(console, console.session.back.refusal_to_keep()):
        return False
    name = await console.push_screen_wait(SnapshotName())
    return name is not None and console.session.back.keep(name)


async def _snapshot(console: Console) -> bool:
    back, course = console.session.back, console.session.state.course
    if not _may(console, console.session.work.refusal()) or course is None:
        return False
    snapshots = await back.snapshots()
    if not snapshots:
        console.notify("The lab has no snapshots yet: Snapshot… makes one.", markup=False)
        return False
    text = console.session.state.text
    titles = {lesson.id: f"before {lesson.number} {text(lesson.title)}" for lesson in course.lessons}
    chosen = await console.push_screen_wait(Snapshots(snapshots, titles))
    if chosen is None:
        return False
    what, name = chosen
    if what == "remove":
        question = f"The snapshot {name} is removed. This cannot be undone; the lab stays as it is."
        return await _sure(console, question, "Remove") and back.remove(name)
    question = (
        f"The lab and the progress of the course go back to the snapshot {name}. What was done in the lab since then "
        "is lost, unless it is kept first (Snapshot…). What was read and answered stays."
    )
    return await _sure(console, question, "Restore") and back.restore(name)


async def _lesson(console: Console) -> bool:
    if not _may(console, console.session.work.refusal()):
        return False
    back = console.session.back
    plan = await back.start_over()
    words = plan.words(console.session.state.text)
    if plan.about is not None:
        begun = await _sure(console, words, "Start over") and back.restore(plan.about.name)
    else:
        begun = await _sure(console, words, "Forget its progress") and back.forget(plan.lesson)
    if begun:
        console.turn_to(plan.lesson.steps[0].id)
    return begun


async def _sure(console: Console, question: str, yes: str) -> bool:
    answer = await console.push_screen_wait(Confirm(question, yes, danger=True))
    return answer is True


ASKED: Mapping[str, Callable[[Console], Awaitable[bool]]] = {
    "name": _name,
    "snapshot": _snapshot,
    "lesson": _lesson,
}
"""What is asked, by the word that a way of the registry says; each is true when something was begun."""
