"""What programs on a real node drew, drawn again: the same rows and the same cursor as in tmux, another terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pghalab.terminal.screen import Screen

FOLDER = Path(__file__).parents[1] / "recordings" / "terminal"
NAMES = ("edit-config", "less", "psql", "top", "vim")


def recording(name: str) -> dict[str, Any]:
    """What `python -m tests.record_terminal` wrote."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_every_recording_is_here() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == list(NAMES)


@pytest.mark.parametrize("piece", [1, 7, 100_000])
@pytest.mark.parametrize("name", NAMES)
def test_each_moment_is_drawn_as_in_tmux(name: str, piece: int) -> None:
    recorded = recording(name)
    screen = Screen(recorded["columns"], recorded["rows"], lambda reply: None)
    assert len(recorded["moments"]) > 3
    for moment in recorded["moments"]:
        data = moment["data"].encode("latin-1")
        for start in range(0, len(data), piece):
            screen.feed(data[start : start + piece])
        screen.update()
        assert screen.text.split("\n") == moment["rows"], moment["typed"]
        cursor = screen.cursor
        if cursor is not None:
            assert [cursor.x, cursor.y] == moment["cursor"], moment["typed"]
    screen.close()
