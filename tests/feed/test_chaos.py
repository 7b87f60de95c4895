"""Exactly what each may see, in commit order, none missing, none twice; whatever happens meanwhile.

Subscribers of every role, with filters of every kind, drop their connections at any moment and
resume by cursor at either of two processes, while writers change tickets; then the database is
killed, and one of the processes. What each must have been told is computed from the event log, by
rules written down here once more.

TICKETS_TEST_FULL_SIZE=1 runs it with 200 subscribers and 2,000 mutations.
"""

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from bson import ObjectId
from websockets.exceptions import ConnectionClosed, InvalidMessage

from graph.nodes import decode_id
from persistence.database import Database
from persistence.database import connected as database_at
from persistence.documents import Document
from persistence.embedded import EmbeddedDatabase
from tests.client import Api, Data
from tests.factories import Factory, Person
from tests.feed.past import latest_event
from tests.feed.socket import raw_connection
from tests.full_size import IS_FULL_SIZE
from tests.servers import Server, Servers

SUBSCRIBERS, MUTATIONS = (200, 2_000) if IS_FULL_SIZE else (40, 240)
WRITERS = 8
# How many items a subscriber takes at most before it drops its connection, and how many mutations
# it lets go by before it resumes.
PATIENCE = 90
ABSENCE = 60
CATCHING_UP_SECONDS = 240.0
# So few that many resume from further back, where only the database knows what they missed.
LOG_EVENTS = 300 if IS_FULL_SIZE else 30
EVENTS_WRITTEN = [{"$match": {"ns.coll": "ticket_events"}}]

DOCUMENT = """
subscription($filter: TicketFilter, $after: String) {
  ticketEvents(filter: $filter, after: $after) {
    ... on TicketEvent { id cursor listChange ticket { ticketId } changes { field } }
    ... on FeedResyncRequired { cursor why: reason }
  }
}
"""


# ---- the truth -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Viewer:
    """`sees` and `meets` are asked of what an event remembers of its ticket."""

    name: str
    credential: str | None
    sees: Callable[[Document], bool]
    filter: Data
    meets: Callable[[Document], bool]
    customer_id: str | None = None


CUSTOMER_EVENTS = {
    "CREATED", "UPDATED", "STATUS_CHANGED", "NOTE_ADDED", "RESOLVED", "REOPENED", "CLOSED",
    "FEEDBACK_GIVEN", "ATTACHMENT_ADDED",
}  # fmt: skip


def expected_change(viewer: Viewer, event: Document) -> str | None:
    if viewer.customer_id is not None and (
        event["type"] not in CUSTOMER_EVENTS or event["note_visibility"] == "INTERNAL"
    ):
        return None

    def is_in(facts: Document | None) -> bool:
        return facts is not None and viewer.sees(facts) and viewer.meets(facts)

    return {
        (False, True): "ENTERED",
        (True, True): "UPDATED",
        (True, False): "LEFT",
        (False, False): None,
    }[is_in(event["before"]), is_in(event["after"])]


def expected_of(viewer: Viewer, log: list[Document]) -> list[Document]:
    return [event for event in log if expected_change(viewer, event) is not None]


def check(viewer: Viewer, log: list[Document], told: list[Data]) -> None:
    expected = expected_of(viewer, log)
    keys = [event["_id"] for event in expected]
    told_keys = [key_of(item) for item in told]
    assert told_keys == keys, (
        f"{viewer.name} {viewer.filter}: of {len(keys)} events {len(set(keys) - set(told_keys))} "
        f"missing, {len(set(told_keys) - set(keys))} not theirs, "
        f"{len(told_keys) - len(set(told_keys))} twice"
    )
    for event, item in zip(expected, told, strict=True):
        assert (item["ticket"] is None) == (item["listChange"] == "LEFT")
        if item["listChange"] != expected_change(viewer, event):
            # They were told so late that the ticket was out of their sight, and learned no more.
            assert item["listChange"] == "LEFT"
            assert item["changes"] == []
            assert any(
                not viewer.sees(later["after"])
                for later in log[log.index(event) :]
                if later["ticket_key"] == event["ticket_key"]
            )


def key_of(item: Data) -> ObjectId:
    return decode_id("TicketEvent", item["id"], "id")


async def place_in_log(database: Database) -> Document:
    async with database.native.watch(EVENTS_WRITTEN) as stream:
        return stream.resume_token


async def log_of(database: Database, start: Document) -> list[Document]:
    """Every event, as the database itself tells them after the place `start`, before the first."""
    count = await database.named_collection("ticket_events").count_documents({})
    log: list[Document] = []
    async with database.native.watch(EVENTS_WRITTEN, resume_after=start) as stream:
        while len(log) < count:
            log.append((await stream.next())["fullDocument"])
    assert len({event["_id"] for event in log}) == count
    return log


# ---- writers -------------------------------------------------------------------------------


