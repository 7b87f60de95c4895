"""Processes crowded, killed and stopped: nothing acknowledged is lost, nothing half done."""

import asyncio
import itertools
import os
import random
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from persistence.data_directory import DataDirectory, Holder
from persistence.database import connected
from tests.client import Api, Data
from tests.full_size import IS_FULL_SIZE
from tests.ledger import Ledger
from tests.servers import Servers, new_database_name

WORKERS = 6
SERVERS_KILLED = 5 if IS_FULL_SIZE else 2
DATABASES_KILLED = 3 if IS_FULL_SIZE else 1  # Under each server.
SHOWN = "ticketId version"
# How long a request may take while its database is away, where a second is set; they take two.
UNAVAILABLE_SECONDS = 10.0


# ---- many at once --------------------------------------------------------------------------


async def test_two_processes_number_a_hundred_tickets_at_once(
    servers: Servers, mongodb_uri: str
) -> None:
    name = new_database_name()
    # At once too, on an empty database, which both prepare.
    processes = await asyncio.gather(*(servers.start(database_name=name) for _ in range(2)))
    apis = [await server.sign_in() for server in processes]
    phones = [f"+52551234000{number}" for number in range(3)]

    async def create(place: int) -> list[str]:
        """One client's tickets, in turn."""
        made = [
            await apis[place % 2].succeed(
                "createTicket",
                ticket=SHOWN,
                subject=f"{place}",
                description="At once.",
                category="other",
                customerPhone=phones[place % 3],
            )
            for _ in range(2 if place < 10 else 1)
        ]
        return [each["ticket"]["ticketId"] for each in made]

    drawn = await asyncio.gather(*(create(place) for place in range(100)))
    numbers = list(itertools.chain(*drawn))
    assert len(set(numbers)) == 110
    assert all(theirs == sorted(theirs) for theirs in drawn)
    for place, phone in enumerate(phones):
        customer = await apis[0].query(
            "query($phone: String!) {"
            " customer(phone: $phone) { statistics { totalTickets openTickets } } }",
            {"phone": phone},
        )
        theirs = len(list(itertools.chain(*drawn[place::3])))
        assert customer["customer"]["statistics"] == {
            "totalTickets": theirs,
            "openTickets": theirs,
        }
    async with connected(mongodb_uri, name) as database:
        ledger = await Ledger.read(database)
    ledger.check()
    assert sorted(ledger.numbers) == sorted(numbers)


# ---- kill -9 -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    mutation: str
    arguments: Data


@dataclass
class Journal:
    """What clients asked for, and what they were told."""

    random: random.Random
    told: int = 0
    # By ticket the versions that were acknowledged; the texts of tickets and notes that were.
    versions: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    texts: set[str] = field(default_factory=set[str])
    unanswered: list[Request] = field(default_factory=list[Request])

    def check(self, ledger: Ledger) -> None:
        ledger.check()
        kept = {
            history[0]["ticket_id"]: {event["version"] for event in history}
            for history in ledger.histories.values()
        }
        for ticket_id, versions in self.versions.items():
            assert versions <= kept.get(ticket_id, set()), ticket_id
        written = [ticket["subject"] for ticket in ledger.tickets.values()]
        written += [note["content"] for note in ledger.notes]
        # What was acknowledged is there; what was asked for, answered or not, is there once.
        assert self.texts <= set(written)
        assert len(written) == len(set(written))

    async def work(self, api: Api, enough: asyncio.Event) -> None:
        """One client's requests, in turn, until `enough` or until the server is gone."""
        while not enough.is_set():
            request = self.request()
            try:
                answer = await api.mutate(request.mutation, ticket=SHOWN, **request.arguments)
            except httpx.TransportError:
                self.unanswered.append(request)
                return
            if answer.get("code") == "UNAVAILABLE":
                self.unanswered.append(request)
            elif "ticket" in answer:
                self.acknowledge(request, answer["ticket"])

    def acknowledge(self, request: Request, ticket: Data) -> None:
        self.told += 1
        self.versions.setdefault(ticket["ticketId"], set()).add(ticket["version"])
        if "idempotencyKey" in request.arguments:
            self.texts.add(request.arguments["idempotencyKey"])

    def request(self) -> Request:
        """The next request: a new one, or again one that went unanswered."""
        keyed = [each for each in self.unanswered if "idempotencyKey" in each.arguments]
        if keyed and self.random.random() < 0.5:
            again = self.random.choice(keyed)
            self.unanswered.remove(again)
            return again
        key = f"{self.random.getrandbits(64):016x}"
        if not self.versions or self.random.random() < 0.3:
            return Request(
                "createTicket",
                {
                    "subject": key,
                    "description": "Under fire.",
                    "category": "other",
                    "customerPhone": f"+5255123400{self.random.randrange(10):02}",
                    "idempotencyKey": key,
                },
            )
        visibility = self.random.choice(["PUBLIC", "INTERNAL"])
        priority = self.random.choice(["LOW", "URGENT"])
        status = self.random.choice(["IN_PROGRESS", "PENDING_CUSTOMER"])
        change = self.random.choice(
            [
                Request(
                    "addTicketNote",
                    {"content": key, "visibility": visibility, "idempotencyKey": key},
                ),
                Request("updateTicket", {"tags": [key], "priority": priority}),
                Request("escalateTicket", {"reason": key}),
                Request("liftEscalation", {}),
                Request("resolveTicket", {"summary": key}),
                Request("changeTicketStatus", {"status": status}),
            ]
        )
        change.arguments["ticketId"] = self.random.choice(sorted(self.versions))
        return change


