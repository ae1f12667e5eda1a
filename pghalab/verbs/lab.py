"""The verbs of the lab: build, up, start, stop, restart, rm, rmvolumes, down, ls, export, shell."""

from __future__ import annotations

import argparse
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

from pghalab.out import Printing, complain, say, say_table

if TYPE_CHECKING:
    from pghalab.lab.local import LocalLab
    from pghalab.lab.settings import LabSettings
    from pghalab.lab.types import Ended, Output

_SSH_SECONDS = 10.0
"""How long `shell` waits for its node."""


def add_parsers(subparsers: Any) -> None:
    """Add the verbs to the command line."""
    build = _parser(subparsers, "build", "build the image of the nodes", "pghalab build", _build)
    build.add_argument("-i", dest="image", metavar="IMAGE", help="its name (default: that of the lab)")

    up = _parser(
        subparsers, "up", "create and start the nodes", "pghalab up -n 5 -c pgha -w pghanet -s 192.168.50", _up
    )
    up.add_argument("-n", dest="nodes", type=int, metavar="NUMBER", help="how many nodes (default: 5)")
    up.add_argument("-c", dest="prefix", metavar="NAME", help="what node names begin with (default: the lab's name)")
    up.add_argument("-w", dest="network", metavar="NETWORK", help="the network to create (default: NAMEnet)")
    up.add_argument("-s", dest="subnet", metavar="SUBNET", help="its first three octets (default: 192.168.50)")
    up.add_argument("-i", dest="image", metavar="IMAGE", help="the image (default: pghalab-pg17:latest)")
    up.add_argument("-p", dest="password", metavar="PASSWORD", help="of the postgres superuser (default: random)")
    up.add_argument("-m", dest="md5", action="store_true", help="store passwords as md5 instead of scram-sha-256")
    up.add_argument("--auto", action="store_true", help="take the next free subnet and names when these are taken")

    changing = [up]
    for name, words in (
        ("start", "start the nodes, wake paused ones"),
        ("stop", "stop the nodes"),
        ("restart", "stop and start the nodes"),
        ("rm", "remove the nodes, keep their data"),
        ("rmvolumes", "remove the data of nodes that are removed"),
    ):
        changing.append(_parser(subparsers, name, words, f"pghalab {name}", _verb(name)))
    down = _parser(subparsers, "down", "remove the nodes and their network", "pghalab down -f", _down)
    down.add_argument("-f", dest="volumes", action="store_true", help="remove their data too")
    for parser in (*changing, down):
        parser.add_argument("--force", action="store_true", help="even while a console or a run drives the lab")

    ls = _parser(subparsers, "ls", "list what the engine holds of the labs", "pghalab ls", _ls)
    ls.add_argument("--all", action="store_true", help="of every lab, not only of this one")

    export = _parser(
        subparsers,
        "export",
        "write the deployment for use without pghalab",
        "pghalab export --compose lab.yaml",
        _export,
    )
    export.add_argument("--compose", metavar="FILE", help="as a compose file")
    export.add_argument("--script", metavar="FILE", help="as a shell script of docker commands")
    export.add_argument("--force", action="store_true", help="overwrite existing files")

    shell = _parser(subparsers, "shell", "open a shell on a node", "pghalab shell pgha1 -u postgres", _shell)
    shell.add_argument("node", metavar="NODE", help="the node's name, or its number")
    shell.add_argument("-u", dest="user", choices=("root", "postgres"), default="root", help="default: root")


def _parser(
    subparsers: Any, name: str, words: str, example: str, function: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=words, description=f"{words[0].upper()}{words[1:]}.", epilog=f"Example: {example}"
    )
    # Without a default of its own it leaves alone what was said before the verb.
    parser.add_argument("--lab", default=argparse.SUPPRESS, metavar="NAME", help="the lab (default: pgha)")
    parser.set_defaults(func=function)
    return parser


def _verb(name: str) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        return _drive(arguments, lambda lab: getattr(lab, name)())

    return run


