"""The lines of the lab menu, and what each does to the lab."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pghalab.lab.settings import LabSettings, save_settings
from pghalab.lab.types import Ended, Output
from pghalab.session.backend import Stream

if TYPE_CHECKING:
    from pghalab.lab.local import LocalLab


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: its name, what it does, and what has to be confirmed."""

    name: str
    title: str
    does: str
    warning: str = ""


ENTRIES = (
    Entry("build", "Build", "the image of the nodes; quick when nothing changed"),
    Entry("up", "Up", "create what is missing and start it"),
    Entry("up-auto", "Up, elsewhere", "the same, on the next free subnet when addresses are taken"),
    Entry("up-other", "Up, other…", "the same with other nodes, names, network, image or password"),
    Entry("start", "Start", "the existing nodes"),
    Entry("stop", "Stop", "the nodes; what is on their disks stays"),
    Entry("restart", "Restart", "the nodes", "Every node is stopped and started again. Services on them end."),
    Entry("export", "Export", "a compose file and a script that make this lab without pghalab"),
    Entry(
        "forget",
        "Begin again",
        "forget the progress; the lab stays as it is",
        "What was read, answered and done in the course is forgotten. The lab stays as it is.",
    ),
    Entry("rm", "Remove nodes", "the containers; the volumes stay", "The containers are removed; the volumes stay."),
    Entry(
        "rmvolumes",
        "Remove data",
        "the volumes of nodes that are removed",
        "The data of this lab is removed; its nodes must be removed before. This cannot be undone.",
    ),
    Entry(
        "down",
        "Remove lab",
        "containers and network; the volumes stay",
        "The containers and the network of this lab are removed; the volumes stay.",
    ),
    Entry(
        "down-volumes",
        "Remove all",
        "containers, network and the data",
        "Everything of this lab is removed, its data included. This cannot be undone.",
    ),
)


def start_verb(lab: LocalLab, name: str) -> Stream:
    """The generator that does what an entry says."""
    match name:
        case "up-auto":
            return lab.up(auto=True)
        case "down-volumes":
            return lab.down(volumes=True)
        case "export":
            return export(lab.settings, Path.cwd())
        case _:
            verbs = {
                "build": lab.build,
                "up": lab.up,
                "start": lab.start,
                "stop": lab.stop,
                "restart": lab.restart,
                "rm": lab.rm,
                "rmvolumes": lab.rmvolumes,
                "down": lab.down,
            }
            return verbs[name]()


async def up_with(lab: LocalLab, settings: LabSettings) -> Stream:
    """Take other settings, store them, and create the lab."""
    await lab.configure(settings)
    save_settings(settings)
    async with contextlib.aclosing(lab.up()) as pieces:
        async for piece in pieces:
            yield piece


async def export(settings: LabSettings, folder: Path) -> Stream:
    """Write the deployment into a folder, as `pghalab export` does; raises LabError when a file exists."""
    began = time.monotonic()

    def write() -> tuple[Path, Path]:
        from pghalab.lab.deploy import export

        plan = export.plan_of(settings)
        compose, script = folder / f"{settings.name}.yaml", folder / f"{settings.name}.sh"
        export.write(compose, export.compose(plan), force=False)
        export.write(script, export.script(plan), force=False, executable=True)
        return compose, script

    compose, script = await asyncio.to_thread(write)
    yield Output("stdout", f"docker compose -p {settings.name} -f {compose} up -d\n")
    yield Output("stdout", f"sh {script} create, then sh {script} start\n")
    yield Ended("exited", 0, time.monotonic() - began)
