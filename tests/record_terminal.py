"""Records what programs draw on a real node's terminal, and beside it what tmux, another terminal, makes of the bytes.

`python -m tests.record_terminal --lab NAME` writes `tests/recordings/terminal/*.json`. The lab has to be one on which
the course was run up to `leader-bootstrapped`; it is left as it is. tmux has to be on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pghalab.lab.local import LocalLab
from pghalab.lab.settings import load_settings
from pghalab.lab.ssh.node import SshNode
from pghalab.lab.types import User

FOLDER = Path(__file__).parent / "recordings" / "terminal"
COLUMNS, ROWS = 80, 24
QUIET = 0.6
"""Seconds without output after which a moment is over."""
LONGEST = 10.0
"""Seconds that a moment lasts at most."""


@dataclass(frozen=True)
class Scene:
    """A program, and what is typed into it; each entry is a moment of its own."""

    name: str
    user: User
    typed: tuple[str, ...]


SCENES = (
    Scene(
        "vim", "root",
        ("vi /etc/ssh/sshd_config\r", "\x06", "/Port\r",
         "ofirst new line\rsecond, 中文 and é\x1b", "\x1b[A\x1b[A", "ddp", ":set number\r", ":q!\r"),
    ),
    Scene("less", "root", ("less /etc/services\r", " ", "/tcp\r", "G", "q")),
    Scene(
        "psql", "postgres",
        ("psql\r", "select rolname, rolsuper, rolreplication from pg_roles order by 1 limit 5;\r", "\\x\r",
         "select 'a\tb' as tabbed, 'é中' as wide, null as nothing;\r", "\\l\r", "q", "\\q\r"),
    ),
    Scene("top", "root", ("top -d 1\r", "1", "q")),
    Scene(
        "edit-config", "postgres",
        ("patronictl -c /pgha/config/patroni.yaml edit-config\r", "/ttl\r", "f:lC 31\x1b", ":wq\r", "n\r"),
    ),
)  # fmt: skip


class Tmux:
    """tmux as the other terminal: draws what is fed, and says what it shows."""

    def __init__(self, folder: Path) -> None:
        self._socket = str(folder / "socket")
        self._pipe = folder / "pipe"
        os.mkfifo(self._pipe)
        config = folder / "config"
        config.write_text("set -g status off\nset -g default-terminal xterm-256color\n")
        self._tmux(
            "-f", str(config), "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS),
            f"stty raw -echo; exec cat {self._pipe}",
        )  # fmt: skip
        self._sink = self._pipe.open("wb", buffering=0)

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-S", self._socket, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def feed(self, data: bytes) -> None:
        """Draw, and wait until it is drawn: a mark in the corner comes and goes."""
        self._sink.write(data)
        before = ""
        while (now := self._tmux("capture-pane", "-p")) != before:
            before = now
            time.sleep(0.3)

    def screen(self) -> tuple[list[str], tuple[int, int]]:
        """The rows without blanks at their ends, and the cursor's column and row."""
        rows = [row.rstrip() for row in self._tmux("capture-pane", "-p").split("\n")[:ROWS]]
        x, y = self._tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return rows, (int(x), int(y))

    def __enter__(self) -> Tmux:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._sink.close()
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], check=False, capture_output=True)


async def record(node: SshNode, scene: Scene) -> dict[str, object]:
    """One scene."""
    shell = await node.shell(scene.user, (COLUMNS, ROWS))
    came: asyncio.Queue[bytes] = asyncio.Queue()

    async def read() -> None:
        async for data in shell.output():
            came.put_nowait(data)

    async def moment() -> bytes:
        data = b""
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            try:
                data += await asyncio.wait_for(came.get(), LONGEST if not data else QUIET)
            except TimeoutError:
                break
        return data

    reading = asyncio.ensure_future(read())
    moments = [("", await moment())]
    for typed in scene.typed:
        shell.write(typed.encode())
        moments.append((typed, await moment()))
    reading.cancel()
    await shell.close()
    found = []
    with tempfile.TemporaryDirectory() as folder, Tmux(Path(folder)) as tmux:
        for typed, data in moments:
            await asyncio.to_thread(tmux.feed, data)
            rows, cursor = tmux.screen()
            found.append({"typed": typed, "data": data.decode("latin-1"), "rows": rows, "cursor": cursor})
    return {"columns": COLUMNS, "rows": ROWS, "user": scene.user, "moments": found}


async def main(lab_name: str, names: list[str]) -> None:
    """Record the scenes of these names, or all."""
    local = LocalLab(load_settings(lab_name, look_only=True), look_only=True)
    await local.open()
    try:
        await local.settle()
        node = next(iter(local.nodes.values()))
        assert isinstance(node, SshNode)
        FOLDER.mkdir(exist_ok=True)
        for scene in SCENES:
            if not names or scene.name in names:
                found = json.dumps(await record(node, scene), indent=1)
                assert local.password not in found
                (FOLDER / f"{scene.name}.json").write_text(found + "\n")
                print(scene.name, len(found))
    finally:
        await local.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", required=True)
    parser.add_argument("scenes", nargs="*")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.lab, arguments.scenes))
