"""Makes the shipped recording of the course anew: `python -m tests.record_course`, some minutes with an engine.

The whole course is run, from the build of the image on, on a lab of its own with names as long as those of the lessons.
It is removed afterwards.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import zlib
from dataclasses import replace

from pghalab.course.load import load_course
from pghalab.course.recorded import SHIPPED, misfits, read_recorded
from pghalab.lab.deploy import addresses, preflight
from pghalab.lab.engine.client import Engine
from pghalab.lab.image.build import NO_CACHE
from pghalab.lab.settings import LabSettings, default_settings, save_settings

NAME = "pghr"
IMAGE = "pghalab-pg17:recorded"
_ELSEWHERE = re.compile(rb'(https?://)(?!pgha\d|localhost|127\.|192\.168\.)[^/\s"\\]+')


def settings() -> LabSettings:
    """A lab that is called as long as that of the lessons, on a subnet that is free."""
    import asyncio

    engine = Engine.connect()
    try:
        world = asyncio.run(preflight.look(engine))
    finally:
        engine.close()
    holders = addresses.taken(NAME, world.containers, world.networks, world.routes)
    wanted = (replace(default_settings(NAME), image=IMAGE, subnet=f"192.168.{number}") for number in range(60, 100))
    return next(one for one in wanted if addresses.conflict(one, holders) is None)


def forget() -> None:
    """Remove the image that was built for it."""
    engine = Engine.connect()
    try:
        if engine.api.images(name=IMAGE):
            engine.api.remove_image(IMAGE)
    finally:
        engine.close()


def without_hosts(packed: bytes) -> bytes:
    """A recording that does not say where the image's packages came from."""
    lines = zlib.decompress(packed, 31)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(_ELSEWHERE.sub(rb"\1mirror", lines)) + packer.flush()


def verb(*words: str) -> int:
    """Run a verb on the lab, and show what it prints."""
    return subprocess.run([sys.executable, "-m", "pghalab", "--lab", NAME, *words], check=False).returncode


def main() -> int:
    """Record; exit 0 only if every step was done and the recording fits the lessons."""
    with tempfile.TemporaryDirectory() as state:
        os.environ["PGHALAB_STATE_DIR"] = state
        # A build from the cache says nothing worth a look.
        os.environ[NO_CACHE] = "1"
        save_settings(settings())
        try:
            if status := verb("run", "--all"):
                return status
            if status := verb("journal", "export", "--format", "recording", "--force", str(SHIPPED)):
                return status
        finally:
            verb("down", "-f")
            forget()
    SHIPPED.write_bytes(without_hosts(SHIPPED.read_bytes()))
    SHIPPED.chmod(0o644)
    found = misfits(load_course(), read_recorded(SHIPPED))
    for words in found:
        print(words)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
