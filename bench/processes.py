"""The processes under measurement, each on a core of its own and away from the load."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

# The database goes where the load goes: neither is to disturb what is measured.
SERVER_CORE, LOAD_CORE = 0, 1
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Process:
    """A server that is ready; `seconds_to_start` is how long it took."""

    pid: int
    port: int
    seconds_to_start: float

    def cpu_seconds(self) -> float:
        """User and system time of all its threads, since it began."""
        # How Linux numbers the clock of another process (clock_getcpuclockid): to the nanosecond,
        # where /proc counts hundredths of a second.
        return time.clock_gettime((~self.pid << 3) | 2)

    def resident_kib(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 1024


def pin_load() -> None:
    os.sched_setaffinity(0, {LOAD_CORE})


@asynccontextmanager
async def running(
    command: list[str], environment: Mapping[str, str], *, port: int, ready: str
) -> AsyncGenerator[Process]:
    """`command`, from when it answers at the path `ready` until the block ends."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),
    )
    try:
        await _until_ready(process, f"http://127.0.0.1:{port}{ready}", began + START_SECONDS)
        yield Process(process.pid, port, time.monotonic() - began)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_ready(process: asyncio.subprocess.Process, url: str, deadline: float) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        while process.returncode is None and time.monotonic() < deadline:
            try:
                if (await client.get(url)).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)
    raise RuntimeError(f"{url} does not answer")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
