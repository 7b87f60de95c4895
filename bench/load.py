"""Requests as fast as they are answered, from a client that costs less than what it measures."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bench.processes import Process


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a server, over and over again."""

    path: str
    body: bytes
    headers: Mapping[str, str]

    def encoded(self) -> bytes:
        lines = [
            f"POST {self.path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Content-Type: application/json",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True, slots=True)
class Figures:
    """CPU of the server per request, and how long requests took, in milliseconds."""

    cpu: float
    median: float
    percentile_95: float
    per_second: float


class Connection:
    """One kept alive, and one request on it at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer, which must be 200."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        _, _, rest = head.lower().partition(b"content-length:")
        body = await self._reader.readexactly(int(rest.partition(b"\r\n")[0]))
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{head.decode()}{body.decode()}")
        return body


@asynccontextmanager
async def connected(process: Process) -> AsyncGenerator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


async def load(process: Process, request: Request, *, seconds: float, clients: int) -> Figures:
    """The same request from `clients` at once, over and over again for that long."""
    durations: list[float] = []
    encoded = request.encoded()

    async def work(connection: Connection, until: float) -> None:
        while (began := time.perf_counter()) < until:
            await connection.ask(encoded)
            durations.append((time.perf_counter() - began) * 1000)

    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(connected(process)) for _ in range(clients)]
        # At once: a connection on which nothing is asked for long is closed.
        await asyncio.gather(*(connection.ask(encoded) for connection in connections))
        cpu, began = process.cpu_seconds(), time.perf_counter()
        await asyncio.gather(*(work(each, began + seconds) for each in connections))
        seconds = time.perf_counter() - began
        cpu = process.cpu_seconds() - cpu
    durations.sort()
    return Figures(
        cpu=cpu / len(durations) * 1000,
        median=durations[len(durations) // 2],
        percentile_95=durations[int(len(durations) * 0.95)],
        per_second=len(durations) / seconds,
    )
