"""How a person arranged the console: what is hidden and what fills a screen, remembered in a file of theirs."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from pghalab.lab.host.files import Unfit, read_json, write_atomic

VERSION = 1
LIMIT = 10_000
"""Bytes of the file."""
PANES = ("nodes", "etcd", "patroni", "events")
"""The live panes, in their order."""
HIDEABLE = (*PANES, "outline")
ZOOMABLE = (*HIDEABLE, "lesson", "live")
SCREENS = ("lesson", "live")
_log = logging.getLogger(__name__)


class Layout:
    """What is hidden on every screen, and what fills which; changes are on disk at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.hidden: frozenset[str] = frozenset()
        self.zoomed: dict[str, str] = {}
        """What fills a screen, by the screen; nothing is said of one that shows everything."""

    @classmethod
    def load(cls, path: Path) -> Layout:
        """Read the file; what cannot be understood in it is as if it had never been arranged."""
        layout = cls(path)
        try:
            data = read_json(path, LIMIT)
        except FileNotFoundError:
            return layout
        except (OSError, Unfit) as error:
            _log.warning("%s cannot be used: %s", path, error)
            return layout
        if isinstance(data, dict) and data.get("version") == VERSION:
            hidden, zoomed = data.get("hidden"), data.get("zoomed")
            if isinstance(hidden, list):
                layout.hidden = frozenset(name for name in HIDEABLE if name in hidden)
            if isinstance(zoomed, dict):
                layout.zoomed = {name: zoomed[name] for name in SCREENS if zoomed.get(name) in ZOOMABLE}
        return layout

    def hide(self, name: str) -> None:
        """Hide a pane from now on."""
        self._set(self.hidden | {name}, self.zoomed)

    def show(self, name: str) -> None:
        """Show a pane from now on."""
        self._set(self.hidden - {name}, self.zoomed)

    def zoom(self, screen: str, name: str) -> None:
        """Something fills a screen from now on; nothing with an empty name."""
        rest = {one: what for one, what in self.zoomed.items() if one != screen}
        self._set(self.hidden, {**rest, screen: name} if name in ZOOMABLE else rest)

    def _set(self, hidden: frozenset[str], zoomed: dict[str, str]) -> None:
        if (hidden, zoomed) == (self.hidden, self.zoomed):
            return
        self.hidden, self.zoomed = hidden, zoomed
        text = json.dumps({"version": VERSION, "hidden": sorted(hidden), "zoomed": zoomed})
        try:
            write_atomic(self._path, text + "\n")
        except OSError as error:
            # It still holds until the console is left.
            _log.warning("%s cannot be written: %s", self._path, error.strerror)
