"""Reads of one operation gathered into one query per kind, whatever the size of the page."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from bson import ObjectId

from domain.access import Actor
from domain.configuration import TicketCategory
from domain.customers import CustomerStatistics
from persistence.models import (
    Agent,
    Attachment,
    Conversation,
    Customer,
    Ticket,
    TicketEvent,
    TicketLink,
)

if TYPE_CHECKING:
    from graph.context import Services

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Loader(Generic[KeyT, ValueT]):
    """Values by key: what is asked for in one turn of the event loop is found by one query.

    All who ask in that turn wait for the same, which costs less than a future for each.
    """

    def __init__(self, find: Callable[[list[KeyT]], Awaitable[Mapping[KeyT, ValueT]]]) -> None:
        """`find` gives a value for each key."""
        self._find = find
        self._readings: dict[KeyT, _Reading[KeyT, ValueT]] = {}
        # The reading that is about to begin, and of what.
        self._next: _Reading[KeyT, ValueT] | None = None
        self._wanted: list[KeyT] = []
        # The event loop itself does not hold on to them.
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self, key: KeyT) -> ValueT:
        reading = self.reading(key)
        if not reading.done():
            await reading
        return reading.result()[key]

    def reading(self, key: KeyT) -> asyncio.Future[Mapping[KeyT, ValueT]]:
        """Of which `key` is a part; the same for all who ask in this turn."""
        return self._readings.get(key) or self._reading_of(key)

    async def load_many(self, keys: Iterable[KeyT]) -> list[ValueT]:
        return await asyncio.gather(*(self.load(key) for key in keys))

    def _reading_of(self, key: KeyT) -> "_Reading[KeyT, ValueT]":
        if self._next is None:
            self._next = _Reading()
            task = asyncio.create_task(self._read(self._next))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._wanted.append(key)
        self._readings[key] = self._next
        return self._next

    async def _read(self, reading: "_Reading[KeyT, ValueT]") -> None:
        # Others may be about to ask.
        await asyncio.sleep(0)
        keys, self._wanted, self._next = self._wanted, [], None
        try:
            reading.set_result(await self._find(keys))
        except Exception as error:  # noqa: BLE001 -- whoever waits is to get it
            reading.set_exception(error)
        finally:
            reading.end()


class _Reading(asyncio.Future[Mapping[KeyT, ValueT]]):
    """Done once the keys have been looked for. Who stops waiting does not stop others from it."""

    def cancel(self, msg: object = None) -> bool:
        return False

    def end(self) -> None:
        super().cancel()


class Loaders:
    """Each gives None, or nothing, for what does not exist for the actor."""

    def __init__(self, services: "Services", actor: Actor) -> None:
        tickets, customers, accounts = services.tickets, services.customers, services.accounts
        self.tickets: Loader[ObjectId, Ticket | None] = _optional(
            lambda keys: tickets.find_by_keys(actor, keys)
        )
        self.customers: Loader[ObjectId, Customer | None] = _optional(
            lambda keys: customers.find_by_keys(actor, keys)
        )
        self.conversations: Loader[ObjectId, Conversation | None] = _optional(
            lambda keys: customers.find_conversations(actor, keys)
        )
        self.agents: Loader[ObjectId, Agent | None] = _optional(
            lambda keys: accounts.find_agents(actor, keys)
        )
        self.customer_statistics: Loader[ObjectId, CustomerStatistics] = Loader(
            customers.statistics
        )
        self.status_changes: Loader[ObjectId, list[TicketEvent]] = Loader(tickets.status_changes)
        self.links: Loader[ObjectId, list[tuple[TicketLink, Ticket]]] = Loader(
            lambda keys: tickets.links_of(actor, keys)
        )
        self.attachments: Loader[ObjectId, list[Attachment]] = Loader(
            lambda keys: services.attachments.of_tickets(actor, keys)
        )
        self.former_categories: Loader[str, TicketCategory | None] = _optional(
            services.configuration.former_categories
        )


def _optional(
    find: Callable[[list[KeyT]], Awaitable[Mapping[KeyT, ValueT]]],
) -> Loader[KeyT, ValueT | None]:
    async def find_each(keys: list[KeyT]) -> dict[KeyT, ValueT | None]:
        found = await find(keys)
        return {key: found.get(key) for key in keys}

    return Loader(find_each)
