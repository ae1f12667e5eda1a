"""A lab of the measurements' own: its state folder, its free subnet, its verbs."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pghalab.lab.settings import LabSettings


@dataclass(frozen=True, slots=True)
class LabHere:
    """A lab that nobody else uses."""

    name: str
    subnet: str
    key: Path
    env: dict[str, str]

    @staticmethod
    def prepare(folder: Path, *, nodes: int = 5, beside: LabHere | None = None) -> LabHere:
        """Settle the lab's settings, its name and its free subnet, without creating anything yet.

        Another lab that is `beside` it has not taken its subnet yet.
        """
        from pghalab.lab.settings import save_settings
        from pghalab.lab.ssh.keys import KEY_NAME

        name = f"bench{secrets.token_hex(3)}x"
        env = {**os.environ, "PGHALAB_STATE_DIR": str(folder / "state")}
        draft = LabHere(name, "", Path(), env)
        verb(draft, "build")
        os.environ["PGHALAB_STATE_DIR"] = env["PGHALAB_STATE_DIR"]
        settings = asyncio.run(_free(name, nodes, beside))
        save_settings(settings)
        return LabHere(name, settings.subnet, folder / "state" / "labs" / name / KEY_NAME, env)


async def _free(name: str, nodes: int, beside: LabHere | None) -> LabSettings:
    """Settings whose names and addresses nobody has."""
    from pghalab.lab.deploy import preflight
    from pghalab.lab.engine.client import Engine
    from pghalab.lab.settings import default_settings

    engine = await asyncio.to_thread(Engine.connect)
    try:
        wanted = replace(default_settings(name), nodes=nodes)
        if beside is not None:
            first, last = beside.subnet.rsplit(".", 1)
            wanted = replace(wanted, subnet=f"{first}.{(int(last) + 1) % 256}")
        return (await preflight.check(engine, wanted, auto=True))[0]
    finally:
        engine.close()


def verb(lab: LabHere, *words: str) -> str:
    """Run a verb on the lab and return what it printed; raises RuntimeError with that when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "pghalab", "--lab", lab.name, *words],
        capture_output=True,
        text=True,
        env=lab.env,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"pghalab {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def timed(lab: LabHere, *words: str) -> float:
    """Seconds that a verb takes; raises RuntimeError as `verb` does."""
    start = time.perf_counter()
    verb(lab, *words)
    return time.perf_counter() - start