@dataclass(slots=True)
class Work:
    """What writers do, each through any of `apis`."""

    apis: list[Api]
    customers: list[str]
    agents: list[str]
    random: random.Random
    tickets: list[str] = field(default_factory=list[str])
    done: int = 0
    more: asyncio.Event = field(default_factory=asyncio.Event)

    async def do(self, mutations: int) -> None:
        """Until so many have been made in all."""
        target = self.done + mutations
        async with asyncio.TaskGroup() as writers:
            for _ in range(WRITERS):
                writers.create_task(self._write(target))

    async def until(self, done: int) -> None:
        """Until so many have been made, or all."""
        while self.done < min(done, MUTATIONS):
            self.more.clear()
            await self.more.wait()

    async def _write(self, target: int) -> None:
        while self.done < target:
            mutation, arguments = self._draw()
            api = self.random.choice(self.apis)
            answer: Data = {"code": "UNAVAILABLE"}
            with suppress(httpx.TransportError):
                answer = await api.mutate(mutation, ticket="ticketId", **arguments)
            if answer.get("code") == "UNAVAILABLE":
                await asyncio.sleep(0.1)
            elif "code" not in answer:
                if mutation == "createTicket":
                    self.tickets.append(answer["ticket"]["ticketId"])
                self.done += 1
                self.more.set()

    def _draw(self) -> tuple[str, Data]:
        """One that may be refused, as where a ticket is to go into a state from which it comes."""
        draw = self.random.choice
        if len(self.tickets) < WRITERS or self.random.random() < 0.2:
            about = {"category": "other", "customerId": draw([*self.customers, None])}
            return "createTicket", {**_traits(draw), **about, **_texts("subject", "description")}
        agent = draw([*self.agents, None])
        mutation, arguments = draw(
            [
                ("updateTicket", _traits(draw)),
                ("assignTicket", {"assigneeId": agent}),
                ("changeTicketStatus", {"status": draw(["OPEN", "IN_PROGRESS"])}),
                (
                    "addTicketNote",
                    {"visibility": draw(["PUBLIC", "INTERNAL"]), **_texts("content")},
                ),
                ("escalateTicket", {"escalateToId": agent, **_texts("reason")}),
                ("liftEscalation", {}),
                ("resolveTicket", _texts("summary")),
            ]
        )
        return mutation, {"ticketId": draw(self.tickets), **arguments}


def _traits(draw: Callable[[list[str]], str]) -> Data:
    return {"priority": draw(["LOW", "URGENT"]), "tags": [draw(["lamp", "leak", "noise"])]}


def _texts(*names: str) -> Data:
    return dict.fromkeys(names, "It is dark.")


# ---- subscribers ---------------------------------------------------------------------------


@dataclass(slots=True)
class Subscriber:
    """Follows as `viewer` at any of `servers`, seldom for long, while others do the `work`."""

    viewer: Viewer
    servers: list[Server]
    cursor: str
    work: Work
    random: random.Random
    told: list[Data] = field(default_factory=list[Data])
    more: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    is_overtaken: bool = False

    async def follow(self) -> None:
        while True:
            try:
                async with raw_connection(self.random.choice(self.servers)) as connection:
                    self.connections += 1
                    await connection.send(json.dumps(self._init()))
                    await connection.send(json.dumps(self._subscribe()))
                    patience = self.random.randint(1, PATIENCE)
                    while patience > 0 or self.work.done >= MUTATIONS:
                        message = json.loads(await connection.recv())
                        match message["type"]:
                            case "next":
                                self._hear(message["payload"]["data"]["ticketEvents"])
                                patience -= 1
                            case "ping":
                                await connection.send('{"type":"pong"}')
                            case "complete":
                                assert self.is_overtaken
                                break
                            case other:
                                assert other == "connection_ack", message
                    connection.transport.abort()
                await self.work.until(self.work.done + self.random.randint(0, ABSENCE))
            except (OSError, InvalidMessage, ConnectionClosed):
                # Its process was killed, or is away.
                await asyncio.sleep(0.1)

    async def until(self, event: Document) -> None:
        """Until they have been told of it."""
        while not self.told or key_of(self.told[-1]) != event["_id"]:
            self.more.clear()
            await self.more.wait()

    def _hear(self, item: Data) -> None:
        self.cursor = item["cursor"]
        self.is_overtaken = "why" in item
        if self.is_overtaken:
            assert "Subscribe again" in item["why"], item
        else:
            self.told.append(item)
            self.more.set()

    def _init(self) -> Data:
        payload = {"authorization": f"Bearer {self.viewer.credential}"}
        if self.viewer.customer_id is not None:
            payload["customerId"] = self.viewer.customer_id
        return {"type": "connection_init", "payload": payload}

    def _subscribe(self) -> Data:
        variables = {"filter": self.viewer.filter, "after": self.cursor}
        return {
            "id": "1",
            "type": "subscribe",
            "payload": {"query": DOCUMENT, "variables": variables},
        }


