"""Where copied text goes: a tool of the host, the terminal itself, or a file; and which of them it was."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pghalab.lab.host import environment
from pghalab.lab.host.files import write_atomic
from pghalab.text import clean
from pghalab.values import dataclass

log = logging.getLogger(__name__)

CHOICE = "PGHALAB_COPY"
"""`file` or `terminal`: only there, whatever else there is."""
TOOL_SECONDS = 2.0
"""How long a tool may take; one without its display would wait for ever."""
TERMINAL_LIMIT = 74_994
"""Bytes that terminals take by OSC 52: xterm's limit, the lowest that is common."""


@dataclass(frozen=True, slots=True)
class _Tool:
    words: tuple[str, ...]
    encoding: str = "utf-8"
    locale: str = "C.UTF-8"


def tools(known: Mapping[str, str], platform: str) -> list[_Tool]:
    """What could reach the clipboard of whoever sits before this console, the best first."""
    found = []
    # Over ssh a tool of this machine would fill the clipboard of this machine, where nobody sits.
    if not known.get("SSH_TTY") and not known.get("SSH_CONNECTION"):
        if known.get("WAYLAND_DISPLAY"):
            found.append(_Tool(("wl-copy",)))
        if known.get("DISPLAY"):
            found.append(_Tool(("xclip", "-selection", "clipboard")))
            found.append(_Tool(("xsel", "--clipboard", "--input")))
        if platform == "darwin":
            found.append(_Tool(("pbcopy",), locale="en_US.UTF-8"))
        if known.get("WSL_DISTRO_NAME"):
            found.append(_Tool(("clip.exe",), encoding="utf-16"))
    if known.get("TMUX"):
        # It takes no OSC 52 from a program unless it was told to, and hands its own buffers on to the terminal.
        found.append(_Tool(("tmux", "load-buffer", "-w", "-")))
    return found


async def copy(text: str, what: str, file: Path, terminal: Callable[[str], object]) -> str:
    """Copy cleaned text and say where it went; `terminal` sends it by OSC 52, `file` is what is left else.

    Raises OSError when nothing takes it.
    """
    text = clean(text)
    copied = f"Copied {what}".rstrip()
    choice = os.environ.get(CHOICE, "")
    for tool in () if choice in ("file", "terminal") else tools(os.environ, sys.platform):
        if await _through(tool, text):
            return f"{copied} with {tool.words[0]}."
    fits = len(text.encode()) <= TERMINAL_LIMIT
    if choice == "file" or not fits:
        await asyncio.to_thread(write_atomic, file, text)
        why = "" if choice == "file" else " It is too long for a terminal's clipboard."
        return f"{copied} to {file}.{why}"
    terminal(text)
    try:
        await asyncio.to_thread(write_atomic, file, text)
    except OSError as error:
        log.warning("%s: %s", file, error)
        return f"{copied} to your terminal (OSC 52); whether it took it, it does not say."
    return f"{copied} to your terminal (OSC 52); if it did not arrive: {file}"


async def _through(tool: _Tool, text: str) -> bool:
    """Whether a tool is there and took the text."""
    path = shutil.which(tool.words[0])
    if path is None:
        return False
    try:
        # What holds a clipboard stays after the tool's end: it gets none of our files and no signal of our terminal.
        process = await asyncio.create_subprocess_exec(
            path,
            *tool.words[1:],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={**environment.for_tools(), "LC_ALL": tool.locale},
            start_new_session=True,
        )
    except OSError as error:
        log.info("%s: %s", path, error)
        return False
    try:
        await asyncio.wait_for(process.communicate(text.encode(tool.encoding)), TOOL_SECONDS)
    except TimeoutError:
        log.info("%s takes longer than %g s", path, TOOL_SECONDS)
        return False
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        log.info("%s ended with %s", path, process.returncode)
    return process.returncode == 0
