"""A lab of the measurements' own: its state folder, its free subnet, its verbs."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LabHere:
    """A lab that nobody else uses."""

    name: str
    subnet: str
    key: Path
    env: dict[str, str]

    @staticmethod
    def prepare(folder: Path, *, nodes: int = 5) -> LabHere:
        """Settle the lab's settings, its name and its free subnet by creating it once, and remove it again."""
        from pghalab.lab.settings import load_settings
        from pghalab.lab.ssh.keys import KEY_NAME

        name = f"bench{secrets.token_hex(3)}x"
        env = {**os.environ, "PGHALAB_STATE_DIR": str(folder / "state")}
        draft = LabHere(name, "", Path(), env)
        verb(draft, "up", "--auto", "-n", str(nodes))
        os.environ["PGHALAB_STATE_DIR"] = env["PGHALAB_STATE_DIR"]
        subnet = load_settings(name).subnet
        verb(draft, "down", "-f")
        return LabHere(name, subnet, folder / "state" / "labs" / name / KEY_NAME, env)


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
