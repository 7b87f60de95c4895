"""Nothing is left of a customer who was erased but figures."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from domain.access import SYSTEM
from graph.nodes import decode_id
from persistence.database import Database, connected
from persistence.models import Ticket
from persistence.tickets import TicketStore
from tests.client import Api, Data
from tests.factories import Bot, Factory, Person
from tests.feed import socket
from tests.ledger import Ledger
from tests.past import Ago
from tests.servers import Server

STATISTICS = """query($customer: ID!) {
  ticketStatistics(filter: {customerId: $customer}) {
    total averageRating byStatus { status count } byCategory { category { id } count }
    byPriority { priority count }
    firstResponseTime { count medianSeconds } resolutionTime { count medianSeconds }
  }
  node(id: $customer) { ... on Customer { statistics { totalTickets openTickets } } }
}"""
TICKETS = """query($customer: ID!) { tickets(filter: {customerId: $customer}) { nodes {
  ticketId status priority createdAt statusHistory { to changedAt } feedback { rating }
  resolution { resolvedAt } notes { totalCount } } } }"""


@pytest.fixture(scope="module")
async def database(server: Server) -> AsyncGenerator[Database]:
    environment = server.environment
    async with connected(
        environment["TICKETS_MONGODB_URI"], environment["TICKETS_DATABASE_NAME"]
    ) as database:
        yield database


class Someone:
    """A customer whose `words` are in everything that can be written of a customer."""

    def __init__(self, make: Factory) -> None:
        self.words: list[str] = []
        self._make = make
        self.phone = make.phone()
        self.customer: Data = {}
        self.tickets: list[Data] = []

    def word(self) -> str:
        word = self._make.word()
        self.words.append(word)
        return word

    async def live(self, admin: Api, agent: Person, bot: Bot) -> "Someone":
        made = await admin.succeed(
            "upsertCustomer",
            phone=self.phone,
            name=self.word(),
            email=f"{self.word()}@example.com",
            externalId=self.word(),
            language="es-MX",
        )
        self.customer = made["customer"]
        speaking = bot.api.speaking_for(self.customer["id"])
        conversation = (
            await speaking.succeed(
                "startConversation",
                customerId=self.customer["id"],
                channel="WHATSAPP",
                externalId=self.word(),
            )
        )["conversation"]
        await self._say(speaking, conversation)
        for _ in range(2):
            await self._ticket(admin, agent, speaking, conversation)
        # Takes up what was resolved, in the customer's own name.
        await admin.succeed("resolveTicket", ticketId=self.tickets[0]["ticketId"], summary="Done.")
        await self._say(speaking, conversation)
        return self

    async def _say(self, speaking: Api, conversation: Data) -> None:
        await speaking.succeed(
            "recordMessage",
            conversationId=conversation["id"],
            text=self.word(),
            externalId=self.word(),
        )

    async def _ticket(self, admin: Api, agent: Person, speaking: Api, conversation: Data) -> None:
        ticket = await self._make.ticket(
            by=speaking,
            subject=self.word(),
            description=self.word(),
            subcategory=self.word(),
            tags=[self.word()],
            location={"address": self.word(), "reference": self.word()},
            conversationId=conversation["id"],
            idempotencyKey=self._make.word(),
        )
        self.tickets.append(ticket)
        number = ticket["ticketId"]
        await admin.succeed("assignTicket", ticketId=number, assigneeId=agent.id)
        await agent.api.succeed(
            "updateTicket",
            ticketId=number,
            subject=self.word(),
            description=self.word(),
            subcategory=self.word(),
            tags=[self.word()],
            location={"address": self.word(), "latitude": 19.4326, "longitude": -99.1332},
        )
        for visibility in ("PUBLIC", "INTERNAL"):
            await agent.api.succeed(
                "addTicketNote", ticketId=number, content=self.word(), visibility=visibility
            )
            await agent.api.attached(
                number, f"{self.word()}.txt", self.word().encode(), visibility=visibility
            )
        await agent.api.succeed("escalateTicket", ticketId=number, reason=self.word())
        await agent.api.succeed("liftEscalation", ticketId=number)
        await agent.api.succeed("escalateTicket", ticketId=number, reason=self.word())
        await agent.api.succeed("resolveTicket", ticketId=number, summary=self.word())
        await speaking.succeed("recordFeedback", ticketId=number, rating=4, comment=self.word())
        await agent.api.succeed(
            "changeTicketStatus", ticketId=number, status="IN_PROGRESS", reason=self.word()
        )

    @property
    def traces(self) -> list[str]:
        return [*self.words, self.phone.removeprefix("+"), "19.4326", "es-MX"]


@pytest.fixture
async def someone(make: Factory, admin: Api, agent: Person, bot: Bot) -> Someone:
    return await Someone(make).live(admin, agent, bot)


async def whole(database: Database) -> str:
    """Everything in the database, as one text."""
    documents = [
        await database.named_collection(name).find({}).to_list(None)
        for name in await database.native.list_collection_names()
    ]
    return repr(documents)


async def ledger_of(database: Database, someone: Someone) -> Ledger:
    numbers = {"$in": [ticket["ticketId"] for ticket in someone.tickets]}
    tickets = await database.named_collection("tickets").find({"ticket_id": numbers}).to_list(None)
    theirs = {"ticket_key": {"$in": [ticket["_id"] for ticket in tickets]}}
    events = await database.named_collection("ticket_events").find(theirs).to_list(None)
    return Ledger(
        tickets, events, await database.named_collection("notes").find(theirs).to_list(None)
    )


async def erase(admin: Api, someone: Someone) -> Data:
    return await admin.succeed("eraseCustomer", customerId=someone.customer["id"])


async def test_nothing_of_a_person_is_left_anywhere(
    admin: Api, someone: Someone, database: Database
) -> None:
    before = await whole(database)
    assert [trace for trace in someone.traces if trace not in before] == []
    erased = await erase(admin, someone)
    after = await whole(database)
    assert [word for word in someone.words if word in after] == []
    assert someone.phone.removeprefix("+") not in after
    assert erased["erasedTickets"] == 2
    assert erased["customer"]["phone"] is None
    assert erased["customer"]["name"] is None
    ledger = await ledger_of(database, someone)
    ledger.check()
    made = {"result_key": {"$in": list(ledger.tickets)}}
    assert await database.named_collection("idempotency_records").count_documents(made) == 0


async def test_figures_and_what_was_chosen_stay(admin: Api, someone: Someone) -> None:
    variables = {"customer": someone.customer["id"]}
    figures, tickets = [await admin.query(text, variables) for text in (STATISTICS, TICKETS)]
    await erase(admin, someone)
    assert await admin.query(STATISTICS, variables) == figures
    assert await admin.query(TICKETS, variables) == tickets


async def test_they_are_found_by_nothing_any_more(admin: Api, someone: Someone) -> None:
    document = """query($text: String!) {
        tickets(search: $text) { totalCount } customers(search: $text) { totalCount } }"""
    await erase(admin, someone)
    for text in [*someone.words, someone.phone]:
        found = await admin.query(document, {"text": text})
        assert found["tickets"]["totalCount"] == found["customers"]["totalCount"] == 0
    found = await admin.query(
        "query($phone: String!) { customer(phone: $phone) { id } }", {"phone": someone.phone}
    )
    assert found["customer"] is None
    again = await admin.succeed("upsertCustomer", phone=someone.phone)
    assert again["customer"]["id"] != someone.customer["id"], "a new acquaintance"


async def test_an_event_of_each_ticket_tells_of_it_and_not_what_was(
    server: Server, admin: Api, someone: Someone
) -> None:
    async with socket.connected(server, admin.credential) as follower:
        events = await follower.follow(filter={"customerId": someone.customer["id"]})
        await erase(admin, someone)
        told = [await events.event() for _ in someone.tickets]
    assert {event["__typename"] for event in told} == {"TicketUpdated"}
    assert {event["ticketId"] for event in told} == {
        ticket["ticketId"] for ticket in someone.tickets
    }
    assert {event["reason"] for event in told} == {"customer erased"}
    number = someone.tickets[0]["ticketId"]
    ticket = await admin.read(number)
    last = ticket["history"]["nodes"][-1]
    fields = {"subject", "description", "subcategory", "tags", "location", "escalation"}
    assert {change["field"] for change in last["changes"]} >= fields
    assert [trace for trace in someone.traces if trace in repr((told, ticket))] == []


async def test_who_resumes_gets_every_event_without_what_was_erased(
    server: Server, admin: Api, make: Factory, agent: Person, bot: Bot
) -> None:
    """From the memory of the process, and from the database's own log."""
    async with socket.connected(server, admin.credential) as follower:
        live = await follower.follow()
        await make.ticket()
        cursor = (await live.event())["cursor"]
        someone = await Someone(make).live(admin, agent, bot)
        seen: list[Data] = []
        while not seen or seen[-1]["version"] < 2 or len(seen) < 10:
            seen.append(await live.event())
        await erase(admin, someone)
        resumed = await follower.follow(after=cursor)
        again: list[Data] = []
        while len([event for event in again if event.get("reason") == "customer erased"]) < 2:
            again.append(await resumed.event())
    assert [event["id"] for event in again][: len(seen)] == [event["id"] for event in seen]
    assert [trace for trace in someone.traces if trace in repr(again)] == []
    assert any(trace in repr(seen) for trace in someone.traces), "they were told while it was so"