def _build(arguments: argparse.Namespace) -> int:
    return _drive(arguments, lambda lab: lab.build(), change=lambda was: _chosen(was, arguments), lock=False)


def _down(arguments: argparse.Namespace) -> int:
    return _drive(arguments, lambda lab: lab.down(volumes=arguments.volumes))


def _up(arguments: argparse.Namespace) -> int:
    return _drive(arguments, lambda lab: lab.up(auto=arguments.auto), change=lambda was: _chosen(was, arguments))


def _chosen(settings: LabSettings, arguments: argparse.Namespace) -> LabSettings:
    """The settings with what the command line chose instead."""
    from dataclasses import replace

    from pghalab.lab.settings import checked

    names = ("nodes", "prefix", "network", "subnet", "image", "password")
    chosen = {name: value for name in names if (value := getattr(arguments, name, None)) is not None}
    if getattr(arguments, "md5", False):
        chosen["auth_method"] = "md5"
    return checked(replace(settings, **chosen))


def _drive(
    arguments: argparse.Namespace,
    verb: Callable[[LocalLab], AsyncGenerator[Output | Ended, None]],
    change: Callable[[LabSettings], LabSettings] = lambda settings: settings,
    *,
    lock: bool = True,
) -> int:
    """Run one verb of the lab to its end, printing what it tells, as its driver; a signal stops it in order."""
    import asyncio
    import contextlib
    import signal

    from pghalab.lab.host.lock import DriverLock
    from pghalab.lab.local import LocalLab
    from pghalab.lab.settings import load_settings
    from pghalab.lab.types import Output

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
        lab = LocalLab(load_settings(arguments.lab))
        try:
            await lab.open(link=False)
            _say_notices(lab)
            await lab.configure(change(lab.settings))
            status, printing = 0, Printing()
            async with contextlib.aclosing(verb(lab)) as events:
                async for event in events:
                    if isinstance(event, Output):
                        printing.add(event.text, event.stream)
                    elif event.exit_status != 0:
                        status = 1
            printing.close()
            return status
        finally:
            await lab.close()

    todo = "Close that console or wait until it is done, or do it all the same: --force"
    driving = DriverLock(arguments.lab, todo=todo) if lock and not arguments.force else contextlib.nullcontext()
    try:
        with driving:
            return asyncio.run(run())
    except asyncio.CancelledError:
        complain("Stopped.")
        return 128 + asked[0] if asked else 1


def _say_notices(lab: LocalLab) -> None:
    for notice in lab.notices:
        complain(notice)


def _ls(arguments: argparse.Namespace) -> int:
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


def _export(arguments: argparse.Namespace) -> int:
    import asyncio
    from pathlib import Path

    from pghalab.lab.deploy import export
    from pghalab.lab.local import LocalLab
    from pghalab.lab.settings import load_settings
    from pghalab.lab.types import LabError

    if not arguments.compose and not arguments.script:
        raise LabError("Nothing to write.", todo="Say --compose FILE, --script FILE or both.", kind="bad-value")

    async def current() -> LabSettings:
        lab = LocalLab(load_settings(arguments.lab))
        try:
            await lab.open(link=False)
            _say_notices(lab)
            return lab.settings
        finally:
            await lab.close()

    settings = asyncio.run(current())
    plan = export.plan_of(settings)
    if arguments.compose:
        export.write(Path(arguments.compose), export.compose(plan), force=arguments.force)
        say(f"{arguments.compose}: docker compose -p {settings.name} -f {arguments.compose} up -d")
    if arguments.script:
        export.write(Path(arguments.script), export.script(plan), force=arguments.force, executable=True)
        say(f"{arguments.script}: sh {arguments.script} create, then sh {arguments.script} start")
    return 0


def _shell(arguments: argparse.Namespace) -> int:
    import asyncio

    from pghalab.lab.local import LocalLab
    from pghalab.lab.settings import load_settings
    from pghalab.lab.types import LabError

    async def run() -> int:
        from pghalab.lab.ssh.terminal import interactive

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
            return await interactive(lab.nodes[name], arguments.user)
        finally:
            await lab.close()

    return asyncio.run(run())
