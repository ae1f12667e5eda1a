"""What a show types on, without any screen: a shell in memory, and pages that a test counts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from pghalab.lab.types import User
from pghalab.session.session import Session
from pghalab.session.shells import Shell
from tests.fake_lab.shell import FakeTerminal

READY = b"\x1b[?2004h"
"""bash reads its line: pastes are to be marked."""
BECOMES = "sudo -E -u postgres /bin/bash -l"
CLEARED = b"\x1b[H\x1b[2J$ "
_KEYS = re.compile(rb"\x1b\[200~(.*?)\x1b\[201~|([\x03\x0c\r])|([^\x03\x0c\r\x1b]+)", re.DOTALL)


class BashTerminal(FakeTerminal):
    """Reads its line as bash does: pasted new lines stay in it, Ctrl+C drops it, Enter runs it as one command."""

    obeys: Callable[[str], str] = staticmethod(lambda line: "")
    """What a command does; gives what it prints."""
    slow = False
    """A command does not end by itself."""

    def __init__(self, user: str, node: str, size: tuple[int, int], number: int) -> None:
        super().__init__(user, node, size, number)
        self.line = b""
        self.entered: list[str] = []
        self.say(READY)
        self.prompt()

    def write(self, data: bytes) -> None:
        """Take what is typed, show it, and run it on Enter."""
        super().write(data)
        for pasted, key, typed in _KEYS.findall(data):
            if key == b"\r":
                self._enter()
            elif key == b"\x03":
                self.line = b""
                self.say(b"^C\r\n")
                self.prompt()
            elif key:
                self.say(CLEARED + self.line)
            else:
                self.line += pasted or typed
                self.say((pasted or typed).replace(b"\n", b"\r\n"))

    def _enter(self) -> None:
        line, self.line = self.line.decode(), b""
        self.say(b"\r\n")
        if not line:
            self.prompt()
            return
        self.begin(line)
        if line == BECOMES:
            _, _, node = self.who
            self.who = (f"{id(self):016x}"[-16:], "postgres", node)
            self.prompt()
            return
        self.entered.append(line)
        self.say(type(self).obeys(line).replace("\n", "\r\n").encode())
        if not self.slow:
            self.finish()


class FakeBoard:
    """A board of a session; each shell of it is one of the lab in memory."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.shells: dict[tuple[str, User], Shell] = {}
        self.front: Shell | None = None
        self.pages, self.page = 1, 1

    def more(self) -> bool:
        """The next page, if there is one."""
        if self.page >= self.pages:
            self.page = self.pages = 1
            return False
        self.page += 1
        return True

    def less(self) -> bool:
        """The page before, if there is one."""
        if self.page == 1:
            return False
        self.page -= 1
        return True

    async def shell(self, node: str, user: User) -> None:
        """One shell for each user of a node."""
        found = self.shells.get((node, user))
        if found is None or found.standing == "closed":
            found = self.shells[node, user] = self._session.shells.open(node, user, (80, 24), lambda data: None)
        self.front = found
        async with asyncio.timeout(2):
            while not found.waits:
                await asyncio.sleep(0.005)

    def type(self, text: str) -> None:
        """As keys; a new line as a paste."""
        assert self.front is not None
        self.front.write(text.encode().replace(b"\n", b"\x1b[200~\n\x1b[201~"))

    def enter(self) -> None:
        """Press Enter."""
        assert self.front is not None
        self.front.write(b"\r")

    def clear(self) -> None:
        """Press Ctrl+C."""
        assert self.front is not None
        self.front.write(b"\x03")

    @property
    def prompts(self) -> int:
        """How many prompts were shown."""
        return self.front.prompts if self.front is not None else 0

    @property
    def trouble(self) -> str:
        """Why nothing can be typed."""
        return self.front.reason if self.front is not None and self.front.standing in ("lost", "closed") else ""

    @property
    def blind(self) -> str:
        """Why nobody is told."""
        return self.front.blind if self.front is not None else ""
