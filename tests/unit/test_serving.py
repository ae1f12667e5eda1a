"""A console begins `pghalab serve` beside itself, and no server outlives it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from pghalab.lab.types import LabError
from pghalab.session.serving import Serving

STARTS = """
import asyncio
from pghalab.session.serving import Serving

async def main():
    print(*await Serving("pgha").start("127.0.0.1"), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    made = Serving("pgha")
    yield made
    await made.stop()


async def is_open(url: str) -> bool:
    """Somebody listens there."""
    where = urlsplit(url)
    try:
        _, writer = await asyncio.open_connection(where.hostname, where.port)
    except OSError:
        return False
    writer.close()
    return True


async def test_it_is_begun_and_ended(serving: Serving) -> None:
    assert not serving.addresses
    (url,) = await serving.start("127.0.0.1")
    assert serving.addresses == (url,)
    async with aiohttp.ClientSession() as client, client.get(url) as page:
        assert page.status == 200
    await serving.stop()
    assert not serving.addresses and not await is_open(url)
    assert await serving.start("127.0.0.1") == (url,), "the room finds it again"


async def test_why_it_cannot_be_begun_is_told(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LabError, match="does not have the address"):
        await serving.start("192.0.2.7")
    assert not serving.addresses
    (tmp_path / "file").touch()
    monkeypatch.setenv("PGHALAB_STATE_DIR", str(tmp_path / "file"))
    with pytest.raises(LabError, match="cannot be written"):
        await serving.start("127.0.0.1")


async def test_it_ends_with_who_began_it_also_when_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS], stdout=subprocess.PIPE, text=True) as console:
        assert console.stdout is not None
        url = (await asyncio.to_thread(console.stdout.readline)).strip()
        assert await is_open(url)
        console.send_signal(signal.SIGKILL)
        console.wait()
    async with asyncio.timeout(20):
        while await is_open(url):
            await asyncio.sleep(0.02)
