"""The settings of a lab that is not made yet, to be changed before it is."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Label, Static

from pghalab.lab.settings import LabSettings, checked
from pghalab.lab.types import LabError
from pghalab.screens.dialogs import BOX_CSS
from pghalab.widgets.glyphs import BAD
from pghalab.widgets.keys import bindings, label
from pghalab.widgets.text import plain

FIELDS = {
    "nodes": "Nodes",
    "prefix": "Names begin with",
    "network": "Network",
    "subnet": "Subnet, three octets",
    "image": "Image",
    "password": "Password of postgres",
}


class SettingsDialog(ModalScreen[LabSettings | None]):
    """What `pghalab up` takes as options; gives settings that were checked."""

    DEFAULT_CSS = (
        BOX_CSS
        + """
    SettingsDialog .fields { height: auto; max-height: 1fr; }
    SettingsDialog .field { height: 1; }
    SettingsDialog Label { width: 22; }
    SettingsDialog Input { width: 1fr; }
    """
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings("settings")

    def __init__(self, settings: LabSettings) -> None:
        super().__init__()
        self._settings = settings

    def compose(self) -> ComposeResult:
        """A field for each setting, what is wrong with them, and two buttons."""
        with Vertical(classes="box"):
            yield Static(plain(f"Create the lab {self._settings.name} with these settings", "bold"))
            with VerticalScroll(classes="fields", can_focus=False):
                for name, words in FIELDS.items():
                    with Horizontal(classes="field"):
                        yield Label(words)
                        yield Input(str(getattr(self._settings, name)), id=name, compact=True)
                yield Checkbox(
                    "store passwords as md5 instead of scram-sha-256",
                    self._settings.auth_method == "md5",
                    id="md5",
                    compact=True,
                )
            yield Static("", id="wrong")
            with Horizontal(classes="buttons"):
                yield Button(label(self, "Create", "settings.create"), id="create", variant="primary", compact=True)
                yield Button(label(self, "Cancel", "settings.cancel"), id="cancel", compact=True)

    def on_mount(self) -> None:
        """Start in the first field."""
        self.query_one("#nodes", Input).focus()

    @on(Input.Submitted)
    def action_create(self) -> None:
        """Take the settings when they can be used, else say what is wrong."""
        texts = {name: self.query_one(f"#{name}", Input).value.strip() for name in FIELDS}
        nodes = texts.pop("nodes")
        md5 = self.query_one("#md5", Checkbox).value
        try:
            if not nodes.isdecimal():
                raise LabError(f"{nodes!r} is not a number of nodes.", todo="The course needs 5.")
            chosen = checked(
                replace(
                    self._settings,
                    nodes=int(nodes),
                    prefix=texts["prefix"],
                    network=texts["network"],
                    subnet=texts["subnet"],
                    image=texts["image"],
                    password=texts["password"],
                    auth_method="md5" if md5 else "scram-sha-256",
                )
            )
        except LabError as error:
            self.query_one("#wrong", Static).update(plain(str(error), BAD))
            return
        self.dismiss(chosen)

    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "create":
            self.action_create()
        else:
            self.dismiss(None)
