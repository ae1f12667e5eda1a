"""How the console was arranged is remembered, and a file that is not ours arranges nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pghalab.session.layout import LIMIT, Layout


def test_what_is_hidden_and_what_fills_a_screen_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "state" / "console.json"
    layout = Layout.load(path)
    layout.hide("etcd")
    layout.hide("outline")
    layout.show("outline")
    layout.zoom("lesson", "patroni")
    layout.zoom("live", "nodes")
    layout.zoom("live", "")
    again = Layout.load(path)
    assert (again.hidden, again.zoomed) == (frozenset({"etcd"}), {"lesson": "patroni"})
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_written_while_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    layout = Layout(path)
    layout.show("etcd")
    layout.zoom("lesson", "")
    # A shell does not come back with the console.
    layout.zoom("lesson", "shell")
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"version": 2, "hidden": ["etcd"], "zoomed": {}}',
        b'{"version": 1, "hidden": "etcd", "zoomed": ["lesson"]}',
        b'{"version": 1, "hidden": {"etcd": 1}, "zoomed": {"lesson": ["etcd"], "other": "etcd"}}',
        b'{"version": 1, "hidden": ["lesson", "\\u001b[2J", ["etcd"], null], "zoomed": {"lesson": "top"}}',
        b'{"version": 1, "hidden": ["etcd"]' + b" " * LIMIT + b"}",
        b"[" * 5_000,
    ],
)
def test_what_cannot_be_understood_hides_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "console.json"
    path.write_bytes(content)
    layout = Layout.load(path)
    assert (layout.hidden, layout.zoomed) == (frozenset(), {})


def test_what_can_be_understood_holds(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    value: dict[str, Any] = {"version": 1, "hidden": ["etcd", "top", 5], "zoomed": {"lesson": "live", "live": 5}}
    path.write_text(json.dumps(value))
    layout = Layout.load(path)
    assert (layout.hidden, layout.zoomed) == (frozenset({"etcd"}), {"lesson": "live"})


def test_a_disk_that_takes_nothing_changes_the_console_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    layout = Layout(tmp_path / "file" / "console.json")
    layout.hide("etcd")
    assert layout.hidden == {"etcd"}
