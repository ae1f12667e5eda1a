"""How a program on a terminal ends that is told to, or whose terminal goes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import termios
from collections.abc import Callable
from typing import Any

from textual.app import App

TERMINAL_SECONDS = 5.0
"""Seconds between two looks whether the terminal is still there."""
log = logging.getLogger(__name__)


def listen(app: App[Any], leave: Callable[[int], object]) -> None:
    """Leave with the status of a signal when it comes, and when the terminal is gone and no signal told so."""

    def signalled(number: signal.Signals) -> None:
        log.info("leaving on %s", number.name)
        if app._driver is not None and not _terminal_is_there():
            # Textual's thread that writes has ended with the terminal, and nobody else empties its queue: once that is
            # full, whoever paints waits for ever.
            app._driver.write = _nothing  # type: ignore[method-assign]
        leave(128 + number)

    def look() -> None:
        if not _terminal_is_there():
            signalled(signal.SIGHUP)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, signalled, number)
    app.set_interval(TERMINAL_SECONDS, look)


def end_without_terminal(code: int) -> None:
    """End the program here when there is no terminal to give back: writing to it would wait for ever."""
    if not _terminal_is_there():
        logging.shutdown()
        os._exit(code)


def _nothing(data: str) -> None:
    """What is painted for nobody."""


def _terminal_is_there() -> bool:
    """Whether the terminal that the program was started in can still be spoken to."""
    try:
        termios.tcgetattr(0)
    except termios.error:
        return False
    return True