# ---- all of them ---------------------------------------------------------------------------


async def viewers_of(make: Factory, admin: Api, agents: list[Person]) -> list[Viewer]:
    """Of every role, each with filters of several kinds; bots for two customers."""
    supervisor, bot = await make.person("SUPERVISOR"), await make.bot()
    customers = [(await make.customer())["id"] for _ in range(2)]
    filters: list[tuple[Data, Callable[[Document], bool]]] = [
        ({}, lambda _: True),
        ({"tag": "lamp"}, lambda facts: "lamp" in facts["tags"]),
        (
            {"status": ["NEW", "OPEN"], "priority": ["URGENT"]},
            lambda facts: facts["status"] in {"NEW", "OPEN"} and facts["priority"] == "URGENT",
        ),
        ({"escalated": True}, lambda facts: facts["escalated"]),
        ({"unassigned": True}, lambda facts: facts["assignee_id"] is None),
    ]
    return [
        viewer
        for filter, meets in filters
        for viewer in (
            Viewer("admin", admin.credential, lambda _: True, filter, meets),
            Viewer("supervisor", supervisor.api.credential, lambda _: True, filter, meets),
            *(
                Viewer("agent", agent.api.credential, sees_as_agent(agent), filter, meets)
                for agent in agents
            ),
            *(
                Viewer("bot", bot.secret, sees_for(customer), filter, meets, customer)
                for customer in customers
            ),
        )
    ]


def sees_as_agent(agent: Person) -> Callable[[Document], bool]:
    key = decode_id("Agent", agent.id, "id")
    return lambda facts: facts["assignee_id"] in {None, key} or f"agent:{key}" in facts["audience"]


def sees_for(customer_id: str) -> Callable[[Document], bool]:
    key = decode_id("Customer", customer_id, "id")
    return lambda facts: facts["customer_id"] == key


@asynccontextmanager
async def two_servers(
    directory: Path,
) -> AsyncGenerator[tuple[EmbeddedDatabase, str, list[Server]]]:
    embedded = EmbeddedDatabase(directory, private=True)
    servers = Servers(directory, await embedded.start())
    try:
        started = [
            servers.start(database_name="tickets", TICKETS_FEED_LOG_EVENTS=str(LOG_EVENTS))
            for _ in range(2)
        ]
        yield embedded, embedded.uri, list(await asyncio.gather(*started))
    finally:
        await servers.stop()
        await embedded.stop()


async def test_each_is_told_what_is_theirs_in_order_and_once_whatever_is_killed(
    tmp_path: Path,
) -> None:
    chance = random.Random(1)  # noqa: S311 -- no secret
    async with two_servers(tmp_path) as (embedded, uri, servers), database_at(uri, "tickets") as db:
        start = await place_in_log(db)
        admin = await servers[0].sign_in()
        make = Factory(servers[0], admin)
        agents = [await make.person("AGENT") for _ in range(2)]
        viewers = await viewers_of(make, admin, agents)
        first = await latest_event(servers[0], admin, make)
        work = Work(
            apis=[server.api(admin.credential) for server in servers],
            customers=[each.customer_id for each in viewers if each.customer_id],
            agents=[agent.id for agent in agents],
            random=chance,
        )
        subscribers = [
            Subscriber(viewers[number % len(viewers)], servers, first["cursor"], work, chance)
            for number in range(SUBSCRIBERS)
        ]
        async with asyncio.TaskGroup() as tasks:
            following = [tasks.create_task(each.follow()) for each in subscribers]
            began = time.monotonic()
            writing = tasks.create_task(work.do(MUTATIONS))

            await work.until(MUTATIONS // 3)
            assert embedded.pid is not None
            os.kill(embedded.pid, signal.SIGKILL)

            await work.until(MUTATIONS * 2 // 3)
            doomed = servers.pop()
            work.apis.pop()
            await doomed.kill()

            await writing
            elapsed = time.monotonic() - began
            log = await log_of(db, start)
            del log[: [event["_id"] for event in log].index(key_of(first)) + 1]
            async with asyncio.timeout(CATCHING_UP_SECONDS):
                for each in subscribers:
                    for last in expected_of(each.viewer, log)[-1:]:
                        await each.until(last)
            caught_up = time.monotonic() - began - elapsed
            for task in following:
                task.cancel()
        for each in subscribers:
            check(each.viewer, log, each.told)
    print(  # noqa: T201 -- figures, which pytest -rP shows
        f"\n{work.done} mutations in {elapsed:.1f} s, {len(log)} events; {SUBSCRIBERS} subscribers "
        f"told {sum(len(each.told) for each in subscribers)} items over "
        f"{sum(each.connections for each in subscribers)} connections, the last of them "
        f"{caught_up:.1f} s after the last mutation"
    )
    kinds = {item["listChange"] for each in subscribers for item in each.told}
    assert kinds == {"ENTERED", "UPDATED", "LEFT"}