async def test_erasing_again_takes_out_what_came_since(
    admin: Api, someone: Someone, bot: Bot, make: Factory, database: Database
) -> None:
    await erase(admin, someone)
    events = database.named_collection("ticket_events")
    count = await events.count_documents({})
    again = await erase(admin, someone)
    assert again["erasedTickets"] == 0
    assert await events.count_documents({}) == count
    word = make.word()
    speaking = bot.api.speaking_for(someone.customer["id"])
    await speaking.succeed(
        "addTicketNote",
        ticketId=someone.tickets[0]["ticketId"],
        content=word,
        visibility="PUBLIC",
    )
    assert (await erase(admin, someone))["erasedTickets"] == 1
    assert word not in await whole(database)


async def test_what_was_being_opened_meanwhile_keeps_nothing_either(
    someone: Someone, database: Database, ago: Ago, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a process that had read the customer, or remembered them, before."""
    find, tickets = TicketStore.find_of_customer, database.named_collection("tickets")
    opened = ObjectId()

    async def find_before_it_is_there(store: TicketStore, key: ObjectId) -> list[Ticket]:
        found = await find(store, key)
        if opened not in [ticket.id for ticket in found]:
            copy = await tickets.find_one({"_id": found[0].id})
            assert copy is not None
            await tickets.insert_one(
                {**copy, "_id": opened, "ticket_id": "", "terms": [*someone.words]}
            )
        return found

    monkeypatch.setattr(TicketStore, "find_of_customer", find_before_it_is_there)
    key = decode_id("Customer", someone.customer["id"], "id")
    await ago(timedelta()).erasure.erase(SYSTEM, key)
    after = await whole(database)
    assert [word for word in someone.words if word in after] == []


async def test_what_was_cut_short_is_finished_by_the_next(
    admin: Api, someone: Someone, database: Database, ago: Ago, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite, calls = TicketStore.rewrite_events, 0

    async def fail_in_the_second(*arguments: Any, **options: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ConnectionError
        await rewrite(*arguments, **options)

    key = decode_id("Customer", someone.customer["id"], "id")
    with monkeypatch.context() as failing:
        failing.setattr(TicketStore, "rewrite_events", fail_in_the_second)
        with pytest.raises(ConnectionError):
            await ago(timedelta()).erasure.erase(SYSTEM, key)
    (await ledger_of(database, someone)).check()
    half = await whole(database)
    assert [word for word in someone.words if word in half] != []
    assert (await erase(admin, someone))["erasedTickets"] == 1
    after = await whole(database)
    assert [word for word in someone.words if word in after] == []


async def test_nobody_else_is_touched(
    admin: Api, make: Factory, someone: Someone, database: Database
) -> None:
    neighbour = await make.ticket(customerPhone=make.phone(), description=make.word())

    async def others() -> list[dict[str, Any]]:
        tickets = database.named_collection("tickets")
        mine = [ticket["ticketId"] for ticket in someone.tickets]
        return await tickets.find({"ticket_id": {"$nin": mine}}).sort([("_id", 1)]).to_list(None)

    before = await others()
    await erase(admin, someone)
    assert await others() == before
    assert (await admin.read(neighbour["ticketId"]))["description"] == neighbour["description"]


async def test_only_an_admin_may(
    agent: Person, supervisor: Person, bot: Bot, someone: Someone, admin: Api
) -> None:
    for api in (agent.api, supervisor.api, bot.api.speaking_for(someone.customer["id"])):
        problem = await api.problem("eraseCustomer", customerId=someone.customer["id"])
        assert problem["code"] == "FORBIDDEN"
    assert (await admin.problem("eraseCustomer", customerId="x"))["code"] == "VALIDATION"
    assert (await admin.read(someone.tickets[0]["ticketId"]))["subject"] in someone.words
