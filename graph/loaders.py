"""Reads of one operation gathered into one query per kind, whatever the size of the page."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from bson import ObjectId
from strawberry.dataloader import DataLoader

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


class Loaders:
    """Each gives None, or nothing, for what does not exist for the actor."""

    def __init__(self, services: "Services", actor: Actor) -> None:
        tickets, customers, accounts = services.tickets, services.customers, services.accounts
        self.tickets: DataLoader[ObjectId, Ticket | None] = _optional(
            lambda keys: tickets.find_by_keys(actor, keys)
        )
        self.customers: DataLoader[ObjectId, Customer | None] = _optional(
            lambda keys: customers.find_by_keys(actor, keys)
        )
        self.conversations: DataLoader[ObjectId, Conversation | None] = _optional(
            lambda keys: customers.find_conversations(actor, keys)
        )
        self.agents: DataLoader[ObjectId, Agent | None] = _optional(
            lambda keys: accounts.find_agents(actor, keys)
        )
        self.customer_statistics: DataLoader[ObjectId, CustomerStatistics] = _required(
            customers.statistics
        )
        self.status_changes: DataLoader[ObjectId, list[TicketEvent]] = _required(
            tickets.status_changes
        )
        self.links: DataLoader[ObjectId, list[tuple[TicketLink, Ticket]]] = _required(
            lambda keys: tickets.links_of(actor, keys)
        )
        self.attachments: DataLoader[ObjectId, list[Attachment]] = _required(
            lambda keys: services.attachments.of_tickets(actor, keys)
        )
        self.former_categories: DataLoader[str, TicketCategory | None] = _optional(
            services.configuration.former_categories
        )


def _optional(
    find: Callable[[list[KeyT]], Awaitable[Mapping[KeyT, ValueT]]],
) -> DataLoader[KeyT, ValueT | None]:
    async def load(keys: list[KeyT]) -> list[ValueT | None]:
        found = await find(keys)
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load)


def _required(
    find: Callable[[list[KeyT]], Awaitable[Mapping[KeyT, ValueT]]],
) -> DataLoader[KeyT, ValueT]:
    async def load(keys: list[KeyT]) -> list[ValueT]:
        found = await find(keys)
        return [found[key] for key in keys]

    return DataLoader(load_fn=load)
