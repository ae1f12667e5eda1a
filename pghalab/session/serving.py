"""`pghalab serve` as a program of its own that a console begins and ends, and that ends with it, however it does."""

from __future__ import annotations

import asyncio
import contextlib
import sys

from pghalab.lab.types import LabError
from pghalab.text import clean

BEGINS = 30.0
"""Seconds within which it says its address, on a slow machine."""
ENDS = 5.0
"""Seconds in which it sends the room away."""


class Serving:
    """Serves the screen of the console that drives a lab."""

    def __init__(self, lab: str) -> None:
        self._lab = lab
        self._process: asyncio.subprocess.Process | None = None
        self._addresses: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """What to open in a browser; none while nobody is served."""
        running = self._process is not None and self._process.returncode is None
        return self._addresses if running else ()

    async def start(self, listen: str) -> tuple[str, ...]:
        """Serve at this address of the machine, and return what to open in a browser; raises LabError."""
        await self.stop()
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-u", "-m", "pghalab", "--lab", self._lab, "serve", "--listen", listen, "--until-eof"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # What the terminal sends to the console's programs is not meant for it.
            start_new_session=True,
        )
        assert process.stdout is not None and process.stderr is not None
        found: list[str] = []
        try:
            async with asyncio.timeout(BEGINS):
                while line := (await process.stdout.readline()).decode(errors="replace"):
                    if line.startswith("  http"):
                        found.append(clean(line).strip())
                    elif found and not line.startswith("  "):
                        break
                if not found:
                    said = clean((await process.stderr.read(4000)).decode(errors="replace")).strip()
                    raise LabError(said or "`pghalab serve` ended without a word.", kind="unspecified")
        except TimeoutError as error:
            await self.stop()
            raise LabError(f"`pghalab serve` did not begin within {BEGINS:g} s.", kind="timeout") from error
        self._addresses = tuple(found)
        self._rest = asyncio.ensure_future(_empty(process.stdout, process.stderr))
        return self._addresses

    async def stop(self) -> None:
        """Send the room away; returns once that is done."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(ENDS):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _empty(*streams: asyncio.StreamReader) -> None:
    """Read what nobody needs, so that whoever writes it never waits."""
    for stream in streams:
        while await stream.read(65536):
            pass
