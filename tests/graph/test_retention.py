"""Which events go with time, and what stays for ever."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta

import pytest

from domain.access import SYSTEM
from domain.clock import utc_now
from domain.retention import EventRetention
from persistence.database import Database, connected
from persistence.models import NoteVisibility, Ticket, TicketStatus
from persistence.tickets import TicketStore
from tests.past import services_of, ticket_of
from tests.servers import Servers, new_database_name

DAY = timedelta(days=1)
Retain = Callable[[timedelta], EventRetention]


@pytest.fixture
async def past(mongodb_uri: str) -> AsyncGenerator[Database]:
    async with connected(mongodb_uri, new_database_name()) as database:
        await database.prepare()
        services = services_of(database, timedelta())
        await services.configuration_editor.seed({})
        yield database


@pytest.fixture
def retain(past: Database) -> Retain:
    """As of now, keeping events for that long."""
    return lambda kept: EventRetention(store=TicketStore(past), clock=utc_now, kept=kept)


async def worked_ticket(past: Database, ago: timedelta, *, closed: bool = True) -> Ticket:
    """One with a note and a new subject, resolved and, unless told, closed so long ago."""
    tickets = services_of(past, ago).tickets
    ticket = await ticket_of(services_of(past, ago))
    number = ticket.ticket_id
    await tickets.add_note(SYSTEM, number, "Looked.", visibility=NoteVisibility.PUBLIC)
    await tickets.update(SYSTEM, number, subject="Lamp")
    ticket = await tickets.resolve(SYSTEM, number, "Mended.")
    if closed:
        ticket = await tickets.change_status(SYSTEM, number, TicketStatus.CLOSED)
    return ticket


async def history(past: Database, ticket: Ticket) -> list[str]:
    events = past.named_collection("ticket_events").find({"ticket_key": ticket.id})
    return [event["type"] async for event in events.sort([("version", 1)])]


WHOLE = ["CREATED", "NOTE_ADDED", "UPDATED", "RESOLVED", "CLOSED"]
PRUNED = ["CREATED", "RESOLVED", "CLOSED"]


async def test_only_a_ticket_that_was_closed_long_ago_loses_events(
    past: Database, retain: Retain
) -> None:
    old = await worked_ticket(past, 40 * DAY)
    newer = await worked_ticket(past, 20 * DAY)
    unfinished = await worked_ticket(past, 40 * DAY, closed=False)
    await retain(30 * DAY).prune()
    assert await history(past, old) == PRUNED
    assert await history(past, newer) == WHOLE
    assert await history(past, unfinished) == WHOLE[:-1]
    await retain(10 * DAY).prune()
    assert await history(past, newer) == PRUNED
    assert await history(past, unfinished) == WHOLE[:-1]


async def test_one_that_is_taken_up_again_begins_anew(past: Database, retain: Retain) -> None:
    ticket = await worked_ticket(past, 40 * DAY)
    await retain(30 * DAY).prune()
    tickets = services_of(past, 35 * DAY).tickets
    await tickets.change_status(
        SYSTEM, ticket.ticket_id, TicketStatus.IN_PROGRESS, reason="Dark again."
    )
    await tickets.update(SYSTEM, ticket.ticket_id, subject="Lamp again")
    await retain(30 * DAY).prune()
    assert await history(past, ticket) == [*PRUNED, "REOPENED", "UPDATED"]
    await tickets.resolve(SYSTEM, ticket.ticket_id, "Replaced.")
    await tickets.change_status(SYSTEM, ticket.ticket_id, TicketStatus.CLOSED)
    await retain(30 * DAY).prune()
    assert await history(past, ticket) == [*PRUNED, "REOPENED", "RESOLVED", "CLOSED"]


async def test_many_are_pruned_in_small_batches(
    past: Database, retain: Retain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.retention.BATCH", 2)
    tickets = [await worked_ticket(past, (60 - number) * DAY) for number in range(3)]
    await retain(30 * DAY).prune()
    assert [await history(past, ticket) for ticket in tickets] == [PRUNED] * 3


async def test_the_server_prunes_and_keeps_what_it_answers(
    past: Database, servers: Servers
) -> None:
    """Its subscribers hear nothing of it."""
    ticket = await worked_ticket(past, 40 * DAY)
    document = """query($id: String!) { ticket(ticketId: $id) {
        statusHistory { to } notes { nodes { content } } history { nodes { __typename } } } }"""
    server = await servers.start(database_name=past.name, TICKETS_EVENT_RETENTION_DAYS="30")
    deadline = time.monotonic() + 60
    while await history(past, ticket) != PRUNED:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    admin = await server.sign_in()
    found = (await admin.query(document, {"id": ticket.ticket_id}))["ticket"]
    assert [step["to"] for step in found["statusHistory"]] == ["NEW", "RESOLVED", "CLOSED"]
    assert found["notes"]["nodes"] == [{"content": "Looked."}]
    assert len(found["history"]["nodes"]) == len(PRUNED)
    assert await server.is_ready()
    assert "Traceback" not in server.log()