async def check_database(journal: Journal, data_dir: Path) -> None:
    async with connected(holder_of(data_dir).uri or "", "tickets") as database:
        journal.check(await Ledger.read(database))


def holder_of(data_dir: Path) -> Holder:
    holder = DataDirectory(data_dir).holder()
    assert holder is not None
    return holder


@asynccontextmanager
async def busy(journal: Journal, api: Api) -> AsyncGenerator[None]:
    """Clients at work; when the context begins, at least one has been answered."""
    enough = asyncio.Event()
    async with asyncio.TaskGroup() as clients:
        for _ in range(WORKERS):
            clients.create_task(journal.work(api, enough))
        await until(lambda told=journal.told: journal.told > told)
        await asyncio.sleep(journal.random.uniform(0.0, 0.6))
        yield
        enough.set()


async def until(holds: Callable[[], bool], *, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 -- another process sets no event
            await asyncio.sleep(0.01)


async def test_whatever_is_killed_nothing_acknowledged_is_lost(
    servers: Servers, tmp_path: Path
) -> None:
    """Servers, each on what the one before left: its database is killed, repeatedly, then it."""
    data_dir = tmp_path / "data"
    journal = Journal(random.Random(1))  # noqa: S311 -- no secret
    credential: str | None = None
    for _ in range(SERVERS_KILLED):
        server = await servers.start(database_name="tickets", data_dir=data_dir)
        api = server.api(credential) if credential else await server.sign_in()
        credential = api.credential
        await check_database(journal, data_dir)
        for _ in range(DATABASES_KILLED):
            async with busy(journal, api):
                killed = holder_of(data_dir).database_pid
                os.kill(killed, signal.SIGKILL)
                # It comes back by itself, while clients go on asking.
                await until(lambda killed=killed: is_back(data_dir, killed))
                await until(lambda told=journal.told: journal.told > told + WORKERS)
            await check_database(journal, data_dir)
        async with busy(journal, api):
            await server.kill()
    await servers.start(database_name="tickets", data_dir=data_dir)
    await check_database(journal, data_dir)


def is_back(data_dir: Path, killed: int) -> bool:
    holder = holder_of(data_dir)
    return holder.database_pid != killed and holder.uri is not None


# ---- a database that does not answer -------------------------------------------------------


async def test_without_its_database_a_server_says_so_soon_and_works_again_after(
    servers: Servers, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    server = await servers.start(
        database_name="tickets", data_dir=data_dir, TICKETS_DATABASE_TIMEOUT_SECONDS="1"
    )
    api = await server.sign_in()
    new = {"subject": "Once", "description": "D", "category": "other", "idempotencyKey": "once"}
    database = holder_of(data_dir).database_pid
    os.kill(database, signal.SIGSTOP)
    try:
        for _ in range(2):
            async with asyncio.timeout(UNAVAILABLE_SECONDS):
                mutated, asked, ready, live = await asyncio.gather(
                    api.mutate("createTicket", ticket=SHOWN, **new),
                    api.execute("{ tickets { nodes { id } } }"),
                    server.http.get("/health/ready"),
                    server.http.get("/health/live"),
                )
            assert mutated["code"] == "UNAVAILABLE"
            assert asked.codes == ["UNAVAILABLE"]
            assert (ready.status_code, live.status_code) == (503, 200)
    finally:
        os.kill(database, signal.SIGCONT)
    await server.until_ready()
    made = await api.succeed("createTicket", ticket=SHOWN, **new)

    os.kill(database, signal.SIGKILL)
    async with asyncio.timeout(UNAVAILABLE_SECONDS):
        answer = await api.mutate("createTicket", ticket=SHOWN, **new)
        assert answer.get("code", "UNAVAILABLE") == "UNAVAILABLE"
    await server.until_ready()
    again = await api.succeed("createTicket", ticket=SHOWN, **new)
    assert again == {**made, "replayed": True}
    async with connected(holder_of(data_dir).uri or "", "tickets") as stored:
        ledger = await Ledger.read(stored)
    ledger.check()
    assert len(ledger.tickets) == 1
