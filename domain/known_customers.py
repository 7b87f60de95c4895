"""Customers as tickets and conversations show them, remembered until somebody changes them."""

from collections.abc import Awaitable, Callable, Iterable

from bson import ObjectId

from domain.memory import Memory
from persistence.channel import Change, Channel, Topic
from persistence.models import Customer

# How many: those of the tickets that are worked on.
CAPACITY = 2_000


class KnownCustomers:
    """A page of tickets names up to a hundred, mostly the same as the page that was read before."""

    def __init__(self, channel: Channel) -> None:
        self._customers = Memory[ObjectId, Customer](channel, CAPACITY)
        channel.listen(Topic.CUSTOMERS, self._changed, on_gap=lambda _: self._customers.forget())

    async def get(
        self,
        keys: Iterable[ObjectId],
        read: Callable[[list[ObjectId]], Awaitable[dict[ObjectId, Customer]]],
    ) -> dict[ObjectId, Customer]:
        """Those of `keys` that there are; `read` is asked for who is not known."""
        return await self._customers.get(keys, read)

    def forget(self, key: ObjectId) -> None:
        """To be called once a change of that customer is committed."""
        self._customers.forget(key)

    def _changed(self, change: Change) -> None:
        if isinstance(change.key, ObjectId):
            self._customers.forget(change.key)
