"""Whether this machine can run the lab: one fact for each thing that matters, with what to do when it does not hold."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import stat
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pghalab.lab.deploy import addresses, lifecycle, reach
from pghalab.lab.deploy.preflight import look
from pghalab.lab.engine.client import Engine
from pghalab.lab.engine.lease import Lease
from pghalab.lab.engine.unreachable import socket_here
from pghalab.lab.host import install, paths, space
from pghalab.lab.local import LocalLab
from pghalab.lab.settings import LabSettings, settings_file
from pghalab.lab.ssh import keys
from pghalab.lab.types import LabError
from pghalab.out import is_terminal
from pghalab.values import dataclass

MIN_PYTHON = (3, 11)
MIN_API = (1, 41)
MIN_MEMORY = 2 * space.GIB
"""Bytes of memory that five nodes with PostgreSQL and etcd need."""
SMALL_SCREEN = (80, 24)
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was looked at."""

    check: str
    ok: bool
    found: str
    todo: str = ""
    """What to do; empty when all is well."""
    command: str = ""
    """The command to copy for it."""

    def as_dict(self) -> dict[str, Any]:
        """The fact as plain values, for JSON."""
        return asdict(self)


async def examine(settings: LabSettings) -> list[Fact]:
    """Every fact about this machine and the lab; what cannot be looked at is told as a fact that does not hold."""
    facts = [python(sys.version_info[:3]), *terminal(os.environ, shutil.get_terminal_size(), is_terminal())]
    facts += [state_folder(), *key_files(settings)]
    lab = LocalLab(settings, look_only=True)
    try:
        try:
            engine = await lab.engine()
        except LabError as error:
            return [no_engine(error), *facts, *disk(None)]
        return [*await _engine_facts(engine, lab.settings), *facts, await driver(engine, lab.name), *await access(lab)]
    except LabError as error:
        return [Fact("engine", False, error.what, error.todo or "Look at the engine's own log."), *facts, *disk(None)]
    finally:
        await lab.close()


def no_engine(error: LabError) -> Fact:
    """The engine is not there or cannot be used, with what to do about just that."""
    if error.kind == "no-engine":
        advice = install.engine_here()
    elif error.kind == "no-permission":
        advice = install.join_group(socket_here())
    else:
        advice = install.Advice(error.todo, "")
    return Fact("engine", False, error.what, advice.todo, advice.command)


async def driver(engine: Engine, lab: str) -> Fact:
    """Who drives the lab, which is nobody's fault."""
    holder = await engine.ask("Asking who drives the lab", Lease(lab, "driver").holder, engine.api)
    return Fact("driver", True, f"the lab is driven by {holder}, which {holder.doing}" if holder else "nobody drives")


async def access(lab: LocalLab) -> list[Fact]:
    """This console can log in on every node that runs: tried now, whatever was once true; raises LabError."""
    await lab.open()
    await lab.settle()
    running = [one.name for one in await lab.containers() if one.state == "running"]
    if not running:
        return [Fact("access", True, "no node runs")]
    reasons: dict[tuple[str, str], list[str]] = {}
    for node in (lab.nodes[name] for name in running):
        if node.link != "up":
            reasons.setdefault((node.trouble.what, node.trouble.todo), []).append(node.name)
    if not reasons:
        return [Fact("access", True, f"logged in on {', '.join(running)}")]
    return [Fact("access", False, f"{', '.join(names)}: {what}", todo) for (what, todo), names in reasons.items()]


async def _engine_facts(engine: Engine, settings: LabSettings) -> list[Fact]:
    info, version, versions = await asyncio.gather(
        engine.info(), engine.ask("Asking for the version", engine.client.version), _image(engine, settings)
    )
    return [
        engine_version(version),
        architecture(str(info.get("Architecture", ""))),
        memory(int(info.get("MemTotal", 0))),
        *disk(info),
        versions,
        await _subnet(engine, settings),
        *await _reach(engine, settings),
    ]


def engine_version(version: Mapping[str, Any]) -> Fact:
    """The engine answers, and its API is recent enough."""
    found = f"{version.get('Version', '?')} (API {version.get('ApiVersion', '?')}) on {version.get('Os', '?')}"
    api = tuple(int(part) for part in str(version.get("ApiVersion", "0")).split(".") if part.isdigit())
    if api < MIN_API:
        return Fact("engine", False, found, "Update it: the lab needs Docker Engine 20.10 or newer.")
    return Fact("engine", True, found)


def architecture(name: str) -> Fact:
    """The engine runs on an architecture for which the image can be built."""
    if name in ARCHITECTURES:
        return Fact("architecture", True, ARCHITECTURES[name])
    return Fact("architecture", False, name or "unknown", "The lab runs on amd64 and arm64.")


def memory(total: int) -> Fact:
    """The engine has memory enough for five nodes."""
    found = f"{total / space.GIB:.1f} GiB"
    if total >= MIN_MEMORY:
        return Fact("memory", True, found)
    return Fact("memory", False, found, f"Give the engine at least {MIN_MEMORY // space.GIB} GiB.")


def disk(info: Mapping[str, Any] | None) -> list[Fact]:
    """There is room where the engine (when it is known) and the lab keep their data."""
    try:
        least = space.minimum()
        found = space.spaces(info)
    except (LabError, OSError) as error:
        return [Fact("disk", False, str(error), "See above.")]
    facts = []
    for one in found:
        said = f"{one.free / space.GIB:.1f} GiB free for {one.what} ({one.path})"
        if one.free >= least:
            facts.append(Fact("disk", True, said))
        else:
            facts.append(
                Fact("disk", False, said, f"Free some: the lab wants {least / space.GIB:.1f} GiB.", "docker system df")
            )
    return facts


