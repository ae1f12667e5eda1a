"""The verbs of the lab: build, up, start, stop, restart, rm, rmvolumes, down, ls, export, shell."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pghalab.out import Bar, Printing, complain, say, say_table
from pghalab.registry import Verb, named

if TYPE_CHECKING:
    from pghalab.lab.local import LocalLab
    from pghalab.lab.settings import LabSettings

_SSH_SECONDS = 10.0
"""How long `shell` waits for its node."""


def drive(arguments: argparse.Namespace) -> int:
    """Run a verb of the lab to its end, printing what it tells, as its driver; a signal stops it in order."""
    import asyncio
    import contextlib
    import signal

    from pghalab.lab.deploy.driving import DriverLock
    from pghalab.lab.local import LocalLab
    from pghalab.lab.settings import load_settings
    from pghalab.lab.types import Output, Part

    verb = named(arguments.verb)
    runs = verb.runs
    assert runs is not None
    if getattr(arguments, "password", None) is not None:
        arguments.password = _password(arguments.password)
    asked: list[int] = []

    async def run() -> int:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def stop(number: int) -> None:
            # Only once: a second cancellation would interrupt the taking back.
            if not asked:
                asked.append(number)
                task.cancel()

        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop, number)
        lab = LocalLab(load_settings(arguments.lab), force=verb.changes and arguments.force)
        try:
            await lab.open(link=False)
            _say_notices(lab)
            said = lab.notices
            await lab.configure(_chosen(lab.settings, verb, arguments))
            status, printing = 0, Printing()
            stream = runs(lab, **verb.takes(vars(arguments)))
            # On a terminal what is printed stands above the bar.
            async with contextlib.aclosing(stream) as events:
                with Bar() as bar:
                    async for event in events:
                        if isinstance(event, Output):
                            if isinstance(event.text, Part):
                                bar.at(event.text.number, event.text.of, event.text.words)
                            printing.add(event.text, event.stream)
                        elif event.exit_status != 0:
                            status = 1
            printing.close()
            for notice in lab.notices:
                if notice not in said:
                    complain(notice)
            return status
        finally:
            await lab.close()

    todo = "Close that console or wait until it is done, or do it all the same: --force"
    driving = (
        DriverLock(arguments.lab, doing="changes it", todo=todo)
        if verb.changes and not arguments.force
        else contextlib.nullcontext()
    )
    try:
        with driving:
            return asyncio.run(run())
    except asyncio.CancelledError:
        complain("Stopped.")
        return 128 + asked[0] if asked else 1


def _password(said: str) -> str:
    """The password that `-p -` asks for; raises LabError."""
    import getpass
    import sys

    from pghalab.lab.types import LabError

    if said != "-":
        raise LabError(
            "A password on the command line can be read by everybody on this machine, in the list of processes.",
            todo="Say `-p -`: it is then asked for, or read from standard input. Take another one than this.",
            kind="bad-value",
        )
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password of the postgres superuser: ")
    if getpass.getpass("The same again: ") != password:
        raise LabError("These were two different passwords.", todo="Try again.", kind="bad-value")
    return password


def _chosen(settings: LabSettings, verb: Verb, arguments: argparse.Namespace) -> LabSettings:
    """The settings with what the command line chose instead."""
    from dataclasses import replace

    from pghalab.lab.settings import checked

    names = [option.how["dest"] for option in verb.options if option.setting]
    chosen = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    return checked(replace(settings, **chosen)) if chosen else settings


def _say_notices(lab: LocalLab) -> None:
    for notice in lab.notices:
        complain(notice)


def ls(arguments: argparse.Namespace) -> int:
    """List what the engine holds."""
    import asyncio

    from pghalab.lab.deploy.preflight import look
    from pghalab.lab.engine.client import Engine

    async def run() -> list[tuple[str, ...]]:
        engine = await asyncio.to_thread(Engine.connect)
        try:
            world = await look(engine)
        finally:
            engine.close()
        rows: list[tuple[str, ...]] = []
        for container in world.containers:
            address = ", ".join(sorted({address for _, address in container.addresses}))
            port = f"ssh 127.0.0.1:{container.ssh_port}" if container.ssh_port else ""
            rows.append((container.lab or "", "container", container.name, container.state, address, port))
        rows += [(one.lab or "", "network", one.name, "", ", ".join(one.subnets), "") for one in world.networks]
        rows += [(one.lab or "", "volume", one.name, "", "", "") for one in world.volumes]
        return sorted(row for row in rows if row[0] and (arguments.all or row[0] == arguments.lab))

    rows = asyncio.run(run())
    if not rows:
        say(f"The engine holds nothing of {'any lab' if arguments.all else f'the lab {arguments.lab}'}.")
        return 0
    say_table([("LAB", "KIND", "NAME", "STATE", "ADDRESS", "ACCESS"), *rows])
    return 0


def export(arguments: argparse.Namespace) -> int:
    """Write the deployment."""
    import asyncio
    from pathlib import Path

    from pghalab.lab.deploy import export
    from pghalab.lab.local import LocalLab
    from pghalab.lab.settings import load_settings
    from pghalab.lab.types import LabError

    if not arguments.compose and not arguments.script:
        raise LabError("Nothing to write.", todo="Say --compose FILE, --script FILE or both.", kind="bad-value")
    if arguments.compose == arguments.script == "-":
        raise LabError("Standard output takes one of the two.", todo="Give the other one a file.", kind="bad-value")
    look_only = {arguments.compose, arguments.script} <= {"-", None}

    async def current() -> LabSettings:
        lab = LocalLab(load_settings(arguments.lab, look_only=look_only), look_only=look_only)
        try:
            await lab.open(link=False)
            _say_notices(lab)
            return lab.settings
        finally:
            await lab.close()

    settings = asyncio.run(current())
    plan = export.plan_of(settings, look_only=look_only)
    # What is written to standard output is meant for a program.
    tell = complain if "-" in (arguments.compose, arguments.script) else say
    if arguments.compose == "-":
        say(export.compose(plan), end="")
    elif arguments.compose:
        export.write(Path(arguments.compose), export.compose(plan), force=arguments.force)
        tell(f"{arguments.compose}: docker compose -p {settings.name} -f {arguments.compose} up -d")
    if arguments.script == "-":
        say(export.script(plan), end="")
    elif arguments.script:
        export.write(Path(arguments.script), export.script(plan), force=arguments.force, executable=True)
        tell(f"{arguments.script}: sh {arguments.script} create, then sh {arguments.script} start")
    return 0


def shell(arguments: argparse.Namespace) -> int:
    """Open a shell on a node.

    It takes no right to drive, which would keep it from a console: the console that has the lab open is told what is
    typed here, and notices it as if it were typed in a shell of its own.
    """
    import asyncio

    from pghalab.lab.local import LocalLab
    from pghalab.lab.settings import load_settings
    from pghalab.lab.types import LabError

    async def run() -> int:
        from pghalab.lab.host.paths import lab_folder
        from pghalab.lab.ssh.terminal import interactive
        from pghalab.session.visitors import Teller

        lab = LocalLab(load_settings(arguments.lab))
        try:
            await lab.open(link=False)
            _say_notices(lab)
            name = f"{lab.prefix}{arguments.node}" if arguments.node.isdigit() else arguments.node
            if name not in lab.nodes:
                raise LabError(
                    f"The lab {lab.name} has no node {name}.", todo=f"It has {', '.join(lab.nodes)}.", kind="no-node"
                )
            await lab.connect(name, _SSH_SECONDS)
            teller = Teller(lab_folder(lab.name))
            try:
                return await interactive(lab.nodes[name], arguments.user, teller)
            finally:
                await teller.close()
        finally:
            await lab.close()

    return asyncio.run(run())
