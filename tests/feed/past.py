"""Many events at little cost: copies of one, written straight into the log."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from bson import ObjectId

from persistence.database import Database, connected
from persistence.documents import Document
from persistence.models import TicketEvent
from tests.client import Api, Data
from tests.factories import Factory
from tests.feed import socket
from tests.servers import Server


async def latest_event(server: Server, admin: Api, make: Factory) -> Data:
    """Of a ticket that was made for it, as the feed tells it; its cursor is where to begin."""
    async with socket.connected(server, admin.credential) as connection:
        events = await connection.follow()
        ticket = await make.ticket()
        while (event := await events.event())["ticketId"] != ticket["ticketId"]:
            pass
    return event


@asynccontextmanager
async def database_of(server: Server) -> AsyncGenerator[Database]:
    environment = server.environment
    async with connected(
        environment["TICKETS_MONGODB_URI"], environment["TICKETS_DATABASE_NAME"]
    ) as database:
        yield database


class Repeater:
    """Repeats the first event of a ticket, as its next versions."""

    def __init__(self, database: Database, ticket_id: str) -> None:
        self._events = database.collection(TicketEvent)
        self._ticket_id = ticket_id
        self._event: Document | None = None
        self._version = 1_000

    async def repeat(self, times: int) -> list[int]:
        """The versions of those that were written."""
        event = self._event or await self._events.find_one({"ticket_id": self._ticket_id})
        assert event is not None
        # The embedded server would look at every repetition to find it again.
        self._event = event
        versions = list(range(self._version, self._version + times))
        self._version += times
        # A follower sees the order of insertion, which is that of versions.
        await self._events.insert_many(
            [{**event, "_id": ObjectId(), "version": version} for version in versions]
        )
        return versions