async def _image(engine: Engine, settings: LabSettings) -> Fact:
    from pghalab.lab.image.build import image_versions

    versions = await image_versions(engine, settings.image)
    if versions is None:
        # Whatever carries the name but not the versions was not built by pghalab.
        return Fact("image", False, f"{settings.image} is not built", "Build it.", "pghalab build")
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Fact("image", True, f"{settings.image}: {told}")


async def _subnet(engine: Engine, settings: LabSettings) -> Fact:
    world = await look(engine)
    holders = addresses.taken(settings.name, world.containers, world.networks, world.routes)
    held = addresses.conflict(settings, holders)
    own = world.network(settings.name)
    if held is not None:
        free = addresses.next_free_subnet(settings, holders)
        todo = f"The next free subnet is {free}." if free else "Choose one with -s."
        command = f"pghalab up -s {free}" if free else ""
        return Fact("subnet", False, f"{settings.subnet}.0/24 is held: there is {held.who}", todo, command)
    return Fact("subnet", True, f"{settings.subnet}.0/24 is {'the lab’s own' if own else 'free'}")


async def _reach(engine: Engine, settings: LabSettings) -> list[Fact]:
    running = {name: one for name, one in (await lifecycle.nodes(engine, settings)).items() if one.state == "running"}
    states = await asyncio.gather(*(reach.said(engine, one.id) for one in running.values()))
    return reached(dict(zip(running, states, strict=True)), to_open=settings.open_network)


def reached(states: Mapping[str, str], *, to_open: bool) -> list[Fact]:
    """Whom the running nodes answer, from what each of them says, is what was chosen; nothing when none runs."""
    if not states:
        return []
    warnings = reach.warnings(states)
    if not warnings:
        told = "the nodes answer each other, and on the port of ssh everybody"
        if to_open:
            return [Fact("reach", False, f"{told}, although the lab is to be open", "Open it.", "pghalab up --open")]
        return [Fact("reach", True, told)]
    # Who opened the lab has accepted that, whatever the reason.
    if to_open:
        return [Fact("reach", True, warning) for warning in warnings]
    todo = "Close it, or accept it by opening the lab: pghalab up --open"
    return [Fact("reach", False, warning, todo) for warning in warnings]


def key_files(settings: LabSettings) -> list[Fact]:
    """The console's private key and the settings, when they exist, are their owner's only."""
    facts = []
    try:
        folder = paths.lab_folder(settings.name)
        for what, path in (("ssh key", folder / keys.KEY_NAME), ("settings", settings_file(settings.name))):
            facts.append(_private(what, path))
    except (LabError, OSError) as error:
        facts.append(Fact("ssh key", False, str(error), "Set PGHALAB_STATE_DIR to a folder that you may write to."))
    return facts


def _private(what: str, path: Path) -> Fact:
    if not path.exists():
        return Fact(what, True, f"{path} is made with the lab")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return Fact(what, False, f"{path} has mode {mode:04o}", "Take it away from others.", f"chmod 600 '{path}'")
    return Fact(what, True, f"{path} ({mode:04o})")


def state_folder() -> Fact:
    """State can be written; nothing is, to see it."""
    root = paths.state_root()
    existing = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return Fact("state folder", True, str(root) if existing == root else f"{root} is made when it is needed")
    why = "is no folder" if not existing.is_dir() else "may not be written to"
    todo = "Set PGHALAB_STATE_DIR to a folder that you may write to."
    return Fact("state folder", False, f"{existing} {why}", todo, "export PGHALAB_STATE_DIR=~/pghalab-state")


def python(version: tuple[int, ...]) -> Fact:
    """Python is recent enough."""
    found = f"{'.'.join(map(str, version))} on {platform.system()} {platform.machine()}"
    if version >= MIN_PYTHON:
        return Fact("python", True, found)
    return Fact("python", False, found, f"Use Python {'.'.join(map(str, MIN_PYTHON))} or newer.")


def terminal(environ: Mapping[str, str], size: os.terminal_size, is_terminal: bool) -> list[Fact]:
    """The terminal, when there is one, is large enough and shows colours."""
    if not is_terminal:
        return [Fact("terminal", True, "the output is not a terminal")]
    name = environ.get("TERM", "")
    facts = []
    small = size.columns < SMALL_SCREEN[0] or size.lines < SMALL_SCREEN[1]
    facts.append(
        Fact(
            "terminal size",
            not small,
            f"{size.columns}x{size.lines}",
            f"Make it at least {SMALL_SCREEN[0]}x{SMALL_SCREEN[1]}." if small else "",
        )
    )
    plain = name in ("", "dumb", "unknown")
    rich = environ.get("COLORTERM", "") in ("truecolor", "24bit")
    colours = "no colours" if plain or "NO_COLOR" in environ else "24-bit colour" if rich else "few colours or 256"
    facts.append(
        Fact(
            "terminal type",
            not plain,
            f"TERM={name or '(unset)'}, {colours}",
            "The console needs a terminal that can move the cursor." if plain else "",
            "export TERM=xterm-256color" if plain else "",
        )
    )
    return facts


def healthy(facts: list[Fact]) -> bool:
    """Every fact holds."""
    return all(fact.ok for fact in facts)
