"""A way to the engine that can be shut and opened again, as if the engine had gone away and come back."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path


class Gate:
    """A socket that leads to the engine while it is open."""

    def __init__(self, engine_socket: str, path: Path) -> None:
        self._target, self.path = engine_socket, path
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._accept, str(self.path))

    async def shut(self) -> None:
        assert self._server is not None
        self._server.close()
        self.path.unlink(missing_ok=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        there_reader, there_writer = await asyncio.open_unix_connection(self._target)

        async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
                sink.write_eof()

        try:
            await asyncio.gather(pass_on(reader, there_writer), pass_on(there_reader, writer))
        except asyncio.CancelledError:
            pass  # shut: the streams protocol would report a cancelled handler as a fault
        finally:
            writer.close()
            there_writer.close()
