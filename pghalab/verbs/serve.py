"""The screen of the console that drives a lab, in the browsers of a room."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

from pghalab.out import say

if TYPE_CHECKING:
    import argparse
    import socket

    from pghalab.serve.address import Address
    from pghalab.serve.hidden import Hidden
    from pghalab.serve.scene import Scene

_WARNING = """
This is open to the network. Whoever has the address sees all that is on the console's screen, what is typed into its
shells included, and whoever can listen to the network's traffic sees it too: it is not encrypted. Nobody can do
anything on this machine or in the lab with it, but vote."""
_FILES = 4096
"""Files and connections that are asked of the system for a full room."""


def serve(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from pghalab.lab.host.paths import state_dir
    from pghalab.lab.settings import load_settings
    from pghalab.serve import address
    from pghalab.serve.hidden import Hidden, of_this_machine
    from pghalab.serve.quiet import keep_from_logs

    _require_engine()
    settings = load_settings(arguments.lab, look_only=True)
    folder = state_dir(settings.name)
    listening, where = _listening(arguments, address.kept(folder))
    address.keep(folder, where)
    keep_from_logs(where.token)
    _raise_limit()
    _announce(settings.name, where, arguments.listen)
    hidden = Hidden([settings.password], of_this_machine())
    return asyncio.run(_serve(settings.name, listening, where, hidden, until_eof=arguments.until_eof))


def _require_engine() -> None:
    from pghalab.lab.types import LabError
    from pghalab.terminal.engine import NoEngineError, load

    try:
        load()
    except NoEngineError as error:
        raise LabError(
            f"The screen cannot be shown to a room from here: {error}.",
            todo="It is drawn by libghostty-vt, which comes with pyghostty for Linux (glibc) and macOS on x86-64 and "
            "arm64. The console, the demo and the notes work without it.",
            kind="bad-value",
        ) from error


def _listening(arguments: argparse.Namespace, kept: Address | None) -> tuple[socket.socket, Address]:
    """A socket, where the room found it before if that is free and no other port is asked for."""
    from pghalab.lab.types import LabError
    from pghalab.serve import address

    token = address.new_token() if kept is None or arguments.new_address else kept.token
    if not arguments.port and kept is not None:
        with contextlib.suppress(LabError):
            return address.listening(arguments.listen, kept.port), address.Address(kept.port, token)
    made = address.listening(arguments.listen, arguments.port)
    return made, address.Address(made.getsockname()[1], token)


def _announce(lab: str, where: Address, host: str) -> None:
    from pghalab.serve import address

    say(f"The screen of the console that drives the lab {lab} can be seen at")
    for reached in address.reached_at(host):
        say(f"  {where.url(reached)}")
    if not address.is_loopback(host):
        say(_WARNING)
    say("Ctrl+C ends it; started again within twelve hours it has the same address.")


async def _serve(lab: str, listening: socket.socket, where: Address, hidden: Hidden, *, until_eof: bool) -> int:
    from pghalab.lab.host.paths import lab_folder
    from pghalab.serve.follow import Follower
    from pghalab.serve.picture import Picture
    from pghalab.serve.scene import Scene
    from pghalab.serve.server import Server

    left = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, left.set)
    if until_eof:
        _leave_at_eof(loop, left)
    picture = Picture(hidden)
    scene = Scene(picture, hidden)
    follower = Follower(lab_folder(lab), scene)
    server = Server(scene, follower.ballot, where.token)
    await server.start(listening)
    tasks = [asyncio.ensure_future(each) for each in (follower.run(), _tell(scene), left.wait())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await server.stop()
        picture.close()
    return 0


def _leave_at_eof(loop: asyncio.AbstractEventLoop, left: asyncio.Event) -> None:
    source = sys.stdin.fileno()

    def said() -> None:
        if not os.read(source, 4096):
            loop.remove_reader(source)
            left.set()

    try:
        loop.add_reader(source, said)
    except PermissionError:
        # A file or /dev/null is at its end already.
        left.set()


async def _tell(scene: Scene) -> None:
    """Say whenever the room begins to see the console, and when it no longer does."""
    before: str | None = None
    while True:
        if scene.paused != before:
            before = scene.paused
            say(f"Paused. The room reads: {before}" if before else "The room sees the console.")
        await scene.changed()


def _raise_limit() -> None:
    """Ask the system for as many open files as a full room wants; some give a process no more than 256."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
