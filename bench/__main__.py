"""`make bench`: seeds a database, starts the server and the floor, and measures them in turn.

What is compared is the CPU time of the two processes per answer. Figures of one run are compared
with one another and with nothing else: machines differ, and the same machine from hour to hour.
"""

import argparse
import asyncio
import os
import platform
import secrets
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from bench.load import Figures, Request, connected, load
from bench.processes import Process, free_port, pin_load, running
from bench.seed import ADMIN, PASSWORD, Seeded, seed
from bench.subscribers import measure_feed
from bench.workloads import Workload, workloads
from domain.sessions import Tokens
from graph.app import build_services
from graph.context import Services
from graph.settings import Settings
from persistence import database as persistence
from persistence.embedded import embedded_or_running

console = Console(width=110)


@dataclass(frozen=True, slots=True)
class Options:
    """`clients` ask at once, for `seconds`, in each of `rounds`, of which the best counts."""

    tickets: int
    clients: int
    rounds: int
    seconds: float
    subscribers: int
    only: str

    @classmethod
    def parse(cls) -> "Options":
        parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
        parser.add_argument("--tickets", type=int, default=1_000)
        parser.add_argument("--clients", type=int, default=4)
        parser.add_argument("--rounds", type=int, default=3)
        parser.add_argument("--seconds", type=float, default=4.0)
        parser.add_argument("--subscribers", type=int, default=500)
        parser.add_argument("--only", default="", help="workloads whose name contains this")
        return cls(**vars(parser.parse_args()))


@dataclass(frozen=True, slots=True)
class Bench:
    server: Process
    floor: Process
    services: Services
    seeded: Seeded
    tokens: Tokens


@asynccontextmanager
async def prepared(options: Options) -> AsyncGenerator[Bench]:
    """A seeded database on the embedded server, or on that of TICKETS_BENCH_MONGODB_URI."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        uri = os.environ.get("TICKETS_BENCH_MONGODB_URI")
        if uri is None:
            uri = await stack.enter_async_context(embedded_or_running(directory))
        settings = Settings.model_validate(
            {
                "mongodb_uri": uri,
                "database_name": f"bench_{os.getpid()}",
                "access_token_minutes": 24 * 60,
            }
        )
        secret_key = secrets.token_urlsafe(32)
        connection = persistence.connected(uri, settings.database_name)
        database = await stack.enter_async_context(connection)
        services = build_services(database, settings, secret_key=secret_key)
        console.print(f"Seeding {options.tickets:,} tickets")
        seeded = await seed(database, services, tickets=options.tickets)
        tokens = await services.sessions.login(ADMIN, PASSWORD)
        port, floor_port = free_port(), free_port()
        environment = {
            **os.environ,
            "TICKETS_MONGODB_URI": uri,
            "TICKETS_DATABASE_NAME": settings.database_name,
            "TICKETS_SECRET_KEY": secret_key,
            "TICKETS_LOG_LEVEL": "warning",
            "TICKETS_PORT": str(port),
            "TICKETS_MAX_CONNECTIONS_PER_ADDRESS": "2000",
            "TICKETS_MAX_CONNECTIONS_PER_IDENTITY": "2000",
            "TICKETS_REQUEST_RATE_PER_ACCOUNT": "1000000 per minute",
            "TICKETS_REQUEST_RATE_PER_KEY": "1000000 per minute",
        }
        server = running(
            [str(Path(sys.executable).with_name("tickets")), "serve", "--no-demo"],
            environment,
            port=port,
            ready="/health/ready",
        )
        floor = running(
            [sys.executable, "-m", "bench.floor", str(floor_port)],
            environment,
            port=floor_port,
            ready="/ready",
        )
        yield Bench(
            await stack.enter_async_context(server),
            await stack.enter_async_context(floor),
            services,
            seeded,
            tokens,
        )


async def bench(options: Options) -> None:
    pin_load()
    async with prepared(options) as prepared_bench:
        await measure(prepared_bench, options)


async def measure(bench: Bench, options: Options) -> None:
    server, floor = bench.server, bench.floor
    console.print(
        f"Server: ready after {server.seconds_to_start:.1f} s, {_mib(server)}. "
        f"Floor: {floor.seconds_to_start:.1f} s, {_mib(floor)}."
    )
    if options.only in "feed":
        # First: what is written later would still be on its way to subscribers.
        await _measure_feed(bench, options)
    table = Table(title=f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {options.clients} clients")
    headings = ("CPU ms", "floor", "ratio", "promised", "p50 ms", "p95 ms", "per s")
    table.add_column("workload")
    for heading in headings:
        table.add_column(heading, justify="right")
    for workload in workloads(bench.seeded, bench.tokens.access_token):
        if options.only in workload.name:
            table.add_row(workload.name, *await _row(bench, workload, options))
    console.print(table)
    console.print(f"Server at the end: {_mib(server)}.")


async def _row(bench: Bench, workload: Workload, options: Options) -> list[str]:
    """Server and floor in turn, so that what disturbs the machine disturbs both."""
    ours, base = workload.of_server(), workload.of_floor()
    await _check(bench, workload.name, ours, base)
    of_ours: list[Figures] = []
    of_floor: list[Figures] = []
    for _ in range(options.rounds):
        of_ours.append(await _load(bench.server, ours, options))
        if base is not None:
            of_floor.append(await _load(bench.floor, base, options))
    best = _best(of_ours)
    row = [f"{best.cpu:.2f}", "", "", ""]
    if of_floor:
        least = _best(of_floor).cpu
        row[1:3] = f"{least:.2f}", f"{best.cpu / least:.2f}"
    if workload.promised is not None:
        row[3] = f"≤ {workload.promised}"
    return [*row, f"{best.median:.1f}", f"{best.percentile_95:.1f}", f"{best.per_second:.0f}"]


async def _check(bench: Bench, name: str, ours: Request, base: Request | None) -> None:
    """Raises where the answers of server and floor are not the same."""
    async with connected(bench.server) as connection:
        answer = orjson.loads(await connection.ask(ours.encoded()))
    if answer.get("errors") or any("code" in each for each in answer["data"].values() if each):
        raise RuntimeError(f"{name}: {answer}")
    if base is not None:
        async with connected(bench.floor) as connection:
            expected = orjson.loads(await connection.ask(base.encoded()))
        if answer != expected:
            raise RuntimeError(
                f"{name}: {str(answer)[:2000]}\n\nbut the floor: {str(expected)[:2000]}"
            )


async def _measure_feed(bench: Bench, options: Options) -> None:
    figures = await measure_feed(
        bench.server,
        bench.floor,
        bench.services.tickets,
        bench.seeded,
        bench.tokens.access_token,
        subscribers=options.subscribers,
        rounds=options.rounds,
    )
    console.print(
        f"Feed with {options.subscribers} subscribers: {figures.microseconds:.1f} µs of CPU per "
        f"delivered message, {figures.microseconds / figures.bare:.2f} times the bare broadcast's "
        f"{figures.bare:.1f} (promised ≤ 1.3); {figures.kib:.0f} KiB per idle subscriber "
        "(promised ≤ 40)."
    )


async def _load(process: Process, request: Request, options: Options) -> Figures:
    return await load(process, request, seconds=options.seconds, clients=options.clients)


def _best(figures: list[Figures]) -> Figures:
    # Noise only ever adds.
    return min(figures, key=lambda each: each.cpu)


def _mib(process: Process) -> str:
    return f"{process.resident_kib() / 1024:.0f} MiB"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()


if __name__ == "__main__":
    asyncio.run(bench(Options.parse()))
