"""What every test stands on."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Let SIGINT interrupt again: a run that a shell put in the background inherits it as ignored, for ever waiting."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
