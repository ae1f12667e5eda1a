"""Lines that a test compares with what was written down before, and read; `PGHALAB_RECORD=FOLDER` writes them anew."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tests.fake_lab.recording import RECORDINGS


def as_written(name: str, lines: Sequence[str]) -> None:
    """Assert that these are the lines of `tests/recordings/NAME.txt`."""
    if folder := os.environ.get("PGHALAB_RECORD"):
        (Path(folder) / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert list(lines) == (RECORDINGS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
