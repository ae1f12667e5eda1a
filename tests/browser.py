"""A real browser for tests, where this machine has one."""

from __future__ import annotations

import os
import shutil

import pytest

NAMES = ("chromium-headless-shell", "chromium", "google-chrome", "chromium-browser")


def chromium() -> str:
    """The path of a Chromium; skips the test, with what to do, where there is none."""
    for name in (os.environ.get("PGHALAB_CHROMIUM", ""), *NAMES):
        if name and (found := shutil.which(name)):
            return found
    pytest.skip("NO BROWSER: install a Chromium (scripts/browser.sh does) or name one in PGHALAB_CHROMIUM")
