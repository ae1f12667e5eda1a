"""The way between the console and the terminal it runs in: read and written by the console's own loop.

Textual has a thread that reads and one that writes; a key and its echo each wait for the console to hand over to them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import sys
from codecs import getincrementaldecoder
from collections.abc import Iterable

from textual import constants
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

MOST_WAITING = 1 << 20
"""Bytes that may wait for a terminal that takes none; whoever writes more waits."""
READ_BYTES = 4096
LATE = 0.01
"""Seconds after which an Escape that was typed alone is certainly due."""
log = logging.getLogger(__name__)


class Outlet:
    """Writes to a terminal at once what it takes at once, and the rest, in order, as soon as it takes more."""

    def __init__(self, terminal: int) -> None:
        """`terminal` is a descriptor of it, which stays as it is; raises OSError where it cannot be opened again."""
        self._descriptor = opened_again(terminal, os.O_WRONLY)
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        self._listens = self._gone = False
        self._due: asyncio.Handle | None = None

    def write(self, data: bytes) -> None:
        """Take what is to be written with the next `flush`, which comes by itself."""
        self._waiting += data
        if self._due is None:
            self._due = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what was taken."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if not self._listens:
            self._go_on()
        if len(self._waiting) > MOST_WAITING:
            self._drain()

    def close(self) -> None:
        """Write all that was taken, and write no more."""
        self.flush()
        self._drain()
        os.close(self._descriptor)

    def _go_on(self) -> None:
        self._take()
        if self._listens != bool(self._waiting):
            self._listens = not self._listens
            if self._listens:
                self._loop.add_writer(self._descriptor, self._go_on)
            else:
                self._loop.remove_writer(self._descriptor)

    def _drain(self) -> None:
        takes = select.poll()
        takes.register(self._descriptor, select.POLLOUT)
        while self._waiting:
            takes.poll()
            self._take()
        self._go_on()

    def _take(self) -> None:
        try:
            while self._waiting:
                del self._waiting[: os.write(self._descriptor, self._waiting)]
        except BlockingIOError:
            pass
        except OSError as error:
            if not self._gone:
                self._gone = True
                log.info("the terminal takes nothing any more: %s", error.strerror)
            self._waiting.clear()


class Straight(LinuxDriver):
    """Textual's driver, without its two threads."""

    _outlet: Outlet | None = None
    _inlet: int | None = None
    _tick: asyncio.TimerHandle | None = None

    def start_application_mode(self) -> None:
        """Take the terminal, unless that has to wait until the program comes to the foreground."""
        assert self._file is not None
        self._outlet = self._outlet or Outlet(self._file.fileno())
        self._key_thread = None
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._key_thread is not None:
            self._listen()

    def _run_input_thread(self) -> None:
        """Nothing: what is typed is read in the loop."""

    def _listen(self) -> None:
        self._parser = XTermParser(self._debug)
        # What no terminal sends is no reason to end.
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._inlet = opened_again(self.fileno, os.O_RDONLY)
        self._loop.add_reader(self._inlet, self._typed)

    def _typed(self) -> None:
        assert self._inlet is not None
        try:
            data = os.read(self._inlet, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            # It is gone: whoever looks whether it is there ends the program.
            self._loop.remove_reader(self._inlet)
            return
        self._take(data)

    def _take(self, data: bytes) -> None:
        # A character may come in pieces; to the parser, text that is empty is the end of all.
        if text := self._decode(data):
            self._hand_on(self._parser.feed(text))
        if self._tick is not None:
            self._tick.cancel()
        self._tick = self._loop.call_later(constants.ESCAPE_DELAY + LATE, lambda: self._hand_on(self._parser.tick()))

    def _hand_on(self, events: Iterable[Message]) -> None:
        try:
            for event in events:
                self.process_message(event)
        except Exception:
            log.exception("what was typed cannot be read; it is read anew from here on")
            self._parser = XTermParser(self._debug)

    def send_message(self, message: Message) -> None:
        """Hand what was typed to the app, in the loop of which this is called."""
        self._app.post_message(message)

    def disable_input(self) -> None:
        """Read no more."""
        if self._tick is not None:
            self._tick.cancel()
        if self._inlet is not None:
            self._loop.remove_reader(self._inlet)
            os.close(self._inlet)
            self._inlet = None
        super().disable_input()

    def write(self, data: str) -> None:
        """Write to the terminal; while it is lent to somebody else, nowhere."""
        if self._outlet is not None and self._file is not None:
            self._outlet.write(data.encode(self._file.encoding, self._file.errors or "strict"))

    def flush(self) -> None:
        """Let the terminal have now what was written."""
        if self._outlet is not None:
            self._outlet.flush()

    def close(self) -> None:
        """Let the terminal have all that was written, and let go of it."""
        if self._outlet is not None:
            self._outlet.close()
            self._outlet = None
        super().close()


def opened_again(terminal: int, how: int) -> int:
    """A descriptor of the same terminal that waits for nothing; raises OSError where it cannot be opened.

    The shell that the program was started in shares the descriptors of its own, and would be surprised by such a one.
    """
    return os.open(os.ttyname(terminal), how | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def driver() -> type[Driver] | None:
    """The driver for the terminal that the program runs in; None where Textual's own is the one.

    Beside Linux a loop cannot wait for every terminal; and some cannot be opened again: another user's, behind `su`.
    """
    if sys.platform != "linux" or constants.DRIVER is not None:
        return None
    with contextlib.suppress(OSError):
        for descriptor, how in ((0, os.O_RDONLY), (2, os.O_WRONLY)):
            os.close(opened_again(descriptor, how))
        return Straight
    return None
