"""What the lab menu does beyond the verbs of the lab itself, as streams of output."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from pghalab.lab.settings import LabSettings, save_settings
from pghalab.lab.types import Ended, Output
from pghalab.session.backend import DrivenLab, Stream


async def configured(lab: DrivenLab, settings: LabSettings, runs: Callable[[], Stream]) -> Stream:
    """Take other settings, store them, and then run."""
    await lab.configure(settings)
    save_settings(settings)
    async with contextlib.aclosing(runs()) as pieces:
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
