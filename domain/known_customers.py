"""Customers as tickets and conversations show them, remembered until somebody changes them."""

from bson import ObjectId

from domain.memory import Memory
from persistence.channel import Change, Channel, Topic
from persistence.models import Customer

# How many: those of the tickets that are worked on.
CAPACITY = 2_000


class KnownCustomers(Memory[ObjectId, Customer]):
    """A page of tickets names up to a hundred, mostly the same as the page that was read before."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel, CAPACITY)
        channel.listen(Topic.CUSTOMERS, self._changed, on_gap=lambda _: self.forget())

    def _changed(self, change: Change) -> None:
        if isinstance(change.key, ObjectId):
            self.forget(change.key)
