"""The console's key pair and the pinned host keys."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncssh
import pytest

from pghalab.lab.ssh.keys import KEY_NAME, PINS_NAME, Pins, ensure_console_key, public_key


def test_the_pair_is_made_once_and_private(tmp_path: Path) -> None:
    path, public = ensure_console_key(tmp_path / "lab")
    assert path.stat().st_mode & 0o777 == 0o600
    assert public.startswith("ssh-ed25519 ")
    key = asyncssh.read_private_key(path)
    assert key.export_public_key().decode().strip() == public
    assert ensure_console_key(tmp_path / "lab") == (path, public)
    assert sorted(file.name for file in path.parent.iterdir()) == [KEY_NAME, f"{KEY_NAME}.pub"]


def test_consoles_that_start_together_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: ensure_console_key(tmp_path), range(16)))
    assert len(keys) == 1


def test_a_key_open_to_others_is_closed_and_a_lost_public_half_returns(tmp_path: Path) -> None:
    path, public = ensure_console_key(tmp_path)
    path.chmod(0o644)
    path.with_name(f"{KEY_NAME}.pub").unlink()
    assert ensure_console_key(tmp_path) == (path, public)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.with_name(f"{KEY_NAME}.pub").read_text().strip() == public


def test_a_lost_private_key_is_made_anew(tmp_path: Path) -> None:
    path, public = ensure_console_key(tmp_path)
    path.unlink()
    assert public_key(tmp_path) is None
    assert ensure_console_key(tmp_path)[1] != public
    assert path.with_name(f"{KEY_NAME}.pub").read_text().strip() == public_key(tmp_path)


def test_a_damaged_private_key_is_kept_aside_and_made_anew(tmp_path: Path) -> None:
    path, public = ensure_console_key(tmp_path)
    path.write_text("rubbish")
    assert public_key(tmp_path) is None
    assert ensure_console_key(tmp_path)[1] != public
    assert [file.read_text() for file in tmp_path.iterdir() if "corrupt" in file.name] == ["rubbish"]


def test_whoever_looks_makes_no_key_and_moves_no_pins(tmp_path: Path) -> None:
    (tmp_path / PINS_NAME).write_text("{")
    pins = Pins(tmp_path, look_only=True)
    assert public_key(tmp_path / "none") is None and pins.get("a") is None
    pins.set("a", "ssh-ed25519 AAAA")
    assert pins.get("a") == "ssh-ed25519 AAAA"
    assert [file.name for file in tmp_path.iterdir()] == [PINS_NAME]
    assert (tmp_path / PINS_NAME).read_text() == "{"


def test_pins_are_kept_by_container(tmp_path: Path) -> None:
    pins = Pins(tmp_path)
    assert pins.get("a") is None
    pins.set("a", "ssh-ed25519 AAAA\n")
    pins.set("b", "ssh-ed25519 BBBB")
    assert Pins(tmp_path).get("a") == "ssh-ed25519 AAAA"
    pins.keep_only(["b", "c"])
    assert json.loads((tmp_path / PINS_NAME).read_text()) == {"b": "ssh-ed25519 BBBB"}


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}', "\ufffd"])
def test_a_damaged_pin_file_is_kept_aside_and_said(tmp_path: Path, content: str) -> None:
    (tmp_path / PINS_NAME).write_text(content)
    pins = Pins(tmp_path)
    assert pins.get("a") is None
    assert len(pins.notices) == 1
    aside = [file for file in tmp_path.iterdir() if "corrupt" in file.name]
    assert [file.read_text() for file in aside] == [content]
    pins.set("a", "ssh-ed25519 AAAA")
    assert pins.get("a") == "ssh-ed25519 AAAA"
