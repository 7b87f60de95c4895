"""Customers and conversations as tickets show them, remembered until somebody changes them."""

from typing import TypeVar

from bson import ObjectId

from domain.memory import Memory
from persistence.channel import Change, Channel, Topic
from persistence.models import Conversation, Customer

ValueT = TypeVar("ValueT")

# How many of each: those of the tickets that are worked on.
CAPACITY = 2_000


class _Known(Memory[ObjectId, ValueT]):
    """Each by its key, which the changes of `topic` have."""

    def __init__(self, channel: Channel, topic: Topic) -> None:
        super().__init__(channel, CAPACITY)
        channel.listen(topic, self._changed, on_gap=lambda _: self.forget())

    def _changed(self, change: Change) -> None:
        if isinstance(change.key, ObjectId):
            self.forget(change.key)


class KnownCustomers(_Known[Customer]):
    """A page of tickets names up to a hundred, mostly the same as the page that was read before."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel, Topic.CUSTOMERS)


class KnownConversations(_Known[Conversation]):
    """Forgotten with each new message, too, of which the channel tells as of the conversation."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel, Topic.CONVERSATIONS)
